package backendtest

import (
	"context"
	"errors"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
)

func pause() { time.Sleep(2 * time.Millisecond) }

// fault is a fault, and a claim of the suite that must not hold for a backend that has it.
type fault struct {
	name    string
	noticed func(*suite) error
	plant   planter
}

func faults() []fault {
	return slices.Concat(
		readingFaults(), walkingFaults(), fetchingFaults(), conditionFaults(), creatingFaults(), changingFaults(), refusingFaults(), otherFaults(), sortFaults(), findFaults(), holderFaults(), lonelyFaults(), restoreFaults(), beyondFaults(),
	)
}

// tableFaults are those that show where the directory is like tables.
func tableFaults() []fault {
	return slices.Concat(rowFaults(), documentFaults(), seekFaults(), kindFaults(), setHolderFaults(), releaseFaults())
}

// TestSuiteNoticesFaults plants faults one by one. A check that would let its fault pass is worth nothing.
func TestSuiteNoticesFaults(t *testing.T) { notices(t, memoryHarness, faults()) }

func TestSuiteNoticesFaultsOfTables(t *testing.T) { notices(t, tablesHarness, tableFaults()) }

func notices(t *testing.T, harness func(planter) Harness, faults []fault) {
	t.Helper()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			h := harness(f.plant)
			h.Many = 300
			err := f.noticed(newSuite(ctx, h, h.Open(t)))
			var skipped notTested
			if err == nil || errors.As(err, &skipped) {
				t.Fatalf("the suite did not notice (%v)", err)
			}
			t.Logf("noticed: %.300s", err)
		})
	}
}

func readingFaults() []fault {
	return []fault{
		{"equality minds the letter case", (*suite).equality, asking(caseMatters)},
		{"equality minds the letter case, seen by the differential check", (*suite).differential, asking(caseMatters)},
		{"equality minds inner blanks", (*suite).differential, asking(blanksMatter)},
		{"a prefix is found anywhere", (*suite).pieces, asking(prefixAsContains)},
		{"a prefix is found anywhere, seen by the differential check", (*suite).differential, asking(prefixAsContains)},
		{"equality finds beginnings", (*suite).oddValues, asking(equalAsPrefix)},
		{"a star in a literal means anything", (*suite).oddNames, asking(starsAreWild)},
		{"numbers are ordered as texts", (*suite).order, asking(orderAsText)},
		{"less includes equal", (*suite).order, asking(lessIncludesEqual)},
		{"less includes equal, seen by the differential check", (*suite).differential, asking(lessIncludesEqual)},
		{"one bit of a mask suffices", (*suite).differential, asking(anyBit)},
		{"only the first key of many counts", (*suite).keysInPredicates, asking(firstKeyOnly)},
		{"an absent attribute is undefined under NOT", (*suite).absence, threeValued(absent)},
		{"an absent attribute is undefined under NOT, seen by the differential check", (*suite).differential, threeValued(absent)},
		{"an illegible literal is undefined under NOT", (*suite).illegible, threeValued(illegible)},
		{"an illegible literal is undefined under NOT, seen by the differential check", (*suite).differential, threeValued(illegible)},
	}
}

func walkingFaults() []fault {
	return []fault{
		{"Walk ignores the limit", (*suite).streams, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				q.Limit = 0
				return b.Walk(ctx, q)
			}
		})},
		{"Walk gives a record twice", (*suite).streams, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				return func(yield func(backends.Record, error) bool) {
					n := 0
					for rec, err := range b.Walk(ctx, q) {
						if n++; !yield(rec, err) || n == 100 && !yield(rec, err) {
							return
						}
					}
				}
			}
		})},
		{"Walk leaves a goroutine behind when it is broken off", (*suite).streams, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				return func(yield func(backends.Record, error) bool) {
					for rec, err := range b.Walk(ctx, q) {
						if !yield(rec, err) {
							go func() { <-ctx.Done() }()
							return
						}
					}
				}
			}
		})},
		{"Walk goes on after its context is cancelled", (*suite).streams, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				return func(yield func(backends.Record, error) bool) {
					for rec, err := range b.Walk(ctx, q) {
						if err != nil {
							yield(rec, errors.New("some other error"))
							return
						}
						if !yield(rec, nil) {
							return
						}
					}
				}
			}
		})},
	}
}

