package scim

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	const user, both = `"schemas":["` + UserURN + `"]`, `"schemas":["` + UserURN + `","` + EnterpriseURN + `"]`
	for claim, c := range map[string]struct {
		rt         *ResourceType
		body, want string
		dropped    []string
	}{
		"names come out as the schema spells them, in its order": {
			userType(), `{"ACTIVE":true,"Name":{"GIVENNAME":"B","familyname":"J"},"username":"bj","ExternalID":"x","schemas":["` + UserURN + `"]}`,
			`{` + user + `,"externalId":"x","userName":"bj","name":{"familyName":"J","givenName":"B"},"active":true}`, nil,
		},
		"null and empty strings are absence": {
			userType(), `{"userName":"bj","nickName":null,"title":"","name":{"givenName":"","familyName":null},"emails":[],"phoneNumbers":null,"roles":[null,{"value":""}],"manager":{"value":""}}`,
			`{` + user + `,"userName":"bj"}`, nil,
		},
		"booleans as words": {
			userType(), `{"userName":"bj","active":"False","emails":[{"value":"x","primary":"TRUE"}]}`,
			`{` + user + `,"userName":"bj","active":false,"emails":[{"value":"x","primary":true}]}`, nil,
		},
		"what is unknown is dropped and listed once": {
			userType(), `{"userName":"bj","colour":"red","name":{"nick":"x"},"emails":[{"value":"x","v":1},{"value":"y","V":1}],"urn:a:b":{"c":1}}`,
			`{` + user + `,"userName":"bj","emails":[{"value":"x"},{"value":"y"}]}`,
			[]string{"colour", "name.nick", "emails.v", "emails.V", "urn:a:b"},
		},
		"what is read-only is dropped": {
			userType(), `{"id":"5","userName":"bj","meta":{"created":"x"},"groups":[{"value":"g"}],"schemas":"odd","manager":{"value":"m","displayName":"M"}}`,
			`{` + both + `,"userName":"bj","` + EnterpriseURN + `":{"manager":{"value":"m"}}}`, nil,
		},
		"an id that is null": {userType(), `{"id":null,"userName":"bj"}`, `{` + user + `,"userName":"bj"}`, nil},
		"an extension by its URN": {
			userType(), `{"userName":"bj","` + strings.ToLower(EnterpriseURN) + `":{"Department":"d","floor":3}}`,
			`{` + both + `,"userName":"bj","` + EnterpriseURN + `":{"department":"d"}}`,
			[]string{EnterpriseURN + ":floor"},
		},
		"an empty extension":              {userType(), `{"userName":"bj","` + EnterpriseURN + `":{}}`, `{` + user + `,"userName":"bj"}`, nil},
		"an empty string of an extension": {userType(), `{"userName":"bj","` + EnterpriseURN + `":""}`, `{` + user + `,"userName":"bj"}`, nil},
		"an empty list of an extension":   {userType(), `{"userName":"bj","` + EnterpriseURN + `":[]}`, `{` + user + `,"userName":"bj"}`, nil},
		"a null extension":                {userType(), `{"userName":"bj","` + EnterpriseURN + `":null}`, `{` + user + `,"userName":"bj"}`, nil},
		"every spelling of a name": {
			userType(), `{"userName":"bj","name.givenName":"B","name":{"familyName":"J"},"` + EnterpriseURN + `:department":"d","manager":"m","emails[type eq \"work\"].value":"x","` + UserURN + `:title":"t"}`,
			`{` + both + `,"userName":"bj","name":{"familyName":"J","givenName":"B"},"title":"t","emails":[{"value":"x","type":"work"}],"` + EnterpriseURN + `":{"department":"d","manager":{"value":"m"}}}`, nil,
		},
		"single objects and bare strings for lists": {
			userType(), `{"userName":"bj","emails":{"value":"x"},"phoneNumbers":"1","roles":["a",{"value":"b"}]}`,
			`{` + user + `,"userName":"bj","emails":[{"value":"x"}],"phoneNumbers":[{"value":"1"}],"roles":[{"value":"a"},{"value":"b"}]}`, nil,
		},
		"members as strings, the same one twice": {
			groupType(), `{"displayName":"g","members":["a",{"value":"A","type":"User"},{"value":"b","display":"B"}]}`,
			`{"schemas":["` + GroupURN + `"],"displayName":"g","members":[{"value":"a"},{"value":"b"}]}`, nil,
		},
		"immutable values are set": {badgeType(), `{"serial":"s","tags":["x"]}`, `{"schemas":["urn:example:Badge"],"serial":"s","tags":["x"]}`, nil},
		"numbers keep their digits": {
			badgeType(), `{"level":9007199254740993,"weight":1.10}`, `{"schemas":["urn:example:Badge"],"level":9007199254740993,"weight":1.10}`, nil,
		},
	} {
		t.Run(claim, func(t *testing.T) {
			in := parse(t, c.body)
			res, dropped, err := c.rt.Decode(in)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := res.String(), parse(t, c.want).String(); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			if d := cmp.Diff(c.dropped, dropped); d != "" {
				t.Error(d)
			}
			if in.String() != parse(t, c.body).String() {
				t.Error("the body was edited")
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	for claim, c := range map[string]struct {
		rt   *ResourceType
		body string
		want string // the start of the sentence
	}{
		"a number for a string":         {userType(), `{"userName":5}`, "userName must be a string."},
		"a boolean for a string":        {userType(), `{"userName":true}`, "userName must be a string."},
		"a list for a string":           {userType(), `{"userName":["a","b"]}`, "userName takes one value"},
		"an object for a string":        {userType(), `{"userName":{"a":"b"}}`, "userName is of type string"},
		"a word for a boolean":          {userType(), `{"active":"yes"}`, "active must be true or false."},
		"a number for a boolean":        {userType(), `{"active":1}`, "active must be true or false."},
		"a string for a complex value":  {userType(), `{"name":"x"}`, "name must be an object."},
		"a boolean for a complex value": {userType(), `{"name":true}`, "name must be an object."},
		"a number among values":         {userType(), `{"emails":[{"value":"x"},5]}`, "emails must be an object, or its value as a string."},
		"a number for a manager":        {userType(), `{"manager":7}`, EnterpriseURN + ":manager must be an object, or its value as a string."},
		"a list among values":           {userType(), `{"emails":[["x"]]}`, "emails must be a list of values"},
		"a wrong part":                  {userType(), `{"emails":[{"value":5}]}`, "emails.value must be a string."},
		"a string for an extension":     {userType(), `{"` + EnterpriseURN + `":"x"}`, EnterpriseURN + " must be an object."},
		"a wrong part of an extension":  {userType(), `{"` + EnterpriseURN + `":{"department":5}}`, EnterpriseURN + ":department must be a string."},
		"two managers":                  {userType(), `{"manager":["a","b"]}`, EnterpriseURN + ":manager takes one value"},
		"a fraction":                    {badgeType(), `{"level":1.0}`, "level must be a whole number."},
		"a number in quotes":            {badgeType(), `{"weight":"1"}`, "weight must be a number."},
		"no date":                       {badgeType(), `{"valid":"today"}`, "valid must be a date and time"},
		"no base64":                     {badgeType(), `{"print":"A"}`, "print must be base64."},
		"brackets with a wrong literal": {userType(), `{"emails[primary eq 5].value":"x"}`, "primary is of type boolean"},
	} {
		t.Run(claim, func(t *testing.T) {
			_, _, err := c.rt.Decode(parse(t, c.body))
			e := wantError(t, err, map[bool]string{false: InvalidValue, true: InvalidFilter}[strings.Contains(c.body, "[primary")])
			if !strings.HasPrefix(e.Detail, c.want) {
				t.Errorf("%q, want %q", e.Detail, c.want)
			}
		})
	}
}

// What a client reads it may send back as it is (Okta's PUT).
func TestDecodeOfWhatWasRead(t *testing.T) {
	rt := userType()
	read := parse(t, person)
	body, dropped, err := rt.Decode(read)
	if err != nil || len(dropped) > 0 {
		t.Fatalf("dropped %v, error %v", dropped, err)
	}
	after := rt.Replaced(read, body)
	for _, name := range []string{"id", "meta", "userName", "emails", EnterpriseURN} {
		was, _ := read.Get(name)
		is, _ := after.Get(name)
		if name == EnterpriseURN {
			was.(*Object).members[1].value.(*Object).Delete("displayName") // derived by the server
		}
		if !Equal(was, is) {
			t.Errorf("%s: %v became %v", name, was, is)
		}
	}
}

func TestReplaced(t *testing.T) {
	for claim, c := range map[string]struct {
		rt                 *ResourceType
		before, body, want string
	}{
		"what is not mentioned is gone": {
			userType(), bjensen, `{"userName":"bj"}`,
			`{"schemas":["` + UserURN + `"],"id":"7","userName":"bj","meta":{"resourceType":"User"}}`,
		},
		"an extension that comes is named": {
			userType(), bjensen, `{"userName":"bj","manager":"m"}`,
			`{"schemas":["` + UserURN + `","` + EnterpriseURN + `"],"id":"7","userName":"bj","` + EnterpriseURN + `":{"manager":{"value":"m"}},"meta":{"resourceType":"User"}}`,
		},
		"what is read-only or immutable stays": {
			badgeType(), badge, `{"colours":["green"],"maker":"bolt"}`,
			`{"schemas":["urn:example:Badge"],"id":"1","serial":"S1","colours":["green"],"tags":["x"],"maker":"acme"}`,
		},
		"members that stay keep their names": {
			groupType(), tour, `{"displayName":"g","members":[{"value":"c"},{"value":"b"}]}`,
			`{"schemas":["` + GroupURN + `"],"id":"9","displayName":"g","members":[{"value":"c"},{"value":"b","display":"Ben"}]}`,
		},
	} {
		t.Run(claim, func(t *testing.T) {
			before := parse(t, c.before)
			body, _, err := c.rt.Decode(parse(t, c.body))
			if err != nil {
				t.Fatal(err)
			}
			written := body.String()
			after := c.rt.Replaced(before, body)
			if got, want := after.String(), parse(t, c.want).String(); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
			scribble(after)
			if body.String() != written || before.String() != parse(t, c.before).String() {
				t.Error("memory is shared")
			}
			if err := c.rt.Validate(c.rt.Replaced(before, body), before); err != nil {
				t.Error(err)
			}
		})
	}
}

// An immutable value that the body changes is left for Validate to refuse.
func TestReplacedDoesNotHideAChange(t *testing.T) {
	rt, before := badgeType(), parse(t, badge)
	body, _, err := rt.Decode(parse(t, `{"serial":"S2"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = wantError(t, rt.Validate(rt.Replaced(before, body), before), NotMutable)
}
