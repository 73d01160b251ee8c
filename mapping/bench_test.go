package mapping

import (
	"fmt"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func BenchmarkGet(b *testing.B) {
	user, _ := both(b)
	rec := record("uid", "bjensen", "cn", "Barbara Jensen", "sn", "Jensen", "givenName", "Barbara", "mail", "b@example.org",
		"telephoneNumber", "+1 2", "title", "Boss", "employeeType", "E", "createTimestamp", "20200102030405Z", "manager", "uid=m,dc=x")
	b.ReportAllocs()
	for b.Loop() {
		user.Get(rec, nil)
	}
}

func BenchmarkGetLargeGroup(b *testing.B) {
	_, group := both(b)
	rec := record("cn", "everybody")
	for i := range 10_000 {
		rec.Attrs["member"] = append(rec.Attrs["member"], backends.String(fmt.Sprintf("uid=user%d,ou=people,dc=example,dc=org", i)))
	}
	b.ReportAllocs()
	for b.Loop() {
		group.Get(rec, nil)
	}
}

func BenchmarkLower(b *testing.B) {
	user, _ := both(b)
	e := parseFilter(b, `userName eq "bjensen" and active eq true and emails[type eq "work"].value co "@x"`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := user.Lower(e, nil); err != nil {
			b.Fatal(err)
		}
	}
}
