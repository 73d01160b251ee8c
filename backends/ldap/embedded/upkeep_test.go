package embedded

import (
	"testing"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"
)

const clubDN = "cn=club,ou=groups,dc=example,dc=org"

func TestUpkeep(t *testing.T) {
	all := Config{MemberOf: true, RefInt: true}
	club := addOf(clubDN, "objectClass", "groupOfNames", "cn", "club", "member", annDN, "member", crewDN)
	for sentence, k := range map[string]struct {
		config Config
		do     []func(*ldap.Conn) error
		dn     string
		attrs  []string
		want   []string
	}{
		"members of what was loaded know it": {
			all, nil, annDN, []string{"memberOf"}, []string{"memberOf=" + crewDN},
		},
		"a new group is known to people and groups": {
			all, []func(*ldap.Conn) error{club}, crewDN, []string{"memberOf"}, []string{"memberOf=" + clubDN},
		},
		"a group that goes is forgotten": {
			all, []func(*ldap.Conn) error{club, remove(crewDN)}, annDN, []string{"memberOf"}, []string{"memberOf=" + clubDN},
		},
		"a group that goes leaves the groups it was in": {
			all, []func(*ldap.Conn) error{club, remove(crewDN)}, clubDN, []string{"member"}, []string{"member=" + annDN},
		},
		"a member who is taken out is none": {
			all,
			[]func(*ldap.Conn) error{modify(crewDN, func(m *ldap.ModifyRequest) { m.Delete("member", []string{annDN}) })},
			annDN,
			[]string{"memberOf"},
			[]string{},
		},
		"a replacement adds and takes away": {
			all,
			[]func(*ldap.Conn) error{modify(crewDN, func(m *ldap.ModifyRequest) { m.Replace("member", []string{bobDN}) })},
			annDN,
			[]string{"memberOf"},
			[]string{},
		},
		"a renamed group is known by its new name": {
			all,
			[]func(*ldap.Conn) error{renameTo(crewDN, "cn=staff", true, "")},
			annDN,
			[]string{"memberOf"},
			[]string{"memberOf=cn=staff," + GroupsDN},
		},
		"a renamed member is followed": {
			all,
			[]func(*ldap.Conn) error{renameTo(annDN, "uid=anna", true, "")},
			crewDN,
			[]string{"member"},
			[]string{"member=uid=anna," + PeopleDN, "member=" + bobDN},
		},
		"a renamed manager is followed": {
			all,
			[]func(*ldap.Conn) error{renameTo(annDN, "uid=anna", true, "")},
			bobDN,
			[]string{"manager"},
			[]string{"manager=uid=anna," + PeopleDN},
		},
		"a renamed member keeps its groups": {
			all,
			[]func(*ldap.Conn) error{renameTo(annDN, "uid=anna", true, "")},
			"uid=anna," + PeopleDN,
			[]string{"memberOf"},
			[]string{"memberOf=" + crewDN},
		},
		"who is deleted is no manager and no member": {
			all, []func(*ldap.Conn) error{remove(annDN)}, bobDN, []string{"manager", "memberOf"}, []string{"memberOf=" + crewDN},
		},
		"the last member stays by name": {
			all, []func(*ldap.Conn) error{remove(bobDN), remove(annDN)}, crewDN, []string{"member"}, []string{"member=" + annDN},
		},
		"or somebody stands in": {
			Config{RefInt: true, Nobody: "cn=nobody"},
			[]func(*ldap.Conn) error{remove(bobDN), remove(annDN)},
			crewDN,
			[]string{"member"},
			[]string{"member=cn=nobody"},
		},
		"without upkeep nothing follows": {
			Config{}, []func(*ldap.Conn) error{remove(annDN)}, crewDN, []string{"member"}, []string{"member=" + annDN, "member=" + bobDN},
		},
		"without upkeep nobody knows": {Config{}, nil, annDN, []string{"memberOf"}, []string{}},
		"who is below a renamed branch goes with it": {
			all,
			[]func(*ldap.Conn) error{renameTo(subDN, "ou=lower", true, "")},
			"uid=kid,ou=lower," + PeopleDN,
			[]string{"entryDN"},
			[]string{"entryDN=uid=kid,ou=lower," + PeopleDN},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			k.config.Entries = family()
			c := client(t, start(t, k.config))
			must(t, first(c, k.do...))
			if diff := cmp.Diff(k.want, read(t, c, k.dn, k.attrs...)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnique(t *testing.T) {
	const taken = "taken@example.org"
	for sentence, k := range map[string]codeCase{
		"a value that another entry has":     {person(newDN, "mail", "TAKEN@example.org"), ConstraintViolation},
		"a value that nobody has":            {person(newDN, "mail", "free@example.org"), Success},
		"one's own value in another case":    {modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("mail", []string{"Taken@Example.org"}) }), Success},
		"somebody else's by modify":          {modify(bobDN, func(m *ldap.ModifyRequest) { m.Add("mail", []string{taken}) }), ConstraintViolation},
		"an attribute without an index, too": {modify(bobDN, func(m *ldap.ModifyRequest) { m.Add("title", []string{"the one"}) }), ConstraintViolation},
	} {
		t.Run(sentence, func(t *testing.T) {
			c := client(t, start(t, Config{Entries: family(), Unique: []string{"mail", "title"}}))
			must(t, modify(annDN, func(m *ldap.ModifyRequest) { m.Add("mail", []string{taken}); m.Add("title", []string{"The One"}) })(c))
			wantCode(t, k.do(c), k.want)
		})
	}
}
