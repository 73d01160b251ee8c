// Package backends is what the adapter asks of a directory, whatever kind it is: records with a key and named multi-valued attributes,
// conditions on them in no directory's syntax, changes, and a closed set of errors. It has not heard of SCIM.
//
// A Directory is one server with its pool. Open makes a Backend of it: one class of records, confined to a base and a filter. The adapter
// reads with Fetch, Walk and Count, says what it wants with a Predicate, and asks Fidelity how truly the directory itself would answer
// before it sends one. Match is the referee: what a Predicate means is what Match says, and package backendtest holds every backend to it.
// Writes go to keys, each is one operation of the directory, and a Condition makes it happen only if nothing has changed meanwhile.
//
// The kinds of directory live in the folders below; they are put together by name in cmd.
package backends

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/scim-adapter/scim-adapter/configs"
)

// Open says what a class of records is opened with, beside the kind's own keys in `at`.
type Open struct {
	At      configs.Node   // base, filter, key, version …: the keys belong to the kind
	Tenant  string         // "default"
	Protect []configs.Node // native filters of records that may be read but never written
	Sets    []Set          // attributes of the records that lie elsewhere than in the record itself
	Use     *Use           // what is done with the records, which Review holds against what may be done; nil: nobody said
}

// Use is what is done with the records of a class.
type Use struct {
	Reads, Writes []string // attributes, and sets by their names
	Required      []string // of those that are written, what no new record is without
	Presets       []string // attributes that every new record gets beside them
	Deletes       bool     // records are deleted, and not only disabled
}

// Set declares an attribute whose values are kept apart from the record: in the rows of a table below it. It is read, tested and changed as any
// other attribute is.
type Set struct {
	Name string       // of the attribute
	At   configs.Node // rows, on, where …: these keys belong to the kind
	// Columns are what of each row counts. One: the attribute's values are that column's. Several: the values are Rows of them, or, with Either,
	// each row has a value in one of the columns only, and the attribute's values are those.
	Columns []string
	Either  bool
	// Valued: the first of several Columns is what a row is about, and one with another value there is another row, never the same one changed.
	Valued bool
}

// Directory is one server or database with its pool, its schema and its health. A directory that cannot be reached yet is no error: it is retried, and every operation meanwhile is ErrUnavailable.
type Directory interface {
	Open(o Open) (Backend, error) // one class of records; no I/O; the error is a configs.Faults
	Ping(ctx context.Context) error
	// Review asks the directory whether it is what the classes that were opened take it for, and what the account may do that it should not: faults,
	// with which it is not to be used, and warnings.
	Review(ctx context.Context) (configs.Faults, []string, error)
	Stats() Stats
	Close() error
}

// Stats are a pool's figures.
type Stats struct{ Active, Max int }

// Backend is one class of records. Every method may be called from many goroutines and returns soon after ctx is done. Every method is confined to the class: its base, filter and protected records.
type Backend interface {
	Reader
	Writer
	Resolver
	Capabilities() Capabilities
}

// Capabilities is fixed at Open; the conformance suite holds the backend to it.
type Capabilities struct {
	Kind        string // "ldap"
	ReadOnly    bool   // nothing can be written
	Rename      bool   // Move works: records have names that can change. Without, Create takes no Template, and a record's name is the text of its key
	Conditional bool   // Condition is enforced by the directory itself, not by read and compare
	Secrets     bool   // SetPassword works
	Versioned   bool   // records have versions: each of them, save one that the directory itself has written none for. Otherwise none has
	Seeks       bool   // Walk without Sort goes by key, and Query.After, Reverse and Skip work, at a cost that does not grow with what is left out by After
	Typed       bool   // values are of the kind that the attribute is: a Bool is no text
	// Transactional: one operation can set a password along with everything else that it writes, and change other records of the same Directory along
	// with a Delete (Release).
	Transactional bool
	Key           []string // the attributes that make a record's key, which a new record may say and which never change; none where the key is the directory's own
	Document      string   // the attribute that has a place for whatever has none of its own, under a Path; "" for none
	MostKeys      int      // a KeyIn of so many costs no more than to send them; 0: each of them is a term of a filter, and a filter has a longest
}

