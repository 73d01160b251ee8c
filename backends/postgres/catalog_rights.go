package postgres

import "github.com/jackc/pgx/v5"

// rights are what the connected role may do with a relation as a whole. What it may do with columns stands with them.
type rights struct {
	schema bool // use the schema that it is in
	read   bool
	remove bool // delete rows
	able   bool // whoever has the rights can write rows: it is no view that cannot be written
}

// leak is a table below a view whose policies do not hold for who reads the view.
type leak struct {
	view, table string // quoted
	role        string // for whom they do not hold
	invoker     bool   // that is the connected role
}

// Row-level security below views. A table is asked for as the owner of the view that names it, or as whoever asks where that view has security_invoker,
// however many views are above. Policies do not hold for superusers, for BYPASSRLS, and for owners unless they are forced on them.
const leaksSQL = `
WITH RECURSIVE below AS (
	SELECT c.oid AS root, c.oid AS view, NULL::oid AS part FROM pg_class c WHERE c.oid = ANY($1::oid[]) AND c.relkind IN ('v', 'm')
	UNION
	SELECT b.root, d.view, d.part FROM below b CROSS JOIN LATERAL (
		SELECT coalesce(b.part, b.view) AS view, d.refobjid AS part
		FROM pg_class v JOIN pg_rewrite w ON w.ev_class = v.oid
		JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid
		WHERE v.oid = coalesce(b.part, b.view) AND v.relkind IN ('v', 'm')
	) d
)
SELECT DISTINCT b.root, quote_ident(vn.nspname) || '.' || quote_ident(v.relname), quote_ident(tn.nspname) || '.' || quote_ident(t.relname), r.rolname::text, i.invoker
FROM below b
JOIN pg_class v ON v.oid = b.view JOIN pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_class t ON t.oid = b.part AND t.relkind IN ('r', 'p') AND t.relrowsecurity JOIN pg_namespace tn ON tn.oid = t.relnamespace
CROSS JOIN LATERAL (
	SELECT EXISTS (SELECT FROM pg_options_to_table(v.reloptions) WHERE option_name = 'security_invoker' AND option_value::bool) AS invoker
) i
JOIN pg_roles r ON CASE WHEN i.invoker THEN r.rolname = current_user ELSE r.oid = v.relowner END
WHERE r.rolsuper OR r.rolbypassrls OR (pg_has_role(r.oid, t.relowner, 'USAGE') AND NOT t.relforcerowsecurity)
ORDER BY 1, 2, 3`

func scanLeak(rows pgx.Rows) (oid uint32, add func(*relation), err error) {
	var e leak
	err = rows.Scan(&oid, &e.view, &e.table, &e.role, &e.invoker)
	return oid, func(r *relation) { r.leaks = append(r.leaks, e) }, err
}
