package mapping

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
)

func TestTheDirectorySortsOnlyByWhatItSeesAsTheClientDoes(t *testing.T) {
	m, _ := both(t)
	for _, tc := range []struct {
		by   string
		want backends.Sort // the zero value: sorted here
	}{
		{"userName", backends.Sort{Attr: "uid", Rule: backends.CaseIgnoreSpace}},
		{"name.givenName", backends.Sort{Attr: "givenName", Rule: backends.CaseIgnoreSpace}},
		{"emails", backends.Sort{Attr: "mail", Rule: backends.CaseIgnoreSpace}},
		{"emails.value", backends.Sort{Attr: "mail", Rule: backends.CaseIgnoreSpace}},
		{"employeeNumber", backends.Sort{Attr: "employeeNumber", Rule: backends.CaseIgnoreSpace}},
		{"title", backends.Sort{Attr: "title", Rule: backends.CaseExactSpace}},
		{"meta.created", backends.Sort{Attr: "createTimestamp", Rule: backends.TimeRule}},
		{"number", backends.Sort{Attr: "uidNumber", Rule: backends.IntegerRule}},
		{"name.familyName", backends.Sort{}},   // a placeholder shows as absent
		{"displayName", backends.Sort{}},       // of two attributes
		{"userType", backends.Sort{}},          // other words than the directory's
		{"preferredLanguage", backends.Sort{}}, // a default
		{"locale", backends.Sort{}},            // a constant
		{"timezone", backends.Sort{}},          // an expression
		{"externalId", backends.Sort{}},        // not in the directory
		{"active", backends.Sort{}},
		{"manager", backends.Sort{}}, // ids are not in the order of names
		{"groups", backends.Sort{}},
		{"department", backends.Sort{}},
		{"phoneNumbers", backends.Sort{}}, // of two attributes, whichever is there
		{"phoneNumbers.type", backends.Sort{}},
		{"emails.primary", backends.Sort{}},
		{"id", backends.Sort{}},
		{"meta.version", backends.Sort{}},
	} {
		for _, order := range []string{"ascending", "descending"} {
			by, err := m.ResourceType().ParseSort(tc.by, order)
			if err != nil {
				t.Errorf("%s: %v", tc.by, err)
				continue
			}
			want, ok := tc.want, tc.want.Attr != ""
			want.Descending = by.Descending
			if got, sorts := m.Sort(*by); sorts != ok || ok && got != want {
				t.Errorf("%s: %v %t, want %v %t", by, got, sorts, want, ok)
			}
		}
	}
}
