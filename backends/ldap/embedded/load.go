package embedded

import (
	"fmt"
	"io"
	"strings"

	"github.com/google/uuid"
)

// Add puts entries into the directory as an import does: attributes that are the directory's own (entryUUID, createTimestamp) are taken as
// given, and membership is kept as Config says.
func (s *Server) Add(entries ...Entry) error { return s.load(entries) }

// LoadLDIF adds the entries of an LDIF file.
func (s *Server) LoadLDIF(r io.Reader) error {
	entries, err := ReadLDIF(r)
	if err != nil {
		return err
	}
	return s.load(entries)
}

// load adds entries in their order. Memberships are drawn when all are there, since a group may stand before its members.
func (s *Server) load(entries []Entry) error {
	w := &writer{store: s.store, actor: s.config.AdminDN, upkeep: s.upkeep()}
	w.mu.Lock()
	defer w.mu.Unlock()
	var added []*entry
	for _, given := range entries {
		e, err := w.loadOne(given)
		if err != nil {
			return fmt.Errorf("%s: %w", given.DN, err)
		}
		added = append(added, e)
	}
	if w.upkeep.memberOf {
		for _, e := range added {
			w.membership(nil, w.byID[e.id])
		}
	}
	return nil
}

func (w *writer) loadOne(given Entry) (*entry, error) {
	name, ndn, err := w.parseDN(given.DN)
	if err != nil {
		return nil, err
	}
	if len(name) == 0 || !below(ndn, w.suffix) {
		return nil, refuse(UnwillingToPerform, "it is not below the suffix")
	}
	e := &entry{dn: name, ndn: ndn}
	for _, a := range given.Attrs {
		if err := w.take(e, w.hashed(a), true); err != nil {
			return nil, err
		}
	}
	// The identifier is made from the name, so that the demo's people keep theirs from one run to the next.
	if e, err = w.finish(e, uuid.NewSHA1(uuid.NameSpaceX500, []byte(strings.ToLower(ndn))).String()); err != nil {
		return nil, err
	}
	if _, taken := w.byDN[ndn]; taken {
		return nil, refuse(EntryAlreadyExists, "it exists already")
	}
	if _, ok := w.byDN[parentOf(ndn)]; !ok && ndn != w.suffix {
		return nil, refuse(NoSuchObject, "the entry above it does not exist")
	}
	w.insert(e)
	return e, nil
}

func (s *Server) upkeep() upkeep {
	c := s.config
	return upkeep{memberOf: c.MemberOf, refInt: c.RefInt, nobody: c.Nobody, hash: c.HashPasswords, uniques: c.Unique}
}
