package mapping

import (
	"strings"
	"testing"
)

// Rows that clients would call the same are rows of their own: what was shown is written back without a change.
func TestRowsThatAreAlikeAreKept(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	rec := withRows("hr.email", "address=x@x kind=W is_main=TRUE", "address=x@x kind=W", "address=X@x kind=W")
	rec.Attrs["hr.phone"] = rows("number=V", "number=v")
	before, _ := m.Get(rec, nil)
	body, _, err := m.ResourceType().Decode(parseAgain(t, before))
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Diff(rec, before, m.ResourceType().Replaced(before, body), nil)
	if err != nil || !got.Empty() {
		t.Errorf("written back as it is, it changes %s %v", rowChanges(got.Changes), err)
	}
}

func TestAnElementGivenTwiceFindsRoomForOne(t *testing.T) {
	m := compile(t, newDirectory(), userWith("create: {name: \"uid={userName},dc=x\"}\n", "  emails: employeeNumber\n  phoneNumbers[type=work]: displayName\n")).All()[0]
	const two = `"emails":[{"value":"a@x"},{"value":"A@X","primary":true}],"phoneNumbers":[{"value":"v","type":"work"},{"value":"V","type":"work","primary":true}]`
	got, err := m.Create(parse(t, `{"userName":"b",`+two+`}`))
	if err != nil || got.Attrs.Get("employeeNumber")[0].Text() != "a@x" || len(got.Attrs.Get("employeeNumber")) != 1 || len(got.Attrs.Get("displayName")) != 1 {
		t.Errorf("%v %v", got.Attrs, err)
	}
	if _, err := m.Create(parse(t, `{"userName":"b",`+strings.ReplaceAll(two, "A@X", "b@x")+`}`)); err == nil || !strings.Contains(err.Error(), "one value") {
		t.Errorf("of two that differ: %v", err)
	}
}