// Reader reads records.
type Reader interface {
	// Fetch reads the records with these keys, those in scope, in no particular order, in few operations however many keys. A key that cannot be one is skipped without I/O.
	// With "*" and "+" a record is whole: it has everything that is needed to make it again (Restore), also what no mapping names. Where the values of an
	// attribute do not tell all that lies behind them (rows with more columns than the set's), Path(attr, "*") has it. What is secret comes as Secret, or not
	// at all.
	Fetch(ctx context.Context, keys []Key, attrs []string) ([]Record, error)
	// Walk yields every record of the class that q.Where holds for; it never holds them all. After an error it stops.
	Walk(ctx context.Context, q Query) iter.Seq2[Record, error]
	// Count counts; limit > 0 stops there with exact=false.
	Count(ctx context.Context, p Predicate, limit int) (n int, exact bool, err error)
	// Has says for each value whether attr of the record holds it, without reading the attribute.
	Has(ctx context.Context, key Key, attr string, values []Value) ([]bool, error)
	// Protected says whether every write of a record would be refused (ErrRefused) because the class protects it. ErrNotFound when there is no such record.
	Protected(ctx context.Context, key Key) (bool, error)
	// Fidelity says how truly the directory itself answers t (a leaf predicate: Eq, Prefix, Suffix, Contains, Order, Present, AllBits, KeyIn). No I/O.
	Fidelity(t Predicate) Fidelity
	// Sorts says whether the directory itself can walk in this order. No I/O. The answer is of the moment: no while the directory was never reached,
	// and for a while after it refused the order or got it wrong. A walk with an order is in that order or ends with an error, and nothing is sorted on
	// the way: ErrUnavailable where the directory is too busy to sort, refuses, or turns out to order otherwise, which may show after many records;
	// ErrInvalid for an order that it never could walk in. Sorting costs a directory much, so whoever can sort for himself should.
	// The zero Sort asks whether a walk without one goes by the texts of the keys, as code points: where the directory Seeks, and numbers are not its keys.
	Sorts(by Sort) bool
	// SeeksIn says whether a walk in this order, too, begins at Query.After at a cost that does not grow with what is left out by that, as with an index that
	// is in it. No I/O. Only where the directory Seeks and Sorts.
	SeeksIn(by Sort) bool
	// Syntax says what the directory's schema knows of attr. No I/O.
	Syntax(attr string) Syntax
	// Native renders a predicate in the directory's own language (an LDAP filter with the scope, SQL), for explain and logs.
	Native(p Predicate) string
	// Script renders a write in the directory's own language, a line each (LDIF, SQL), for plans; secrets are blanks. It says what comes of it, not which
	// requests it takes. No I/O.
	Script(w Write) []string
	// Plan asks the directory how it would answer q: a line for each step, for explain. None where the directory does not tell.
	Plan(ctx context.Context, q Query) ([]string, error)
	// Could says that attr can have the value, whoever writes it, as far as the schema knows. No I/O.
	Could(attr string, v Value) bool
	// Foresee says why the directory would refuse a write (create or modify), in its own words, where what it has published of itself leaves no doubt; nil
	// otherwise, which is no promise.
	Foresee(ctx context.Context, w Write) error
}

// Query is what Walk walks.
type Query struct {
	Where Predicate // nil: True
	Attrs []string  // attributes to read; none: key (and name) only. "*" user attributes, "+" operational ones
	Limit int       // stop after so many; 0: no limit
	Sort  *Sort     // nil: in no particular order, or in that of the keys where the directory Seeks. Only one that Sorts says yes to

	// Where the directory Seeks. The order of keys is the directory's own, and always the same. Of records that are equal in Sort it says which comes first,
	// the other way round when Descending.
	After   Key     // begin behind this key, whether or not it is still there; "": at the first
	At      SortKey // with Sort and After: where that record stood when it was seen, wherever it stands now
	Reverse bool    // without Sort: from the last key to the first; After is then the key to stay before
	Skip    int     // without Sort: leave out so many first; this may take time in proportion
}

