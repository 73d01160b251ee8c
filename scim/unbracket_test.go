package scim

import "testing"

// people are what a filter on parts of one value tells apart: those parts, others, none.
var people = []string{
	person, `{}`, `{"userName":"b","name":{"givenName":"Ada"}}`, `{"name":{"familyName":"zzz","givenName":"Bob"}}`,
	`{"` + EnterpriseURN + `":{"manager":{"value":"m1"}}}`, `{"` + EnterpriseURN + `":{"manager":{"displayName":"Mary"}}}`,
}

func TestBracketsBehindOneValueAreTermsOfTheirOwn(t *testing.T) {
	for text, want := range map[string]string{
		`name[familyName eq "zzz"]`:                           `name.familyName eq "zzz"`,
		`NAME[familyName eq "a" and givenName eq "b"]`:        `NAME.familyName eq "a" and NAME.givenName eq "b"`,
		`name[familyName eq "a" or givenName pr]`:             `name.familyName eq "a" or name.givenName pr`,
		`name[familyName eq "a" or givenName ne "b"]`:         `name pr and (name.familyName eq "a" or name.givenName ne "b")`,
		`name[not (familyName eq "a")]`:                       `name pr and not (name.familyName eq "a")`,
		`name[familyName ne "a"]`:                             `name pr and name.familyName ne "a"`,
		`name[familyName eq null]`:                            `name pr and name.familyName eq null`,
		`name[familyName ne null]`:                            `name.familyName ne null`,
		`not (name[familyName eq "a"])`:                       `not (name.familyName eq "a")`,
		`userName pr and name[familyName sw "a"]`:             `userName pr and name.familyName sw "a"`,
		`userName pr or name[not (familyName sw "a")]`:        `userName pr or name pr and not (name.familyName sw "a")`,
		`name[familyName eq "a"].givenName eq "b"`:            `name.familyName eq "a" and name.givenName eq "b"`,
		`name[familyName ne "a"].givenName co "b"`:            `name.familyName ne "a" and name.givenName co "b"`,
		`name[familyName eq "a"].givenName ne "b"`:            `not (name.familyName eq "a" and name.givenName eq "b")`,
		`name[familyName eq "a"].givenName eq null`:           `not (name.familyName eq "a" and name.givenName pr)`,
		`name[familyName eq "a"].givenName ne null`:           `name.familyName eq "a" and name.givenName pr`,
		`name[familyName eq "a"].givenName pr`:                `name.familyName eq "a" and name.givenName pr`,
		`name[familyName eq "a"] pr`:                          `name.familyName eq "a" and name pr`,
		`manager[displayName sw "M"] eq "m1"`:                 `manager.displayName sw "M" and manager eq "m1"`,
		`manager[displayName sw "M"] ne "m1"`:                 `not (manager.displayName sw "M" and manager eq "m1")`,
		`meta[resourceType eq "Group"]`:                       `meta.resourceType eq "Group"`,
		EnterpriseURN + `:manager[value eq "m1"]`:             EnterpriseURN + `:manager.value eq "m1"`,
		`emails[type eq "work"]`:                              `emails[type eq "work"]`,
		`emails[type eq "work"].value ne "x" and userName pr`: `emails[type eq "work"].value ne "x" and userName pr`,
	} {
		t.Run(text, func(t *testing.T) {
			rt := userType()
			e, err := rt.ParseFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			plain := rt.Unbracketed(e)
			if plain.String() != want {
				t.Errorf("it is %s\n want  %s", plain, want)
			}
			if err := rt.CheckFilter(plain); err != nil {
				t.Error(err)
			}
			for _, who := range people {
				res := parse(t, who)
				if got, want := Match(plain, rt, res), Match(e, rt, res); got != want {
					t.Errorf("%v of %s, which the brackets say %v of", got, who, want)
				}
			}
		})
	}
}

// What a search at the root makes of a filter for one type has brackets still, and they mean the same.
func TestAFittedFilterKeepsItsBrackets(t *testing.T) {
	fitted, err := FitFilter(`name[familyName eq "zzz"] or displayName eq "x"`, []*ResourceType{userType(), groupType()})
	if err != nil {
		t.Fatal(err)
	}
	if got := userType().Unbracketed(fitted[0].Filter).String(); got != `name.familyName eq "zzz" or displayName eq "x"` {
		t.Errorf("for users it is %s", got)
	}
	if got := groupType().Unbracketed(fitted[1].Filter).String(); got != `displayName eq "x"` {
		t.Errorf("for groups it is %s", got)
	}
}
