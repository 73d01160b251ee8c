package embedded

import (
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func TestFaults(t *testing.T) {
	title := modify(annDN, retitle("Boss"))
	for sentence, k := range map[string]struct {
		fault Fault
		want  Code
		done  bool
	}{
		"a result instead of the operation":           {Fault{Op: Modify, Code: Busy, Message: "later"}, Busy, false},
		"a result after the operation":                {Fault{Op: Modify, Code: Busy, After: true}, Busy, true},
		"the connection drops instead":                {Fault{Op: Modify, Drop: true}, noAnswer, false},
		"the connection drops after the operation":    {Fault{Op: Modify, Drop: true, After: true}, noAnswer, true},
		"every kind of request":                       {Fault{Code: Unavailable}, Unavailable, false},
		"another kind of request is left alone":       {Fault{Op: Search, Code: Busy}, Success, true},
		"a request that does not fit is left alone":   {Fault{Op: Modify, Code: Busy, Match: func(r Request) bool { return r.DN == bobDN }}, Success, true},
		"a request that fits is not":                  {Fault{Op: Modify, Code: Busy, Match: func(r Request) bool { return r.DN == annDN }}, Busy, false},
		"a referral":                                  {Fault{Op: Modify, Code: Referral, Referral: []string{"ldap://elsewhere/"}}, Referral, false},
		"a delay alone changes nothing but the time":  {Fault{Op: Modify, Delay: 20 * time.Millisecond}, Success, true},
		"an answer that never comes":                  {Fault{Op: Modify, Silent: true}, noAnswer, false},
		"an answer that never comes to what was done": {Fault{Op: Modify, Silent: true, After: true}, noAnswer, true},
	} {
		t.Run(sentence, func(t *testing.T) {
			s := start(t, Config{Entries: family()})
			c := client(t, s)
			c.SetTimeout(200 * time.Millisecond)
			k.fault.Times = 1
			undo := s.Inject(k.fault)
			wantCode(t, title(c), k.want)
			undo()
			if got := len(read(t, client(t, s), annDN, "title")) > 0; got != k.done {
				t.Errorf("done: %v, want %v", got, k.done)
			}
		})
	}
}

func TestFaultCounts(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := client(t, s)
	ask := searching(ldap.SearchRequest{BaseDN: annDN, Filter: "(uid=*)"})
	s.Inject(Fault{Op: Search, Code: Busy, Times: 2, Match: func(r Request) bool { return r.Filter == "(uid=*)" && !r.Paged }})
	wantCode(t, ask(c), Busy)
	wantCode(t, ask(c), Busy)
	wantCode(t, ask(c), Success)
	undo := s.Inject(Fault{Op: Search, Code: Unavailable})
	wantCode(t, ask(c), Unavailable)
	undo()
	undo()
	wantCode(t, ask(c), Success)
}

func TestPauseAndResume(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := client(t, s)
	s.Pause()
	answer := make(chan error, 1)
	go func() { answer <- modify(annDN, retitle("Boss"))(c) }()
	select {
	case err := <-answer:
		t.Fatalf("a paused server answered: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.Resume()
	must(t, <-answer)
}

func TestStopAndRestart(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := client(t, s)
	must(t, modify(annDN, retitle("Boss"))(c))
	addr := s.Addr()
	must(t, s.Stop())
	if err := searching(ldap.SearchRequest{BaseDN: annDN, Filter: "(uid=*)"})(c); err == nil {
		t.Error("the old connection still works")
	}
	if _, err := ldap.DialURL(s.URL()); err == nil {
		t.Error("a stopped server takes connections")
	}
	must(t, s.Restart())
	if err := s.Restart(); err == nil {
		t.Error("it can be started twice")
	}
	if s.Addr() != addr {
		t.Errorf("it moved from %s to %s", addr, s.Addr())
	}
	if got := read(t, client(t, s), annDN, "title"); len(got) != 1 {
		t.Error("the data is gone")
	}
}

func TestStopWhilePaused(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := client(t, s)
	s.Pause()
	answer := make(chan error, 1)
	go func() { answer <- modify(annDN, retitle("Boss"))(c) }()
	time.Sleep(20 * time.Millisecond)
	must(t, s.Stop()) // must not wait for what the gate keeps
	if err := <-answer; err == nil {
		t.Error("the request succeeded")
	}
}

func TestCloseConnections(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := client(t, s)
	if s.Connections() != 1 {
		t.Errorf("%d connections", s.Connections())
	}
	s.CloseConnections()
	if err := modify(annDN, retitle("Boss"))(c); err == nil {
		t.Error("the connection still works")
	}
	must(t, modify(annDN, retitle("Boss"))(client(t, s)))
}

// TestSlowRequestsDoNotBlockOthers: requests of one connection run beside one another.
func TestSlowRequestsDoNotBlockOthers(t *testing.T) {
	s := start(t, Config{Entries: family()})
	c := client(t, s)
	s.Inject(Fault{Op: Modify, Delay: time.Second, Times: 1})
	slow := make(chan error, 1)
	go func() { slow <- modify(annDN, retitle("Boss"))(c) }()
	time.Sleep(20 * time.Millisecond)
	began := time.Now()
	must(t, searching(ldap.SearchRequest{BaseDN: bobDN, Filter: "(uid=*)"})(c))
	if took := time.Since(began); took > 500*time.Millisecond {
		t.Errorf("the search waited %s for the modify", took)
	}
	must(t, <-slow)
}
