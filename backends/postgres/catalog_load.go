package postgres

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// role is what the connected role may do whatever policies say.
type role struct {
	name              string
	superuser, bypass bool
	readOnly          bool // the server is one that takes no writes
}

const roleSQL = `
SELECT rolname::text, rolsuper, rolbypassrls, pg_is_in_recovery() OR current_setting('default_transaction_read_only')::bool
FROM pg_roles WHERE rolname = current_user`

// named is a table as the configuration names it, and what of it the catalog is asked for.
type named struct{ schema, name string }

// tableName reads schema.table or table. A part may stand in double quotes, as in SQL.
func tableName(text string) (named, bool) {
	var parts []string
	for rest := text; ; {
		var part string
		if strings.HasPrefix(rest, `"`) {
			end, err := quoted(rest, 0)
			if err != nil {
				return named{}, false
			}
			part, rest = strings.ReplaceAll(rest[1:end-1], `""`, `"`), rest[end:]
		} else {
			end := strings.IndexByte(rest+".", '.')
			part, rest = rest[:end], rest[end:]
		}
		if part == "" || strings.ContainsAny(part, "\x00") {
			return named{}, false
		}
		parts = append(parts, part)
		if rest == "" {
			break
		}
		var more bool
		if rest, more = strings.CutPrefix(rest, "."); !more {
			return named{}, false
		}
	}
	switch len(parts) {
	case 1:
		return named{name: parts[0]}, true
	case 2:
		return named{schema: parts[0], name: parts[1]}, true
	}
	return named{}, false
}

// Relations by the names of the configuration: the very name first, else the name in lower case, as the server folds what is not in quotes. A table is there if
// it can be seen; whether it may be read, it says itself.
const relationsSQL = `
SELECT DISTINCT ON (n.ord) n.ord::int, c.oid, s.nspname::text, c.relname::text, c.relkind::text, c.reltuples::bigint, c.relrowsecurity, c.relforcerowsecurity,
	pg_has_role(c.relowner, 'MEMBER'),
	pg_relation_is_updatable(c.oid, true) & 28 = 28
		AND (has_any_column_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'UPDATE') OR has_table_privilege(c.oid, 'DELETE')),
	has_any_column_privilege(c.oid, 'SELECT'), has_schema_privilege(s.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT') OR coalesce(has_column_privilege(c.oid, (-2)::int2, 'SELECT'), false),
	has_table_privilege(c.oid, 'DELETE'),
	pg_relation_is_updatable(c.oid, true) & 28 = 28,
	EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7)
FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS n(sch, tab, ord)
CROSS JOIN LATERAL (VALUES (1, n.sch, n.tab), (2, lower(n.sch), lower(n.tab))) AS w(preference, sch, tab)
JOIN pg_class c ON c.relname = w.tab AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
JOIN pg_namespace s ON s.oid = c.relnamespace AND (s.nspname = w.sch OR (w.sch = '' AND pg_table_is_visible(c.oid)))
ORDER BY n.ord, w.preference`

// Columns. A domain is what it stands on; the elements of an array may be of one too. The mask -1 makes format_type print a name that a cast does not cut
// values to: bpchar, and not character, which is of length 1.
const columnsSQL = `
SELECT a.attrelid, a.attname::text, format_type(v.oid, -1), v.typname::text, v.typtype::text, vn.nspname::text,
	EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
		WHERE d.classid = 'pg_type'::regclass AND d.objid = v.oid AND d.deptype = 'e' AND e.extname = 'citext'),
	b.oid <> v.oid, CASE WHEN v.oid IN (1042, 1043, 1700) AND b.mod > 4 THEN b.mod - 4 ELSE 0 END,
	a.attnotnull OR b.strict, a.atthasdef OR a.attidentity <> '' OR b.given,
	a.attgenerated <> '' OR a.attidentity = 'a' OR (c.relkind = 'v' AND NOT pg_column_is_updatable(c.oid, a.attnum, true)),
	has_column_privilege(c.oid, a.attnum, 'SELECT'), has_column_privilege(c.oid, a.attnum, 'INSERT'), has_column_privilege(c.oid, a.attnum, 'UPDATE'),
	ARRAY(SELECT DISTINCT q.oid::regclass::text FROM pg_depend d JOIN pg_class q ON q.oid = d.refobjid
		WHERE d.classid = 'pg_attrdef'::regclass AND d.objid = def.oid AND d.refclassid = 'pg_class'::regclass
			AND CASE q.relkind WHEN 'S' THEN NOT has_sequence_privilege(q.oid, 'USAGE, UPDATE') END ORDER BY 1),
	ARRAY(SELECT w.enumlabel::text FROM pg_enum w WHERE w.enumtypid = v.oid ORDER BY w.enumsortorder),
	coalesce(quote_ident(ln.nspname) || '.' || quote_ident(l.collname), ''), coalesce(l.collisdeterministic, true),
	CASE a.attgenerated WHEN 's' THEN pg_get_expr(def.adbin, def.adrelid) ELSE '' END, a.attidentity = 'a' AND c.relkind <> 'v'
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
CROSS JOIN LATERAL (
	WITH RECURSIVE stands AS (
		SELECT t.oid, t.typtype, t.typbasetype, a.atttypmod AS mod, t.typtypmod AS own, t.typnotnull AS strict, t.typdefault IS NOT NULL AS given, 0 AS depth
		FROM pg_type t WHERE t.oid = a.atttypid
		UNION ALL
		SELECT t.oid, t.typtype, t.typbasetype, s.own, t.typtypmod, s.strict OR t.typnotnull, s.given OR t.typdefault IS NOT NULL, s.depth + 1
		FROM stands s JOIN pg_type t ON t.oid = s.typbasetype WHERE s.typtype = 'd'
	) SELECT oid, mod, strict, given FROM stands ORDER BY depth DESC LIMIT 1
) b
JOIN pg_type bt ON bt.oid = b.oid
LEFT JOIN pg_type et ON bt.typcategory = 'A' AND et.oid = bt.typelem
JOIN pg_type v ON v.oid = coalesce(nullif(et.typbasetype, 0), et.oid, bt.oid)
JOIN pg_namespace vn ON vn.oid = v.typnamespace
LEFT JOIN pg_collation l ON l.oid = a.attcollation
LEFT JOIN pg_namespace ln ON ln.oid = l.collnamespace
LEFT JOIN pg_attrdef def ON def.adrelid = a.attrelid AND def.adnum = a.attnum
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum`

