package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// readiness fails unless /ready has this status, and these states of the directories. It gives what it says.
func (h *house) readiness(t testing.TB, status int, want map[string]string) string {
	t.Helper()
	resp, err := http.Get(strings.TrimSuffix(h.scimClient.base, "/scim/v2") + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Checks []struct{ Name, Kind, State, Error string }
	}
	if err := json.Unmarshal(raw, &said); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	got := map[string]string{}
	for _, c := range said.Checks {
		if c.Kind != "journal" {
			got[c.Name] = c.State
		}
		if (c.State == "up") != (c.Error == "") {
			t.Errorf("%s is %s, and its error is %q", c.Name, c.State, c.Error)
		}
	}
	if resp.StatusCode != status || !maps.Equal(got, want) {
		t.Errorf("/ready is %d %s, want %d and %v", resp.StatusCode, raw, status, want)
	}
	return string(raw)
}
