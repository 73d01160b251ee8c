package postgres

// relation is a table or view as the catalog has it.
type relation struct {
	schema, name string
	kind         byte  // pg_class.relkind: r table, p partitioned, v view, m materialised, f foreign
	rows         int64 // pg_class.reltuples; -1 when never counted
	writable     bool  // rows can be inserted, updated and deleted by this role and by what the relation is
	rls, forced  bool  // row-level security is on; for the owner too
	readable     bool  // some of its columns can be read by this role
	owned        bool  // the connected role owns it, or is a member of the role that does
	rights       rights
	filling      bool   // a trigger may fill in columns of a new row
	leaks        []leak // of a view: the tables whose policies do not hold for who reads it
	columns      []*column
	constraints  map[string]constraint // by name; unique indexes too
	indexes      []index
}

// sql is the relation's quoted name.
func (r *relation) sql() string {
	if r.schema == "" {
		return ident(r.name)
	}
	return ident(r.schema, r.name)
}

// column is a column of a relation.
type column struct {
	name      string
	typ       string // as a cast has it, quoted where it must be: bigint, character varying, hr."Kind"
	family    family
	array     bool // several values; family is that of the elements
	length    int  // of varchar(n); 0: no bound
	precision int  // of numeric(precision, scale); 0: no bound
	scale     int
	notNull   bool
	defaulted bool     // has a default, or is an identity
	generated bool     // cannot be written
	always    bool     // because it is an identity: it can be where that is asked for
	made      string   // of a generated column that is stored: its expression, as the server prints it
	kept      *kept    // the column that keeps this one in lower case
	bytewise  bool     // an index on it is in the order of bytes, whatever its collation is
	readable  bool     // by this role
	uses      *uses    // nil for one that is only supposed
	given     bool     // this role may insert it
	changed   bool     // and update it
	counters  []string // the sequences that its default takes numbers from and this role may not
	words     []string // of an enum
	collation collation
}

// family is what a column's values are.
type family uint8

// The families. Every type that is not one of the others is foreign: shown as its text, tested for presence and equality.
const (
	foreign family = iota
	text           // text, varchar, char(n), name
	citext         // the extension's
	integer        // smallint, integer, bigint
	decimal        // numeric, real, double precision
	boolean
	instant // timestamptz; timestamp without time zone is taken as UTC
	date    // shown as 2024-01-31
	uuid
	bytes // bytea
	enum
	address  // inet, cidr
	document // jsonb, json
)

// collation is how a column of text compares unless told otherwise.
type collation struct {
	name          string // quoted and qualified; "" for what is no text
	deterministic bool
}

// constraint is a rule of a relation that a write may break.
type constraint struct {
	kind    byte     // p primary key, u unique (index or constraint), f foreign key, c check, x exclusion
	columns []string // that it is about, those inside expressions too
	target  string   // of a foreign key: the relation that it points at, quoted
	targets []string // and its columns
}

// index is one that searches may use.
type index struct {
	name    string
	method  string // btree, gin, …
	unique  bool
	partial bool
	keys    []indexKey // in order
}

// indexKey is a column or an expression of an index.
type indexKey struct {
	column    string // "" for an expression
	expr      string // as pg_get_indexdef prints it
	collation string // quoted and qualified
	opclass   string // text_ops, text_pattern_ops, jsonb_path_ops, gin_trgm_ops …
}
