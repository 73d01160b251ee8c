package scim

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim/filter"
	"pgregory.net/rapid"
)

const crew = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"g1","displayName":"Crew",
	"members":[{"value":"Ab","type":"User"},{"value":"g2","type":"Group"}],"meta":{"resourceType":"Group"}}`

// taggedGroup is a group whose members say since when they are, and whose e-mail addresses have no type.
func taggedGroup() *ResourceType {
	rt := groupType()
	rt.ID, rt.Name, rt.Endpoint = "Team", "Team", "/Teams"
	rt.Schema = &Schema{ID: "urn:example:Team", Name: "Team", Attributes: []*Attribute{
		text("displayName", ""),
		attribute("active", TypeString, ""),
		complexOf("emails", "", []*Attribute{text("value", "")}, multi),
		text("nickName", "", secret),
	}}
	return rt
}

func TestAFilterOverSeveralTypes(t *testing.T) {
	types := []*ResourceType{userType(), groupType(), taggedGroup()}
	for text, want := range map[string][]string{ // "*": all, "-": nobody
		`displayName sw "a"`:                      {`displayName sw "a"`, `displayName sw "a"`, `displayName sw "a"`},
		`userName eq "a"`:                         {`userName eq "a"`, "-", "-"},
		`userName ne "a"`:                         {`userName ne "a"`, "*", "*"},
		`userName eq null`:                        {`userName eq null`, "*", "*"},
		`userName ne null`:                        {`userName ne null`, "-", "-"},
		`userName pr`:                             {`userName pr`, "-", "-"},
		`not (userName pr)`:                       {`not (userName pr)`, "*", "*"},
		`userName gt "a"`:                         {`userName gt "a"`, "-", "-"},
		`userName pr or id eq "1"`:                {`userName pr or id eq "1"`, `id eq "1"`, `id eq "1"`},
		`userName pr and id eq "1"`:               {`userName pr and id eq "1"`, "-", "-"},
		`not (userName pr) and id eq "1"`:         {`not (userName pr) and id eq "1"`, `id eq "1"`, `id eq "1"`},
		`not (userName pr or id eq "1")`:          {`not (userName pr or id eq "1")`, `not (id eq "1")`, `not (id eq "1")`},
		`userName pr or members pr`:               {`userName pr`, `members pr`, "-"},
		`emails[type eq "work"]`:                  {`emails[type eq "work"]`, "-", "-"},
		`emails[type ne "work"]`:                  {`emails[type ne "work"]`, "-", `emails pr`},
		`emails[not (type eq "work")].value pr`:   {`emails[not (type eq "work")].value pr`, "-", `emails.value pr`},
		`emails[type eq "x" or value eq "y"]`:     {`emails[type eq "x" or value eq "y"]`, "-", `emails[value eq "y"]`},
		`emails[type eq "x"].value ne "y"`:        {`emails[type eq "x"].value ne "y"`, "*", "*"},
		EnterpriseURN + `:employeeNumber eq "7"`:  {EnterpriseURN + `:employeeNumber eq "7"`, "-", "-"},
		`urn:example:Team:displayName eq "x"`:     {"-", "-", `urn:example:Team:displayName eq "x"`},
		`meta.resourceType eq "User"`:             {`meta.resourceType eq "User"`, `meta.resourceType eq "User"`, `meta.resourceType eq "User"`},
		`members[type eq "User"].value eq "Ab"`:   {"-", `members[type eq "User"].value eq "Ab"`, "-"},
		`emails.type eq "work" or active eq "on"`: nil, // a boolean of users is a text of teams
	} {
		got, err := FitFilter(text, types)
		if want == nil {
			_ = wantError(t, err, InvalidFilter)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		for i, f := range got {
			shown := "*"
			if f.Nobody {
				shown = "-"
			} else if f.Filter != nil {
				shown = f.Filter.String()
			}
			if shown != want[i] {
				t.Errorf("%s comes to %s for %s, want %s", text, shown, types[i].Name, want[i])
			}
		}
	}
}

func TestAFilterThatNoTypeAnswersIsRefused(t *testing.T) {
	types := []*ResourceType{userType(), groupType(), taggedGroup()}
	for text, word := range map[string]string{
		`shoeSize eq "44"`:                     "No resource type",
		`userName eq "a" or shoeSize pr`:       "No resource type",
		`emails[shoe eq "x"]`:                  "shoe",
		`password eq "x"`:                      "password",
		`nickName eq "x"`:                      "nickName", // of teams it may not be asked
		`userName eq`:                          "cannot be read",
		`userName gt true`:                     "userName",
		`urn:example:Team pr`:                  "schema",
		`meta.shoe eq "x" and userName pr`:     "meta.shoe",
		`not (not (urn:nobody:here:x eq "1"))`: "urn:nobody:here:x",
	} {
		_, err := FitFilter(text, types)
		if e := wantError(t, err, InvalidFilter); !strings.Contains(e.Detail, word) {
			t.Errorf("%s: %s", text, e.Detail)
		}
	}
}

// TestFittingChangesNoAnswer holds FitFilter to Match, which takes what a type lacks for absent.
func TestFittingChangesNoAnswer(t *testing.T) {
	types := []*ResourceType{userType(), groupType(), taggedGroup()}
	resources := []*Object{parse(t, person), parse(t, crew), parse(t, `{"id":"t1","displayName":"Crew","emails":[{"value":"a@b"},{"value":"b@work.example"}]}`)}
	leaves := slices.Concat([]string{
		`members[type eq "User"].value eq "Ab"`, `members.value ne "Ab"`, `members pr`, `members eq null`, `displayName eq "crew"`, `displayName ne "Crew"`,
		`emails[type ne "work"].value eq "a@b"`, `emails[type eq null]`, `emails[not (type pr)].value sw "a"`, `emails[type eq "work" or value sw "a"]`,
		`emails[type eq "home" and value pr]`, `emails[type ne "x"] ne "a@b"`, `id eq "t1"`,
	}, slices.Sorted(maps.Keys(onPerson)))
	rapid.Check(t, func(t *rapid.T) {
		text := drawFilter(t, leaves, 3)
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		fitted, err := FitFilter(text, types)
		if err != nil {
			return // one that no type answers, or of which one type has another kind
		}
		for i, rt := range types {
			want, f := Match(e, rt, resources[i]), fitted[i]
			if f.Filter != nil {
				if err := rt.CheckFilter(f.Filter); err != nil {
					t.Fatalf("%s for %s is %s: %v", text, rt.Name, f.Filter, err)
				}
			}
			if got := !f.Nobody && (f.Filter == nil || Match(f.Filter, rt, resources[i])); got != want {
				t.Errorf("%s for %s is %v (nobody %v), which is %v; want %v", text, rt.Name, f.Filter, f.Nobody, got, want)
			}
		}
	})
}

func drawFilter(t *rapid.T, leaves []string, depth int) string {
	kinds := 4
	if depth == 0 {
		kinds = 1
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 1:
		return "not (" + drawFilter(t, leaves, depth-1) + ")"
	case 2:
		return "(" + drawFilter(t, leaves, depth-1) + " and " + drawFilter(t, leaves, depth-1) + ")"
	case 3:
		return "(" + drawFilter(t, leaves, depth-1) + " or " + drawFilter(t, leaves, depth-1) + ")"
	default:
		return rapid.SampledFrom(leaves).Draw(t, "leaf")
	}
}
