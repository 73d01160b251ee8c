package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	fresh   = 3 * time.Minute // for how long what the catalog said is believed
	respite = time.Second     // for how long a class that does not fit is not looked at again
)

// fitted is what became of a class and a catalog.
type fitted struct {
	shape  *shape // nil: they do not fit
	partly *shape // what there is of it where they do not, for who says all at once what is missing
	before *shape // as they last fitted, where they do not; nil: they never did
	role   role
	faults configs.Faults
	when   time.Time
	lost   int64 // of the directory, at the time
}

// known is the class as the catalog last had it, without I/O; nil when the database was never reached, or never had what the configuration says.
func (c *class) known() *shape {
	f := c.present.Load()
	switch {
	case f == nil:
		return nil
	case f.shape == nil:
		return f.before
	}
	return f.shape
}

// forget makes the next shape be of the catalog as it then is.
func (c *class) forget() {
	if f := c.present.Load(); f != nil {
		old := *f
		old.when = time.Time{}
		c.present.CompareAndSwap(f, &old)
	}
}

// shape is the class as the catalog has it, which is asked where that is not known, or may have changed.
func (c *class) shape(ctx context.Context) (*shape, error) {
	f, err := c.fitting(ctx, false)
	if err != nil {
		return nil, err
	}
	if f.shape == nil {
		return nil, &backends.Error{Kind: backends.ErrUnavailable, Detail: "The configuration does not fit the database.", Cause: f.faults}
	}
	return f.shape, nil
}

// fitting asks the catalog again where that is due, or where it must be.
func (c *class) fitting(ctx context.Context, must bool) (*fitted, error) {
	due := func() bool {
		f := c.present.Load()
		if f == nil || f.when.IsZero() || f.lost != c.d.lost.Load() {
			return true
		}
		age := c.d.now().Sub(f.when)
		return age > fresh || age < 0 || (f.shape == nil && age > respite)
	}
	if !must && !due() {
		return c.present.Load(), nil
	}
	misses := c.misses.Load()
	select {
	case c.meeting <- struct{}{}:
	case <-ctx.Done():
		return nil, c.d.failed(ctx, ctx.Err(), nil)
	}
	defer func() { <-c.meeting }()
	switch {
	case !must && !due():
		return c.present.Load(), nil
	case c.misses.Load() != misses: // somebody has tried meanwhile: who waited for that does not wait once more
		return nil, c.missed
	}
	lost := c.d.lost.Load()
	var f *fitted
	asked, cancel := context.WithTimeoutCause(ctx, c.d.cfg.Timeout+c.d.cfg.ConnectionTimeout, errLate)
	defer cancel()
	err := c.d.withConn(asked, nil, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		var err error
		f, err = c.fit(ctx, conn.Conn())
		return false, err
	})
	if err != nil {
		if ctx.Err() == nil { // else it was only this one who did not wait
			c.missed = err
			c.misses.Add(1)
		}
		return nil, err
	}
	f.when, f.lost = c.d.now(), lost
	if f.shape == nil {
		f.before = c.known()
	}
	if before := c.present.Swap(f); !must { // who asks himself is told
		c.tell(before, f)
	}
	return f, nil
}

// tell says in the log what has changed.
func (c *class) tell(before, now *fitted) {
	switch {
	case before != nil && slices.Equal(before.faults, now.faults):
	case before != nil && now.shape != nil:
		c.d.log.Info("the configuration fits the database again", "table", c.at.Table)
	default:
		for _, fault := range now.faults {
			c.d.log.Warn("the configuration does not fit the database: " + fault.Error())
		}
	}
}

// fit makes the class of the catalog.
func (c *class) fit(ctx context.Context, conn *pgx.Conn) (*fitted, error) {
	table, _ := tableName(c.at.Table)
	tables := []named{table}
	for _, set := range c.sets {
		name, _ := tableName(set.at.Rows)
		tables = append(tables, name)
	}
	cat, err := load(ctx, conn, tables)
	if err != nil {
		return nil, err
	}
	t := &tailor{c: c, s: &shape{class: c, lists: &lists{}}, role: cat.role.name}
	t.table(cat.relations[table])
	if t.s.rel != nil {
		for i, set := range c.sets {
			t.set(set, cat.relations[tables[i+1]])
		}
	}
	t.held(c.known())
	if len(t.faults)+len(t.locked) == 0 {
		if err := t.conditions(ctx, conn); err != nil {
			return nil, err
		}
		if err := t.values(ctx, conn); err != nil {
			return nil, err
		}
	}
	f := &fitted{role: cat.role, faults: append(t.locked, t.faults...), partly: t.s}
	if len(f.faults) == 0 {
		if err := t.fold(ctx, conn); err != nil {
			return nil, err
		}
		f.shape = t.s
	}
	return f, nil
}