func fetchingFaults() []fault {
	return []fault{
		{"Fetch gives the first records of a batch only", (*suite).streams, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
				return b.Fetch(ctx, keys[:min(len(keys), 100)], attrs)
			}
		})},
		{"Fetch fails on a malformed key", (*suite).fetchSkips, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
				if slices.Contains(keys, "nonsense") {
					return nil, &backends.Error{Kind: backends.ErrInvalid}
				}
				return b.Fetch(ctx, keys, attrs)
			}
		})},
		{"Fetch gives all attributes", (*suite).fetchesWhatIsAsked, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, _ []string) ([]backends.Record, error) {
				return b.Fetch(ctx, keys, []string{"*"})
			}
		})},
		{"Count forgets the limit", (*suite).counts, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.count = func(ctx context.Context, p backends.Predicate, _ int) (int, bool, error) { return b.Count(ctx, p, 0) }
		})},
		{"Has minds the letter case", (*suite).has, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.has = func(ctx context.Context, key backends.Key, attr string, values []backends.Value) ([]bool, error) {
				recs, err := b.Fetch(ctx, []backends.Key{key}, []string{attr})
				there := make([]bool, len(values))
				for i, v := range values {
					there[i] = len(recs) == 1 && slices.Contains(recs[0].Attrs[attr], v)
				}
				return there, err
			}
		})},
		{"bytes come back as text", (*suite).binary, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
				recs, err := b.Fetch(ctx, keys, attrs)
				for _, rec := range recs {
					for attr, values := range rec.Attrs {
						rec.Attrs[attr] = backends.Strings(values.Texts()...)
					}
				}
				return recs, err
			}
		})},
		{"a password is shown", (*suite).secrets, with(func(m *Memory, h *hooked) {
			m.Secrets = nil
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				shown := backends.Change{Op: backends.Replace, Attr: changes[0].Attr, Values: backends.Strings(changes[0].Values[0].Reveal())}
				return b.Modify(ctx, key, []backends.Change{shown}, cond, want)
			}
		})},
	}
}

func conditionFaults() []fault {
	return []fault{
		{"versions are promised, and there are none", (*suite).versions, with(func(m *Memory, h *hooked) {
			m.Bare = true
			h.can = func(c backends.Capabilities) backends.Capabilities {
				c.Versioned = true
				return c
			}
		})},
		{"versions are denied, and there are some", (*suite).versions, with(func(_ *Memory, h *hooked) {
			h.can = func(c backends.Capabilities) backends.Capabilities {
				c.Versioned = false
				return c
			}
		})},
		{"a walk that reads nothing leaves the versions out", (*suite).versions, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.walk = func(ctx context.Context, q backends.Query) iter.Seq2[backends.Record, error] {
				return func(yield func(backends.Record, error) bool) {
					for rec, err := range b.Walk(ctx, q) {
						if len(q.Attrs) == 0 {
							rec.Version = ""
						}
						if !yield(rec, err) {
							return
						}
					}
				}
			}
		})},
		{"versions are not looked at", (*suite).staleVersion, unconditional(func(c *backends.Condition) { c.Version = "" })},
		{"assertions are not looked at", (*suite).failedAssertion, unconditional(func(c *backends.Condition) { c.Assert = nil })},
		{"conditions are checked before the write and not with it", (*suite).oneWriterWins, readThenWrite},
		{"what has no effect is passed over", (*suite).noEffect, permissive},
		{"changes are made one by one", (*suite).allOrNothing, oneByOne},
		{"names are put together from texts", (*suite).oddNames, namesAsText},
		{"names differ by letter case", (*suite).createTwice, lettersMatter},
		{"names differ by letter case, in a race", (*suite).oneCreatorWins, lettersMatter},
	}
}

