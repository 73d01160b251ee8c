package embedded

import (
	"sync"
	"time"
)

// Op is a kind of request.
type Op string

// The kinds of request.
const (
	AnyOp    Op = ""
	Bind     Op = "bind"
	Search   Op = "search"
	Compare  Op = "compare"
	AddOp    Op = "add"
	Modify   Op = "modify"
	ModifyDN Op = "modifyDN"
	Delete   Op = "delete"
	Extended Op = "extended"
)

// Request is what a fault sees of a request.
type Request struct {
	Op     Op
	DN     string // of the entry it is about: the base of a search, the name of a bind
	Filter string // of a search, as text
	Paged  bool   // the search asks for a page
	Cookie bool   // and it is not the first
	Sorted bool   // the search asks for an order
}

// Fault makes requests go wrong. What it says is done in this order: wait for Delay; then Silent, Drop or Code, of which the first that is
// set decides. With none of them the request is merely late. Nothing of the request is done, unless After is set: then it is done first, and
// the fault falls on its answer, which is how a write comes about whose outcome the client cannot know. With Unsorted a search says that its
// entries are in the order that was asked for, and they are not.
type Fault struct {
	Op       Op                 // AnyOp: every kind
	Match    func(Request) bool // nil: every request of that kind
	Delay    time.Duration
	Silent   bool     // no answer; the connection stays
	Drop     bool     // no answer; the connection ends
	Code     Code     // this result
	Message  string   // with this diagnostic message
	Referral []string // and these URLs
	After    bool
	Unsorted bool
	Times    int // how often it strikes; 0: until it is removed
}

// Inject adds a fault and says how to remove it. Faults are tried in the order in which they came; the first that fits a request strikes.
func (s *Server) Inject(f Fault) (remove func()) { return s.faults.add(f) }

type faults struct {
	mu   sync.Mutex
	list []*activeFault
}

type activeFault struct {
	Fault
	left int
}

func (fs *faults) add(f Fault) func() {
	a := &activeFault{Fault: f, left: f.Times}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.list = append(fs.list, a)
	return func() { fs.remove(a) }
}

func (fs *faults) remove(a *activeFault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, have := range fs.list {
		if have == a {
			fs.list = append(fs.list[:i:i], fs.list[i+1:]...)
			return
		}
	}
}

// take finds the fault that strikes a request, and counts it. request is called only if there are any faults.
func (fs *faults) take(request func() Request) (Fault, bool) {
	fs.mu.Lock()
	list := fs.list
	fs.mu.Unlock()
	if len(list) == 0 {
		return Fault{}, false
	}
	r := request()
	for _, a := range list {
		if (a.Op == AnyOp || a.Op == r.Op) && (a.Match == nil || a.Match(r)) && fs.strike(a) {
			return a.Fault, true
		}
	}
	return Fault{}, false
}

// strike uses one of the fault's times; false when there is none left.
func (fs *faults) strike(a *activeFault) bool {
	if a.Times == 0 {
		return true
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if a.left == 0 {
		return false
	}
	a.left--
	return true
}
