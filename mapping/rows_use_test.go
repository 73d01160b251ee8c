package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

// rows makes rows of texts: `address=a@x kind=W`.
func rows(texts ...string) (out backends.Values) {
	for _, text := range texts {
		columns := backends.Attributes{}
		for pair := range strings.FieldsSeq(text) {
			name, value, _ := strings.Cut(pair, "=")
			columns[name] = append(columns[name], backends.String(value))
		}
		out = append(out, backends.Row(columns))
	}
	return out
}

func withRows(set string, texts ...string) backends.Record {
	rec := record("uid", "b")
	rec.Attrs[set] = rows(texts...)
	return rec
}

// rowChanges prints changes of rows: `-hr.email {address: a@x}`.
func rowChanges(changes []backends.Change) string {
	var out []string
	for _, c := range changes {
		sign := map[backends.ChangeOp]string{backends.Add: "+", backends.Remove: "-", backends.Replace: "="}[c.Op]
		out = append(out, sign+c.Attr+" "+listed(c.Values))
	}
	return strings.Join(out, " ")
}

func TestEachRowIsAnElement(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	for name, c := range map[string]struct {
		rec        backends.Record
		attr, want string
	}{
		"in order of their values": {
			withRows("hr.email", "address=b@x kind=H", "address=a@x kind=W is_main=TRUE"), "emails",
			`[{"value":"a@x","type":"work","primary":true},{"value":"b@x","type":"home"}]`,
		},
		"of the same value in order of their parts": {
			withRows("hr.email", "address=a@x kind=W", "address=a@x kind=H"), "emails",
			`[{"value":"a@x","type":"home"},{"value":"a@x","type":"work"}]`,
		},
		"rows that show the same are one": {withRows("hr.email", "address=a@x kind=X", "address=a@x kind=Y"), "emails", `[{"value":"a@x"}]`},
		"not without a value":             {withRows("hr.email", "kind=W is_main=TRUE", "address=a@x is_main=FALSE"), "emails", `[{"value":"a@x","primary":false}]`},
		"and none at all":                 {withRows("hr.email", "kind=W"), "emails", ``},
		"a primary that nobody keeps":     {withRows("hr.home", "town=Ulm", "street=Weg town=Bonn"), "addresses", `[{"locality":"Ulm","type":"work","primary":true},{"streetAddress":"Weg","locality":"Bonn","type":"work"}]`},
	} {
		res, problems := m.Get(c.rec, nil)
		got := ""
		if v, ok := res.Get(c.attr); ok {
			got = printed(v)
		}
		want := ""
		if c.want != "" {
			v, _ := parse(t, `{"v":`+c.want+`}`).Get("v")
			want = printed(v)
		}
		if len(problems) > 0 || !sameJSON(t, got, want) {
			t.Errorf("%s: got %s, wanted %s %v", name, got, want, problems)
		}
	}
	if reads := m.Reads(nil); !strings.Contains(strings.Join(reads, " "), "hr.email hr.home hr.phone hr.phone/2") {
		t.Errorf("it reads %v", reads)
	}
}

// sameJSON compares two JSON texts; the order of members means nothing.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	if a == "" || b == "" {
		return a == b
	}
	x, _ := parse(t, `{"v":`+a+`}`).Get("v")
	y, _ := parse(t, `{"v":`+b+`}`).Get("v")
	return scim.Equal(x, y)
}

func TestAPartThatCannotBeReadIsNamedAndTheRestShown(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	rec := withRows("hr.email", "address=a@x")
	columns := rec.Attrs["hr.email"][0].Row()
	columns["kind"] = backends.Values{backends.Bytes([]byte{1})}
	columns["address"] = append(backends.Values{backends.Bytes([]byte{1})}, columns["address"]...)
	rec.Attrs["hr.email"] = append(rec.Attrs["hr.email"], backends.Row(columns))
	res, problems := m.Get(rec, nil)
	emails, _ := res.Get("emails")
	if len(problems) != 1 || problems[0].Path != "emails.value" || problems[0].Attr != "hr.email.address" || !sameJSON(t, printed(emails), `[{"value":"a@x"}]`) {
		t.Errorf("%s %v", printed(emails), problems)
	}
}

