package ldap

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

func TestADirectoryThatDoesNotSortGivesNoOrder(t *testing.T) {
	sorted := func(r embedded.Request) bool { return r.Sorted }
	for claim, c := range map[string]struct {
		fault embedded.Fault
		kind  error
		again bool // it is asked again
	}{
		"busy":                                {embedded.Fault{Code: embedded.Busy}, backends.ErrUnavailable, true},
		"out of time":                         {embedded.Fault{Code: embedded.TimeLimitExceeded}, backends.ErrTooMany, true},
		"over its limit":                      {embedded.Fault{Code: embedded.SizeLimitExceeded}, backends.ErrTooMany, true},
		"not willing":                         {embedded.Fault{Code: embedded.UnwillingToPerform}, backends.ErrUnavailable, false},
		"without a rule for the attribute":    {embedded.Fault{Code: embedded.InappropriateMatching}, backends.ErrUnavailable, false},
		"without the control after all":       {embedded.Fault{Code: embedded.UnavailableCriticalExt}, backends.ErrUnavailable, false},
		"which says that it did, and did not": {embedded.Fault{Unsorted: true}, backends.ErrUnavailable, false},
		"which drops every connection":        {embedded.Fault{Drop: true}, backends.ErrUnavailable, true},
	} {
		t.Run(claim, func(t *testing.T) {
			server := startEmbedded(t, nil)
			b := newBranch(t, server.URL())
			titled(t, b)
			now := time.Now()
			b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.PageSize = 4 })
			b.dir.now = func() time.Time { return now }
			class := b.met(t)
			class.patience = 20 * time.Millisecond
			c.fault.Op, c.fault.Match = embedded.Search, sorted
			undo := inject(t, server, c.fault)
			wantUnsorted(t, class, c.kind)
			if class.Sorts(byTitle) != c.again {
				t.Errorf("Sorts says %v", !c.again)
			}
			undo()
			if !c.again {
				wantUnsorted(t, class, backends.ErrUnavailable) // it is not even asked
			}
			now = now.Add(unsortedFor)
			if !class.Sorts(byTitle) {
				t.Error("later it is not asked again")
			}
			wantOrders(t, class)
		})
	}
}

func TestAnOrderIsAskedForAgain(t *testing.T) {
	for claim, fault := range map[string]embedded.Fault{
		"when the directory was busy for a moment": {Code: embedded.Busy, Times: 3},
		"when the connection broke":                {Drop: true, Times: 1},
		"when a record moved while it was sent":    {Unsorted: true, Times: 1},
	} {
		t.Run(claim, func(t *testing.T) {
			server := startEmbedded(t, nil)
			b := newBranch(t, server.URL())
			titled(t, b)
			c := b.met(t)
			fault.Op, fault.Match = embedded.Search, func(r embedded.Request) bool { return r.Sorted }
			inject(t, server, fault)
			wantOrders(t, c)
			if !c.Sorts(byTitle) {
				t.Error("Sorts says no")
			}
		})
	}
}

func TestABusyDirectoryIsAskedAsLongAsPatienceLastsAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pager{c: &class{patience: patience}, order: &sorting{}}
		began, asked := time.Now(), 0
		err := p.unlessBusy(t.Context(), func() error {
			asked++
			return goldap.NewError(goldap.LDAPResultBusy, errors.New("busy"))
		})
		if waited := time.Since(began); !goldap.IsErrorWithCode(err, goldap.LDAPResultBusy) || waited != patience {
			t.Errorf("%v after %s", err, waited)
		}
		if least := int(patience / longestPause); asked < least {
			t.Errorf("asked %d times, want %d at least", asked, least)
		}
	})
}

