// Package adapter does what SCIM clients ask for, on directories. It is where the two halves of the house meet: above it resources, filters
// and patches (package scim), below it records, predicates and changes (package backends), and between them the mappings that say which is
// which. [Service] has one method for each operation of the API.
//
// A search is lowered to a predicate and a rest, walked, and cut into pages from a snapshot of keys. Directories point at records with
// names, SCIM with ids: the references of a whole page are resolved in one batch, both ways.
//
// A write takes one road, whoever asks for it: read what must be known, make the resource as it shall be, validate it, turn ids into names,
// let the mapping say which native changes that takes, write the intent and its before-images into the journal, take the steps, and close
// the intent with what came of them. When a later step fails the earlier ones are taken back from the before-images; when nobody can say
// whether a step happened, the record is read again; when the record has changed since it was read, the road is walked once more.
//
// Records point at each other with names that others may change meanwhile: who has written a reference asks once more what it is called, and who has
// renamed or deleted a record looks once more for what points at it (sweep.go).
//
// Three tables hold this package's own memory, all only for speed or order within one process: the snapshots that pages are cut from, which are
// bounded in bytes; the locks that let one writer at a time have a record or a unique value; and the names that are being changed just now.
// Correctness between processes is the directory's: conditions on versions, names that exist once, changes that happen whole or not at all.
package adapter
