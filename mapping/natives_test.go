package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
)

func TestNativesAreAllThatAnAttributeIsMadeOf(t *testing.T) {
	t.Parallel()
	users, ok := compile(t, newDirectory(), `
mapping: User
at: {backend: corp, base: "ou=people,dc=example,dc=org"}
attributes:
  userName: uid
  name.familyName: sn
  name.givenName: givenName
  displayName: {read: "first(givenName) + ' ' + first(sn)"}
  password: {from: userPassword, by: passwordModify}
  emails[type=work]: mail
  emails[type=home]: homeMail
`).Get("User")
	if !ok {
		t.Fatal("there is no mapping of User")
	}
	for path, want := range map[string]string{
		"userName": "uid", "name": "givenName sn", "name.familyName": "sn", "displayName": "givenName sn", "password": "userPassword", "emails": "homeMail mail", "title": "",
	} {
		got := users.Natives(func(ref scim.Ref) bool { return ref.String() == path || strings.HasPrefix(ref.String(), path+".") })
		if !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s is made of %v", path, got)
		}
	}
}
