package scim

import (
	"math/big"
	"testing"
)

func rational(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func TestCheckFilterRefuses(t *testing.T) {
	for claim, c := range map[string]struct {
		rt         *ResourceType
		text, want string
	}{
		"a syntax error":                   {userType(), `userName`, "The filter cannot be read: at character 9: expected an operator (eq, ne, co, sw, ew, gt, ge, lt, le or pr), found the end."},
		"an unknown attribute":             {userType(), `colour eq "x"`, `User has no attribute "colour" that can be filtered on.`},
		"an unknown sub-attribute":         {userType(), `name.colour eq "x"`, `User has no attribute "name.colour" that can be filtered on.`},
		"a part of a simple attribute":     {userType(), `userName.x eq "x"`, `User has no attribute "userName.x" that can be filtered on.`},
		"an unknown URN":                   {userType(), `urn:a:b:userName eq "x"`, `User has no attribute "urn:a:b:userName" that can be filtered on.`},
		"an attribute of another schema":   {userType(), EnterpriseURN + `:userName eq "x"`, `User has no attribute "` + EnterpriseURN + `:userName" that can be filtered on.`},
		"another type's attribute":         {groupType(), `userName eq "x"`, `Group has no attribute "userName" that can be filtered on.`},
		"a schema":                         {userType(), EnterpriseURN + ` pr`, `"` + EnterpriseURN + `" is a schema, not an attribute: schemas eq "` + EnterpriseURN + `" finds who has it.`},
		"a password":                       {userType(), `password eq "x"`, `password may not be filtered on.`},
		"the presence of a password":       {userType(), `not (password pr)`, `password may not be filtered on.`},
		"a secret part":                    {badgeType(), `case.note sw "x"`, `case may not be filtered on.`},
		"a secret part in brackets":        {badgeType(), `case[note sw "x"]`, `case.note may not be filtered on.`},
		"order of booleans":                {userType(), `active gt true`, `The operator gt does not go with active, which is of type boolean.`},
		"order of binaries":                {userType(), `x509Certificates le "x"`, `The operator le does not go with x509Certificates, which is of type binary.`},
		"parts of binaries":                {badgeType(), `print co "x"`, `The operator co does not go with print, which is of type binary.`},
		"parts of dates":                   {userType(), `meta.created sw "2024"`, `The operator sw does not go with meta.created, which is of type dateTime.`},
		"parts of numbers":                 {badgeType(), `level ew 5`, `The operator ew does not go with level, which is of type integer.`},
		"parts of booleans":                {userType(), `active co "true"`, `The operator co does not go with active, which is of type boolean.`},
		"a number for a string":            {userType(), `userName eq 5`, `userName is of type string and cannot be compared with a number.`},
		"a boolean for a string":           {userType(), `userName eq true`, `userName is of type string and cannot be compared with a boolean.`},
		"a word for a boolean":             {userType(), `active eq "yes"`, `active is of type boolean and cannot be compared with the string "yes".`},
		"a number for a boolean":           {userType(), `active eq 1`, `active is of type boolean and cannot be compared with a number.`},
		"a string for a number":            {badgeType(), `level eq "5"`, `level is of type integer and cannot be compared with the string "5".`},
		"no date for a date":               {userType(), `meta.created gt "2024-02-30T00:00:00Z"`, `meta.created is of type dateTime and cannot be compared with the string "2024-02-30T00:00:00Z".`},
		"a day for a date":                 {userType(), `meta.created gt "2024-02-28"`, `meta.created is of type dateTime and cannot be compared with the string "2024-02-28".`},
		"order with null":                  {userType(), `userName gt null`, `userName gt null makes no sense: null goes with eq and ne.`},
		"a complex attribute by itself":    {userType(), `name eq "x"`, `name has parts and no value of its own: name the part, as in name.part eq ….`},
		"addresses by themselves":          {userType(), `addresses co "x"`, `addresses has parts and no value of its own: name the part, as in addresses.part co ….`},
		"an unknown part in brackets":      {userType(), `emails[colour eq "x"]`, `emails has no sub-attribute "colour".`},
		"a part of a part in brackets":     {userType(), `emails[type.x eq "x"]`, `emails has no sub-attribute "type.x".`},
		"a URN in brackets":                {userType(), `emails[urn:a:type eq "x"]`, `emails has no sub-attribute "urn:a:type".`},
		"an operator in brackets":          {userType(), `emails[not (primary gt true)]`, `The operator gt does not go with primary, which is of type boolean.`},
		"an unknown part behind brackets":  {userType(), `emails[type eq "work"].colour eq "x"`, `User has no attribute "emails.colour" that can be filtered on.`},
		"brackets behind a simple value":   {userType(), `userName[value eq "x"] and id pr`, `userName has a single simple value: there is nothing to choose in brackets.`},
		"the second term of a disjunction": {userType(), `id pr or colour pr`, `User has no attribute "colour" that can be filtered on.`},
		"a name of another's in brackets":  {badgeType(), `colours[name eq "x"]`, `colours has no sub-attribute "name".`},
	} {
		t.Run(claim, func(t *testing.T) {
			_, err := c.rt.ParseFilter(c.text)
			if e := wantError(t, err, InvalidFilter); e.Detail != c.want {
				t.Errorf("\n got %s\nwant %s", e.Detail, c.want)
			}
		})
	}
}

func TestCheckFilterKnowsOnlyWhatIsMapped(t *testing.T) {
	rt := userType()
	rt.Common = CommonAttributes()[:2]
	rt.Schema.Attributes = rt.Schema.Attributes[:1]
	rt.Extensions = nil
	for _, text := range []string{`externalId pr`, `meta.created pr`, `name pr`, `manager pr`} {
		_, err := rt.ParseFilter(text)
		_ = wantError(t, err, InvalidFilter)
	}
	if _, err := rt.ParseFilter(`id pr and schemas pr and userName pr`); err != nil {
		t.Error(err)
	}
}
