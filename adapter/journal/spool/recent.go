package spool

import (
	"sync"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// remembered is how many intents are known to have been begun here: far more than there are at a time.
const remembered = 8192

// recent are the intents that this process has begun. The oldest is forgotten for the newest.
type recent struct {
	mu    sync.Mutex
	there map[journal.ID]bool
	order []journal.ID // a ring
	next  int
}

func newRecent() *recent { return &recent{there: map[journal.ID]bool{}} }

func (r *recent) has(id journal.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.there[id]
}

func (r *recent) add(id journal.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.there[id] {
		return
	}
	if len(r.order) < remembered {
		r.order = append(r.order, id)
	} else {
		delete(r.there, r.order[r.next])
		r.order[r.next] = id
		r.next = (r.next + 1) % remembered
	}
	r.there[id] = true
}
