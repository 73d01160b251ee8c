package backends

import "context"

// ReadOnly is embedded by backends that cannot write: every method of Writer answers ErrRefused.
type ReadOnly struct{}

var _ Writer = ReadOnly{}

func errReadOnly() error {
	return &Error{Kind: ErrRefused, Detail: "This directory is connected for reading only."}
}

// Protected answers true: nothing can be written.
func (ReadOnly) Protected(context.Context, Key) (bool, error) { return true, nil }

// Create answers ErrRefused.
func (ReadOnly) Create(context.Context, Template, Attributes, []string) (Record, error) {
	return Record{}, errReadOnly()
}

// Modify answers ErrRefused.
func (ReadOnly) Modify(context.Context, Key, []Change, Condition, []string) (Record, error) {
	return Record{}, errReadOnly()
}

// Restore answers ErrRefused.
func (ReadOnly) Restore(context.Context, Record, []string) (Record, []string, error) {
	return Record{}, nil, errReadOnly()
}

// Move answers ErrRefused.
func (ReadOnly) Move(context.Context, Key, Template, Condition) error { return errReadOnly() }

// Delete answers ErrRefused.
func (ReadOnly) Delete(context.Context, Key, Condition, ...*Release) error { return errReadOnly() }