// Sort is an order of records: by the lowest value that each has of an attribute, compared by Rule. Records without the attribute come last, or
// first when Descending: it is the whole order that is turned around. Records that are equal in it come in no
// particular order, or in that of their keys where the directory Seeks.
type Sort struct {
	Attr       string
	Rule       Rule
	Descending bool
}

// Syntax is what a directory's schema says of an attribute.
type Syntax struct {
	Known    bool
	Equality Rule // how eq compares; NoRule when the type has none
	Order    Rule // NoRule when it cannot order
	Substr   Rule // NoRule when it cannot test substrings
	Single   bool // holds one value at most
	ReadOnly bool // NO-USER-MODIFICATION, a generated column
	Ref      bool // values are names of records (DN syntax)
	MaxLen   int  // longest value; 0: not said
	Octets   bool // octets of which the schema says nothing more: octetString
	Stamp    bool // every write sets it, or the directory works it out: a version, the time of the last change
	Always   bool // who is given no value gets one all the same, or cannot be: a column with a default, or NOT NULL
}

// Writer writes. Each method is one operation of the directory and happens whole or not at all, and only if cond holds (ErrChanged) and the record is in scope (ErrNotFound) and not protected (ErrRefused).
type Writer interface {
	// Create makes a record and reads it back with want. ErrExists when the name or a unique value is taken.
	Create(ctx context.Context, name Template, attrs Attributes, want []string) (Record, error)
	// Modify changes one record and reads it back with want (nil: key, name and version only).
	Modify(ctx context.Context, key Key, changes []Change, cond Condition, want []string) (Record, error)
	// Restore makes a record anew that was deleted, as rec says, which Fetch gave of it with "*" and "+": under the same name, with all attributes, whether
	// or not a mapping names them. It has the same key, too, where the directory lets it (made.Key tells), and a version of its own. It reads the record back
	// with want. lost names, in order, those attributes of rec that do not have the same values now: what the directory keeps itself, and secrets that rec
	// only says were there. What others had that pointed at the record, or was deleted along with it, is theirs, and not part of rec.
	// A record that was only marked as deleted, and is still there, loses the mark and nothing else: lost then says what has changed meanwhile.
	// ErrExists when the name, the key or a unique value is taken; ErrInvalid when there is no place for the name any more.
	Restore(ctx context.Context, rec Record, want []string) (made Record, lost []string, err error)
	// Move renames the record; name has the same shape as Create's. A name outside the class is ErrRefused, unless it is below cond.Beyond. ErrInvalid when there
	// is no place for the name.
	Move(ctx context.Context, key Key, name Template, cond Condition) error
	// Delete deletes the record, and before that makes what points at it let go, in the same operation: all of it happens, or nothing. ErrHeld where others
	// still point at it. ErrInvalid for a release where the directory is not Transactional.
	Delete(ctx context.Context, key Key, cond Condition, release ...*Release) error
}

// Release is what another record of the same Directory is to change along with a Delete. It is held to the rules of its own class: one that is protected there
// refuses the whole, and one that is gone, or not in the class's scope, has nothing to let go. Its version moves if anything of it changes.
type Release struct {
	From    Backend
	Key     Key
	Changes []Change
	// Effective is what Delete says it has changed, when it has happened or may have (ErrUnknown): values to remove that were not there, and to add
	// that were, are left out. Nothing then fails with ErrNoEffect.
	Effective []Change
}