func creatingFaults() []fault {
	return []fault{
		{"Create answers with what was sent and keeps it", (*suite).recordsAreValues, with(func(m *Memory, h *hooked) {
			b := h.Backend
			h.create = func(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
				rec, err := b.Create(ctx, name, attrs, want)
				if kept := m.records[rec.Key]; kept != nil {
					kept.Attrs = attrs
				}
				return rec, err
			}
		})},
		{"Create changes the text of a value", (*suite).createReadsBack, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.create = func(ctx context.Context, name backends.Template, attrs backends.Attributes, want []string) (backends.Record, error) {
				attrs = attrs.Clone()
				for attr, values := range attrs {
					for i, v := range values {
						attrs[attr][i] = backends.String(backends.Normalize(backends.CaseIgnoreSpace, v.Text()))
					}
				}
				return b.Create(ctx, name, attrs, want)
			}
		})},
	}
}

func changingFaults() []fault {
	return []fault{
		{"Modify answers with the record as it was", (*suite).modifies, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				before, err := b.Fetch(ctx, []backends.Key{key}, want)
				if err != nil || len(before) != 1 {
					return backends.Record{}, err
				}
				_, err = b.Modify(ctx, key, changes, cond, want)
				return before[0], err
			}
		})},
		{"Replace by nothing is no change", (*suite).modifies, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				changes = slices.DeleteFunc(slices.Clone(changes), func(c backends.Change) bool { return c.Op == backends.Replace && len(c.Values) == 0 })
				return b.Modify(ctx, key, changes, cond, want)
			}
		})},
		{"writers on one set overwrite each other", (*suite).additionsAddUp, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				attr := changes[0].Attr
				recs, err := b.Fetch(ctx, []backends.Key{key}, []string{attr})
				if err != nil || len(recs) != 1 {
					return backends.Record{}, err
				}
				pause()
				all := append(recs[0].Attrs[attr], changes[0].Values...)
				return b.Modify(ctx, key, []backends.Change{{Op: backends.Replace, Attr: attr, Values: all}}, cond, want)
			}
		})},
		{"Move makes a new record", (*suite).moves, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.move = func(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
				recs, err := b.Fetch(ctx, []backends.Key{key}, []string{"*"})
				if err != nil || len(recs) != 1 {
					return err
				}
				if err := b.Delete(ctx, key, cond); err != nil {
					return err
				}
				_, err = b.Create(ctx, name, recs[0].Attrs, nil)
				return err
			}
		})},
		{"Delete of what is gone succeeds", (*suite).deletes, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.remove = func(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
				if err := b.Delete(ctx, key, cond, release...); !errors.Is(err, backends.ErrNotFound) {
					return err
				}
				return nil
			}
		})},
		{"everybody deletes the same record with success", (*suite).oneDeleterWins, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.remove = func(ctx context.Context, key backends.Key, cond backends.Condition, release ...*backends.Release) error {
				if err := b.Delete(ctx, key, cond, release...); !errors.Is(err, backends.ErrNotFound) {
					return err
				}
				return nil
			}
		})},
	}
}

func refusingFaults() []fault {
	return []fault{
		{"a refusal does not say which attribute", (*suite).invalidValues, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				rec, err := b.Modify(ctx, key, changes, cond, want)
				if errors.Is(err, backends.ErrInvalid) {
					err = backends.ErrInvalid
				}
				return rec, err
			}
		})},
		{"an empty string is stored", (*suite).emptyStrings, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(ctx context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				for i, c := range changes {
					if len(c.Values) == 1 && c.Values[0].Text() == "" {
						changes[i].Values = backends.Strings("(empty)")
					}
				}
				return b.Modify(ctx, key, changes, cond, want)
			}
		})},
	}
}

