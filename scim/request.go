package scim

import (
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// Request is what every operation is asked with.
type Request struct {
	Caller     Caller
	Type       *ResourceType
	Projection Projection
	Base       string   // public URL of the SCIM root without a trailing slash, for meta.location and $ref: https://host/scim/v2
	Dropped    []string // names of the body that are not mapped, for log and journal

	// Preview: the write is only planned, and what it would come to is put here; nil: it is done.
	Preview *Preview

	// Conditions of a read or a write of one resource (RFC 9110 §13.1); nil when not sent.
	IfMatch     []string // the entity tags of which the resource must have one; "*" is any
	IfNoneMatch []string // those of which it must have none
}

// MatchesVersion says whether one of the entity tags is a resource's version. They compare weakly (RFC 9110 §8.8.3.2): SCIM's versions are weak.
func MatchesVersion(tags []string, version string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool {
		return tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(version, "W/")
	})
}

// ListQuery is a search (RFC 7644 §3.4.2).
type ListQuery struct {
	Filter     filter.Expr // nil: all
	Sort       *Sort       // nil: in the order of the directory's keys
	StartIndex int         // 1-based; already clamped to >= 1
	Count      int         // -1: not asked; 0: totalResults only
	Cursor     *string     // RFC 9865; nil: pages by index; "": the first page by cursor
	Part       *Part       // of a search over several types; nil: the search stands for itself
}

// Part is what one type's search is told when it is a part of a search over several types (RFC 7644 §3.4.2.1). Its list is kept even if it fits on one
// page, because where the next type begins is counted from it. By cursor, a Count of 0 searches nothing: the cursor is looked at, and NextCursor is one
// for the same place.
type Part struct {
	Of     string // the whole search: lists that are kept and cursors are good for it alone
	Anew   bool   // by index, begin with a new list; otherwise the one that is kept goes on, at StartIndex 1 too
	Places int    // by index, no page but List.Places, for as many of the first resources, MaxPlaces at most; 0: a page
}

// MaxPlaces is how far into an order List.Places reaches.
const MaxPlaces = 10_000

// Sort is the order of a search (RFC 7644 §3.4.2.3).
type Sort struct {
	By         Ref // a leaf, or a complex attribute, which stands for its `value`
	Descending bool
}

// List is one page.
type List struct {
	TotalResults   int       // -1: not known, as a page by cursor may be
	StartIndex     int       // 0 on a page by cursor
	Resources      []*Object // projected
	NextCursor     string    // "" on the last page, and on pages by index
	PreviousCursor string    // "" on the first page, and on pages by index
	Places         []SortKey // where the first resources stand in the order, if Part.Places asks for it
}

// Result is one resource.
type Result struct {
	Resource *Object // projected, with meta
	ID       string
	Version  string // entity tag, W/"…"; "" when the directory has no versions
	Location string
	Dropped  []string // what a write held and nothing is mapped for, for the log
}

// Health is the state of one thing behind the adapter.
type Health struct {
	Name    string // "corp", "journal"
	Kind    string // "ldap", "journal"
	OK      bool
	Partly  bool // not OK, but some of its resource types can be served
	Spooled bool // OK, but it is away, and what it is told is kept until it is back
	Latency time.Duration
	Error   string // class of the last error: unavailable, refused, …; never an address or a secret
}
