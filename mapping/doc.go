// Package mapping compiles the YAML that says where each SCIM attribute lives in a directory, and runs it both ways. It
// is pure: it makes no I/O, and asks its backend only what the directory's schema says (Syntax, Fidelity).
//
// [Compile] reads all mapping documents at once, lays them over their presets and turns every line of `attributes:`
// into a field: a path on the SCIM side, a source on the directory's side, and between them a pipeline of lenses. What
// is wrong comes back as configs.Faults, all of them, each with a place and a remedy. What is right becomes a
// [Mapping], whose [Mapping.ResourceType] holds only what is mapped, with characteristics that are true.
//
// The adapter then calls, for a search: [Mapping.Unknowns] and [Mapping.Lower], [Mapping.Reads], and [Mapping.Get] for
// each record. For a write: [Mapping.Create], or Get, a change of the resource, and [Mapping.Diff]. References stay
// names of the directory here; turning them into ids and back is the adapter's work.
//
// Lowering computes two predicates for each term of a filter, one that holds for too few records and one that holds
// for too many. They meet where the directory answers the term truly; negation swaps them. What is sent is the upper
// one, and what it leaves open stays as a rest, tested on the SCIM side.
//
// What is kept in rows of another table is told to the backend before it opens the class (backends.Set). With one column it is an attribute like any
// other. With several each row is an element, whose parts are fields of their own: a filter's brackets become one test of one row (backends.Some), and a
// write takes rows out and puts rows in.
//
// A SCIM attribute with one value over a directory attribute with several (a cn with an alias) shows the value that
// names the record, else the first; a filter finds it by any of them, as the directory does.
package mapping
