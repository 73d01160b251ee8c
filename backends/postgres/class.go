package postgres

import (
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
)

// at is the `at` of a mapping.
type at struct {
	Backend  string            `config:"backend"`
	Table    string            `config:"table"`    // schema.table, or table: then the search path decides
	Key      configs.Node      `config:"key"`      // a column, or a list of them
	Where    string            `config:"where"`    // SQL on the columns of the table; {tenant} is the caller's tenant
	Version  string            `config:"version"`  // xmin (unless said), a column of numbers or of instants, or "" for none
	Document string            `config:"document"` // the jsonb column that holds what has no column
	Insert   map[string]string `config:"insert"`   // what new rows get: a text, {tenant} or now()
	Update   map[string]string `config:"update"`   // what every write sets, as insert
	Deleted  string            `config:"deleted"`  // a boolean or an instant: DELETE sets it, and whoever has it is not there
	Hash     string            `config:"hash"`     // how a password is stored: bcrypt (unless said) or plain
	ReadOnly bool              `config:"readOnly"` // nothing is written
}

// setAt is the source of an attribute that is kept in rows of its own. What else stands there belongs to the mapping.
type setAt struct {
	Rows  string            `config:"rows"`  // schema.table
	On    configs.Node      `config:"on"`    // the columns that hold the record's key
	Where map[string]string `config:"where"` // what all of the rows have: {medium: email}
}

// class is a class of records: a table, or some of its rows.
type class struct {
	d       *Directory
	node    configs.Node // of at, for faults
	at      at
	key     []string
	sets    []declared
	tenant  string
	where   []piece
	protect [][]piece
	guards  []configs.Node // of protect, for faults
	use     *backends.Use

	plans plans // of searches, for max_scan_rows
	joins joins

	meeting chan struct{} // has one place, taken while the catalog is read
	present atomic.Pointer[fitted]
	misses  atomic.Int64 // how often the catalog could not be read
	missed  error        // why not, the last time; whoever has the place reads and writes it
}

// declared is a set as the configuration has it.
type declared struct {
	backends.Set
	at setAt
	on []string
}

var _ backends.Backend = (*class)(nil)

// xmin is the system column that says which transaction wrote a row last.
const xmin = "xmin"

// Open makes a class of records. It does no I/O.
func (d *Directory) Open(o backends.Open) (backends.Backend, error) {
	c, faults := d.open(o)
	if len(faults) > 0 {
		return nil, faults
	}
	return c, nil
}

