package journal

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/scim-adapter/scim-adapter/backends"
)

// storedIntent is an intent as journals out there hold it: a change that no longer reads it loses somebody's way back.
const storedIntent = `{
	"id": "0193", "time": "2026-11-23T10:17:00Z", "deadline": "2026-11-23T10:18:00Z", "writer": "host/1", "request_id": "r1", "tenant": "default",
	"client": "okta", "subject": "s", "address": "192.0.2.1", "user_agent": "curl", "action": "patch", "resource_type": "User", "resource_id": "k1",
	"dropped": ["nickName"], "refused": "too many", "undoes": "0192", "noted": true,
	"diff": [{"path": "active", "before": true, "after": false}, {"path": "title", "before": "Manager"}, {"path": "emails", "after": [{"value": "a@example.org"}]}],
	"weights": [{"kind": "delete", "count": 1, "of": 4000}, {"kind": "remove_member", "count": 12}],
	"steps": [{
		"backend": "User", "op": "modify", "key": "k1", "name": "uid=x",
		"changes": [
			{"op": "add", "attr": "mail", "values": [{"string": "a@example.org"}]}, {"op": "remove", "attr": "jpegPhoto", "values": [{"bytes": "AP8="}]},
			{"op": "replace", "attr": "title"}, {"op": "setPassword", "attr": "userPassword", "values": [{"secret": true}]}
		],
		"attrs": {"uidNumber": [{"int": 7}]},
		"before": {"title": [{"string": "Manager"}], "userPassword": [{"secret": true}]}
	}]
}`

func TestStoredIntentsStayReadable(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 17, 0, 0, time.UTC)
	secret := backends.Values{backends.Secret("")}
	want := Intent{
		ID: "0193", Time: at, Deadline: at.Add(time.Minute), Writer: "host/1", RequestID: "r1", Tenant: "default", Client: "okta", Subject: "s",
		Address: "192.0.2.1", UserAgent: "curl", Action: "patch", ResourceType: "User", ResourceID: "k1", Dropped: []string{"nickName"}, Refused: "too many",
		Undoes: "0192", Noted: true,
		Diff: []Change{
			{Path: "active", Before: json.RawMessage("true"), After: json.RawMessage("false")},
			{Path: "title", Before: json.RawMessage(`"Manager"`)},
			{Path: "emails", After: json.RawMessage(`[{"value": "a@example.org"}]`)},
		},
		Weights: []Weight{{Kind: GuardDelete, Count: 1, Of: 4000}, {Kind: GuardRemoveMember, Count: 12}},
		Steps: []Step{{
			Backend: "User", Op: "modify", Key: "k1", Name: "uid=x",
			Changes: []backends.Change{
				{Op: backends.Add, Attr: "mail", Values: backends.Strings("a@example.org")},
				{Op: backends.Remove, Attr: "jpegPhoto", Values: backends.Values{backends.Bytes([]byte{0, 0xff})}},
				{Op: backends.Replace, Attr: "title"},
				{Op: backends.SetPassword, Attr: "userPassword", Values: secret},
			},
			Attrs:  backends.Attributes{"uidNumber": {backends.Int(7)}},
			Before: backends.Attributes{"title": backends.Strings("Manager"), "userPassword": secret},
		}},
	}
	check(t, storedIntent, want)
}

func TestStoredOutcomesStayReadable(t *testing.T) {
	check(t, `{
		"time": "2026-11-23T10:17:01Z", "status": "undone", "resource_id": "k1", "version": "v2", "error": "refused",
		"steps": [{"status": "undone", "effective": [{"op": "remove", "attr": "member"}], "error": "e"}]
	}`, Outcome{
		Time: time.Date(2026, 11, 23, 10, 17, 1, 0, time.UTC), Status: "undone", ResourceID: "k1", Version: "v2", Error: "refused",
		Steps: []StepOutcome{{Status: "undone", Effective: []backends.Change{{Op: backends.Remove, Attr: "member"}}, Error: "e"}},
	})
}

// check holds a stored text against what it means, in both directions.
func check[T any](t *testing.T, stored string, want T) {
	t.Helper()
	values := cmp.Comparer(func(a, b backends.Value) bool { return a == b })
	var got T
	if err := json.Unmarshal([]byte(stored), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, values); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var before, after any
	if err := json.Unmarshal([]byte(stored), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("written anew (-stored +written):\n%s", diff)
	}
}
