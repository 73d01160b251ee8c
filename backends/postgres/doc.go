// Package postgres makes a directory of tables in PostgreSQL, those that a company already has or those of a plain SCIM service, with pgx.
//
// A [Directory] is one database with its pool. What its catalog says of the tables that classes stand on (columns, constraints, indexes,
// collations, row-level security) is read when it is first reached, again after a connection was lost, every few minutes, and when a statement turns out to name
// what is no longer there; no class does I/O to be opened. What does not fit the catalog is ErrUnavailable, never "not found". A class of
// records is one table, its key, a condition (`where`) and its sets: tables of child rows. A shape is a class as the catalog has it: it knows
// where each attribute is kept, which is one of four places:
//
//	login                 a column                     one value
//	nicknames             an array column              several values
//	data.name.givenName   a place in a document        one value, or those of an array; objects are Rows
//	hr.email              a set, rows of a table       several values, or Rows
//
// The key of a record is the text of its key column; of several, their texts with a dot between (in these a dot is ~1 and a tilde ~0). It is the record's name
// too. A document that is asked for as a whole is its JSON; "*" are all columns that can be written, that document and all sets. Columns and members
// whose names say that they hold a password are Secrets, and are left out of such a document.
//
// All SQL is made by statement: text of our own, identifiers that are quoted, and arguments. No value ever becomes text. In every statement the record's
// table is called t and a table of child rows r.
//
// Reading: a walk is one statement that is streamed, in the order of the keys, so that a page by cursor seeks; one whose condition the database answers only
// in part goes in pieces, each behind the last key. Walks take places of which there are half as
// many as connections, so that whoever is in the middle of one can still ask for something else. A predicate becomes a condition that is never NULL: what is absent
// is false, and so NOT is safe. How text folds is not believed but measured: when the database is met, it is asked for the lower case of every letter, and
// a test is exact only where no letter is concerned on which database and matcher differ.
//
// Writing: each operation is one transaction, with the scope, the version and whatever else is asked in the WHERE of the statement that takes the record's
// row. A change of child rows touches the record's row too, so that its version moves and writers of one record wait for one another. A COMMIT whose answer
// is lost is ErrUnknown. Every transaction, of reading too, tells the database whose request it is (SET LOCAL scim.tenant_id), so that policies hold.
package postgres
