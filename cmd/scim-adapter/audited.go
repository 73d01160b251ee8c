package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scimapi"
)

// noteTimeout is how long the journal may take for what has happened anyway.
const noteTimeout = 2 * time.Second

// auditor notes in the journal what is no write: reads, as audit.reads has it, and requests that were refused for want of a credential or a right, so many of each
// address and minute. Writes have intents of their own. What the journal cannot be told is logged and counted.
type auditor struct {
	journal journal.Journal
	config  configs.Audit
	log     *slog.Logger
	now     func() time.Time
	newID   func() string
	lost    atomic.Int64 // events that the journal could not be told
	skipped atomic.Int64 // refusals beyond audit.max_refusals

	mu       sync.Mutex
	minute   time.Time
	refusals map[string]int // of this minute, by address
}

// mostAddresses bounds how many addresses a minute is counted for; those beyond count as one.
const mostAddresses = 10_000

var (
	auditLost    = outcome("scim_audit_lost_total", "Reads and refused requests that the journal could not be told of; the log names them.")
	auditSkipped = outcome("scim_audit_skipped_total", "Refused requests that were not journaled, because audit.max_refusals of the same address and minute were.")
)

// Describe is prometheus.Collector's.
func (a *auditor) Describe(ch chan<- *prometheus.Desc) {
	ch <- auditLost
	ch <- auditSkipped
}

// Collect is prometheus.Collector's.
func (a *auditor) Collect(ch chan<- prometheus.Metric) {
	ch <- prometheus.MustNewConstMetric(auditLost, prometheus.CounterValue, float64(a.lost.Load()))
	ch <- prometheus.MustNewConstMetric(auditSkipped, prometheus.CounterValue, float64(a.skipped.Load()))
}

// note is scimapi's Options.Audit.
func (a *auditor) note(ctx context.Context, r scimapi.Audited) {
	action, status := a.wanted(r)
	if action == "" {
		return
	}
	now := a.now()
	in := journal.Intent{
		ID: journal.ID(a.newID()), Time: now, Deadline: now, RequestID: r.Caller.RequestID, Tenant: r.Caller.Tenant, Client: r.Caller.Client,
		Subject: r.Caller.Subject, Address: r.Caller.Address, UserAgent: r.Caller.UserAgent, Action: action, ResourceID: r.ID, Query: r.Query, Noted: true,
	}
	if r.Type != nil {
		in.ResourceType = r.Type.Name
	}
	out := journal.Outcome{Time: now, Status: status, ResourceID: r.ID}
	if status == journal.StatusRefused {
		in.Refused = strings.TrimSpace(r.Method + " " + r.Route + ": " + why(r))
	}
	ctx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	if err := a.journal.Note(ctx, in, out); err != nil {
		a.lost.Add(1)
		a.log.LogAttrs(ctx, slog.LevelError, "the journal could not be told of a request", slog.String("action", action), slog.String("request_id", in.RequestID),
			slog.String("client", in.Client), slog.String("error", err.Error()))
	}
}

// why is what the client was told.
func why(r scimapi.Audited) string {
	if said, ok := errors.AsType[*scim.Error](r.Err); ok && said.Detail != "" {
		return said.Detail
	}
	return http.StatusText(r.Status)
}

// wanted says what is noted of a request, if anything.
func (a *auditor) wanted(r scimapi.Audited) (action, status string) {
	_, guarded := errors.AsType[*journal.Refusal](r.Err)
	switch {
	case guarded, errors.Is(r.Err, backends.ErrProtected): // the adapter has noted it, with what was wanted
		return "", ""
	case r.Status == http.StatusUnauthorized && a.admits(r.Caller.Address):
		return journal.ActionSignIn, journal.StatusRefused
	case r.Status == http.StatusForbidden && a.admits(r.Caller.Address):
		return journal.ActionDeny, journal.StatusRefused
	case r.Status != http.StatusOK && r.Status != http.StatusNotModified:
		return "", ""
	case r.List && a.config.Reads != configs.ReadsNone:
		return journal.ActionList, journal.StatusDone
	case r.ID != "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) && a.config.Reads == configs.ReadsAll:
		return journal.ActionRead, journal.StatusDone
	}
	return "", ""
}

// admits counts a refusal of an address, and says whether it is still noted: whoever tries tokens must not fill the journal.
func (a *auditor) admits(address string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if minute := a.now().Truncate(time.Minute); !minute.Equal(a.minute) {
		a.minute, a.refusals = minute, map[string]int{}
	}
	if _, known := a.refusals[address]; !known && len(a.refusals) >= mostAddresses {
		address = ""
	}
	if a.refusals[address] >= a.config.MaxRefusals {
		a.skipped.Add(1)
		return false
	}
	a.refusals[address]++
	return true
}
