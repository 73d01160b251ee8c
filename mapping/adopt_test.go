package mapping

import (
	"slices"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/scim"
)

func adopting(rules, attributes string) string { return userWith("adopt:\n"+rules, attributes) }

// brokenAdoptions are rules with a fault, and the whole sentence that is said of it.
var brokenAdoptions = map[string]struct{ doc, says string }{
	"no list": {userWith("adopt: link\n", ""), "mapping0.yaml:3:8: adopt: adopt is a list of rules; write adopt: [{match: [enterprise:employeeNumber], then: link}]"},
	"a text as a rule": {
		adopting("  - externalId\n", ""), "mapping0.yaml:4:5: adopt[0]: a rule says what to match, and what to do then; write {match: [enterprise:employeeNumber], then: link}",
	},
	"a key too much": {
		adopting("  - {match: [userName], then: link, when: never}\n", ""), `mapping0.yaml:4:37: adopt[0].when: unknown key "when"`,
	},
	"no match":       {adopting("  - {then: link}\n", ""), "mapping0.yaml:4:5: adopt[0].match: the rule does not say what an account is found by; write match: [enterprise:employeeNumber]"},
	"an empty match": {adopting("  - {match: [], then: link}\n", ""), "adopt[0].match: the rule does not say what an account is found by"},
	"no then": {
		adopting("  - {match: [userName]}\n", ""), "mapping0.yaml:4:5: adopt[0]: the rule does not say what to do when an account matches; write then: link, review or conflict",
	},
	"a wrong then": {
		adopting("  - {match: [userName], then: merge}\n", ""), `mapping0.yaml:4:31: adopt[0].then: then cannot be "merge"; write one of link, review, conflict`,
	},
	"an unknown attribute": {
		adopting("  - {match: [nickname2], then: link}\n", ""),
		`adopt[0].match[0]: urn:ietf:params:scim:schemas:core:2.0:User has no attribute "nickname2"; did you mean nickName?`,
	},
	"one that is not mapped": {
		adopting("  - {match: [externalId], then: link}\n", ""),
		"mapping0.yaml:4:14: adopt[0].match[0]: externalId is not mapped, so that no account is found by it; map it under attributes",
	},
	"elements that are not mapped": {
		adopting("  - {match: ['emails[type=home]'], then: link}\n", "  emails[type=work]: mail\n"), `emails[type eq "home"].value is not mapped, so that no account is found by it`,
	},
	"an expression": {
		adopting("  - {match: [title], then: link}\n", "  title: {read: \"first(cn)\"}\n"),
		"adopt[0].match[0]: title is computed by an expression, so that the directory cannot be asked who has it; match something that tells one from all others: an employee number, a mail address",
	},
	"an overlay": {
		adopting("  - {match: [externalId], then: link}\n", "  externalId: overlay\n"),
		"mapping0.yaml:4:14: adopt[0].match[0]: externalId is an overlay, which the journal keeps, so that the directory cannot be asked who has it; " +
			"match what the directory itself has, such as an employee number, or map externalId to an attribute of it",
	},
	"a reference": {
		adopting("  - {match: [enterprise:manager], then: link}\n", "  enterprise:manager: manager | ref(User)\n"), "manager.value points at other resources, and tells nobody apart",
	},
	"what is read-only": {
		adopting("  - {match: [title], then: link}\n", "  title: {from: title, access: readOnly}\n"), "title is read-only, so that no new resource brings a value of it",
	},
	"a constant":   {adopting("  - {match: [locale], then: link}\n", "  locale: {constant: en-GB}\n"), "locale is read-only, so that no new resource brings a value of it"},
	"a password":   {adopting("  - {match: [password], then: link}\n", "  password: userPassword\n"), "password is never shown, so that nobody is found by it"},
	"a state":      {adopting("  - {match: [active], then: link}\n", "  active: \"title | gone(xx)\"\n"), "active is true or false, and tells nobody apart"},
	"a whole name": {adopting("  - {match: [name], then: link}\n", "  name.familyName: sn\n"), "name is complex; say which part: name.formatted"},
	"disabled, of a conflict": {
		adopting("  - {match: [userName], then: conflict, disabled: link}\n", ""), "mapping0.yaml:4:51: adopt[0].disabled: the rule links no account, enabled or not; take it away",
	},
	"disabled, and no word for it": {
		adopting("  - {match: [userName], then: link, disabled: enable}\n", ""), `disabled cannot be "enable"; write one of conflict, review, link`,
	},
	"disabled, past a review": {
		adopting("  - {match: [userName], then: review, disabled: link}\n", ""), `disabled cannot be "link"; write one of review, conflict`,
	},
	"one twice": {adopting("  - {match: [userName, username], then: link}\n", ""), "adopt[0].match[1]: userName stands twice in the rule; name it once"},
	"a rule twice": {
		adopting("  - {match: [userName, title], then: review}\n  - {match: [title, userName], then: link}\n", "  title: title\n"),
		"mapping0.yaml:5:13: adopt[1].match: an earlier rule matches the same, so that this one never gets its turn; take one of the rules away",
	},
}