const constraintsSQL = `
SELECT o.conrelid, o.conname::text, o.contype::text,
	ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY k(num, ord) JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.num ORDER BY k.ord),
	coalesce(n.nspname::text, ''), coalesce(f.relname::text, ''),
	ARRAY(SELECT a.attname::text FROM unnest(o.confkey) WITH ORDINALITY k(num, ord) JOIN pg_attribute a ON a.attrelid = o.confrelid AND a.attnum = k.num ORDER BY k.ord)
FROM pg_constraint o
LEFT JOIN pg_class f ON f.oid = o.confrelid
LEFT JOIN pg_namespace n ON n.oid = f.relnamespace
WHERE o.conrelid = ANY($1::oid[]) AND o.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY o.conrelid, o.conname`

const indexesSQL = `
SELECT i.indrelid, x.relname::text, m.amname::text, i.indisunique, i.indpred IS NOT NULL, coalesce(a.attname::text, ''),
	pg_get_indexdef(i.indexrelid, k, true), coalesce(quote_ident(n.nspname) || '.' || quote_ident(l.collname), ''), o.opcname::text
FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_am m ON m.oid = x.relam
CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) k
LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k - 1]
LEFT JOIN pg_collation l ON l.oid = i.indcollation[k - 1]
LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
JOIN pg_opclass o ON o.oid = i.indclass[k - 1]
WHERE i.indrelid = ANY($1::oid[]) AND i.indisvalid
ORDER BY i.indrelid, x.relname, k`

// catalog is what the database says of some tables.
type catalog struct {
	role      role
	relations map[named]*relation // by the names of the configuration
}

// load asks the catalog for tables, in two round trips.
func load(ctx context.Context, conn *pgx.Conn, tables []named) (*catalog, error) {
	cat := &catalog{relations: map[named]*relation{}}
	schemas, names := make([]string, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		schemas[i], names[i] = t.schema, t.name
	}
	byOID := map[uint32][]*relation{}
	var oids []uint32
	first := &pgx.Batch{}
	first.Queue(roleSQL).QueryRow(func(row pgx.Row) error {
		return row.Scan(&cat.role.name, &cat.role.superuser, &cat.role.bypass, &cat.role.readOnly)
	})
	first.Queue(relationsSQL, schemas, names).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			r := &relation{constraints: map[string]constraint{}}
			var ord int
			var oid uint32
			var kind string
			if err := rows.Scan(&ord, &oid, &r.schema, &r.name, &kind, &r.rows, &r.rls, &r.forced, &r.owned, &r.writable, &r.readable,
				&r.rights.schema, &r.rights.read, &r.rights.remove, &r.rights.able, &r.filling); err != nil {
				return err
			}
			r.kind = kind[0]
			cat.relations[tables[ord-1]] = r
			byOID[oid] = append(byOID[oid], r)
			oids = append(oids, oid)
		}
		return rows.Err()
	})
	if err := conn.SendBatch(ctx, first).Close(); err != nil {
		return nil, err
	}
	second := &pgx.Batch{}
	second.Queue(columnsSQL, oids).Query(func(rows pgx.Rows) error { return each(rows, byOID, scanColumn) })
	second.Queue(constraintsSQL, oids).Query(func(rows pgx.Rows) error { return each(rows, byOID, scanConstraint) })
	second.Queue(indexesSQL, oids).Query(func(rows pgx.Rows) error { return each(rows, byOID, scanIndex) })
	second.Queue(leaksSQL, oids).Query(func(rows pgx.Rows) error { return each(rows, byOID, scanLeak) })
	if err := conn.SendBatch(ctx, second).Close(); err != nil {
		return nil, err
	}
	for _, relations := range byOID {
		for _, r := range relations {
			r.uniqueIndexes()
			r.keep()
		}
	}
	return cat, nil
}

