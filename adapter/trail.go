package adapter

import (
	"cmp"
	"slices"

	"github.com/scim-adapter/scim-adapter/backends"
)

// trail is what a lease keeps of pages by index where the directory seeks: how many there are in all, and behind which keys pages have ended.
type trail struct {
	total int
	last  backends.Key // of all, when that was looked for; "" before
	marks []mark       // by end
}

// mark is the end of a page: so many resources stand up to a key, and with it.
type mark struct {
	end int
	key backends.Key
}

func (m mark) byEnd(end int) int { return cmp.Compare(m.end, end) }

// mostMarks is how many ends of pages a lease keeps. When there are more, every other one goes, but never the last that came: who reads page by page
// goes on from that one.
const mostMarks = 1024

// markOverhead is about what a mark takes besides its key.
const markOverhead = 24

func (t *trail) add(m mark) {
	i, there := slices.BinarySearchFunc(t.marks, m.end, mark.byEnd)
	if there {
		t.marks[i] = m
	} else {
		t.marks = slices.Insert(t.marks, i, m)
	}
	if len(t.marks) <= mostMarks {
		return
	}
	i = -1
	t.marks = slices.DeleteFunc(t.marks, func(old mark) bool {
		i++
		return i%2 == 0 && old != m
	})
}

func (t *trail) size() int {
	size := 0
	for _, m := range t.marks {
		size += markOverhead + len(m.key)
	}
	return size
}

// footing is where a page is counted off from: the nearest end of a page before it, or the beginning.
type footing struct {
	mark
	total int
	last  backends.Key // see trail
	snap  *snapshot    // nil: there is no lease
}

func (w footing) leased() bool { return w.snap != nil }

// follow finds the nearest mark that at most so many resources stand before, and renews the lease.
func (s *snapshots) follow(l lease, before int) footing {
	s.mu.Lock()
	defer s.mu.Unlock()
	snap := s.renew(l)
	if snap == nil || snap.trail == nil {
		return footing{}
	}
	from := footing{total: snap.trail.total, last: snap.trail.last, snap: snap}
	i, there := slices.BinarySearchFunc(snap.trail.marks, before, mark.byEnd)
	if there {
		i++
	}
	if i > 0 {
		from.mark = snap.trail.marks[i-1]
	}
	return from
}

// leave notes the end of a page, and begins a trail where there was none. A lease that has ended or begun anew meanwhile is left alone: a page of the old
// one knows another total.
func (s *snapshots) leave(l lease, from footing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	element, there := s.held[l]
	snap := from.snap
	switch {
	case there && snapshotIn(element) != snap, !there && snap != nil:
		return
	case there:
		s.account(snap, -1)
	default:
		snap = &snapshot{lease: l, gate: make(chan struct{}, 1), trail: &trail{}, until: s.now().Add(s.ttl)}
	}
	snap.trail.total, snap.trail.last = from.total, from.last
	if from.key != "" {
		snap.trail.add(from.mark)
	}
	snap.size = l.size() + len(from.last) + snap.trail.size()
	if !there {
		s.keep(snap)
		return
	}
	s.account(snap, 1)
	s.makeRoom(l)
}

// putHead keeps the keys of a first page, whose list is made when another page is asked for.
func (s *snapshots) putHead(l lease, keys keyList) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	s.forget(s.held[l])
	snap := newSnapshot(l, keys)
	snap.head, snap.until = true, s.now().Add(s.ttl)
	s.keep(snap)
}

// joined is a list that begins with the page that was shown before it was made, if one was. Whoever is on that page is nowhere else, and whoever is not
// stands behind it, wherever those of one place were put and whoever came and went meanwhile.
func (s *snapshots) joined(l lease, keys keyList) keyList {
	all, shown := s.headOf(l), map[backends.Key]bool{}
	for i := range all.len() {
		shown[all.at(i)] = true
	}
	if len(shown) == 0 {
		return keys
	}
	for i := range keys.len() {
		if key := keys.at(i); !shown[key] {
			all.add(key)
		}
	}
	return all
}

// headOf gives what putHead has kept, the caller's own.
func (s *snapshots) headOf(l lease) (head keyList) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if snap := s.renew(l); snap != nil && snap.head {
		for i := range snap.keys.len() {
			head.add(snap.keys.at(i))
		}
	}
	return head
}
