// Package schema reads what a directory says of itself in its subschema entry (RFC 4512 §4.1) and answers questions about it: does this
// attribute exist, how are its values compared, may it be written, is this text a value of it at all.
//
// The story in order: [Parse] takes the descriptions as a server publishes them, and is tolerant of the ways in which servers depart from
// the grammar; [Schema] finds attribute types, object classes and matching rules by any of their names or by OID, without regard to case or
// options; [Schema.Syntax] says what [backends.Syntax] wants to know, following SUP for what a type inherits; [Schema.Valid] tells whether
// a text can be a value; [Schema.Normalize] brings a value into the form in which equal values are equal texts (RFC 4518); [DN] and
// [EscapeRDNValue] take names apart and put them together (RFC 4514).
//
// [Standard] is a schema of the types that people and groups need, written down in standard.schema. The LDAP backend falls back on it
// before a directory was first reached, explain and check use it when they may not connect, and the embedded directory lives by it.
package schema