func TestLowerAsksOneAndTheSameRow(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	for text, want := range map[string]string{
		`emails[type eq "work" and value co "@x"]`:        `hr.email[(&(kind=W)(address=*@x*))] then @`,
		`emails[type eq "work"].value co "@x"`:            `hr.email[(&(kind=W)(address=*@x*))] then @`,
		`emails eq "a@x"`:                                 `hr.email[(address=a@x)]`,
		`emails.value ne "a@x"`:                           `(!hr.email[(address=a@x)])`,
		`emails[value ne "a@x"]`:                          `hr.email[(&(address=*)(!(address=a@x)))]`,
		`emails[not (type eq "work" or primary eq true)]`: `hr.email[(&(address=*)(!(is_main=TRUE)))] then @`,
		`emails pr`:                                        `hr.email[(address=*)]`,
		`emails.primary pr`:                                `hr.email[(&(address=*)(|(is_main=TRUE)(is_main=FALSE)))]`,
		`not (emails pr)`:                                  `(!hr.email[(address=*)])`,
		`emails[primary eq true].value pr`:                 `hr.email[(&(is_main=TRUE)(address=*))]`,
		`emails[primary eq false]`:                         `hr.email[(&(address=*)(!(is_main=TRUE)))]`,
		`emails.type eq "fax"`:                             `false`,
		`emails[value eq "a" and (type eq "fax")]`:         `false`,
		`phoneNumbers[type eq "home"].value eq "1"`:        `(hr.phone/2=1)`,
		`phoneNumbers.value eq "1"`:                        `(|(hr.phone=1)(hr.phone/2=1))`,
		`addresses[type eq "home"]`:                        `false`,
		`addresses[type eq "work" and locality eq "Ulm"]`:  `hr.home[(town=Ulm)]`,
		`addresses pr`:                                     `hr.home[(|(street=*)(town=*))]`,
		`addresses[primary eq true and locality sw "Ulm"]`: `hr.home[(town=Ulm*)] then @`,
	} {
		if got := lowered(t, m, text, nil); got != strings.Replace(want, " then @", " then "+text, 1) {
			t.Errorf("%s\n got  %s\n want %s", text, got, want)
		}
	}
}

// What Diff makes of a change of elements that are rows.
var rowDiffs = map[string]struct {
	before     []string
	wish, want string
}{
	"nothing":                             {[]string{"address=a@x kind=W", "address=b@x kind=X"}, `[{"value":"b@x"},{"value":"a@x","type":"work"}]`, ``},
	"not to be primary is to say nothing": {[]string{"address=a@x is_main=FALSE", "address=b@x"}, `[{"value":"a@x"},{"value":"b@x","primary":false}]`, ``},
	"a new one":                           {[]string{"address=a@x"}, `[{"value":"a@x"},{"value":"b@x","type":"home"}]`, `+hr.email {address: b@x, kind: H}`},
	"one goes":                            {[]string{"address=a@x", "address=b@x kind=W"}, `[{"value":"a@x"}]`, `-hr.email {address: b@x, kind: W}`},
	"all go":                              {[]string{"address=a@x", "address=b@x kind=W"}, `null`, `-hr.email {address: a@x}, {address: b@x, kind: W}`},
	"what is not shown stays":             {[]string{"kind=W", "address=a@x"}, `null`, `-hr.email {address: a@x}`},
	"another type":                        {[]string{"address=a@x kind=W is_main=TRUE"}, `[{"value":"a@x","type":"home","primary":true}]`, `-hr.email {address: a@x, is_main: TRUE, kind: W} +hr.email {address: a@x, is_main: TRUE, kind: H}`},
	"a code nobody knows is kept beside what changes": {[]string{"address=a@x kind=X"}, `[{"value":"a@x","primary":true}]`, `-hr.email {address: a@x, kind: X} +hr.email {address: a@x, is_main: TRUE, kind: X}`},
	"a code nobody knows gives way":                   {[]string{"address=a@x kind=X"}, `[{"value":"a@x","type":"home"}]`, `-hr.email {address: a@x, kind: X} +hr.email {address: a@x, kind: H}`},
	"as the directory compares":                       {[]string{"address=A@x kind=W"}, `[{"value":"a@x","type":"work"}]`, `-hr.email {address: A@x, kind: W} +hr.email {address: a@x, kind: W}`},
	"the likest of several": {
		[]string{"address=a@x kind=W", "address=a@x kind=H"},
		`[{"value":"a@x","type":"home","primary":true}]`,
		`-hr.email {address: a@x, kind: W}, {address: a@x, kind: H} +hr.email {address: a@x, is_main: TRUE, kind: H}`,
	},
	"another is primary": {
		[]string{"address=a@x is_main=TRUE", "address=b@x is_main=FALSE"},
		`[{"value":"a@x"},{"value":"b@x","primary":true}]`,
		`-hr.email {address: a@x, is_main: TRUE}, {address: b@x, is_main: FALSE} +hr.email {address: a@x}, {address: b@x, is_main: TRUE}`,
	},
	"the same twice":            {nil, `[{"value":"a@x","type":"work"},{"value":"a@x","type":"work","primary":false}]`, `+hr.email {address: a@x, kind: W}`},
	"an element of labels":      {[]string{"address=a@x"}, `[{"value":"a@x"},{"type":"work","primary":true}]`, ``},
	"the same value, two types": {[]string{"address=a@x kind=W"}, `[{"value":"a@x","type":"work"},{"value":"a@x","type":"home"}]`, `+hr.email {address: a@x, kind: H}`},
}

