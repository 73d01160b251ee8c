package postgres

import (
	"github.com/scim-adapter/scim-adapter/configs"
)

// at is the `at` of a mapping, but for `backend`.
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

// piece is a part of a condition as the configuration writes it: SQL, or the place of an argument.
type piece struct {
	sql    string
	tenant bool
}

// class is a class of records: a table, or some of its rows.
type class struct {
	d       *Directory
	at      at
	tenant  string
	where   []piece
	protect [][]piece
}

// folding says of which letters this database makes other lower case ones than the matcher does, by collation.
type folding struct{}

// Directory is one database.
type Directory struct{}
