// Package backendtest is what every backend must pass, whatever stands behind it.
//
// A kind of backend describes, in a Harness, how to open a class without records and which attributes a record there may have; Run does the
// rest: it creates, reads, searches, changes, renames and deletes records and holds what happens against the contract of package backends.
// Its heart is differential: thousands of generated predicates, whose answers must be what backends.Match says over all records.
//
// Each check is a function that returns an error, so that the suite can be tested itself: Memory is a small directory that is right, and this
// package's own tests plant faults in it one by one and demand that a check notices each.
package backendtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

// Harness says how to get at a place where a kind of backend can be tested.
type Harness struct {
	// Open gives a class that holds no records and that nobody else uses. It is called once for each check; t.Cleanup takes the place down.
	Open func(t testing.TB) Place
	// Attrs are the attributes that records there may have.
	Attrs Attrs
	// Name is the name of a record called id, as Create and Move take it: uid={id},ou=people,…; nil where records have no names.
	Name func(id string) backends.Template

	Many       int    // records that the streaming checks make; 0: 2,000
	Predicates int    // generated predicates of the differential check; 0: 2,000
	Seed       uint64 // of what is generated; 0: $BACKENDTEST_SEED, or a fixed one
}

// Attrs names attributes by what they are for. Those that are "" are not tested. They must be different ones.
type Attrs struct {
	Base     backends.Attributes // what every record is made with beside the others: objectClass
	Name     string              // what the name is made of (uid), or where records have none a column in which no value comes twice: required, one value used
	Must     string              // a second required string (sn)
	Text     string              // an optional string compared without case (title)
	Exact    string              // an optional string compared with case (gecos)
	Multi    string              // an optional string of many values, compared without case (description)
	Int      string              // an optional integer (shadowMax)
	Time     string              // an optional instant, written as generalizedTime where values have no kinds
	Bool     string              // an optional boolean, written as TRUE and FALSE where values have no kinds
	Ref      string              // an optional reference to records by the backend's own names, many values (seeAlso)
	Binary   string              // optional bytes (jpegPhoto)
	Password string              // what SetPassword changes (userPassword)
	Members  string              // an optional set of thousands of plain values that is kept apart from the record; Place.Members says which
	Rows     Rows                // an optional set of Rows
	Doc      Doc                 // places in a document
}

// Rows names a set of Rows and three of their parts. Those parts that are "" are not tested.
type Rows struct {
	Attr string
	Text string // the part by which rows are told apart (address): required, a text
	Kind string // an optional text (kind)
	Bool string // an optional boolean (main)
}

// Doc names places in a document, as backends.Path writes them, two members deep or more where the kind allows. Those that are "" are not tested.
type Doc struct {
	Text    string // a text (data.name.first)
	Bool    string // a boolean
	Int     string // an integer
	Texts   string // an array of texts
	Objects string // an array of objects
}

// Place is a class of records under test.
type Place struct {
	Backend backends.Backend
	// Second is another handle on the same class, with its own connections, as another process has; nil: Backend again.
	Second backends.Backend
	// Outside makes a record in the same directory that the class does not hold (another base, or its filter does not fit), and says its key and name.
	Outside func(ctx context.Context, id string) (backends.Key, string, error)
	// Beyond is a place outside the class that records may be moved to, and the name that one called id has there. nil: not tested.
	Beyond func(id string) (place string, name backends.Template)
	// Protected makes a record of the class that may be read and never written. nil: not tested.
	Protected func(ctx context.Context, id string) (backends.Key, error)
	// Break takes the directory away, mend brings it back. nil: not tested.
	Break func() (mend func())
	// Members makes n values that Attrs.Members can hold (keys of other records …). nil: any text will do.
	Members func(ctx context.Context, n int) ([]string, error)
	// Plant puts JSON at a place of a record's document, past the backend; Dig reads what is there, "" for nothing. nil: not tested.
	Plant func(ctx context.Context, key backends.Key, place, json string) error
	Dig   func(ctx context.Context, key backends.Key, place string) (json string, err error)
	// ReadOnly is a handle on the same class with which nothing can be written. nil: not tested.
	ReadOnly backends.Backend
}

// patience bounds one check: a backend that hangs fails.
const patience = 2 * time.Minute

// Run runs every check as a subtest.
func Run(t *testing.T, h Harness) {
	t.Helper()
	for _, c := range checks() {
		t.Run(c.claim, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			s := newSuite(ctx, h, h.Open(t))
			// Some know what an attribute is only when they have met the directory.
			if _, _, err := s.b.Count(ctx, nil, 1); err != nil {
				t.Fatal(err)
			}
			err := c.run(s)
			var skip notTested
			switch {
			case errors.As(err, &skip):
				t.Skip(skip.Error())
			case err != nil:
				t.Fatal(err)
			}
		})
	}
}

// check is one claim about a backend.
type check struct {
	claim string
	run   func(*suite) error
}

// notTested says that a place has not what a check needs.
type notTested string

func (n notTested) Error() string { return "not tested: " + string(n) }

// checks lists all claims, the plain ones first.
func checks() []check {
	var all []check
	for _, group := range [][]check{
		readChecks(), valueChecks(), writeChecks(), beyondChecks(), conditionChecks(), scopeChecks(), resolverChecks(), holderChecks(), errorChecks(), raceChecks(), streamChecks(),
		differentialChecks(), sortChecks(), rowChecks(), memberChecks(), documentChecks(), seekChecks(),
		kindChecks(), releaseChecks(), restoreChecks(),
	} {
		all = append(all, group...)
	}
	return all
}
