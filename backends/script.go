package backends

// Write is a write that is shown to people before it is done, or in place of being done.
type Write struct {
	Op      string     // create, modify, move, delete or restore
	Key     Key        // of the record, where it has one
	Name    string     // the native name (DN) that it has, or gets when it is made
	Attrs   Attributes // of a record that is made
	Changes []Change   // of modify; of move, one whose value is the new name
}