func TestFaultsOfAdoptSayWhatToWriteInstead(t *testing.T) {
	for name, c := range brokenAdoptions {
		t.Run(name, func(t *testing.T) {
			_, faults := tryCompile(t, newDirectory(), c.doc)
			if !strings.Contains(faults.Error(), c.says) {
				t.Errorf("got\n%s\nwanted %s", faults.Error(), c.says)
			}
		})
	}
}

func TestRulesOverADirectoryThatIsOnlyReadAreAFault(t *testing.T) {
	d := newDirectory()
	d.can.ReadOnly = true
	_, faults := tryCompile(t, d, adopting("  - {match: [userName], then: link}\n", ""))
	if want := "adopt: the records of corp are only read, so that no new resource comes to them; take it away"; !strings.Contains(faults.Error(), want) {
		t.Errorf("%v", faults)
	}
}

func TestRulesAreKeptInTheirOrderInCanonicalNames(t *testing.T) {
	m := compile(t, newDirectory(), adopting(`  - {match: USERNAME, then: conflict}
  - match: [emails.value, "emails[type=work]", enterprise:employeenumber]
    then: review
  - {match: emails, then: link}
`, "  emails[type=work]: mail\n  emails[type=home]: description\n  enterprise:employeeNumber: employeeNumber\n")).All()[0]
	var got []string
	for _, rule := range m.Adopts() {
		var paths []string
		for _, ref := range rule.Match {
			paths = append(paths, ref.String())
		}
		got = append(got, strings.Join(paths, " + ")+": "+rule.Then)
	}
	want := []string{"userName: conflict", `emails.value + emails[type eq "work"].value + ` + scim.EnterpriseURN + `:employeeNumber: review`, "emails.value: link"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnAttributeThatTheDirectoryCannotBeAskedForIsAFaultAtStart(t *testing.T) {
	d := newDirectory()
	doc := adopting("  - {match: [userName], then: link}\n  - {match: [title], then: link}\n", "  title: title\n")
	m := compile(t, d, doc).All()[0]
	if faults := m.CheckSchema(); len(faults) > 0 {
		t.Errorf("what can be asked: %v", faults)
	}
	d.fidelity = func(p backends.Predicate) backends.Fidelity {
		if eq, ok := p.(backends.Eq); ok && eq.Attr == "title" {
			return backends.No
		}
		return d.honest(p)
	}
	want := "mapping0.yaml:5:14: adopt[1].match[0]: the directory cannot be asked who has title, and all accounts would be read for each new one: " +
		"the directory has no comparison for this test; match an attribute that the directory can search, or map it to one"
	if faults := m.CheckSchema(); len(faults) != 1 || faults[0].Error() != want {
		t.Errorf("%v\nwant %s", faults, want)
	}
	d.fidelity = func(p backends.Predicate) backends.Fidelity {
		if _, ok := p.(backends.Eq); ok {
			return backends.Superset // a bounded rest is left
		}
		return d.honest(p)
	}
	if faults := m.CheckSchema(); len(faults) > 0 {
		t.Errorf("candidates are enough: %v", faults)
	}
}

func TestValuesAreThoseThatAFilterTests(t *testing.T) {
	m := compile(t, newDirectory(), adopting("  - {match: [emails], then: link}\n  - {match: ['emails[type=work]'], then: link}\n  - {match: [userName], then: link}\n  - {match: [title], then: link}\n",
		"  emails[type=work]: mail\n  emails[type=home]: description\n  title: title\n")).All()[0]
	res, err := scim.ParseObject([]byte(`{"userName":"ada","emails":[{"type":"work","value":"a@x"},{"type":"home","value":"b@x"},{"type":"work","value":""}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]any{{"a@x", "b@x"}, {"a@x"}, {"ada"}, nil} {
		if got := m.Adopts()[i].Match[0].Values(res); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", m.Adopts()[i].Match[0], got, want)
		}
	}
}
