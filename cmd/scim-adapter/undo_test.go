package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

// everything is all that stands in the directory, a line for each value: of entries every user attribute, of tables every row, without what a write stamps by itself.
func (h *house) everything(t *testing.T) []string {
	t.Helper()
	var lines []string
	if h.tables == nil {
		for _, e := range h.search(t, h.base, ldap.ScopeWholeSubtree, "(objectClass=*)") {
			for _, a := range e.Attributes {
				for _, v := range a.ByteValues {
					if !operational[strings.ToLower(a.Name)] {
						lines = append(lines, fmt.Sprintf("%s %s: %q", e.DN, a.Name, v))
					}
				}
			}
			lines = append(lines, e.DN+" entryUUID: "+e.GetAttributeValue("entryUUID"))
		}
	} else {
		for _, table := range h.tables.column(t, `SELECT table_schema || '.' || table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema IN ('scim', 'hr')`) {
			stamps := "'updated_at', 'modified_at', 'version', 'row_version'"
			if strings.Contains(table, "member") { // who is a member again is in a row of its own again
				stamps += ", 'id', 'created_at'"
			}
			for _, row := range h.tables.column(t, "SELECT (to_jsonb(t) - ARRAY["+stamps+"])::text FROM "+table+" t "+theirs[table]) {
				lines = append(lines, table+" "+row)
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// theirs are the rows that count: a team that was deleted is marked so, and stays with its members, there for nobody.
var theirs = map[string]string{
	"hr.team":        "WHERE dissolved_at IS NULL",
	"hr.team_member": "WHERE NOT EXISTS (SELECT FROM hr.team d WHERE d.team_id = t.team_id AND d.dissolved_at IS NOT NULL)",
}

// operational are those of the attributes that the houses' searches ask for by name.
var operational = map[string]bool{"entrycsn": true, "entryuuid": true, "modifytimestamp": true, "modifiersname": true}

// column is the first column of what a query finds.
func (b *tables) column(t *testing.T, query string) (all []string) {
	t.Helper()
	rows, err := b.admin.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return all
}

// undoing runs the command on the house's own world.
func (h *house) undoing(u undoRun, do func(u *undoRun) error) (out string, err error) {
	var stdout, stderr bytes.Buffer
	u.config, u.w, u.in, u.out, u.err = h.config, h.world, strings.NewReader(""), &stdout, &stderr
	err = do(&u)
	return stdout.String() + stderr.String(), err
}

// mixed makes n changes of every kind, as clients do.
func (h *house) mixed(r *rand.Rand, n int, people, groups []string) {
	h.t.Helper()
	gone := map[string]bool{}
	pick := func(ids []string) string {
		for {
			if id := ids[r.IntN(len(ids))]; !gone[id] {
				return id
			}
		}
	}
	ok := func(a answer) answer {
		if a.status >= 300 {
			h.t.Fatalf("%d %s", a.status, a.raw)
		}
		return a
	}
	for i := range n {
		user, group := pick(people), pick(groups)
		switch k := r.IntN(23); {
		case k >= 21:
			ok(h.do("PUT", "/Users/"+user, map[string]any{"userName": fmt.Sprintf("put%d", i), "name": map[string]any{"familyName": "Put"}, "displayName": fmt.Sprintf("Put %d", i)}))
		case k >= 20 && h.tables != nil: // their groups have no groups
		case k >= 20: // a group in a group
			ok(h.do("PATCH", "/Groups/"+groups[0], patch(op("add", "members", []any{map[string]any{"value": groups[1+r.IntN(len(groups)-1)]}}))))
		case k < 3:
			people = append(people, ok(h.user(fmt.Sprintf("new%d", i), "displayName", fmt.Sprintf("New %d", i))).id())
		case k < 7:
			ok(h.do("PATCH", "/Users/"+user, patch(op("replace", "displayName", fmt.Sprintf("Name %d", i)), op("replace", "name.familyName", fmt.Sprintf("Family %d", i)))))
		case k < 9:
			ok(h.do("PATCH", "/Users/"+user, patch(op("replace", "active", r.IntN(2) == 0))))
		case k < 11:
			ok(h.do("PATCH", "/Users/"+user, patch(op("replace", "userName", fmt.Sprintf("renamed%d", i)))))
		case k < 14:
			ok(h.do("PATCH", "/Groups/"+group, patch(op("add", "members", []any{map[string]any{"value": user}}))))
		case k < 16:
			ok(h.do("PATCH", "/Groups/"+group, patch(op("remove", `members[value eq "`+user+`"]`, nil))))
		case k < 17:
			ok(h.do("PATCH", "/Users/"+user, patch(op("add", "externalId", fmt.Sprintf("ext%d", i)))))
		case k < 18 && len(gone) < len(people)/3:
			ok(h.do("DELETE", "/Users/"+user, nil))
			gone[user] = true
		case k < 19:
			groups = append(groups, ok(h.group(fmt.Sprintf("crew%d", i), user)).id())
		default:
			ok(h.do("PATCH", "/Groups/"+group, patch(op("replace", "displayName", fmt.Sprintf("crew-%d", i)))))
		}
	}
}

func TestAWindowOfMixedChangesIsTakenBack(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		var people, groups []string
		for i := range 40 {
			people = append(people, h.user(fmt.Sprintf("person%d", i), "displayName", fmt.Sprintf("Person %d", i)).id())
		}
		for i := range 6 {
			groups = append(groups, h.group(fmt.Sprintf("team%d", i), people[i*5:i*5+7]...).id())
		}
		before := h.everything(t)
		time.Sleep(5 * time.Millisecond)
		since := time.Now()
		h.mixed(rand.New(rand.NewPCG(1, 2)), 500, people, groups) //nolint:gosec // the same changes each time
		after := h.everything(t)
		window := undoRun{since: since.Format(time.RFC3339Nano), yes: true}
		window.dryRun = true
		if out, err := h.undoing(window, func(u *undoRun) error { return u.undo(t.Context(), nil) }); err != nil || strings.Contains(out, "skipped") {
			t.Errorf("a dry run: %v\n%s", err, notDone(out))
		}
		if diff := cmp.Diff(after, h.everything(t)); diff != "" {
			t.Errorf("a dry run has changed something (-before +after):\n%s", diff)
		}
		window.dryRun = false
		out, err := h.undoing(window, func(u *undoRun) error { return u.undo(t.Context(), nil) })
		if err != nil {
			t.Errorf("%v\n%s", err, notDone(out))
		}
		if diff := cmp.Diff(before, h.everything(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
	})
}

// notDone is what an undo says of the events that it has not taken back.
func notDone(out string) string {
	var lines []string
	wanted := false
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 1 && !strings.HasPrefix(line, "#   ") && !strings.HasPrefix(line, "--   ") {
			wanted = words[1] == "skipped" || words[1] == "failed"
		}
		if wanted {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
