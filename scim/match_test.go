package scim

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim/filter"
	"pgregory.net/rapid"
)

const person = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","` + EnterpriseURN + `"],"id":"Ab","externalId":"X1","userName":"bjensen",
	"name":{"familyName":"O'Malley","formatted":""},"displayName":"Straße İstanbul","active":true,"title":"",
	"emails":[{"value":"b@work.example","type":"work","primary":true},{"value":"b@home.example","type":"home"}],
	"phoneNumbers":[{"value":"+1 555"}],"ims":[],"roles":[{}],
	"meta":{"resourceType":"User","created":"2024-02-29T12:00:00Z","lastModified":"2024-02-29T14:00:00.5+02:00"},
	"` + EnterpriseURN + `":{"employeeNumber":"007","manager":{"value":"m1","displayName":"Mary"}}}`

// onPerson is what filters say of person.
var onPerson = map[string]bool{
	// strings
	`userName eq "bjensen"`:            true,
	`USERNAME EQ "BJENSEN"`:            true,
	`userName eq "bjens"`:              false,
	`userName ne "bjensen"`:            false,
	`userName ne "x"`:                  true,
	`userName co "JENS"`:               true,
	`userName co ""`:                   true,
	`userName sw "bj"`:                 true,
	`userName sw "je"`:                 false,
	`userName ew "SEN"`:                true,
	`userName ew "bjens"`:              false,
	`userName gt "Bjensem"`:            true,
	`userName gt "bjensen"`:            false,
	`userName ge "bjensen"`:            true,
	`userName lt "c"`:                  true,
	`userName le "B"`:                  false,
	`name.familyName co "O'Malley"`:    true,
	`displayName eq "STRAẞE İstanbul"`: true,
	`displayName co "istanbul"`:        false,
	// caseExact
	`id eq "Ab"`:        true,
	`id eq "ab"`:        false,
	`externalId sw "x"`: false,
	// absent, empty
	`nickName eq "x"`:       false,
	`nickName ne "x"`:       true,
	`not (nickName eq "x")`: true,
	`nickName pr`:           false,
	`nickName eq null`:      true,
	`nickName ne null`:      false,
	`userName eq null`:      false,
	`title pr`:              false,
	`title eq null`:         true,
	`title eq ""`:           true,
	`name pr`:               true,
	`name.formatted pr`:     false,
	`ims pr`:                false,
	`roles pr`:              false,
	`roles eq null`:         true,
	`addresses pr`:          false,
	`groups[value eq "x"]`:  false,
	`nickName gt "a"`:       false,
	`not (nickName gt "a")`: true,
	// booleans
	`active eq true`:    true,
	`active eq "True"`:  true,
	`active ne false`:   true,
	`active pr`:         true,
	`active eq "FALSE"`: false,
	// dates as instants
	`meta.created eq "2024-02-29T13:00:00+01:00"`:     true,
	`meta.created eq "2024-02-29t12:00:00.000z"`:      true,
	`meta.created lt "2024-02-29T12:00:00.000001Z"`:   true,
	`meta.created ge "2024-02-29T12:00:00Z"`:          true,
	`meta.lastModified gt "2024-02-29T12:00:00Z"`:     true,
	`meta.lastModified gt "2024-02-29T12:00:00.5Z"`:   false,
	`meta.lastModified ge "2024-02-29T12:00:00.500Z"`: true,
	`meta.created lt "2024-03-01T00:00:00"`:           true,
	// multi-valued: any value
	`emails.value eq "B@WORK.example"`:                           true,
	`emails eq "b@home.example"`:                                 true,
	`emails co "nowhere"`:                                        false,
	`emails.type eq "work" and emails.value eq "b@home.example"`: true,
	`emails[type eq "work" and value eq "b@home.example"]`:       false,
	`emails[type eq "work" and value eq "b@work.example"]`:       true,
	`emails[type eq "work"].value co "@work"`:                    true,
	`emails[type eq "home"].value co "@work"`:                    false,
	`emails[type eq "fax"]`:                                      false,
	`emails[type eq "work"] eq "b@work.example"`:                 true,
	`emails[primary eq "true"]`:                                  true,
	`emails[not (primary pr)]`:                                   true,
	`emails[not (primary pr) and type eq "work"]`:                false,
	`emails[type pr or value pr].primary eq true`:                true,
	// ne: outside brackets of the whole, inside of one element
	`emails.type ne "work"`:                            false,
	`emails.type ne "fax"`:                             true,
	`emails[type ne "work"]`:                           true,
	`emails[type ne "work"].value eq "b@work.example"`: false,
	`emails[type eq "work"].value ne "b@work.example"`: false,
	`emails[type eq "fax"].value ne "x"`:               true,
	`phoneNumbers[type ne "work"]`:                     true,
	`addresses[type ne "work"]`:                        false,
	`emails[primary ne null]`:                          true,
	`emails[primary eq null and type eq "home"]`:       true,
	// an element that does not say so is not primary, and nothing of that is present
	`emails[type eq "home" and primary eq false]`: true,
	`emails[type eq "home" and primary ne true]`:  true,
	`emails[type eq "home" and primary ne false]`: false,
	`emails[type eq "work" and primary eq false]`: false,
	`emails[type eq "home" and primary pr]`:       false,
	`emails[primary eq "False"].type eq "home"`:   true,
	`emails.primary eq false`:                     true,
	`emails.primary ne false`:                     false,
	`emails[type eq "work"].primary eq false`:     false,
	`phoneNumbers.primary eq false`:               true,
	`phoneNumbers[primary eq true]`:               false,
	`ims.primary eq false`:                        false,
	`addresses.primary ne false`:                  true,
	`photos[primary eq false]`:                    false,
	// extensions, URNs, bare complex attributes
	EnterpriseURN + `:employeeNumber eq "007"`:                       true,
	strings.ToUpper(EnterpriseURN) + `:Manager.DisplayName sw "mar"`: true,
	`manager eq "m1"`:                true,
	`id eq "Ab" and manager eq "m2"`: false,
	`urn:ietf:params:scim:schemas:core:2.0:User:name.familyName pr`: true,
	`schemas eq "` + EnterpriseURN + `"`:                            true,
	`manager[value eq "m1"].displayName eq "Mary"`:                  true,
	`manager[value eq "m2"]`:                                        false,
	// logic
	`userName eq "x" or active eq true and title pr`:       false,
	`(userName eq "bjensen" or active eq false) and id pr`: true,
	`not (userName eq "bjensen")`:                          false,
	`not (not (userName eq "bjensen"))`:                    true,
}

func TestMatch(t *testing.T) { testMatches(t, userType(), parse(t, person), onPerson) }

func testMatches(t *testing.T, rt *ResourceType, res *Object, cases map[string]bool) {
	t.Helper()
	before := res.String()
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			e, err := rt.ParseFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := Match(e, rt, res); got != want {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
	if res.String() != before {
		t.Error("matching edited the resource")
	}
}

func TestMatchNumbersAndSimpleLists(t *testing.T) {
	testMatches(t, badgeType(), parse(t, `{"level":9007199254740993,"weight":1.50,"colours":["red","blue"],"print":"QUI="}`), map[string]bool{
		`level eq 9007199254740993`:        true,
		`level eq 9007199254740992`:        false,
		`level gt 9007199254740992`:        true,
		`level lt 9007199254740993.5`:      true,
		`level eq 9007199254740993.0`:      true,
		`level le 9e99999999999999999999`:  true,
		`level le -9e99999999999999999999`: false,
		`level gt 1e-99999999999999999999`: true,
		`weight eq 1.5`:                    true,
		`weight eq 15e-1`:                  true,
		`weight lt 1.5000000000000000001`:  true,
		`weight pr`:                        true,
		`colours eq "RED"`:                 true,
		`colours[value eq "red"]`:          true,
		`colours[value ne "red"]`:          true,
		`colours ne "red"`:                 false,
		`colours[value sw "g"]`:            false,
		`print eq "QUI="`:                  true,
		`print eq "qui="`:                  false,
	})
}

// A directory may hold what the schema does not expect. Nothing panics, nothing matches.
func TestMatchOddData(t *testing.T) {
	testMatches(t, userType(), parse(t, `{"userName":5,"active":"TRUE","name":"x","emails":"x","meta":{"created":"yesterday"},"phoneNumbers":[5,null,[],{"value":true}],"`+EnterpriseURN+`":"x"}`), map[string]bool{
		`userName eq "5"`:                        false,
		`active eq true`:                         false,
		`name.familyName eq "x"`:                 false,
		`emails.value eq "x"`:                    false,
		`emails[value eq "x"]`:                   false,
		`meta.created gt "2000-01-01T00:00:00Z"`: false,
		`phoneNumbers eq "true"`:                 false,
		`phoneNumbers[value pr]`:                 true,
		`employeeNumber pr`:                      false,
		`userName pr`:                            true,
	})
}

func TestMatchUsesPrep(t *testing.T) {
	rt := userType()
	rt.Schema.Attribute("displayName").Prep = func(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }
	testMatches(t, rt, parse(t, `{"displayName":" Barbara   Jensen"}`), map[string]bool{
		`displayName eq "barbara jensen"`:  true,
		`displayName co "A  J"`:            true,
		`displayName eq "barbarajensen"`:   false,
		`displayName lt "barbara jensena"`: true,
	})
}

// What CheckFilter refuses does not panic in Match either.
func TestMatchOfAnUncheckedFilter(t *testing.T) {
	rt, res := userType(), parse(t, person)
	for _, text := range []string{
		`colour eq "x"`, `colour[a eq "x"]`, `emails[colour eq "x"]`, `name eq "x"`, `active gt true`, `userName gt null`, `userName eq 5`, `emails[a.b eq "x"]`,
		`userName[value eq "y"]`, EnterpriseURN + ` pr`, `userName.x eq "y"`,
	} {
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if Match(e, rt, res) {
			t.Errorf("%s is fulfilled", text)
		}
	}
	if Match(nil, rt, res) {
		t.Error("no filter is fulfilled")
	}
}

func TestFoldAgreesWithEqualFold(t *testing.T) {
	drawText := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("aAkKKſsSßẞΣσςİıéÉǅ")), rapid.Rune()))
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawText.Draw(t, "a"), drawText.Draw(t, "b")
		for _, pair := range [][2]string{{a, b}, {a, strings.ToUpper(a)}, {a, strings.ToLower(a)}} {
			if got, want := fold(pair[0]) == fold(pair[1]), strings.EqualFold(pair[0], pair[1]); got != want {
				t.Fatalf("%q and %q: %v, EqualFold says %v", pair[0], pair[1], got, want)
			}
		}
		if fold(fold(a)) != fold(a) {
			t.Fatalf("fold is not settled on %q", a)
		}
	})
}

func TestNumbersCompareLikeRationals(t *testing.T) {
	drawNumber := rapid.StringMatching(`-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNumber.Draw(t, "a"), drawNumber.Draw(t, "b")
		want := rational(a).Cmp(rational(b))
		if got := compareNumbers(number(a), number(b)); got != want {
			t.Fatalf("%s and %s: %d, want %d", a, b, got, want)
		}
		if compareNumbers(json.Number(a), number(a)) != 0 {
			t.Fatalf("%s is not itself", a)
		}
	})
}