func TestLaterPagesAreHeldAgainstTheOrder(t *testing.T) {
	server := startEmbedded(t, nil)
	b := newBranch(t, server.URL())
	for i, title := range []string{"b", "d", "f", "h", "a", "c", "e", "g"} {
		b.person(t, strconv.Itoa(i), map[string][]string{"title": {title}})
	}
	b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.PageSize = 4 })
	c := b.met(t)
	inject(t, server, embedded.Fault{Op: embedded.Search, Unsorted: true, Match: func(r embedded.Request) bool { return r.Sorted }})
	n := 0
	var failed error
	for _, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle}) {
		if n, failed = n+1, err; err != nil {
			break
		}
	}
	if n != 5 || !errors.Is(failed, backends.ErrUnavailable) || c.Sorts(byTitle) {
		t.Errorf("%d answers, %v; Sorts says %v", n, failed, c.Sorts(byTitle))
	}
}

func TestARecordThatChangedMeanwhileIsNoWrongOrder(t *testing.T) {
	b := newBranch(t, startEmbedded(t, nil).URL())
	c := b.met(t)
	in, _ := b.dir.contact(t.Context())
	pageOf := func(titles string) page {
		p := page{found: found{controls: []goldap.Control{control{oid: oidSorted}}}}
		for i, title := range strings.Fields(titles) {
			p.entries = append(p.entries, goldap.NewEntry(fmt.Sprintf("uid=%d,%s", i, b.base), map[string][]string{"title": {title}, "entryUUID": {"5b6c3c1e-0000-4000-8000-000000000000"}}))
		}
		return p
	}
	for pages, wrong := range map[string]bool{
		"a b c|d e f|g":       false,
		"a b z|d e f":         false, // z was c
		"a b c|a e f|g h":     false, // a was d
		"a b c|z|d e":         false,
		"a b c|d z f g":       false,
		"a b c|d a f g":       false,
		"a b|c d z|e a|f g":   false, // two at one border, one on either side
		"d e f|a b c":         true,
		"d e|f|a|b c":         true,
		"a b c|d e f a b|c":   true,
		"a b y z|c d y z":     true,
		"a a a|a a a|a a":     false,
		"a b c|d|c|d|c|d|c":   false,
		"a a b b|a a b b|a a": true,
	} {
		s := &sorting{by: byTitle, seen: c.view(in, []string{"title"})}
		var err error
		for i, titles := range strings.Split(pages, "|") {
			switch {
			case err != nil:
			case i == 0:
				err = s.begins(pageOf(titles))
			default:
				err = s.goesOn(pageOf(titles))
			}
		}
		if (err != nil) != wrong {
			t.Errorf("%s: %v", pages, err)
		}
	}
}

func TestTheNextPageIsAskedForAgainWhileTheDirectoryIsBusy(t *testing.T) {
	server := startEmbedded(t, nil)
	b := newBranch(t, server.URL())
	titled(t, b)
	b.dir, b.log = openDirectory(t, b.url, func(c *Config) { c.PageSize = 2 })
	c := b.met(t)
	later := func(r embedded.Request) bool { return r.Sorted && r.Cookie }
	inject(t, server, embedded.Fault{Op: embedded.Search, Code: embedded.Busy, Times: 3, Match: later})
	if got := walkedBy(t, c, backends.Query{Sort: &byTitle}); got != "1 2 3 4 5 6" {
		t.Errorf("got %s", got)
	}
	inject(t, server, embedded.Fault{Op: embedded.Search, Code: embedded.Busy, Match: later})
	c.patience = 20 * time.Millisecond
	n := 0
	var failed error
	for _, err := range c.Walk(t.Context(), backends.Query{Sort: &byTitle}) {
		if n, failed = n+1, err; err != nil {
			break
		}
	}
	if n != 3 || !errors.Is(failed, backends.ErrUnavailable) || !c.Sorts(byTitle) {
		t.Errorf("%d answers, %v; Sorts says %v", n, failed, c.Sorts(byTitle))
	}
	c.patience = patience
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range c.Walk(ctx, backends.Query{Sort: &byTitle}) {
		cancel() // nobody waits for the next page
		failed = err
	}
	if !errors.Is(failed, backends.ErrUnavailable) {
		t.Error(failed)
	}
}
