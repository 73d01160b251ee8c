package scimapi

import (
	"context"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Service is what the API needs done, in SCIM's own types; adapter.Service does it. Errors are *scim.Error; anything else is 500 with a fixed sentence.
type Service interface {
	ResourceTypes() []*scim.ResourceType // what is mapped; fixed while the service lives
	List(ctx context.Context, req scim.Request, q scim.ListQuery) (*scim.List, error)
	Get(ctx context.Context, req scim.Request, id string) (*scim.Result, error)
	Create(ctx context.Context, req scim.Request, res *scim.Object) (*scim.Result, error)
	Replace(ctx context.Context, req scim.Request, id string, res *scim.Object) (*scim.Result, error)
	Patch(ctx context.Context, req scim.Request, id string, p scim.Patch) (*scim.Result, error)
	Delete(ctx context.Context, req scim.Request, id string) error
	Ready(ctx context.Context) []scim.Health // one line for each backend and the journal
}

var _ filter.Expr