func TestDiffOfRowsTakesOutAndPutsInRows(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	for name, c := range rowDiffs {
		t.Run(name, func(t *testing.T) {
			rec := withRows("hr.email", c.before...)
			before, _ := m.Get(rec, nil)
			after := before.Clone()
			edit(t, after, "emails", c.wish)
			got, err := m.Diff(rec, before, after, nil)
			if err != nil || rowChanges(got.Changes) != c.want {
				t.Errorf("got %s\nwant %s %v", rowChanges(got.Changes), c.want, err)
			}
		})
	}
}

// Not to be primary is said where the directory has a value of its own for whoever says nothing.
func TestNotToBePrimaryIsSaidWhereSomethingMustBe(t *testing.T) {
	must := newTables()
	column := must.syntax["hr.email.is_main"]
	column.Always = true
	must.syntax["hr.email.is_main"] = column
	for name, c := range map[string]struct {
		d    *directory
		want string
	}{
		"a column that may be empty": {newTables(), "-hr.email {address: a@x, is_main: TRUE} +hr.email {address: a@x}, {address: b@x}, {address: c@x, is_main: FALSE}"},
		"one that always has a value": {
			must, "-hr.email {address: a@x, is_main: TRUE} +hr.email {address: a@x, is_main: FALSE}, {address: b@x, is_main: FALSE}, {address: c@x, is_main: FALSE}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := compile(t, c.d, rowsUser).All()[0]
			rec := withRows("hr.email", "address=a@x is_main=TRUE")
			before, _ := m.Get(rec, nil)
			after := before.Clone()
			edit(t, after, "emails", `[{"value":"a@x"},{"value":"b@x"},{"value":"c@x","primary":false}]`)
			if got, err := m.Diff(rec, before, after, nil); err != nil || rowChanges(got.Changes) != c.want {
				t.Errorf("got %s\nwant %s %v", rowChanges(got.Changes), c.want, err)
			}
		})
	}
}

func TestAnAddressIsTheRowThatHasMostInCommon(t *testing.T) {
	m := compile(t, newTables(), strings.Replace(rowsUser, "addresses[type=work]: {", "addresses: {type: kind, ", 1)).All()[0]
	rec := withRows("hr.home", "street=Weg town=Ulm kind=work", "street=Gasse town=Ulm kind=home")
	before, _ := m.Get(rec, nil)
	after := before.Clone()
	edit(t, after, "addresses", `[{"type":"home","streetAddress":"Gasse 1","locality":"Ulm"},{"type":"other","locality":"Bonn"}]`)
	got, err := m.Diff(rec, before, after, nil)
	if want := `-hr.home {kind: work, street: Weg, town: Ulm}, {kind: home, street: Gasse, town: Ulm} +hr.home {kind: home, street: Gasse 1, town: Ulm}, {kind: other, town: Bonn}`; err != nil || rowChanges(got.Changes) != want {
		t.Errorf("got %s %v", rowChanges(got.Changes), err)
	}
}

func TestANewRecordBringsItsRows(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	got, err := m.Create(parse(t, `{"userName":"b","emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x"}],"phoneNumbers":[{"value":"1","type":"home"}]}`))
	if err != nil || listed(got.Attrs["hr.email"]) != "{address: a@x, is_main: TRUE, kind: W}, {address: b@x}" || listed(got.Attrs["hr.phone/2"]) != "1" {
		t.Errorf("got %v %v", got.Attrs, err)
	}
	if _, err := m.Create(parse(t, `{"userName":"b","emails":[{"value":"a@x","type":"fax"}]}`)); err == nil || !strings.Contains(err.Error(), "emails.type: ") {
		t.Errorf("got %v", err)
	}
}