// tailor makes a shape, and says where it does not fit.
type tailor struct {
	c      *class
	s      *shape
	role   string
	trials []trial
	faults configs.Faults
	locked configs.Faults // rights without which nothing can be read
}

func (t *tailor) fault(node configs.Node, remedy, format string, args ...any) {
	t.faults = append(t.faults, node.Fault(remedy, format, args...))
}

// relation says what is wrong with a table as a whole; false: it is not there. What the role may not read is looked at all the same: the catalog tells
// everybody what a table is made of, and who is told of one right that is missing is told of all.
func (t *tailor) relation(node configs.Node, name string, r *relation) bool {
	if r == nil {
		t.fault(node, "create it, correct the name, or let the adapter's role use its schema", "the database has no table or view %s", name)
		return false
	}
	lock := func(remedy, format string, args ...any) {
		if f := node.Fault(remedy, format, args...); !slices.ContainsFunc(t.locked, func(other configs.Fault) bool { return other.Remedy == f.Remedy }) {
			t.locked = append(t.locked, f)
		}
	}
	if !r.rights.schema {
		lock("GRANT USAGE ON SCHEMA "+ident(r.schema)+" TO "+ident(t.role), "the role %s has no right to USAGE of the schema %s", t.role, ident(r.schema))
	}
	if !r.readable {
		lock("GRANT SELECT ON "+r.sql()+" TO "+ident(t.role), "the role %s may not read %s", t.role, name)
	}
	return true
}

func (t *tailor) table(r *relation) {
	at, node := t.c.at, t.c.node
	if !t.relation(node.Get("table"), at.Table, r) {
		return
	}
	t.s.rel = r
	for _, name := range t.c.key {
		col := t.column(node.Get("key"), r, at.Table, name)
		if col == nil {
			continue
		}
		if !keyable(col) {
			t.fault(node.Get("key"), "take a column of uuid, of numbers or of text", "the column %s is of the type %s, which is no key", name, col.typ)
		}
		t.s.key = append(t.s.key, col)
	}
	t.version(r)
	if at.Document != "" {
		t.s.doc = t.column(node.Get("document"), r, at.Table, at.Document)
		if d := t.s.doc; d != nil && (d.family != document || d.array || d.typ != "jsonb") {
			t.fault(node.Get("document"), "take a column of the type jsonb", "the column %s is of the type %s", at.Document, d.typ)
		}
	}
	if at.Deleted != "" {
		t.s.deleted = t.column(node.Get("deleted"), r, at.Table, at.Deleted)
		if d := t.s.deleted; d != nil && (d.array || (d.family != boolean && d.family != instant)) {
			t.fault(node.Get("deleted"), "take a column of the type boolean or timestamptz", "the column %s is of the type %s", at.Deleted, d.typ)
		}
	}
	for key, given := range map[string]map[string]string{"insert": at.Insert, "update": at.Update} {
		for _, name := range slices.Sorted(maps.Keys(given)) {
			col := t.column(node.Get(key).Get(name), r, at.Table, name)
			switch {
			case col == nil:
			case col.generated && r.kind != 'v':
				t.fault(node.Get(key).Get(name), "take it away", "the database keeps the column %s itself", name)
			default:
				t.try(node.Get(key).Get(name), col, given[name])
			}
		}
	}
}

// version finds what says that a row has changed. What is no table has no xmin of its own.
func (t *tailor) version(r *relation) {
	at, node := t.c.at, t.c.node.Get("version")
	if at.Version == "" {
		return
	}
	own := findColumn(r.columns, at.Version)
	switch {
	case at.Version == xmin && own == nil && (r.kind == 'r' || r.kind == 'p' || r.kind == 'm'):
	case at.Version == xmin && own == nil:
		t.fault(node, "name a column that changes with every write, or write version: ''", "%s is no table, and has no xmin", at.Table)
	default:
		t.s.version = t.column(node, r, at.Table, at.Version)
		if v := t.s.version; v != nil && (v.array || (v.family != integer && v.family != instant)) {
			t.fault(node, "take a column of whole numbers or of the type timestamptz", "the column %s is of the type %s, which is no version", at.Version, v.typ)
		}
	}
}

// column finds a column that must be there.
func (t *tailor) column(node configs.Node, r *relation, table, name string) *column {
	col := findColumn(r.columns, name)
	if col != nil {
		return col
	}
	names := make([]string, len(r.columns))
	for i, c := range r.columns {
		names[i] = c.name
	}
	remedy := "correct the name, or add the column"
	if meant, ok := configs.Suggest(name, names); ok {
		remedy = "write " + meant
	}
	t.fault(node, remedy, "%s has no column %s", table, name)
	return nil
}

// unique says that no two rows have the same values in these columns.
func unique(r *relation, key []string) bool {
	for _, x := range r.indexes {
		if x.unique && !x.partial && !slices.ContainsFunc(x.keys, func(k indexKey) bool { return k.column == "" || !slices.Contains(key, k.column) }) {
			return true
		}
	}
	return false
}