// Resolver turns names into keys and back, many at once; names and keys that resolve to nothing in scope are left out of the answer.
// by is the attribute that names point with (uid for memberUid); "" is the backend's own (DN).
type Resolver interface {
	// Find gives the record that each name belongs to, by the names as they were spelled, with the attributes that are asked for (as Query.Attrs).
	Find(ctx context.Context, by string, names, attrs []string) (map[string]Record, error)
	Names(ctx context.Context, by string, keys []Key) (map[Key]string, error)
	// Holders gives for each of the names the records whose attribute attr holds it, as the attribute itself compares, with the attributes that are asked
	// for; names that nobody holds are left out. It is Find from the other side: few operations however many names, and attr itself is not read.
	Holders(ctx context.Context, attr string, names, attrs []string) (map[string][]Record, error)
	// Join gives a word for the records of another class whose attribute attr holds a record's own name. Among the attributes that Fetch and Walk are asked
	// for it brings them along, with attrs of each, in the same operation: Record.Held has under the word what other's Holders would give. "": this directory
	// does not join the two, or not yet. A record may come without, too, where what the directory holds has changed meanwhile. No I/O.
	Join(other Backend, attr string, attrs []string) string
}

// Condition is what must hold for a write to happen. The zero value asks nothing beyond scope.
type Condition struct {
	Version string    // the record's version as it was read; "" not asked
	Assert  Predicate // nil: nothing more
	// Beyond is of Move alone: the name of the one place outside the class that a record may be moved to below, or be moved back from into the class, where its
	// key still has to be its own and the class's filter to hold. It comes from the configuration, never from a request. "": a record stays in its class.
	Beyond string
}

// ChangeOp is a kind of change.
type ChangeOp uint8

// The kinds of change. Add fails when a value is there already, Remove when one is not: the error is ErrNoEffect and nothing has changed, so
// that success proves each value changed. Has then says which values to leave out. Remove without values takes the attribute away.
const (
	Add ChangeOp = iota + 1
	Remove
	Replace     // no values: the attribute goes away
	SetPassword // Attr is the password attribute, Values one Secret
)

var changeNames = map[ChangeOp]string{Add: "add", Remove: "remove", Replace: "replace", SetPassword: "setPassword"}

// String names the kind of change.
func (o ChangeOp) String() string {
	if name, ok := changeNames[o]; ok {
		return name
	}
	return "unknownChange"
}

// MarshalText is how the journal keeps it.
func (o ChangeOp) MarshalText() ([]byte, error) {
	if _, ok := changeNames[o]; !ok {
		return nil, fmt.Errorf("no kind of change: %d", uint8(o))
	}
	return []byte(o.String()), nil
}

// UnmarshalText reads what MarshalText wrote.
func (o *ChangeOp) UnmarshalText(text []byte) error {
	for op, name := range changeNames {
		if name == string(text) {
			*o = op
			return nil
		}
	}
	return fmt.Errorf("no kind of change: %q", text)
}

// Change is one change of one attribute.
type Change struct {
	Op     ChangeOp `json:"op"`
	Attr   string   `json:"attr"`
	Values Values   `json:"values,omitempty"`
}

// MarshalJSON is how the journal keeps it. What SetPassword sets is a secret even if somebody forgot to say so.
func (c Change) MarshalJSON() ([]byte, error) {
	type plain Change // without this method
	if c.Op == SetPassword {
		blank := make(Values, len(c.Values))
		for i := range blank {
			blank[i] = Secret("")
		}
		c.Values = blank
	}
	return json.Marshal(plain(c))
}

// Clone shares nothing with c.
func (c Change) Clone() Change {
	c.Values = c.Values.Clone()
	return c
}

// Template is a record's name to be built: literals and slots. The backend quotes the slots' values for where they stand (RDN, URL).
type Template []Part

// Part is a literal (Slot false, Text as configured) or a slot filled with Value.
type Part struct {
	Text  string
	Slot  bool
	Value Value
}

// Fidelity is how truly a directory answers a test, against Match over all records.
type Fidelity uint8

// The degrees of fidelity.
const (
	No       Fidelity = iota // cannot be sent
	Subset                   // finds some of them, never a wrong one
	Superset                 // finds them all, and perhaps others
	Exact                    // true or false on every record, never undefined
)

// String names the degree for explain.
func (f Fidelity) String() string {
	switch f {
	case Subset:
		return "subset"
	case Superset:
		return "superset"
	case Exact:
		return "exact"
	case No:
		return "no"
	}
	return "unknown"
}
