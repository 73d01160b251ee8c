package ldap

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	goldap "github.com/go-ldap/ldap/v3"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// rich is an entry with what is easily lost: options, bytes, a name of two values, classes and attributes that no mapping names.
func rich() map[string][]string {
	return map[string][]string{
		"objectClass": {"inetOrgPerson", "posixAccount", "shadowAccount", "uidObject"},
		"uid":         {"ann", "ann.w"}, "cn": {"Weiß, Ann+", "Ann"}, "cn;lang-de": {"Anna Weiß"}, "sn": {"Weiß"}, "sn;lang-en;lang-de": {"White"},
		"uidNumber": {"1001"}, "gidNumber": {"100"}, "homeDirectory": {"/home/ann"}, "shadowMax": {"90"},
		"jpegPhoto": {"\xff\xd8\x00\x01", "\xff\xd8\x00\x02"}, "carLicense": {"B-AW 1", "  b-aw  2"}, "description": {"one", "Two", "a\nb"},
		"labeledURI": {"http://example.org/ ann"}, "preferredLanguage": {"de"}, "seeAlso": {"cn=nobody\\2C at all,dc=example,dc=org"},
		"userPassword": {"{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="},
	}
}

const richRDN = `cn=Wei\C3\9F\, Ann\++uid=ann`

// attributes is an entry as another client sees it.
func attributes(e *goldap.Entry) map[string][]string {
	seen := map[string][]string{}
	for _, a := range e.Attributes {
		seen[a.Name] = slices.Sorted(slices.Values(a.Values))
	}
	return seen
}

// kept is a record as it comes out of a journal, without its secrets.
func kept(t *testing.T, c *class, key backends.Key) backends.Record {
	t.Helper()
	recs, err := c.Fetch(t.Context(), []backends.Key{key}, []string{"*", "+"})
	if err != nil || len(recs) != 1 {
		t.Fatalf("%d records, %v", len(recs), err)
	}
	text, err := json.Marshal(recs[0])
	if err != nil {
		t.Fatal(err)
	}
	var rec backends.Record
	if err := json.Unmarshal(text, &rec); err != nil {
		t.Fatal(err)
	}
	return rec
}

func (b *branch) class(t *testing.T, d *Directory, at string) *class {
	t.Helper()
	c, err := d.Open(backends.Open{At: parse(t, at)})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*class)
}

// deleted makes an entry, and deletes it when all of it was read.
func (b *branch) deleted(t *testing.T, c *class, rdn string, attrs map[string][]string) (backends.Record, map[string][]string) {
	t.Helper()
	req := goldap.NewAddRequest(rdn+","+b.base, nil)
	for attr, values := range attrs {
		req.Attribute(attr, values)
	}
	if err := b.lc.Add(req); err != nil {
		t.Fatal(err)
	}
	before := attributes(b.read(t, req.DN, "*", "createTimestamp", "creatorsName"))
	rec := kept(t, c, b.keyOf(t, req.DN))
	if err := c.Delete(t.Context(), rec.Key, backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	return rec, before
}

// onAll runs a test also against the embedded directory.
func onAll(t *testing.T, f func(t *testing.T, b *branch)) {
	t.Helper()
	onBoth(t, f)
	t.Run("embedded", func(t *testing.T) {
		f(t, newBranch(t, startEmbedded(t, func(c *embedded.Config) { c.MemberOf, c.RefInt = true, true }).URL()))
	})
}

func TestAnEntryComesBackWithAllThatItHadAndItsUUID(t *testing.T) {
	onAll(t, func(t *testing.T, b *branch) {
		c := b.class(t, b.dir, "{base: '"+b.base+"', filter: '(objectClass=inetOrgPerson)'}")
		rec, before := b.deleted(t, c, richRDN, rich())
		made, lost, err := c.Restore(t.Context(), rec, []string{"uid", "cn"})
		if err != nil {
			t.Fatal(err)
		}
		if made.Key != rec.Key || len(made.Attrs) != 2 || len(made.Attrs["uid"]) != 2 {
			t.Errorf("made %q with %v, want the key %q, uid and cn", made.Key, made.Attrs, rec.Key)
		}
		after := attributes(b.read(t, made.Name, "*", "createTimestamp", "creatorsName"))
		for attr, values := range before {
			if attr != "userPassword" && !slices.Equal(values, after[attr]) {
				t.Errorf("%s is %q, was %q", attr, after[attr], values)
			}
		}
		delete(before, "userPassword")
		if len(after) != len(before) {
			t.Errorf("there are %d attributes, and were %d besides the password", len(after), len(before))
		}
		for _, attr := range []string{"userPassword", "entryCSN"} {
			if !slices.Contains(lost, attr) {
				t.Errorf("lost %q, and does not name %s", lost, attr)
			}
		}
		if slices.Contains(lost, "cn;lang-de") || slices.Contains(lost, "jpegPhoto") || slices.Contains(lost, "entryUUID") {
			t.Errorf("lost %q, and all of it is there", lost)
		}
	})
}

func TestAPasswordThatTheRecordStillHasIsPutBack(t *testing.T) {
	onAll(t, func(t *testing.T, b *branch) {
		c := b.class(t, b.dir, "{base: '"+b.base+"'}")
		key := b.person(t, "eve", map[string][]string{"userPassword": {"correct horse"}})
		recs, err := c.Fetch(t.Context(), []backends.Key{key}, []string{"*", "+"})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Delete(t.Context(), key, backends.Condition{}); err != nil {
			t.Fatal(err)
		}
		if _, lost, err := c.Restore(t.Context(), recs[0], nil); err != nil || slices.Contains(lost, "userPassword") {
			t.Fatalf("lost %q, %v", lost, err)
		}
		lc, err := goldap.DialURL(b.url)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = lc.Close() }()
		if err := lc.Bind(recs[0].Name, "correct horse"); err != nil {
			t.Errorf("the password does not open any more: %v", err)
		}
	})
}

