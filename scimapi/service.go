package scimapi

import (
	"context"

	"github.com/scim-adapter/scim-adapter/scim"
)

// Service is what the API needs done, in SCIM's own types; adapter.Service does it. Errors are *scim.Error; anything
// else is answered 500 with a fixed sentence, and its text goes to the log.
type Service interface {
	// ResourceTypes are the types that are served, with only what is mapped. Fixed while the service lives.
	ResourceTypes() []*scim.ResourceType
	// List is a search among the resources of one type. A search over several types is put together from one for each, with ListQuery.Part.
	List(ctx context.Context, req scim.Request, q scim.ListQuery) (*scim.List, error)
	Get(ctx context.Context, req scim.Request, id string) (*scim.Result, error)
	Create(ctx context.Context, req scim.Request, res *scim.Object) (*scim.Result, error)
	Replace(ctx context.Context, req scim.Request, id string, res *scim.Object) (*scim.Result, error)
	Patch(ctx context.Context, req scim.Request, id string, p scim.Patch) (*scim.Result, error)
	Delete(ctx context.Context, req scim.Request, id string) error
	// Ready gives one line for each directory and one for the journal.
	Ready(ctx context.Context) []scim.Health
}