func (t *tailor) set(d declared, r *relation) {
	node := d.At
	if !t.relation(node.Get("rows"), d.at.Rows, r) {
		return
	}
	s := &set{name: d.Name, rel: r, either: d.Either, valued: d.Valued}
	if len(d.on) != len(t.c.key) {
		t.fault(node.Get("on"), "name as many columns as the key has, in its order", "%d columns hold a key of %d", len(d.on), len(t.c.key))
	}
	for _, name := range d.on {
		if col := t.column(node.Get("on"), r, d.at.Rows, name); col != nil {
			s.on = append(s.on, col)
		}
	}
	for i, col := range s.on[:min(len(s.on), len(t.s.key))] {
		if key := t.s.key[i]; !joinable(col, key) {
			t.fault(node.Get("on"), "name the column that holds "+key.name, "the column %s is of the type %s, and the key's %s of the type %s", col.name, col.typ, key.name, key.typ)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.at.Where)) {
		if col := t.column(node.Get("where").Get(name), r, d.at.Rows, name); col != nil {
			value := d.at.Where[name]
			if value == tenantSlot {
				value = t.c.tenant
			}
			s.fixed = append(s.fixed, fixed{column: col, value: value})
			t.try(node.Get("where").Get(name), col, value)
		}
	}
	for _, name := range d.Columns {
		if col := t.column(node, r, d.at.Rows, name); col != nil {
			s.columns = append(s.columns, col)
			s.refs = append(s.refs, pointsAt(r, col.name))
		}
	}
	if d.Either {
		t.ambiguous(d, s)
	} else {
		s.refs = nil
	}
	t.s.sets = append(t.s.sets, s)
}

// ambiguous reports columns of which a value could stand in either: what a record points with does not say then what it points at.
func (t *tailor) ambiguous(d declared, s *set) {
	distinct := func(a, b *column) bool {
		return a.family == uuid && (b.family == uuid || b.family == integer) || a.family == integer && b.family == uuid
	}
	for i, col := range s.columns {
		for _, other := range s.columns[:i] {
			if !distinct(col, other) {
				t.fault(d.At.Get("value"), "give the tables keys of the type uuid, or map one of the columns only",
					"the columns %s (%s) and %s (%s) can hold the same value, and nobody could tell which record it means", other.name, other.typ, col.name, col.typ)
				return
			}
		}
	}
}

// joinable says that values of two columns can be compared as they are.
func joinable(a, b *column) bool {
	textual := func(f family) bool { return f == text || f == citext }
	numeric := func(f family) bool { return f == integer || f == decimal }
	return !a.array && !b.array && (a.typ == b.typ || textual(a.family) && textual(b.family) || numeric(a.family) && numeric(b.family))
}

// pointsAt is what a column's foreign key points at, the zero value for none. Where the key is of several columns, it is the part of this one.
func pointsAt(r *relation, name string) foreignKey {
	for _, constraint := range slices.Sorted(maps.Keys(r.constraints)) {
		c := r.constraints[constraint]
		if i := slices.Index(c.columns, name); c.kind == 'f' && i >= 0 && i < len(c.targets) {
			return foreignKey{table: c.target, column: ident(c.targets[i])}
		}
	}
	return foreignKey{}
}

// conditions has the server read the conditions of the configuration.
func (t *tailor) conditions(ctx context.Context, conn *pgx.Conn) error {
	read := func(node configs.Node, all []piece) error {
		if len(all) == 0 {
			return nil
		}
		st := (&statement{}).sql("SELECT 1 FROM ", t.s.rel.sql(), " t WHERE ").condition(all, t.c.tenant)
		_, err := conn.Prepare(ctx, "", st.String())
		if err == nil { // what it compares with is of no kind until it is there
			if _, err = conn.Exec(ctx, st.String()+" LIMIT 0", st.args...); !unfit(err) {
				return nil
			}
		}
		answer, ok := errors.AsType[*pgconn.PgError](err)
		if ok && answer.Code == codeNoPrivilege {
			t.fault(node, "grant the role "+t.role+" what the condition reads", "the database does not let the role %s read it: %s", t.role, answer.Message)
			return nil
		}
		if ok && (strings.HasPrefix(answer.Code, "42") || strings.HasPrefix(answer.Code, "22")) {
			t.fault(node, "write a condition on the columns of "+t.c.at.Table, "the database cannot read it: %s", answer.Message)
			return nil
		}
		return err
	}
	if err := read(t.c.node.Get("where"), t.c.where); err != nil {
		return err
	}
	for i, guard := range t.c.protect {
		if err := read(t.c.guards[i], guard); err != nil {
			return err
		}
	}
	return nil
}
