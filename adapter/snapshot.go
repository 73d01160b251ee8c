package adapter

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"encoding/hex"
	"slices"
	"sort"
	"sync"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// keyList is the keys that a search matched, in order. Keys that are UUIDs, as most directories' are, take 16 bytes each.
type keyList struct {
	uuids [][16]byte
	texts []backends.Key // all keys, once one of them is no UUID
	by    []scim.SortKey // where the first of them stand, in the list of a sorted part; see scim.Part
}

func (l *keyList) add(key backends.Key) {
	if id, ok := packUUID(key); ok && l.texts == nil {
		l.uuids = append(l.uuids, id)
		return
	}
	if l.texts == nil {
		l.texts = make([]backends.Key, 0, len(l.uuids)+1)
		for _, id := range l.uuids {
			l.texts = append(l.texts, unpackUUID(id))
		}
		l.uuids = nil
	}
	l.texts = append(l.texts, key)
}

func (l *keyList) len() int { return len(l.uuids) + len(l.texts) }

// size is how many bytes the list holds.
func (l *keyList) size() int {
	size := 16 * len(l.uuids)
	for _, key := range l.texts {
		size += 16 + len(key)
	}
	for _, by := range l.by {
		size += 16 + len(by)
	}
	return size
}

// sort puts the keys into their own order, which is the same whenever and wherever a search is made. A key that was walked past twice,
// because its record moved meanwhile, stays once.
func (l *keyList) sort() {
	l.sortFrom(0)
	l.uuids = slices.Compact(l.uuids)
	l.texts = slices.Compact(l.texts)
}

// slice gives n keys from position at on, fewer at the end.
func (l *keyList) slice(at, n int) []backends.Key {
	if at >= l.len() {
		return nil
	}
	end := min(l.len(), at+n)
	if l.texts != nil {
		return slices.Clone(l.texts[at:end])
	}
	keys := make([]backends.Key, 0, end-at)
	for _, id := range l.uuids[at:end] {
		keys = append(keys, unpackUUID(id))
	}
	return keys
}

// at is the key at a position.
func (l *keyList) at(i int) backends.Key {
	if l.texts != nil {
		return l.texts[i]
	}
	return unpackUUID(l.uuids[i])
}

// before is how many keys of a list in its own order come before a key; with the key itself when it is to be included.
func (l *keyList) before(key backends.Key, include bool) int {
	return sort.Search(l.len(), func(i int) bool {
		c := cmp.Compare(l.at(i), key)
		return c > 0 || c == 0 && !include
	})
}

// index is where a key is in a list in any order, -1 when it is not.
func (l *keyList) index(key backends.Key) int {
	if l.texts != nil {
		return slices.Index(l.texts, key)
	}
	id, ok := packUUID(key)
	if !ok {
		return -1
	}
	return slices.Index(l.uuids, id)
}

// sortFrom puts the keys from position i on into their own order, and leaves those before where they are.
func (l *keyList) sortFrom(i int) {
	if l.texts != nil {
		slices.Sort(l.texts[i:])
		return
	}
	slices.SortFunc(l.uuids[i:], func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) })
}

// remove takes the keys at these positions, which are in order, out of the list.
func (l *keyList) remove(positions []int) {
	if len(positions) == 0 {
		return
	}
	l.uuids, l.texts = without(l.uuids, positions), without(l.texts, positions)
	known, _ := slices.BinarySearch(positions, len(l.by))
	l.by = without(l.by, positions[:known])
}

func without[T any](list []T, positions []int) []T {
	if list == nil || len(positions) == 0 {
		return list
	}
	first := positions[0]
	kept := list[:first]
	for i, v := range list[first:] {
		if _, gone := slices.BinarySearch(positions, first+i); !gone {
			kept = append(kept, v)
		}
	}
	return kept
}

// packUUID takes only the canonical form, lower case with hyphens, so that unpackUUID gives the very key back.
func packUUID(key backends.Key) (id [16]byte, ok bool) {
	if len(key) != 36 || key[8] != '-' || key[13] != '-' || key[18] != '-' || key[23] != '-' {
		return id, false
	}
	text := string(key)
	if _, err := hex.Decode(id[:], []byte(text[:8]+text[9:13]+text[14:18]+text[19:23]+text[24:])); err != nil {
		return id, false
	}
	return id, unpackUUID(id) == key
}

func unpackUUID(id [16]byte) backends.Key {
	text := hex.EncodeToString(id[:])
	return backends.Key(text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:])
}

// lease is whose snapshot it is, and of what.
//
// walk is zero for pages by index. A walk by cursor has snapshots of its own, taken while it lasts: an older one, perhaps another replica's, would
// lack resources that were there throughout the walk.
type lease struct {
	tenant, client, subject, typ, filter, sort string
	part                                       string // scim.Part's Of; "" for a search that stands for itself
	walk                                       walkID
}

// holder is the client whose lease it is.
func (l lease) holder() [2]string { return [2]string{l.tenant, l.client} }

func (l lease) byCursor() bool { return l.walk != walkID{} }

