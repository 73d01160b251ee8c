package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// create is an operation that makes a resource; pairs are attributes and values in turn.
func create(path, bulkID string, pairs ...any) map[string]any {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[pairs[i].(string)] = pairs[i+1]
	}
	return map[string]any{"method": "POST", "path": path, "bulkId": bulkID, "data": data}
}

func refer(values ...string) []map[string]any {
	members := []map[string]any{}
	for _, v := range values {
		members = append(members, map[string]any{"value": v})
	}
	return members
}

// bulk sends operations and gives the status of each.
func (h *house) bulk(failOnErrors int, ops ...map[string]any) (answer, []string) {
	h.t.Helper()
	body := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": ops}
	if failOnErrors > 0 {
		body["failOnErrors"] = failOnErrors
	}
	a := h.do("POST", "/Bulk", body).want(h.t, 200)
	statuses := []string{}
	for i := range a.body["Operations"].([]any) {
		statuses = append(statuses, a.text(fmt.Sprintf("Operations.%d.status", i)))
	}
	return a, statuses
}

// madeID is the id of what an operation made.
func madeID(a answer, i int) string {
	location := a.text(fmt.Sprintf("Operations.%d.location", i))
	return location[strings.LastIndexByte(location, '/')+1:]
}

func TestBulkMakesAHundredUsersAndTheirGroup(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		members := []string{}
		users := []map[string]any{}
		for i := range 100 {
			bulkID := fmt.Sprintf("u%d", i)
			members = append(members, "bulkId:"+bulkID)
			manager := fmt.Sprintf("bulkId:u%d", (i+1)/2*2) // an even one, often one that comes later
			if i >= 99 {
				manager = "bulkId:u0"
			}
			users = append(users, create("/Users", bulkID, "userName", fmt.Sprintf("bulk-%d", i), "name", map[string]any{"familyName": "F"},
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", map[string]any{"manager": map[string]any{"value": manager}}))
		}
		a, statuses := h.bulk(1, append([]map[string]any{create("/Groups", "g", "displayName", "everybody", "members", refer(members...))}, users...)...)
		if len(statuses) != 101 || slices.ContainsFunc(statuses, func(s string) bool { return s != "201" }) {
			t.Fatalf("%v: %s", statuses, a.raw)
		}
		group := h.do("GET", "/Groups/"+madeID(a, 0), nil).want(t, 200)
		got := map[string]bool{}
		for _, m := range group.body["members"].([]any) {
			got[fmt.Sprint(at(m, "value"))] = true
		}
		for i := range 100 {
			id := madeID(a, i+1)
			if !got[id] {
				t.Errorf("user %d is no member", i)
			}
			if version := a.text(fmt.Sprintf("Operations.%d.version", i+1)); version == "" {
				t.Errorf("user %d has no version", i)
			}
		}
		if _, total := h.list("/Users", `userName sw "bulk-"`); len(got) != 100 || total != 100 {
			t.Errorf("%d members", len(got))
		}
		// The first refers to itself, the second to the third.
		for i, boss := range map[int]int{0: 0, 1: 2, 99: 0} {
			user := h.do("GET", "/Users/"+madeID(a, i+1), nil).want(t, 200)
			if manager := user.text("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager.value"); manager != madeID(a, boss+1) {
				t.Errorf("the manager of user %d is %q, want %q", i, manager, madeID(a, boss+1))
			}
		}
	})
}

func TestBulkClosesCirclesOfGroups(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		if !h.nests() {
			return
		}
		ann := h.user("ann").id()
		a, statuses := h.bulk(0,
			create("/Groups", "a", "displayName", "A", "members", refer("bulkId:b", ann)),
			create("/Groups", "b", "displayName", "B", "members", refer("bulkId:c")),
			create("/Groups", "c", "displayName", "C", "members", refer("bulkId:a", "bulkId:b")),
		)
		if strings.Join(statuses, " ") != "201 201 201" {
			t.Fatalf("%v: %s", statuses, a.raw)
		}
		ids := []string{madeID(a, 0), madeID(a, 1), madeID(a, 2)}
		for i, want := range [][]string{{ids[1], ann}, {ids[2]}, {ids[0], ids[1]}} {
			group := h.do("GET", "/Groups/"+ids[i], nil).want(t, 200)
			got := []string{}
			for _, m := range group.body["members"].([]any) {
				got = append(got, fmt.Sprint(at(m, "value")))
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("group %d has %v, want %v", i, got, want)
			}
			if version := a.text(fmt.Sprintf("Operations.%d.version", i)); version != group.header.Get("ETag") {
				t.Errorf("group %d is answered with version %s and has %s", i, version, group.header.Get("ETag"))
			}
		}
	})
}