func (d *Directory) open(o backends.Open) (*class, configs.Faults) {
	c := &class{d: d, node: o.At, tenant: o.Tenant, use: o.Use, meeting: make(chan struct{}, 1), at: at{Version: xmin, Hash: "bcrypt"}}
	faults := o.At.Decode(&c.at)
	if len(faults) > 0 {
		return nil, faults
	}
	faults = append(faults, c.checkNames()...)
	var err error
	if c.where, err = pieces(c.at.Where); err != nil {
		faults = append(faults, o.At.Get("where").Fault("write a condition on the columns of the table, such as tenant = {tenant}", "%s", err))
	}
	for _, node := range o.Protect {
		guard, err := pieces(node.Text())
		if err != nil || len(guard) == 0 {
			faults = append(faults, node.Fault("write a condition on the columns of the table, such as is_admin", "%s", orEmpty(err)))
			continue
		}
		c.protect, c.guards = append(c.protect, guard), append(c.guards, node)
	}
	for _, given := range []string{"insert", "update"} {
		faults = append(faults, checkGiven(o.At.Get(given))...)
	}
	for _, set := range o.Sets {
		s, wrong := declare(set)
		c.sets, faults = append(c.sets, s), append(faults, wrong...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	d.mu.Lock()
	d.classes = append(d.classes, c)
	d.mu.Unlock()
	return c, nil
}

func (c *class) checkNames() configs.Faults {
	var faults configs.Faults
	if _, ok := tableName(c.at.Table); !ok {
		faults = append(faults, c.node.Get("table").Fault("write schema.table, such as hr.person", "%q is no table", c.at.Table))
	}
	var wrong configs.Faults
	c.key, wrong = columnNames(c.at.Key, c.node.Get("key"), "name the column of the primary key, or list its columns")
	faults = append(faults, wrong...)
	if c.at.Hash != "bcrypt" && c.at.Hash != "plain" {
		faults = append(faults, c.node.Get("hash").Fault("write bcrypt or plain", "%q is no way to store a password", c.at.Hash))
	}
	return faults
}

// columnNames reads a column, or a list of them.
func columnNames(node, place configs.Node, remedy string) ([]string, configs.Faults) {
	var names []string
	for _, item := range node.Items() {
		if item.Kind() != configs.Scalar || item.Text() == "" || slices.Contains(names, item.Text()) {
			return nil, configs.Faults{item.Fault(remedy, "%s", "is no list of different columns")}
		}
		names = append(names, item.Text())
	}
	if len(names) == 0 {
		return nil, configs.Faults{place.Fault(remedy, "%s", "is missing")}
	}
	return names, nil
}

// functional is what looks like the call of a function.
var functional = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*\(.*\)$`)

// checkGiven finds what is neither a text, nor {tenant}, nor now(), in what rows are given.
func checkGiven(node configs.Node) configs.Faults {
	var faults configs.Faults
	for key, value := range node.Pairs() {
		if key.Text() == "" {
			faults = append(faults, key.Fault("name a column", "is empty"))
		}
		if mentionsTenant(value.Text()) && value.Text() != tenantSlot {
			faults = append(faults, value.Fault("write {tenant} alone, a text, or now()", "{tenant} stands beside something else"))
		}
		if text := strings.TrimSpace(value.Text()); functional.MatchString(text) && !strings.EqualFold(text, "now()") {
			faults = append(faults, value.Fault("write a text or now(), or give the column a default in the database", "%s looks like a function, and would be kept as this text", text))
		}
	}
	return faults
}

// declare reads the place of a set. The mapping's own keys are passed over.
func declare(set backends.Set) (declared, configs.Faults) {
	s := declared{Set: set}
	var faults configs.Faults
	for key, value := range set.At.Pairs() {
		switch key.Text() {
		case "rows":
			s.at.Rows = value.Text()
		case "on":
			s.at.On = value
		case "where":
			s.at.Where = map[string]string{}
			for column, fixed := range value.Pairs() {
				if fixed.Kind() != configs.Scalar {
					faults = append(faults, fixed.Fault("write a column and its value: {medium: email}", "is no value"))
				}
				s.at.Where[column.Text()] = fixed.Text()
			}
			if value.Kind() != configs.Map && value.Kind() != configs.Null {
				faults = append(faults, value.Fault("write a column and its value: {medium: email}", "must be a map, and is %s", value.Kind()))
			}
		}
	}
	if _, ok := tableName(s.at.Rows); !ok {
		faults = append(faults, set.At.Get("rows").Fault("write schema.table, such as hr.email", "%q is no table", s.at.Rows))
	}
	var wrong configs.Faults
	s.on, wrong = columnNames(s.at.On, set.At.Get("on"), "name the columns that hold the record's key")
	return s, append(faults, wrong...)
}

// mostKeys is how many keys a condition may list. They go to the server as one array: 40 bytes each, and as much again for the list that it is made of.
const mostKeys = 200_000

// Capabilities of a table. A record's key cannot change, and so it has no name that could.
func (c *class) Capabilities() backends.Capabilities {
	return backends.Capabilities{
		Kind: "postgres", ReadOnly: c.at.ReadOnly, Conditional: true, Secrets: true, Versioned: c.at.Version != "", Seeks: true, Typed: true, Transactional: true,
		Key: c.key, Document: c.at.Document, MostKeys: mostKeys,
	}
}
