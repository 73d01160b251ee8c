package embedded

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestReadLDIF(t *testing.T) {
	for sentence, k := range map[string]struct {
		text string
		want []Entry
		err  string
	}{
		"entries, comments, folded lines, base64, a version": {
			text: "version: 1\n# a comment\n#  that is\n folded\ndn: cn=a,dc=x\ncn: a\ndescription: one \n two\nsn:: w4lyaWM=\ncn:b\n\n\ndn:: Y249w6k=\r\ncn: z\r\n",
			want: []Entry{
				{"cn=a,dc=x", []Attr{{"cn", []string{"a", "b"}}, {"description", []string{"one two"}}, {"sn", []string{"Éric"}}}},
				{"cn=é", []Attr{{"cn", []string{"z"}}}},
			},
		},
		"nothing":                            {text: "", want: nil},
		"a value is empty":                   {text: "dn: cn=a\ndescription:\n", want: []Entry{{"cn=a", []Attr{{"description", []string{""}}}}}},
		"a line that is no attribute":        {text: "dn: cn=a\nnonsense\n", err: `line 2: "nonsense" is no attribute and value`},
		"an entry without a name":            {text: "cn: a\n", err: "line 1: an entry begins with dn, not cn"},
		"a line that continues nothing":      {text: " x\n", err: "line 1 continues nothing"},
		"broken base64":                      {text: "dn: cn=a\ncn:: !\n", err: "line 2: cn: the base64 is broken"},
		"a change record":                    {text: "dn: cn=a\nchangetype: delete\n", err: "line 2: change records are not understood"},
		"a value that should be fetched":     {text: "dn: cn=a\njpegPhoto:< file:///etc/passwd\n", err: "line 2: jpegPhoto: values from URLs are not fetched"},
		"a fold after an empty line is none": {text: "dn: cn=a\n\n b\n", err: "line 3 continues nothing"},
	} {
		t.Run(sentence, func(t *testing.T) {
			got, err := ReadLDIF(strings.NewReader(k.text))
			if k.err != "" {
				if err == nil || err.Error() != k.err {
					t.Errorf("%v, want %s", err, k.err)
				}
				return
			}
			must(t, err)
			if diff := cmp.Diff(k.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestLDIFKeepsEverything: what is written is read back, whatever the values are.
func TestLDIFKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.String(), 1, 4).Draw(t, "values")
		raw := rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "raw")
		in := []Entry{{rapid.String().Draw(t, "dn"), []Attr{{"cn", values}, {"jpegPhoto", []string{string(raw)}}}}}
		var b bytes.Buffer
		if err := WriteLDIF(&b, in); err != nil {
			t.Fatal(err)
		}
		out, err := ReadLDIF(&b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzReadLDIF(f *testing.F) {
	f.Add("dn: cn=a\ncn: b\n c\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ReadLDIF(strings.NewReader(text))
		if err != nil {
			return
		}
		var b bytes.Buffer
		must(t, WriteLDIF(&b, entries))
		again, err := ReadLDIF(&b)
		must(t, err)
		if diff := cmp.Diff(entries, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestGenerate(t *testing.T) {
	entries := Generate(1000, 60)
	if diff := cmp.Diff(entries, Generate(1000, 60)); diff != "" {
		t.Error("it makes different people each time")
	}
	if len(entries) != 3+1000+60 {
		t.Errorf("%d entries", len(entries))
	}
	s := start(t, Config{Entries: entries, MemberOf: true}) // the schema takes them all
	c := client(t, s)
	count := func(filter string) int {
		got, err := found(c, filter)
		must(t, err)
		return len(got)
	}
	for filter, atLeast := range map[string]int{
		"(objectClass=inetOrgPerson)": 1000, "(objectClass=groupOfNames)": 60, "(pwdAccountLockedTime=*)": 20, "(employeeType=C)": 100,
		"(memberOf=cn=Everybody," + GroupsDN + ")": 500, "(&(objectClass=groupOfNames)(memberOf=*))": 5, "(givenName=Łukasz)": 1, "(sn=鈴木)": 1,
		"(manager=*)": 999, "(&(uid=bjensen)(cn=Barbara Jensen))": 1, "(cn=*\\2c*)": 1,
	} {
		if got := count(filter); got < atLeast {
			t.Errorf("%s: %d, want at least %d", filter, got, atLeast)
		}
	}
	if got := count("(&(objectClass=inetOrgPerson)(!(mail=*)))"); got != 0 {
		t.Errorf("%d people have no mail", got)
	}
	for _, e := range entries[3:1003] {
		if uid := e.Get("UID")[0]; !slices.Contains(e.Get("mail"), uid+"@example.org") || plain(uid) != strings.TrimRight(uid, "0123456789") {
			t.Errorf("uid %q, mail %v", uid, e.Get("mail"))
		}
	}
}

func TestGenerateNobody(t *testing.T) {
	start(t, Config{Entries: Generate(0, 30)})
}

func TestLoad(t *testing.T) {
	const uuid = "00000000-0000-4000-8000-000000000001"
	ldif := "dn: uid=x," + PeopleDN + "\nobjectClass: inetOrgPerson\ncn: X\nsn: X\nentryUUID: " + uuid + "\n"
	s := start(t, Config{LDIF: strings.NewReader(ldif)})
	c := client(t, s)
	if diff := cmp.Diff([]string{"entryUUID=" + uuid, "uid=x"}, read(t, c, "uid=x,"+PeopleDN, "entryUUID", "uid")); diff != "" {
		t.Error(diff)
	}
	must(t, s.Add(family()[3]))
	id := read(t, c, annDN, "entryUUID")
	if diff := cmp.Diff(id, read(t, client(t, start(t, Config{Entries: family()})), annDN, "entryUUID")); diff != "" {
		t.Errorf("the same entry has another identifier in the next run: %s", diff)
	}
	must(t, first(c, remove(annDN), person(annDN)))
	if cmp.Equal(id, read(t, c, annDN, "entryUUID")) {
		t.Error("somebody new under an old name has the old identifier")
	}
	for sentence, e := range map[string]Entry{
		"no DN":              {DN: "garbage"},
		"not below":          {DN: "dc=elsewhere"},
		"exists":             family()[3],
		"nothing above":      {DN: "uid=y,ou=none," + PeopleDN, Attrs: family()[3].Attrs},
		"against the schema": {DN: "uid=y," + PeopleDN},
	} {
		must(t, first(c))
		if sentence == "exists" {
			must(t, remove(annDN)(c))
			must(t, s.Add(e))
		}
		if err := s.Add(e); err == nil {
			t.Errorf("%s: it was added", sentence)
		}
	}
}
