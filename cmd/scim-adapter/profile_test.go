package main

import (
	"encoding/json"
	"log/slog"
	"slices"
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
)

// intents are those of the journal so far.
func (h *house) intents() []journal.Intent {
	h.t.Helper()
	var all []journal.Intent
	for event, err := range h.world.store.Events(h.t.Context(), journal.Filter{}) {
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, event.Intent)
	}
	return all
}

// lineWriter hands on what is written to it: the line of a request may be written a little after its answer.
type lineWriter chan []byte

func (w lineWriter) Write(p []byte) (int, error) {
	w <- slices.Clone(p)
	return len(p), nil
}

// What a client sends and nothing is mapped for is never dropped in silence: the log names it, and the journal where there is a write.
func TestWhatIsDroppedIsNamedInLogAndJournal(t *testing.T) {
	h := openHouseFrom(t, profiled(t, exampleConfig, "entra"), embeddedURL(t))
	lines := make(lineWriter, 10)
	h.world.handler.Logger = slog.New(slog.NewJSONHandler(lines, nil))
	logged := func() []string { // of one request
		t.Helper()
		var line struct{ Dropped []string }
		if text := <-lines; json.Unmarshal(text, &line) != nil {
			t.Fatalf("no line of a log: %s", text)
		}
		return line.Dropped
	}
	u := h.user("ada", "nickName", "x", "emails", []map[string]any{{"type": "home", "value": "a@b.example"}})
	got := logged()
	if want := []string{"nickName", `emails[type eq "home"]`}; !slices.Equal(got, want) || !slices.Equal(h.intents()[0].Dropped, want) {
		t.Errorf("POST: log %q, journal %q, want %q", got, h.intents()[0].Dropped, want)
	}

	path := `roles[primary eq "True"].value`
	a := h.do("PATCH", "/Users/"+u.id(), patch(op("Add", path, "admin"), op("Replace", `emails[type eq "other"].value`, "c@d.example"))).want(t, 200)
	if a.text("meta.version") != u.text("meta.version") || len(h.intents()) != 1 {
		t.Errorf("a change of nothing was written: %s", a.raw)
	}
	got = logged()
	if want := []string{path, `emails[type eq "other"]`}; !slices.Equal(got, want) {
		t.Errorf("PATCH of nothing: log %q, want %q", got, want)
	}

	h.do("PATCH", "/Users/"+u.id(), patch(op("Add", path, "admin"), op("Replace", "title", "Boss"))).want(t, 200)
	got = logged()
	if want := []string{path}; !slices.Equal(got, want) || len(h.intents()) != 2 || !slices.Equal(h.intents()[1].Dropped, want) {
		t.Errorf("PATCH of something: log %q, %d intents, want %q", got, len(h.intents()), want)
	}

	put := h.do("PUT", "/Users/"+u.id(), map[string]any{"userName": "ada", "urn:example:x:User": map[string]any{"a": 1}, "name": map[string]any{"middleName": "King"}}).want(t, 200)
	want := []string{"urn:example:x:User", "name.middleName"}
	got = sorted(logged())
	if slices.Sort(want); !slices.Equal(got, want) || put.at("urn:example:x:User") != nil {
		t.Errorf("PUT: log %q, want %q: %s", got, want, put.raw)
	}
}

// Only the profile makes a difference, and only the one that says so.
func TestUnknownPathsByProfile(t *testing.T) {
	url := embeddedURL(t)
	for profile, status := range map[string]int{
		"": 400, "strict": 400, "entra": 200, "okta": 400, "onelogin": 400, "ping": 400, "sailpoint": 400, "jumpcloud": 400, "google": 400, "cyberark": 400,
		"okta\n    unknown_paths: ignore": 200, "entra\n    unknown_paths: refuse": 400,
	} {
		t.Run(profile, func(t *testing.T) {
			h := openHouseFrom(t, profiled(t, exampleConfig, profile), url)
			u := h.user("ada")
			for path, fault := range map[string]string{"nickName": "invalidPath", `emails[type eq "other"].value`: "noTarget", "urn:example:x:User:a": "invalidPath"} {
				a := h.do("PATCH", "/Users/"+u.id(), patch(op("add", path, "x"))).want(t, status)
				if status == 400 {
					a.wantError(t, 400, fault)
				}
			}
			h.do("PATCH", "/Users/"+u.id(), patch(op("add", "emails[", "x"))).wantError(t, 400, "invalidPath")
		})
	}
}