func TestBulkGoesOnAfterFailures(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		ann := h.user("ann")
		version := ann.header.Get("ETag")
		path := "/Users/" + ann.id()
		ops := []map[string]any{
			create("/Users", "taken", "userName", "ANN"),
			create("/Users", "bob", "userName", "bob"),
			create("/Groups", "g", "displayName", "G", "members", refer("bulkId:taken")),
			{"method": "PATCH", "path": path, "version": version, "data": patch(op("replace", "title", "First"))},
			{"method": "PATCH", "path": path, "version": version, "data": patch(op("replace", "title", "Second"))},
			{"method": "PUT", "path": "/Users/bulkId:bob", "data": map[string]any{"userName": "bob", "title": "Builder"}},
			{"method": "DELETE", "path": "/Users/00000000-0000-0000-0000-000000000000"},
			{"method": "POST", "path": "/Nothing", "bulkId": "n", "data": map[string]any{}},
			{"method": "DELETE", "path": "/Users/bulkId:bob"},
		}
		a, statuses := h.bulk(0, ops...)
		if got := strings.Join(statuses, " "); got != "409 201 409 200 412 200 404 404 204" {
			t.Fatalf("%s: %s", got, a.raw)
		}
		if a.text("Operations.0.response.scimType") != "uniqueness" || a.at("Operations.0.location") != nil || a.text("Operations.8.location") != h.scimClient.base+"/Users/"+madeID(a, 1) {
			t.Errorf("%s", a.raw)
		}
		if title := h.do("GET", path, nil).want(t, 200).text("title"); title != "First" {
			t.Errorf("title is %q", title)
		}
		h.do("GET", "/Users/"+madeID(a, 1), nil).want(t, 404)
		if _, total := h.list("/Groups", ""); total != 0 {
			t.Errorf("%d groups", total)
		}
		if _, statuses := h.bulk(2, ops...); strings.Join(statuses, " ") != "409 201 409" {
			t.Errorf("with failOnErrors 2: %v", statuses)
		}
	})
}

// A second request of the same operations makes nothing twice, as a client needs that was cut off.
func TestBulkAgainMakesNothingTwice(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	ops := []map[string]any{create("/Users", "a", "userName", "ann"), create("/Groups", "g", "displayName", "G", "members", refer("bulkId:a"))}
	if _, statuses := h.bulk(0, ops...); strings.Join(statuses, " ") != "201 201" {
		t.Errorf("%v", statuses)
	}
	if _, statuses := h.bulk(0, ops...); strings.Join(statuses, " ") != "409 409" {
		t.Errorf("again: %v", statuses)
	}
	if _, total := h.list("/Users", ""); total != 1 {
		t.Errorf("%d users", total)
	}
}

func TestBulkLimitsAreTheConfiguredOnes(t *testing.T) {
	h := openHouse(t, embeddedURL(t))
	config := h.do("GET", "/ServiceProviderConfig", nil).want(t, 200)
	if config.text("bulk.maxOperations") != "1000" {
		t.Fatal(config.text("bulk.maxOperations"))
	}
	if h.world.handler.WriteTimeout != h.world.config.Server.WriteTimeout || h.world.handler.WriteTimeout == 0 {
		t.Errorf("an operation has %s for its answer", h.world.handler.WriteTimeout)
	}
	one := map[string]any{"method": "DELETE", "path": "/Users/none"}
	if _, statuses := h.bulk(0, slices.Repeat([]map[string]any{one}, 1000)...); len(statuses) != 1000 {
		t.Errorf("%d answers", len(statuses))
	}
	h.do("POST", "/Bulk", map[string]any{"Operations": slices.Repeat([]map[string]any{one}, 1001)}).wantError(t, 413, "")
	most := int(h.world.config.SCIM.BulkMaxPayloadSize)
	body := `{"Operations":[{"method":"DELETE","path":"/Users/none"}]}`
	h.do("POST", "/Bulk", body+strings.Repeat(" ", most-len(body))).want(t, 200)
	large := h.do("POST", "/Bulk", body+strings.Repeat(" ", most+1-len(body))).wantError(t, 413, "")
	if !strings.Contains(large.text("detail"), fmt.Sprint(most)) {
		t.Errorf("%s", large.raw)
	}
}

// The page's example is sent as it stands there, and its answer has the members that the page shows.
func TestThePageOnBulkShowsWhatHappens(t *testing.T) {
	text := page(t, "docs/bulk.md")
	_, request, _ := strings.Cut(blocks(text, "sh")[0], "-d '")
	request = strings.TrimSuffix(strings.TrimSpace(request), "'")
	var shown map[string]any
	if err := json.Unmarshal([]byte(blocks(text, "json")[0]), &shown); err != nil {
		t.Fatal(err)
	}
	h := openHouse(t, embeddedURL(t))
	a := h.do("POST", "/Bulk", request).want(t, 200)
	if got, want := outline(a.body), outline(shown); got != want {
		t.Errorf("the answer is\n%s\nand the page shows\n%s", got, want)
	}
	again := h.do("POST", "/Bulk", request).want(t, 200)
	if again.text("Operations.0.bulkId") != "alan" || again.text("Operations.0.response.scimType") != "uniqueness" || again.at("Operations.1") != nil {
		t.Errorf("again: %s", again.raw)
	}
}

// outline is what an answer has that does not change from one time to the next.
func outline(body map[string]any) string {
	var lines []string
	for _, op := range body["Operations"].([]any) {
		o := op.(map[string]any)
		members := slices.Sorted(maps.Keys(o))
		lines = append(lines, fmt.Sprint(o["method"], " ", o["bulkId"], " ", o["status"], " ", members))
	}
	return strings.Join(lines, "\n")
}
