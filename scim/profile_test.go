package scim

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

// What an unknown path comes to is the client's profile's to say (CLIENTS.md, row 31); what cannot be read is refused from everybody.
func TestUnknownPathsAreRefusedOrListed(t *testing.T) {
	lenient := Profile{IgnoreUnknownPaths: true}
	for _, path := range []string{
		"colour", "name.nick", `shoes[primary eq "True"].value`, `emails[kind eq "work"].value`, "urn:example:none:2.0:User:colour", "urn:example:none:2.0:User",
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:colour",
	} {
		for _, kind := range []string{"Add", "replace", "Remove"} {
			o := NewObject()
			o.Set("op", kind)
			o.Set("path", path)
			o.Set("value", "x")
			title := NewObject()
			title.Set("op", "add")
			title.Set("path", "title")
			title.Set("value", "Boss")
			body := NewObject()
			body.Set("Operations", []any{o, title})
			_, _, err := userType().DecodePatch(body, Profile{})
			var e *Error
			if !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Type != InvalidPath {
				t.Errorf("strict, %s %s: %v", kind, path, err)
			}
			p, dropped, err := userType().DecodePatch(body, lenient)
			if err != nil || !slices.Equal(dropped, []string{path}) || !slices.Equal(p.Touches(), []string{"title"}) {
				t.Errorf("lenient, %s %s: drops %q, touches %q, %v", kind, path, dropped, p.Touches(), err)
			}
		}
	}
	for _, path := range []string{"emails[", "emails[type eq].value", "..", "emails[type eq \"work\"]value", "na me"} {
		body := parse(t, `{"Operations":[{"op":"add","path":`+strconv.Quote(path)+`,"value":"x"}]}`)
		if _, _, err := userType().DecodePatch(body, lenient); err == nil {
			t.Errorf("%s is taken", path)
		}
	}
}

// Only of a path that was written out is it known that the client insists on the element.
func TestChosenElementsAreThoseOfPaths(t *testing.T) {
	p, _, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"add","path":"emails[type eq \"home\"].value","value":"a@b"},
		{"op":"add","value":{"emails[type eq \"other\"].value":"c@d"}}]}`), Profile{})
	if err != nil || !slices.Equal(p.Chosen(), []string{`emails[type eq "home"]`}) {
		t.Errorf("%q, %v", p.Chosen(), err)
	}
}

// An element that is there keeps its mark of primary unless the same operation marks another.
func TestAnAddMovesTheMarkOfPrimary(t *testing.T) {
	const op = `{"op":"add","path":"emails","value":[{"value":"new@x","type":"work","primary":true},{"value":"b@work.example","type":"work"}]}`
	after, err := patched(t, userType(), bjensen, op)
	if err != nil {
		t.Fatal(err)
	}
	var marked []string
	list, _ := member(after, "emails").([]any)
	for _, e := range list {
		if member(e, "primary") == true {
			marked = append(marked, member(e, "value").(string))
		}
	}
	if !slices.Equal(marked, []string{"new@x"}) {
		t.Errorf("primary are %q", marked)
	}
	if err := userType().Validate(after, nil); err != nil {
		t.Error(err)
	}
}

// An element that was made another, or written whole, is told by its type; what is taken away is not.
func TestPlacedElements(t *testing.T) {
	p, _, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"replace","path":"emails[type eq \"work\"].type","value":"home"},
		{"op":"replace","path":"emails[type eq \"work\"]","value":{"type":"other","value":"a@b"}},{"op":"replace","path":"emails","value":[{"type":"whole","value":"a@b"}]},
		{"op":"add","path":"emails","value":[{"type":"home","value":"b@b"},{"value":"c@b"}]},{"op":"remove","path":"emails","value":[{"type":"gone","value":"b@b"}]},
		{"op":"add","value":{"ims":[{"type":"icq","value":"1"}]}},
		{"op":"remove","path":"phoneNumbers[type eq \"fax\"].type"},{"op":"add","path":"name","value":{"givenName":"x"}}]}`), Profile{})
	if err != nil || !slices.Equal(p.Placed(), []string{`emails[type eq "home"]`, `emails[type eq "other"]`, `emails[type eq "whole"]`}) {
		t.Errorf("%q, %v", p.Placed(), err)
	}
}

func TestUnassignedParts(t *testing.T) {
	p, _, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"remove","path":"phoneNumbers[type eq \"fax\"].type"},{"op":"replace","path":"emails.type","value":""},
		{"op":"replace","path":"ims[type eq \"xmpp\"]","value":{"display":null,"type":"icq"}},{"op":"remove","path":"photos[type eq \"photo\"]"},
		{"op":"remove","path":"emails"},{"op":"replace","path":"emails","value":[{"value":"a@b"}]},{"op":"remove","path":"name.givenName"}]}`), Profile{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, ref := range p.Unassigns() {
		paths = append(paths, ref.String())
	}
	if want := []string{"phoneNumbers.type", "emails.type", "ims.display"}; !slices.Equal(paths, want) {
		t.Errorf("%q, want %q", paths, want)
	}
}
