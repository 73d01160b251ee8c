package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

func TestGetShowsWhatTheMappingSays(t *testing.T) {
	user, group := both(t)
	for name, c := range map[string]struct {
		m    *Mapping
		rec  backends.Record
		want string
	}{
		"a record with little shows defaults and constants": {
			user, record("uid", "bjensen"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"bjensen","locale":"en-GB","preferredLanguage":"en","active":true,"meta":{"resourceType":"User"}}`,
		},
		"a placeholder is never shown": {
			user, record("uid", "b", "sn", "-"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","locale":"en-GB","preferredLanguage":"en","active":true,"meta":{"resourceType":"User"}}`,
		},
		"the first source that is present is shown": {
			user, record("uid", "b", "cn", "Babs", "displayName", "Barbara", "preferredLanguage", "de"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","name":{"formatted":"Babs"},"displayName":"Barbara","locale":"en-GB","preferredLanguage":"de","active":true,"meta":{"resourceType":"User"}}`,
		},
		"else the second": {
			user, record("uid", "b", "cn", "Babs", "preferredLanguage", "de"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","name":{"formatted":"Babs"},"displayName":"Babs","locale":"en-GB","preferredLanguage":"de","active":true,"meta":{"resourceType":"User"}}`,
		},
		"several values are several elements, and the lowest is primary": {
			user, record("uid", "b", "mail", "b@x", "mail", "a@x", "preferredLanguage", "de"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","locale":"en-GB","preferredLanguage":"de","active":true,"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x","type":"work"}],"meta":{"resourceType":"User"}}`,
		},
		"one element of the whole attribute is primary, of the first type that has any": {
			user, record("uid", "b", "mobile", "2", "preferredLanguage", "de"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","locale":"en-GB","preferredLanguage":"de","active":true,"phoneNumbers":[{"value":"2","type":"mobile","primary":true}],"meta":{"resourceType":"User"}}`,
		},
		"parts of one element come together": {
			user, record("uid", "b", "postalCode", "0815", "l", "Ulm", "preferredLanguage", "de"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","locale":"en-GB","preferredLanguage":"de","timezone":"Ulm","active":true,"addresses":[{"postalCode":"0815","locality":"Ulm","type":"work","primary":true}],"meta":{"resourceType":"User"}}`,
		},
		"an extension is named where something of it is there": {
			user, record("uid", "b", "employeeNumber", "7", "uidNumber", "42", "preferredLanguage", "de", "createTimestamp", "20200102030405Z"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","urn:acme:User"],"id":"k1","userName":"b","locale":"en-GB","preferredLanguage":"de","active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"7"},"urn:acme:User":{"number":42},"meta":{"resourceType":"User","created":"2020-01-02T03:04:05Z"}}`,
		},
		"a code that is not listed is not shown": {
			user, record("uid", "b", "employeeType", "X", "preferredLanguage", "de"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","userName":"b","locale":"en-GB","preferredLanguage":"de","active":true,"meta":{"resourceType":"User"}}`,
		},
		"references are names, without the placeholder": {
			group, record("cn", "admins", "member", "uid=b,dc=x", "member", "CN=Nobody", "member", "uid=a,dc=x"),
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"k1","displayName":"admins","members":[{"value":"uid=a,dc=x"},{"value":"uid=b,dc=x"}],"meta":{"resourceType":"Group"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := c.m.Get(c.rec, nil)
			if len(problems) > 0 {
				t.Errorf("problems: %v", problems)
			}
			if want := parse(t, c.want); !scim.Equal(got, want) {
				t.Errorf("got  %s\nwant %s", got.AppendJSON(nil), c.want)
			}
		})
	}
}

func TestGetPrefersTheValueThatNamesTheRecord(t *testing.T) {
	user, _ := both(t)
	rec := record("uid", "alias", "uid", "bjensen")
	rec.Name = "UID=bjensen,ou=people,dc=example,dc=org"
	got, _ := user.Get(rec, nil)
	if name, _ := got.Get("userName"); name != "bjensen" {
		t.Errorf("userName is %v", name)
	}
}

func TestGetFindsAttributesHoweverTheDirectorySpellsThem(t *testing.T) {
	user, _ := both(t)
	for _, c := range []struct{ uid, upper string }{{"UID", "MAIL"}, {"Uid", "mAIL"}, {"uid", "mail"}} {
		rec := record(c.uid, "b", c.upper, "a@x")
		if got, _ := user.Get(rec, nil); !scim.Equal(part(got, "userName"), "b") || part(got, "emails") == nil {
			t.Errorf("%s and %s show %s", c.uid, c.upper, got.AppendJSON(nil))
		}
		if len(rec.Attrs) != 2 || rec.Attrs[c.uid] == nil {
			t.Errorf("the caller's record has become %v", rec.Attrs)
		}
	}
	both := record("UID", "z", "Uid", "y", "uid", "x")
	if got, _ := user.Get(both, nil); !scim.Equal(part(got, "userName"), "x") {
		t.Errorf("the mapping's own spelling comes first: %s", got.AppendJSON(nil))
	}
	delete(both.Attrs, "uid")
	if got, _ := user.Get(both, nil); !scim.Equal(part(got, "userName"), "z") {
		t.Errorf("the least of several spellings comes first: %s", got.AppendJSON(nil))
	}
}

func TestGetNamesWhatCannotBeReadAndShowsTheRest(t *testing.T) {
	user, _ := both(t)
	got, problems := user.Get(record("uid", "b", "uidNumber", "many"), nil)
	if len(problems) != 1 || problems[0].Attr != "uidNumber" || problems[0].Path != "urn:acme:User:number" || problems[0].Err == nil {
		t.Errorf("problems: %v", problems)
	}
	if name, _ := got.Get("userName"); name != "b" {
		t.Errorf("userName is %v", name)
	}
}

func TestGetMakesOnlyWhatIsWanted(t *testing.T) {
	user, _ := both(t)
	rec := record("uid", "b", "mail", "a@x", "cn", "B", "sn", "J")
	want := func(ref scim.Ref) bool {
		return ref.Attr.Name == "emails" || ref.Attr.Name == "name" && (ref.Sub == nil || ref.Sub.Name == "familyName")
	}
	got, _ := user.Get(rec, want)
	const expect = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"k1","name":{"familyName":"J"},"emails":[{"value":"a@x","type":"work","primary":true}],"meta":{"resourceType":"User"}}`
	if !scim.Equal(got, parse(t, expect)) {
		t.Errorf("got %s", got.AppendJSON(nil))
	}
	if reads := user.Reads(want); !slices.Equal(reads, []string{"mail", "sn"}) {
		t.Errorf("reads %v", reads)
	}
}

func TestReadsNeverAsksForPasswords(t *testing.T) {
	user, _ := both(t)
	reads := user.Reads(nil)
	if slices.ContainsFunc(reads, func(a string) bool { return strings.EqualFold(a, "userPassword") }) {
		t.Errorf("reads %v", reads)
	}
	for _, attr := range []string{"uid", "cn", "memberOf", "createTimestamp", "l", "mobile"} {
		if !slices.Contains(reads, attr) {
			t.Errorf("%s is not read: %v", attr, reads)
		}
	}
}