// beyondFaults are those of a Move out of the class, or back.
func beyondFaults() []fault {
	moving := func(change func(*backends.Condition)) planter {
		return with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.move = func(ctx context.Context, key backends.Key, name backends.Template, cond backends.Condition) error {
				change(&cond)
				return b.Move(ctx, key, name, cond)
			}
		})
	}
	anywhere := with(func(m *Memory, h *hooked) { h.move = wide(m).Move })
	return []fault{
		{"Move never leaves the class", (*suite).leaves, moving(func(cond *backends.Condition) { cond.Beyond = "" })},
		{"Move leaves the class for any place", (*suite).leaves, anywhere},
		{"Move leaves the class unconditionally", (*suite).leaves, moving(func(cond *backends.Condition) { cond.Assert = nil })},
		{"Move finds what is outside by itself", (*suite).comesBack, anywhere},
		{"Move brings back whatever has changed", (*suite).comesBack, moving(func(cond *backends.Condition) { cond.Assert = nil })},
	}
}

func otherFaults() []fault {
	return []fault{
		{"Fetch ignores the scope", (*suite).outsideIsNotThere, with(func(m *Memory, h *hooked) { h.fetch = wide(m).Fetch })},
		{"Walk ignores the scope", (*suite).outsideIsNotThere, with(func(m *Memory, h *hooked) { h.walk = wide(m).Walk })},
		{"Count ignores the scope", (*suite).outsideIsNotThere, with(func(m *Memory, h *hooked) { h.count = wide(m).Count })},
		{"Has ignores the scope", (*suite).outsideIsNotThere, with(func(m *Memory, h *hooked) { h.has = wide(m).Has })},
		{"Find ignores the scope", (*suite).outsideIsNotThere, with(func(m *Memory, h *hooked) { h.find = wide(m).Find })},
		{"Names ignores the scope", (*suite).outsideIsNotThere, with(func(m *Memory, h *hooked) { h.names = wide(m).Names })},
		{"Modify ignores the scope", (*suite).outsideIsNotWritten, with(func(m *Memory, h *hooked) { h.modify = wide(m).Modify })},
		{"Move ignores the scope", (*suite).outsideIsNotWritten, with(func(m *Memory, h *hooked) { h.move = wide(m).Move })},
		{"Delete ignores the scope", (*suite).outsideIsNotWritten, with(func(m *Memory, h *hooked) { h.remove = wide(m).Delete })},
		{"Modify ignores protection", (*suite).protectedStays, with(func(m *Memory, h *hooked) { h.modify = wide(m).Modify })},
		{"Delete ignores protection", (*suite).protectedStays, with(func(m *Memory, h *hooked) { h.remove = wide(m).Delete })},
		{"names are compared letter by letter", (*suite).resolves, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.find = func(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
				found, err := b.Find(ctx, by, names, attrs)
				back, _ := b.Names(ctx, by, slices.Collect(maps.Values(keysOf(found))))
				maps.DeleteFunc(found, func(name string, rec backends.Record) bool { return back[rec.Key] != name })
				return found, err
			}
		})},
		{"only so many names are resolved", (*suite).resolvesMany, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.find = func(ctx context.Context, by string, names, attrs []string) (map[string]backends.Record, error) {
				return b.Find(ctx, by, names[:min(len(names), 200)], attrs)
			}
		})},
		{"a cancelled context is not looked at", (*suite).cancels, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.modify = func(_ context.Context, key backends.Key, changes []backends.Change, cond backends.Condition, want []string) (backends.Record, error) {
				return b.Modify(context.Background(), key, changes, cond, want)
			}
		})},
		{"a directory that is away looks empty", (*suite).outage, with(func(_ *Memory, h *hooked) {
			b := h.Backend
			h.fetch = func(ctx context.Context, keys []backends.Key, attrs []string) ([]backends.Record, error) {
				recs, err := b.Fetch(ctx, keys, attrs)
				if errors.Is(err, backends.ErrUnavailable) {
					return nil, nil
				}
				return recs, err
			}
		})},
	}
}

// TestEveryCheckHasAFault holds the list of faults against the list of checks: each check must be shown to notice something.
func TestEveryCheckHasAFault(t *testing.T) {
	noticing := map[string]bool{}
	for _, f := range slices.Concat(faults(), tableFaults()) {
		noticing[funcName(f.noticed)] = true
	}
	for _, c := range checks() {
		if !noticing[funcName(c.run)] {
			t.Errorf("no fault shows that this check notices anything: %s", c.claim)
		}
	}
}
