package journal

import (
	"context"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Subjects is what a store keeps of a resource beside its events, for whoever has a right to know.
type Subjects interface {
	// KnownAs gives the further ids and keys that a resource has, or had.
	KnownAs(ctx context.Context, tenant, resourceType, id string) ([]string, error)
	// Kept gives what every client kept of these keys, in the order of clients, keys and attributes.
	Kept(ctx context.Context, tenant, resourceType string, keys []string) ([]Kept, error)
}

// Kept is one overlay attribute of a record.
type Kept struct {
	Client string `json:"client,omitempty"`
	Key    string `json:"key"`
	Attr   string `json:"attribute"`
	Value  string `json:"value"`
}

// Beside is what there is of a record beside the directory, as a snapshot has it.
type Beside struct {
	ID   backends.Key                   `json:"id,omitempty"`   // under which clients know it, where that is not its key
	Kept map[string]backends.Attributes `json:"kept,omitempty"` // what clients kept of it, by client
}
