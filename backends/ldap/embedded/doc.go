// Package embedded is an LDAP directory inside the process: the one behind the demo, and the one that fails on demand in tests. It is no
// product: everything is in memory, one administrator may write, and everybody who is bound may read.
//
// What it does it does as OpenLDAP's slapd does it, because a double that is more lenient than the real server proves nothing: schema checks
// with slapd's result codes, filters in three-valued logic, one paged search at a time on a connection, memberOf that leaves a
// member's change number alone. A differential test holds its filters to those of an installed slapd.
//
// The story of a request: [Server] accepts a connection; conn reads messages and answers each from a goroutine of its own; a [Fault] may
// answer first; the operation runs against the store, whose entries are immutable, so that a search works on the entries as they were when
// it began while writers go on; the answer, with the controls that were asked for, goes back in one write.
package embedded
