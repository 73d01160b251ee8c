// Package ldap puts an LDAP directory behind the contract of package backends.
//
// The story in order. [Open] checks a [Config] and does no I/O. The first operation connects: a pool dials the few shared connections on
// which short operations are multiplexed, and connections of their own for walks; the first of them reads the root DSE and the subschema,
// which decide what may be sent. [Directory.Open] makes a class of records: a base, a filter, and what is protected. A class compiles
// predicates into filters (lower.go), reads with searches that carry its scope (fetch.go, walk.go), and writes to the entry's DN under an
// assertion that the entry there still has the key, the scope and the version that were meant (write.go). A write whose answer did not
// come is settled by reading again (write.go). Result codes become the closed set of errors in one function (errors.go).
//
// Nothing here has heard of SCIM.
package ldap
