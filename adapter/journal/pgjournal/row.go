package pgjournal

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// The tables of the chain, as digests and links name them.
const (
	tableIntents = "intents"
	tableEvents  = "events"
)

// The kinds of events: each is kept for a time of its own.
const (
	kindWrites   = "writes"
	kindReads    = "reads"
	kindRefusals = "refusals"
)

func kindOf(action string) string {
	switch action {
	case journal.ActionRead, journal.ActionList:
		return kindReads
	case journal.ActionDeny, journal.ActionSignIn:
		return kindRefusals
	}
	return kindWrites
}

// row is one row of audit.intents or audit.events. A text that is "" and an address that is none are NULL there, except where a column may not be.
// Times are in UTC and of whole microseconds, as the database keeps them.
type row struct {
	table                            string
	id                               uuid.UUID
	time, deadline                   time.Time // an event has no deadline
	tenant, user                     string
	resourceType, resourceID, action string
	address                          netip.Addr
	userAgent                        string
	details                          []byte // JSON
	kind                             string // of an event, by which is chosen for how long it is kept

	digest []byte // of all that stands above: the same content has the same digest, whoever writes it
	// What the chain adds when the row is written.
	writer string
	seq    int64
	link   []byte
}

// details is what of an intent and an outcome stands in clear, and the rest under seal. Intents have what is known before, events both.
type details struct {
	RequestID string       `json:"request_id,omitempty"`
	Client    string       `json:"client,omitempty"`
	Subject   string       `json:"subject,omitempty"`
	Process   string       `json:"process,omitempty"` // Intent.Writer
	Undoes    string       `json:"undoes,omitempty"`
	Noted     bool         `json:"noted,omitempty"`
	Status    string       `json:"status,omitempty"`
	Version   string       `json:"version,omitempty"`
	Ended     *time.Time   `json:"ended,omitempty"`
	LatencyMS int64        `json:"latency_ms,omitempty"`
	Steps     []stepDetail `json:"steps,omitempty"`
	Erased    *erased      `json:"erased,omitempty"` // of an event that is about keys
	Sealed    []byte       `json:"sealed,omitempty"` // base64
}

// stepDetail is what of a step stands in clear.
type stepDetail struct {
	Backend string   `json:"backend,omitempty"`
	Op      string   `json:"op,omitempty"`
	Key     string   `json:"key,omitempty"`
	Attrs   []string `json:"attrs,omitempty"`
	Status  string   `json:"status,omitempty"`
}

// whole is what is sealed in the event of a note: it has no row of its own for the intent.
type whole struct {
	Intent  journal.Intent  `json:"intent"`
	Outcome journal.Outcome `json:"outcome"`
}

// uuidOf reads an id as it is written everywhere here; another spelling of the same number would come back changed.
func uuidOf(id journal.ID) (uuid.UUID, error) {
	u, err := uuid.Parse(string(id))
	if err != nil || u.String() != string(id) {
		return uuid.UUID{}, fmt.Errorf("the id of an entry is a UUID in small letters, and not %q", id)
	}
	return u, nil
}

// intentRow is the row of an intent, its values sealed under key, and what it says in clear.
func intentRow(in journal.Intent, key []byte) (row, details, error) {
	r, d, err := commonRow(in)
	if err != nil {
		return row{}, details{}, err
	}
	r.table, r.deadline, d.Noted = tableIntents, stamp(in.Deadline), false
	r, err = r.seal(key, d, in)
	return r, d, err
}

// outcomeRow is the row that closes an intent, of which of is the row.
func outcomeRow(of row, clear details, out journal.Outcome, key []byte) (row, error) {
	r := of
	r.table, r.kind, r.deadline, r.digest = tableEvents, kindWrites, time.Time{}, nil
	return r.close(clear, out, key, out)
}

// noteRow is the one row of an event that is no write.
func noteRow(in journal.Intent, out journal.Outcome, key []byte) (row, error) {
	r, d, err := commonRow(in)
	if err != nil {
		return row{}, err
	}
	r.table, r.kind, d.Noted = tableEvents, kindOf(in.Action), true
	return r.close(d, out, key, whole{in, out})
}

