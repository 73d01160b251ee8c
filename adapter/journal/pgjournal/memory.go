package pgjournal

import (
	"sync"

	"github.com/google/uuid"
)

// remembered is of how many intents is known what Finish needs.
const remembered = 8192

// intent is what Finish needs of an intent: its row without the sealed values, what stood in clear, and its key.
type intent struct {
	row   row
	clear details
	key   []byte
	// stored says that the key is in the database; begun, that the intent is; own, that this process has written both.
	stored, begun, own bool
}

// memory keeps intents between Begin and Finish, so that closing one reads nothing. The oldest is forgotten for the newest.
type memory struct {
	mu    sync.Mutex
	byID  map[uuid.UUID]intent
	order []uuid.UUID // a ring
	next  int
}

func newMemory() *memory { return &memory{byID: map[uuid.UUID]intent{}} }

func (m *memory) get(id uuid.UUID) (intent, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	in, found := m.byID[id]
	return in, found
}

func (m *memory) put(id uuid.UUID, in intent) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.byID[id]; !found {
		if len(m.order) < remembered {
			m.order = append(m.order, id)
		} else {
			delete(m.byID, m.order[m.next])
			m.order[m.next] = id
			m.next = (m.next + 1) % remembered
		}
	}
	m.byID[id] = in
}
