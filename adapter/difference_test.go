package adapter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// told is a journal's account of what changes, a line for each attribute.
func (h *house) told() []string {
	var lines []string
	for _, c := range h.lastEvent().Intent.Diff {
		lines = append(lines, fmt.Sprintf("%s: %s -> %s", c.Path, c.Before, c.After))
	}
	slices.Sort(lines)
	return lines
}

func TestTheJournalTellsWhatAWriteChangesAsClientsSeeIt(t *testing.T) {
	h := newHouse(t)
	ann, bob := h.user("ann"), h.user("bob")
	user := h.create("User", `{"userName":"carl","name":{"familyName":"Carl"},"externalId":"e1","emails":[{"type":"work","value":"c@example.org"}],"password":"t1meMa$heen"}`)
	want := []string{
		`emails:  -> [{"value":"c@example.org","type":"work"}]`, `externalId:  -> "e1"`, `name.familyName:  -> "Carl"`, `password:  -> `, `userName:  -> "carl"`,
	}
	if got := h.told(); !slices.Equal(got, want) {
		t.Errorf("of a new user:\n%s", strings.Join(got, "\n"))
	}
	h.patch("User", user.ID, `{"op":"replace","path":"externalId","value":"e2"},{"op":"replace","path":"name.familyName","value":"Karl"}`)
	if got := h.told(); !slices.Equal(got, []string{`externalId: "e1" -> "e2"`, `name.familyName: "Carl" -> "Karl"`}) {
		t.Errorf("of a change:\n%s", strings.Join(got, "\n"))
	}
	group := h.create("Group", `{"displayName":"g","members":[{"value":"`+ann.ID+`"}]}`)
	h.patch("Group", group.ID, `{"op":"add","path":"members","value":[{"value":"`+bob.ID+`"}]},{"op":"remove","path":"members[value eq \"`+ann.ID+`\"]"}`)
	if got := h.told(); !slices.Equal(got, []string{fmt.Sprintf(`members: [{"value":%q}] -> [{"value":%q}]`, ann.ID, bob.ID)}) {
		t.Errorf("of members:\n%s", strings.Join(got, "\n"))
	}
	if _, err := h.Replace(t.Context(), h.req("Group"), group.ID, h.body("Group", `{"displayName":"g","members":[{"value":"`+bob.ID+`"},{"value":"`+ann.ID+`"}]}`)); err != nil {
		t.Fatal(err)
	}
	if got := h.told(); len(got) != 1 || !strings.HasPrefix(got[0], `members:  -> [{"value":"`+ann.ID+`"`) {
		t.Errorf("of a PUT that adds one member:\n%s", strings.Join(got, "\n"))
	}
}