// close adds what an outcome says in clear, and seals the rest.
func (r row) close(d details, out journal.Outcome, key []byte, sealed any) (row, error) {
	if r.resourceID == "" {
		r.resourceID = fitting(out.ResourceID, 255)
	}
	ended := stamp(out.Time)
	d.Status, d.Version, d.Ended, d.LatencyMS, d.Sealed = clean(out.Status), clean(out.Version), &ended, ended.Sub(r.time).Milliseconds(), nil
	steps := make([]stepDetail, max(len(d.Steps), len(out.Steps)))
	copy(steps, d.Steps) // others read these of the intent
	for i, s := range out.Steps {
		steps[i].Status = clean(s.Status)
	}
	d.Steps = steps
	return r.seal(key, d, sealed)
}

// commonRow is what an intent says in clear.
func commonRow(in journal.Intent) (row, details, error) {
	id, err := uuidOf(in.ID)
	if err != nil {
		return row{}, details{}, err
	}
	r := row{
		id: id, time: stamp(in.Time), tenant: fitting(in.Tenant, 255), user: fitting(in.Subject, 255),
		resourceType: fitting(in.ResourceType, 50), resourceID: fitting(in.ResourceID, 255), action: fitting(in.Action, 50),
		address: addressOf(in.Address), userAgent: short(clean(in.UserAgent), 512),
	}
	if r.user == "" {
		r.user = fitting(in.Client, 255)
	}
	d := details{
		RequestID: clean(in.RequestID), Client: clean(in.Client), Subject: clean(in.Subject), Process: clean(in.Writer), Undoes: clean(string(in.Undoes)), Noted: in.Noted,
	}
	for _, s := range in.Steps {
		d.Steps = append(d.Steps, stepDetail{Backend: clean(s.Backend), Op: clean(s.Op), Key: clean(string(s.Key)), Attrs: attrsOf(s)})
	}
	return r, d, nil
}

// seal completes a row: body goes under the key, and the digest is taken. The same body under the same key gives the same row, letter by letter.
func (r row) seal(key []byte, d details, body any) (row, error) {
	plain, err := json.Marshal(body)
	if err != nil {
		return row{}, fmt.Errorf("an entry that cannot be written down: %w", err)
	}
	if d.Sealed, err = seal(key, plain, r.about()); err != nil {
		return row{}, err
	}
	if r.details, err = json.Marshal(d); err != nil {
		return row{}, fmt.Errorf("an entry that cannot be written down: %w", err)
	}
	r.digest, err = digestOf(r)
	return r, err
}

// about is what a sealed body is bound to: taken out of its row and put into another it opens nowhere.
func (r row) about() []byte { return []byte(r.table + "/" + r.id.String()) }

// unseal reads the body of a row back.
func (r row) unseal(key []byte, d details, body any) error {
	plain, err := open(key, d.Sealed, r.about())
	if err != nil {
		return fmt.Errorf("the row %s of %s: %w", r.id, r.table, err)
	}
	if err := json.Unmarshal(plain, body); err != nil {
		return fmt.Errorf("the row %s of %s: %w", r.id, r.table, err)
	}
	return nil
}

// attrsOf names the attributes that a step touches.
func attrsOf(s journal.Step) []string {
	set := map[string]bool{}
	for _, c := range s.Changes {
		set[clean(c.Attr)] = true
	}
	for name := range s.Attrs {
		set[clean(name)] = true
	}
	for name := range s.Before {
		set[clean(name)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// stamp is a time as the database has it.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// clean is a text that jsonb and text can hold.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// fitting is a text of n characters at most; of one that was longer it shows.
func fitting(text string, n int) string {
	text = clean(text)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

// short is the beginning of a text, of n bytes at most.
func short(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// addressOf reads the address of a caller, with or without a port; what is no address is none.
func addressOf(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		addr = with.Addr()
	}
	return addr.Unmap().WithZone("")
}