func TestRowsThatMayNotChange(t *testing.T) {
	for name, c := range map[string]struct{ options, document, before, wish, says string }{
		"read-only":   {"access: readOnly, ", "", "address=a@x", `[{"value":"b@x"}]`, "400 mutability: emails: it is read-only."},
		"left out":    {"access: readOnly, ", "", "address=a@x", `null`, ""},
		"set once":    {"access: createOnly, ", "", "address=a@x", `[{"value":"b@x"}]`, "400 mutability: emails: it cannot be changed once it is set."},
		"set at last": {"access: createOnly, ", "", "kind=W", `[{"value":"b@x"}]`, ""},
		"protected":   {"", "protect: {attributes: [HR.email]}\n", "address=a@x", `[{"value":"b@x"}]`, "403: emails.value may not be changed: the configuration protects the directory's attribute hr.email."},
	} {
		t.Run(name, func(t *testing.T) {
			doc := strings.Replace(rowsUser, "emails: {", "emails: {"+c.options, 1)
			m := compile(t, newTables(), strings.Replace(doc, "attributes:", c.document+"attributes:", 1)).All()[0]
			rec := withRows("hr.email", c.before)
			before, _ := m.Get(rec, nil)
			after := before.Clone()
			edit(t, after, "emails", c.wish)
			_, err := m.Diff(rec, before, after, nil)
			if said := errorText(err); said != c.says {
				t.Errorf("got %q, wanted %q", said, c.says)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestRowsInTheTestsOfAMapping(t *testing.T) {
	doc := func(record string) string {
		return rowsUser + `
tests:
  - record: {uid: b, hr.phone: ["1"], hr.email: ` + record + `}
    resource: {userName: b, phoneNumbers: [{value: "1", type: work}], emails: [{value: a@x, type: work, primary: true}, {value: b@x, primary: false}]}
`
	}
	if faults := compile(t, newTables(), doc("[{address: a@x, kind: W, is_main: TRUE}, {address: b@x, is_main: FALSE}]")).RunTests(); len(faults) > 0 {
		t.Error(faults)
	}
	typed := strings.Replace(doc("[{address: a@x, kind: work, is_main: true}, {address: b@x, is_main: false}]"), `"kind | enum(W=work, H=home)", primary: is_main | mark`, "kind, primary: is_main", 1)
	if faults := compile(t, typedTables(), typed).RunTests(); len(faults) > 0 {
		t.Error(faults)
	}
	for record, says := range map[string]string{
		"{address: a@x, kind: W, is_main: TRUE}":                                            `emails reads as [{"value":"a@x","type":"work","primary":true}], not [{`,
		"[{address: a@x, kind: W, is_main: TRUE}, {address: b@x}]":                          `emails reads as`,
		"[{address: a@x, kind: W, is_main: TRUE}, {address: b@x, is_main: FALSE, kind: X}]": "creating the resource would make hr.email {address: a@x, is_main: TRUE, kind: W}, {address: b@x, is_main: FALSE}, and the record has {address: a@x, is_main: TRUE, kind: W}, {address: b@x, is_main: FALSE, kind: X}",
	} {
		if faults := compile(t, newTables(), doc(record)).RunTests(); !strings.Contains(faults.Error(), says) {
			t.Errorf("%s: got %v", record, faults)
		}
	}
}

func TestASetIsWrittenByAddingAndRemoving(t *testing.T) {
	set, _ := opened(t, rowsUser, rowsGroup)
	group, _ := set.Get("Group")
	got, err := group.Diff(backends.Record{}, scim.NewObject(), scim.NewObject(), []scim.SetDelta{{Attr: "members", Add: []string{"u1"}, Remove: []string{"u2"}}})
	if err != nil || !got.Pure || rowChanges(got.Changes) != "-scim.memberships u2 +scim.memberships u1" {
		t.Errorf("got %s %v", rowChanges(got.Changes), err)
	}
}

func TestSchemasTellWhatRowsHold(t *testing.T) {
	set, _ := opened(t, strings.Replace(rowsUser, "emails: {", "emails: {required: true, returned: request, unique: server, ", 1))
	emails := set.All()[0].find("", "emails").pub
	if !emails.Required || emails.Returned != scim.ReturnedRequest || !emails.Sub("value").Required || emails.Sub("value").Uniqueness != scim.UniqueServer ||
		emails.Sub("type").Required || emails.Sub("type").Uniqueness != scim.UniqueNone || emails.Sub("display") != nil || !slices.Equal(emails.Sub("type").CanonicalValues, []string{"home", "work"}) {
		t.Errorf("got %+v", emails)
	}
}

func TestNobodySortsByRows(t *testing.T) {
	m := compile(t, newTables(), rowsUser).All()[0]
	for _, path := range []string{"emails", "emails.value", "emails.type", "addresses.locality"} {
		by, err := m.rt.ParseSort(path, "")
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := m.Sort(*by); ok {
			t.Errorf("%s is sorted by %+v", path, s)
		}
	}
}