// leaseOverhead is about what a snapshot takes besides its keys and its lease: one without keys is not free.
const leaseOverhead = 512

// size is how many bytes a snapshot takes that has no keys.
func (l lease) size() int {
	return leaseOverhead + len(l.tenant) + len(l.client) + len(l.subject) + len(l.typ) + len(l.filter) + len(l.sort) + len(l.part)
}

// snapshot is the list of keys that a search matched, from which pages are cut. One page is cut at a time.
type snapshot struct {
	lease lease
	gate  chan struct{} // holds an element while a page is being cut
	keys  keyList
	head  bool   // keys are those of the first page only, and the list is yet to be made
	trail *trail // in place of keys, where the directory seeks. It belongs to whoever has the lock of snapshots
	size  int
	until time.Time
}

// snapshots keeps snapshots while they are used and there is room. When room is short they go in this order: those of walks by cursor, which go on
// without; then those of the client that takes more, if it alone has more than half of the room; then any others; and of each kind the one that was
// used longest ago first. So no client can end the leases of others by beginning walks, of whatever kind.
type snapshots struct {
	mu    sync.Mutex
	limit int
	ttl   time.Duration
	now   func() time.Time
	held  map[lease]*list.Element
	order *list.List // *snapshot, the last used in front
	bytes int

	cursors int               // how many are of walks by cursor
	taken   map[[2]string]int // bytes by tenant and client
}

func newSnapshots(limit int, ttl time.Duration, now func() time.Time) *snapshots {
	return &snapshots{limit: limit, ttl: ttl, now: now, held: map[lease]*list.Element{}, order: list.New(), taken: map[[2]string]int{}}
}

// get finds a list that is still leased, and renews the lease.
func (s *snapshots) get(l lease) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap := s.renew(l); snap != nil && snap.trail == nil {
		return snap
	}
	return nil
}

// renew is get for who has the lock.
func (s *snapshots) renew(l lease) *snapshot {
	s.expire()
	element, ok := s.held[l]
	if !ok {
		return nil
	}
	s.order.MoveToFront(element)
	snap := snapshotIn(element)
	snap.until = s.now().Add(s.ttl)
	return snap
}

// hold waits until no other page is being cut from the snapshot. Whoever holds it gives it back with release.
func (s *snapshot) hold(ctx context.Context) error {
	select {
	case s.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *snapshot) release() { <-s.gate }

// newSnapshot makes a snapshot that its maker holds and nobody else knows.
func newSnapshot(l lease, keys keyList) *snapshot {
	snap := &snapshot{lease: l, gate: make(chan struct{}, 1), keys: keys, size: l.size() + keys.size()}
	snap.gate <- struct{}{}
	return snap
}

// put makes a snapshot, which its maker holds, and keeps it, unless it alone is more than may be kept: it is then good for one page.
func (s *snapshots) put(l lease, keys keyList) *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	s.forget(s.held[l])
	snap := newSnapshot(l, keys)
	snap.until = s.now().Add(s.ttl)
	s.keep(snap)
	return snap
}

// keep takes a snapshot in, if there can be room for it.
func (s *snapshots) keep(snap *snapshot) {
	if snap.size > s.limit {
		return
	}
	s.held[snap.lease] = s.order.PushFront(snap)
	s.account(snap, 1)
	s.makeRoom(snap.lease)
}

// makeRoom lets others go for what was kept last.
func (s *snapshots) makeRoom(l lease) {
	for s.bytes > s.limit {
		s.forget(s.victim(l.holder()))
	}
}

// victim is the snapshot that makes room for one of this client's.
func (s *snapshots) victim(client [2]string) *list.Element {
	greedy := s.taken[client] > s.limit/2
	for element := s.order.Back(); element != nil; element = element.Prev() {
		l := snapshotIn(element).lease
		if s.cursors > 0 && l.byCursor() || s.cursors == 0 && (!greedy || l.holder() == client) {
			return element
		}
	}
	return s.order.Back()
}

// account counts a snapshot that comes (1) or goes (-1).
func (s *snapshots) account(snap *snapshot, times int) {
	s.bytes += times * snap.size
	if snap.lease.byCursor() {
		s.cursors += times
	}
	client := snap.lease.holder()
	if s.taken[client] += times * snap.size; s.taken[client] == 0 {
		delete(s.taken, client)
	}
}

// drop ends a lease: the client starts anew.
func (s *snapshots) drop(l lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(s.held[l])
}

// expire forgets what nobody has asked for. Whoever was used last is in front, so the expired ones are at the back.
func (s *snapshots) expire() {
	for now := s.now(); s.order.Len() > 0 && !now.Before(snapshotIn(s.order.Back()).until); {
		s.forget(s.order.Back())
	}
}

func (s *snapshots) forget(element *list.Element) {
	if element == nil {
		return
	}
	snap := snapshotIn(element)
	s.order.Remove(element)
	delete(s.held, snap.lease)
	s.account(snap, -1)
}

func snapshotIn(element *list.Element) *snapshot {
	snap, _ := element.Value.(*snapshot) // nothing else is put in
	return snap
}