// each gives every row to the relations that it is about.
func each(rows pgx.Rows, byOID map[uint32][]*relation, scan func(pgx.Rows) (uint32, func(*relation), error)) error {
	for rows.Next() {
		oid, add, err := scan(rows)
		if err != nil {
			return err
		}
		for _, r := range byOID[oid] {
			add(r)
		}
	}
	return rows.Err()
}

func scanColumn(rows pgx.Rows) (oid uint32, add func(*relation), err error) {
	c := &column{uses: &uses{}}
	var name, kind, schema string
	var isCitext bool
	err = rows.Scan(&oid, &c.name, &c.typ, &name, &kind, &schema, &isCitext, &c.array, &c.length, &c.notNull, &c.defaulted, &c.generated, &c.readable,
		&c.given, &c.changed, &c.counters, &c.words, &c.collation.name, &c.collation.deterministic, &c.made, &c.always)
	switch {
	case isCitext:
		c.family = citext
	case kind == "e":
		c.family = enum
	case schema == "pg_catalog":
		c.family = families[name]
	}
	if c.family == decimal {
		c.precision, c.scale = digitsOf(c.length)
		c.length = 0
	}
	return oid, func(r *relation) { r.columns = append(r.columns, c) }, err
}

var families = map[string]family{
	"text": text, "varchar": text, "bpchar": text, "name": text,
	"int2": integer, "int4": integer, "int8": integer,
	"numeric": decimal, "float4": decimal, "float8": decimal,
	"bool": boolean, "timestamptz": instant, "timestamp": instant, "date": date,
	"uuid": uuid, "bytea": bytes, "inet": address, "cidr": address, "jsonb": document, "json": document,
}

func scanConstraint(rows pgx.Rows) (oid uint32, add func(*relation), err error) {
	var c constraint
	var name, kind, schema, target string
	if err := rows.Scan(&oid, &name, &kind, &c.columns, &schema, &target, &c.targets); err != nil {
		return 0, nil, err
	}
	c.kind = kind[0]
	if target != "" {
		c.target = ident(schema, target)
	}
	return oid, func(r *relation) { r.constraints[name] = c }, nil
}

func scanIndex(rows pgx.Rows) (oid uint32, add func(*relation), err error) {
	var x index
	var k indexKey
	err = rows.Scan(&oid, &x.name, &x.method, &x.unique, &x.partial, &k.column, &k.expr, &k.collation, &k.opclass)
	if k.column != "" {
		k.expr = ""
	}
	return oid, func(r *relation) {
		if n := len(r.indexes); n == 0 || r.indexes[n-1].name != x.name {
			r.indexes = append(r.indexes, x)
		}
		last := &r.indexes[len(r.indexes)-1]
		last.keys = append(last.keys, k)
	}, err
}

// uniqueIndexes adds those that are no constraints to them: an error names them in the same way. It does the same for the expressions of exclusions.
func (r *relation) uniqueIndexes() {
	for _, x := range r.indexes {
		c, there := r.constraints[x.name]
		if !x.unique && (!there || c.kind != 'x') {
			continue
		}
		if !there {
			c = constraint{kind: 'u'}
		}
		c.columns = nil
		for _, k := range x.keys {
			if k.column != "" {
				c.columns = append(c.columns, k.column)
				continue
			}
			if path := documentPath(k.expr); path != "" {
				c.columns = append(c.columns, path)
				continue
			}
			mentioned := identifiers(k.expr)
			for _, col := range r.columns {
				if slices.Contains(mentioned, col.name) {
					c.columns = append(c.columns, col.name)
				}
			}
		}
		r.constraints[x.name] = c
	}
}

var identifier = regexp.MustCompile(`'(?:[^']|'')*'|"((?:[^"]|"")+)"|([\pL_][\pL\pN_$]*)`)

// identifiers are the names in an expression, as the server prints it.
func identifiers(expr string) []string {
	var names []string
	for _, m := range identifier.FindAllStringSubmatch(expr, -1) {
		switch {
		case m[1] != "":
			names = append(names, strings.ReplaceAll(m[1], `""`, `"`))
		case m[2] != "":
			names = append(names, m[2])
		}
	}
	return names
}