func TestMembershipsAreNotMadeUp(t *testing.T) {
	b := newBranch(t, servers.overlays)
	c := b.class(t, b.dir, "{base: '"+b.base+"', filter: '(objectClass=inetOrgPerson)'}")
	key := b.person(t, "max", nil)
	group := "cn=g," + b.base
	ensure(t, b.lc, group, map[string][]string{"objectClass": {"groupOfNames"}, "cn": {"g"}, "member": {"uid=max," + b.base, "cn=somebody else," + b.base}})
	rec := kept(t, c, key)
	if len(rec.Attrs["memberOf"]) != 1 {
		t.Fatalf("memberOf is %v", rec.Attrs["memberOf"])
	}
	if err := c.Delete(t.Context(), key, backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	made, lost, err := c.Restore(t.Context(), rec, []string{"memberOf"})
	if err != nil {
		t.Fatal(err)
	}
	members := b.read(t, group, "member").GetAttributeValues("member")
	if len(made.Attrs["memberOf"]) != 0 || !slices.Contains(lost, "memberOf") || slices.ContainsFunc(members, func(m string) bool { return strings.HasPrefix(m, "uid=max") }) {
		t.Errorf("memberOf %v, members %q, lost %q", made.Attrs["memberOf"], members, lost)
	}
}

// writerOnly is a directory whose account may write everything, and manage nothing.
func writerOnly(t *testing.T) (*branch, *Directory) {
	t.Helper()
	s := ownSlapd(t)
	lc := dialAdmin(t, s.url())
	writer := "uid=writer,ou=people," + suffix
	ensure(t, lc, writer, map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {"writer"}, "cn": {"w"}, "sn": {"w"}, "userPassword": {password}})
	s.stop()
	path := filepath.Join(s.dir, "slapd.conf")
	conf, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := []byte("access to attrs=userPassword")
	conf = bytes.Replace(conf, first, append([]byte("access to * by dn.exact="+writer+" write by * break\n"), first...), 1)
	if err := os.WriteFile(path, conf, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
	b := newBranch(t, s.url())
	d, _ := openDirectory(t, s.url(), func(c *Config) { c.BindDN = writer })
	return b, d
}

func TestAnAccountThatMayNotManageEntriesRestoresThemUnderANewUUID(t *testing.T) {
	b, d := writerOnly(t)
	c := b.class(t, d, "{base: '"+b.base+"', filter: '(objectClass=inetOrgPerson)'}")
	rec, before := b.deleted(t, c, richRDN, rich())
	made, lost, err := c.Restore(t.Context(), rec, []string{"cn;lang-de"})
	if err != nil {
		t.Fatal(err)
	}
	if made.Key == rec.Key || made.Key == "" || made.Name != rec.Name || len(made.Attrs["cn;lang-de"]) != 1 {
		t.Errorf("made %+v of %q", made, rec.Key)
	}
	for _, attr := range []string{"entryUUID", "creatorsName", "userPassword"} {
		if !slices.Contains(lost, attr) {
			t.Errorf("lost %q, and does not name %s", lost, attr)
		}
	}
	after := attributes(b.read(t, made.Name, "*"))
	for attr, values := range before {
		operational := slices.Contains([]string{"createTimestamp", "creatorsName", "userPassword"}, attr)
		if !operational && !slices.Equal(values, after[attr]) {
			t.Errorf("%s is %q, was %q", attr, after[attr], values)
		}
	}
	if _, _, err := c.Restore(t.Context(), rec, nil); !errors.Is(err, backends.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	if err := c.Delete(t.Context(), made.Key, backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	for _, attr := range []string{"entryUUID", "createTimestamp", "creatorsName"} {
		delete(rec.Attrs, attr) // nothing to be said under the control
	}
	if made, _, err := c.Restore(t.Context(), rec, nil); err != nil || made.Key == "" {
		t.Errorf("without what the server keeps: %v", err)
	}
}

func TestAnEntryIsRestoredOnlyWhereItBelongs(t *testing.T) {
	onAll(t, func(t *testing.T, b *branch) {
		ensure(t, b.lc, "ou=in,"+b.base, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {"in"}})
		ensure(t, b.lc, "ou=out,"+b.base, map[string][]string{"objectClass": {"organizationalUnit"}, "ou": {"out"}})
		c := b.class(t, b.dir, "{base: 'ou=in,"+b.base+"', filter: '(&(objectClass=inetOrgPerson)(!(employeeType=gone)))'}")
		person := map[string][]string{"objectClass": {"inetOrgPerson"}, "uid": {"kim"}, "cn": {"Kim"}, "sn": {"K"}}
		rec, _ := b.deleted(t, c, "uid=kim,ou=in", person)
		for name, try := range map[string]struct {
			edit func(r *backends.Record)
			want error
		}{
			"the place is gone":   {func(r *backends.Record) { r.Name = "uid=kim,ou=nowhere,ou=in," + b.base }, backends.ErrInvalid},
			"another base":        {func(r *backends.Record) { r.Name = "uid=kim,ou=out," + b.base }, backends.ErrRefused},
			"the base itself":     {func(r *backends.Record) { r.Name = "ou=in," + b.base }, backends.ErrRefused},
			"no name":             {func(r *backends.Record) { r.Name = "" }, backends.ErrInvalid},
			"the filter":          {func(r *backends.Record) { r.Attrs["employeeType"] = backends.Strings("gone") }, backends.ErrInvalid},
			"the adapter itself":  {func(r *backends.Record) { r.Name = admin }, backends.ErrRefused},
			"what it must have":   {func(r *backends.Record) { delete(r.Attrs, "sn") }, backends.ErrInvalid},
			"a class of nobody's": {func(r *backends.Record) { r.Attrs["objectClass"] = backends.Strings("inetOrgPerson", "nonsense") }, backends.ErrInvalid},
		} {
			wrong := rec.Clone()
			try.edit(&wrong)
			if _, _, err := c.Restore(t.Context(), wrong, nil); !errors.Is(err, try.want) {
				t.Errorf("%s: %v, want %v", name, err, try.want)
			}
		}
		if _, _, err := c.Restore(t.Context(), rec, nil); err != nil {
			t.Fatal(err)
		}
		// Out of the class and alive: it is not to be there twice.
		if err := b.lc.ModifyDN(goldap.NewModifyDNRequest(rec.Name, "uid=kim2", true, "ou=out,"+b.base)); err != nil {
			t.Fatal(err)
		}
		if _, _, err := c.Restore(t.Context(), rec, nil); !errors.Is(err, backends.ErrExists) {
			t.Errorf("an entry that was moved away: %v", err)
		}
	})
}

// TestWhatIsUniqueIsSoForWhatIsRestored: slapd's overlay lets those pass who manage entries.
func TestWhatIsUniqueIsSoForWhatIsRestored(t *testing.T) {
	b := newBranch(t, servers.overlays)
	c := b.class(t, b.dir, "{base: '"+b.base+"'}")
	mail := map[string][]string{"mail": {"unique-" + strings.ReplaceAll(b.base, ",", ".") + "@example.org"}}
	key := b.person(t, "old", mail)
	rec := kept(t, c, key)
	if err := c.Delete(t.Context(), key, backends.Condition{}); err != nil {
		t.Fatal(err)
	}
	b.person(t, "young", mail)
	if made, _, err := c.Restore(t.Context(), rec, nil); !errors.Is(err, backends.ErrExists) {
		t.Errorf("made %q, %v", made.Name, err)
	}
}
