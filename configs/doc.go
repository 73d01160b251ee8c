// Package configs turns YAML into positioned nodes and typed sections, strictly.
//
// It is the only place that knows YAML. A file goes through five steps, and every fault of every step that could
// be taken is reported at once, with its file, line and a sentence that says what to write instead:
//
//  1. parse: YAML becomes a tree of [Node]. Text counts as it was written (00123, TRUE and 2020-01-01 are
//     strings), and what makes YAML surprising is refused by name: tags, anchors, aliases, merge keys, keys that
//     are written twice.
//  2. expand: ${NAME}, ${NAME:-default} and ${file:/path} are replaced inside scalars. The result is never read
//     as YAML again, so a value from outside cannot change the shape of the file.
//  3. refuse what is still to come: a key whose capability this version lacks is a fault that says so; nothing
//     is accepted and ignored.
//  4. decode: sections are filled onto their defaults by struct tag; unknown keys and wrong types are faults.
//  5. validate: each section says what is wrong with its values, without touching the network.
//
// [Load] does all five for the configuration file. The sections that belong to others, backends, mappings, schemas and
// resource types, stay nodes: a kind of backend decodes its own section with [Node.Decode], and the mapping compiler
// walks the rest. Schemas also come in JSON, which [ParseJSON] turns into the same nodes.
// A mapping may start from one of the presets shipped here ([Preset]) and is then laid over it by [Merge].
//
// What must not be seen is a [Secret]: it prints as blanks wherever it ends up, and no fault repeats a value that
// came from the environment or from a file.
package configs
