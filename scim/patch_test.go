package scim

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	bjensen = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"7","userName":"bjensen","name":{"familyName":"Jensen","givenName":"Barbara"},
		"active":true,"emails":[{"value":"b@work.example","type":"work","primary":true},{"value":"b@home.example","type":"home"}],
		"meta":{"resourceType":"User"}}`
	tour = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"9","displayName":"Tour Guides",
		"members":[{"value":"a","display":"Anna"},{"value":"b","display":"Ben"}]}`
	badge = `{"schemas":["urn:example:Badge"],"id":"1","serial":"S1","colours":["red","blue"],"tags":["x"],"case":{"size":"L","mark":"M"},"maker":"acme",
		"doors":[{"name":"front","open":true},{"name":"back"}]}`
)

// patched decodes and applies operations, and proves on the way that neither the resource before nor the patch is edited by it.
func patched(t *testing.T, rt *ResourceType, before, operations string) (after *Object, err error) {
	t.Helper()
	b := parse(t, before)
	p, _, err := rt.DecodePatch(parse(t, `{"schemas":["`+PatchOpURN+`"],"Operations":[`+operations+`]}`), Profile{})
	if err != nil {
		return nil, err
	}
	after, deltas, err := p.Apply(rt, b, nil)
	if b.String() != parse(t, before).String() {
		t.Errorf("the resource before was edited: %s", b)
	}
	if err != nil {
		return nil, err
	}
	if deltas != nil {
		t.Errorf("deltas %v of what was read", deltas)
	}
	first := after.String()
	scribble(after)
	if b.String() != parse(t, before).String() {
		t.Errorf("before and after share memory: %s", b)
	}
	after, _, err = p.Apply(rt, b, nil)
	if err != nil || after.String() != first {
		t.Errorf("applied again it gives %v, %v", after, err)
	}
	return after, rt.Validate(after, b)
}

// scribble spoils everything below the first level, where an edit that should be a copy would be seen.
func scribble(v any) {
	switch v := v.(type) {
	case *Object:
		for i, m := range v.members {
			scribble(m.value)
			if s, ok := m.value.(string); ok {
				v.members[i].value = s + "!"
			}
		}
	case []any:
		for i, e := range v {
			scribble(e)
			if s, ok := e.(string); ok {
				v[i] = s + "!"
			}
		}
	}
}

// patchCase is a patch of bjensen, tour or badge. want names the attributes that differ afterwards, null for one that is gone.
type patchCase struct{ ops, want, fails string }

func testPatches(t *testing.T, rt *ResourceType, before string, cases map[string]patchCase) {
	t.Helper()
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			after, err := patched(t, rt, before, c.ops)
			if c.fails != "" {
				_ = wantError(t, err, c.fails)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := parse(t, before)
			for name, v := range parse(t, c.want).All() {
				if v == nil {
					want.Delete(name)
				} else {
					want.Set(name, v)
				}
			}
			same(t, c.ops, after, want)
		})
	}
}

func TestPatchSingleValues(t *testing.T) {
	testPatches(t, userType(), bjensen, map[string]patchCase{
		"add sets":                                   {`{"op":"add","path":"title","value":"Guide"}`, `{"title":"Guide"}`, ""},
		"op in any case":                             {`{"op":"Replace","path":"TITLE","value":"Guide"}`, `{"title":"Guide"}`, ""},
		"names in the operation in any case":         {`{"OP":"ADD","Path":"title","VALUE":"Guide"}`, `{"title":"Guide"}`, ""},
		"add replaces a single value":                {`{"op":"Add","path":"active","value":false}`, `{"active":false}`, ""},
		"replace of what is not there adds":          {`{"op":"replace","path":"nickName","value":"Babs"}`, `{"nickName":"Babs"}`, ""},
		"booleans as Entra writes them":              {`{"op":"replace","path":"active","value":"False"}`, `{"active":false}`, ""},
		"a boolean wrapped in a list":                {`{"op":"replace","path":"active","value":[{"value":"False"}]}`, `{"active":false}`, ""},
		"another word is no boolean":                 {`{"op":"replace","path":"active","value":"no"}`, ``, InvalidValue},
		"a number is no string":                      {`{"op":"replace","path":"title","value":7}`, ``, InvalidValue},
		"a list is no single value":                  {`{"op":"replace","path":"title","value":["a","b"]}`, ``, InvalidValue},
		"an object is no string":                     {`{"op":"replace","path":"title","value":{"x":"y"}}`, ``, InvalidValue},
		"remove":                                     {`{"op":"remove","path":"active"}`, `{"active":null}`, ""},
		"remove of what is not there":                {`{"op":"remove","path":"title"}`, `{}`, ""},
		"an empty string unassigns":                  {`{"op":"replace","path":"active","value":""}`, `{"active":null}`, ""},
		"null unassigns":                             {`{"op":"add","path":"active","value":null}`, `{"active":null}`, ""},
		"an empty string for a required attribute":   {`{"op":"replace","path":"userName","value":""}`, ``, InvalidValue},
		"null for a required attribute":              {`{"op":"replace","value":{"userName":null}}`, ``, InvalidValue},
		"remove of a required attribute":             {`{"op":"remove","path":"userName"}`, ``, NotMutable},
		"a core URN before the name":                 {`{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:title","value":"x"}`, `{"title":"x"}`, ""},
		"a password is set":                          {`{"op":"replace","path":"password","value":"t1meMa$heen"}`, `{"password":"t1meMa$heen"}`, ""},
		"a password is not removed":                  {`{"op":"remove","path":"password"}`, ``, NotMutable},
		"an empty password removes none":             {`{"op":"replace","path":"password","value":""}`, ``, NotMutable},
		"a password that was read as null":           {`{"op":"replace","value":{"password":null,"title":"x"}}`, `{"title":"x"}`, ""},
		"later operations see earlier ones":          {`{"op":"add","path":"title","value":"a"},{"op":"remove","path":"title"},{"op":"add","path":"title","value":"b"}`, `{"title":"b"}`, ""},
		"a failing operation undoes the whole patch": {`{"op":"add","path":"title","value":"a"},{"op":"add","path":"nonsense","value":"b"}`, ``, InvalidPath},
	})
}

func TestPatchComplexValues(t *testing.T) {
	testPatches(t, userType(), bjensen, map[string]patchCase{
		"add merges parts":                   {`{"op":"add","path":"name","value":{"givenName":"Babs","middleName":"Jane"}}`, `{"name":{"familyName":"Jensen","givenName":"Babs","middleName":"Jane"}}`, ""},
		"replace leaves other parts":         {`{"op":"replace","path":"name","value":{"givenName":"Babs"}}`, `{"name":{"familyName":"Jensen","givenName":"Babs"}}`, ""},
		"a part by its path":                 {`{"op":"replace","path":"name.givenName","value":"Babs"}`, `{"name":{"familyName":"Jensen","givenName":"Babs"}}`, ""},
		"null takes a part away":             {`{"op":"replace","path":"name","value":{"givenName":null}}`, `{"name":{"familyName":"Jensen"}}`, ""},
		"remove of a part":                   {`{"op":"remove","path":"name.givenName"}`, `{"name":{"familyName":"Jensen"}}`, ""},
		"remove of the last part":            {`{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}`, `{"name":null}`, ""},
		"remove of the whole":                {`{"op":"remove","path":"name"}`, `{"name":null}`, ""},
		"an empty object says nothing":       {`{"op":"replace","path":"name","value":{}}`, `{}`, ""},
		"a string is no name":                {`{"op":"replace","path":"name","value":"Babs"}`, ``, InvalidValue},
		"brackets that fit":                  {`{"op":"replace","path":"name[familyName eq \"jensen\"].givenName","value":"Babs"}`, `{"name":{"familyName":"Jensen","givenName":"Babs"}}`, ""},
		"brackets that do not fit":           {`{"op":"replace","path":"name[familyName eq \"x\"].givenName","value":"Babs"}`, ``, NoTarget},
		"remove in brackets that do not fit": {`{"op":"remove","path":"name[familyName eq \"x\"].givenName"}`, `{}`, ""},
	})
}

func TestPatchMultipleValues(t *testing.T) {
	const work, home = `{"value":"b@work.example","type":"work","primary":true}`, `{"value":"b@home.example","type":"home"}`
	testPatches(t, userType(), bjensen, map[string]patchCase{
		"add appends":                             {`{"op":"add","path":"emails","value":[{"value":"x@y.example","type":"other"}]}`, `{"emails":[` + work + `,` + home + `,{"value":"x@y.example","type":"other"}]}`, ""},
		"add of a single object":                  {`{"op":"add","path":"emails","value":{"value":"x@y.example"}}`, `{"emails":[` + work + `,` + home + `,{"value":"x@y.example"}]}`, ""},
		"add of a bare string":                    {`{"op":"add","path":"emails","value":"x@y.example"}`, `{"emails":[` + work + `,` + home + `,{"value":"x@y.example"}]}`, ""},
		"add of what is there changes nothing":    {`{"op":"add","path":"emails","value":[{"value":"B@HOME.example","type":"Home"}]}`, `{}`, ""},
		"add of a part of what is there":          {`{"op":"add","path":"emails","value":[{"value":"b@home.example","type":"home","display":"d"}]}`, `{"emails":[` + work + `,{"value":"b@home.example","type":"home","display":"d"}]}`, ""},
		"add of nobody":                           {`{"op":"add","path":"emails","value":[]}`, `{}`, ""},
		"odd types are kept as sent":              {`{"op":"add","path":"emails","value":[{"value":"x@y.example","type":"jgo-CM"}]}`, `{"emails":[` + work + `,` + home + `,{"value":"x@y.example","type":"jgo-CM"}]}`, ""},
		"a new primary takes the old one's place": {`{"op":"add","path":"emails","value":[{"value":"x@y.example","primary":true}]}`, `{"emails":[{"value":"b@work.example","type":"work","primary":false},` + home + `,{"value":"x@y.example","primary":true}]}`, ""},
		"primary set by a path":                   {`{"op":"replace","path":"emails[type eq \"home\"].primary","value":"True"}`, `{"emails":[{"value":"b@work.example","type":"work","primary":false},{"value":"b@home.example","type":"home","primary":true}]}`, ""},
		"two primaries in one list":               {`{"op":"replace","path":"emails","value":[{"value":"a","primary":true},{"value":"b","primary":true}]}`, ``, InvalidValue},
		"replace of the whole":                    {`{"op":"replace","path":"emails","value":[{"value":"x@y.example"}]}`, `{"emails":[{"value":"x@y.example"}]}`, ""},
		"replace with nothing":                    {`{"op":"replace","path":"emails","value":[]}`, `{"emails":null}`, ""},
		"equal elements of one list are one":      {`{"op":"replace","path":"emails","value":[{"value":"x"},{"value":"X"},{"value":"x","display":"d"}]}`, `{"emails":[{"value":"x","display":"d"}]}`, ""},
		"beside those that are as they were":      {`{"op":"replace","path":"emails","value":[{"value":"B@HOME.example","type":"home","display":"d"},` + work + `,` + home + `]}`, `{"emails":[` + work + `,{"value":"b@home.example","type":"home","display":"d"}]}`, ""},
		"an add of equal ones makes one":          {`{"op":"add","path":"emails","value":[{"value":"x"},{"value":"X","display":"d"}]}`, `{"emails":[` + work + `,` + home + `,{"value":"x","display":"d"}]}`, ""},
		"empty elements are left out":             {`{"op":"replace","path":"emails","value":[null,"",{},{"type":"work","value":""},"x"]}`, `{"emails":[{"value":"x"}]}`, ""},
		"a list in a list":                        {`{"op":"replace","path":"emails","value":[["x"]]}`, ``, InvalidValue},
		"remove of the whole":                     {`{"op":"remove","path":"emails"}`, `{"emails":null}`, ""},
		"remove with brackets":                    {`{"op":"remove","path":"emails[type eq \"work\"]"}`, `{"emails":[` + home + `]}`, ""},
		"remove with brackets that find nothing":  {`{"op":"remove","path":"emails[type eq \"fax\"]"}`, `{}`, ""},
		"remove with brackets that find all":      {`{"op":"remove","path":"emails[value ew \"example\"]"}`, `{"emails":null}`, ""},
		"remove of listed elements":               {`{"op":"remove","path":"emails","value":[{"value":"B@home.example"}]}`, `{"emails":[` + work + `]}`, ""},
		"listed elements must be of the type":     {`{"op":"remove","path":"emails","value":[{"value":"b@home.example","type":"work"}]}`, `{}`, ""},
		"listed without a value":                  {`{"op":"remove","path":"emails","value":[{"primary":true}]}`, `{}`, ""},
		"remove of a part":                        {`{"op":"remove","path":"emails[type eq \"work\"].primary"}`, `{"emails":[{"value":"b@work.example","type":"work"},` + home + `]}`, ""},
		"remove of the value takes the element":   {`{"op":"remove","path":"emails[type eq \"work\"].value"}`, `{"emails":[` + home + `]}`, ""},
		"an empty value takes the element":        {`{"op":"replace","path":"emails[type eq \"work\"].value","value":""}`, `{"emails":[` + home + `]}`, ""},
		"remove of a part of all":                 {`{"op":"remove","path":"emails.type"}`, `{"emails":[{"value":"b@work.example","primary":true},{"value":"b@home.example"}]}`, ""},
		"replace of a part":                       {`{"op":"replace","path":"emails[type eq \"work\"].value","value":"new@work.example"}`, `{"emails":[{"value":"new@work.example","type":"work","primary":true},` + home + `]}`, ""},
		"replace of an element merges":            {`{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"new@work.example"}}`, `{"emails":[{"value":"new@work.example","type":"work","primary":true},` + home + `]}`, ""},
		"replace of an element by a bare string":  {`{"op":"replace","path":"emails[type eq \"work\"]","value":"n@work.example"}`, `{"emails":[{"value":"n@work.example","type":"work","primary":true},` + home + `]}`, ""},
		"replace of an element in a list":         {`{"op":"replace","path":"emails[type eq \"work\"]","value":[{"value":"n@work.example"}]}`, `{"emails":[{"value":"n@work.example","type":"work","primary":true},` + home + `]}`, ""},
		"Entra makes the element that is missing": {`{"op":"Add","path":"emails[type eq \"other\"].value","value":"x@y.example"}`, `{"emails":[` + work + `,` + home + `,{"value":"x@y.example","type":"other"}]}`, ""},
		"so does replace":                         {`{"op":"Replace","path":"phoneNumbers[type eq \"mobile\" and primary eq \"True\"].value","value":"+1"}`, `{"phoneNumbers":[{"value":"+1","type":"mobile","primary":true}]}`, ""},
		"five parts make one address": {
			`{"op":"Add","path":"addresses[type eq \"work\"].formatted","value":"f"},{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"l"},
			{"op":"Add","path":"addresses[type eq \"work\"].region","value":"r"},{"op":"Add","path":"addresses[type eq \"work\"].postalCode","value":"p"},
			{"op":"Add","path":"addresses[type eq \"work\"].country","value":"Sierra Leone"}`,
			`{"addresses":[{"type":"work","formatted":"f","locality":"l","region":"r","postalCode":"p","country":"Sierra Leone"}]}`, "",
		},
		"no element from other operators":       {`{"op":"add","path":"emails[type ne \"home\" and type sw \"x\"].value","value":"x"}`, ``, NoTarget},
		"no element from or":                    {`{"op":"add","path":"emails[type eq \"x\" or type eq \"y\"].value","value":"x"}`, ``, NoTarget},
		"no element from a contradiction":       {`{"op":"add","path":"emails[type eq \"x\" and type eq \"y\"].value","value":"x"}`, ``, NoTarget},
		"no element of labels alone":            {`{"op":"add","path":"emails[type eq \"other\"].primary","value":true}`, ``, NoTarget},
		"no element from null":                  {`{"op":"add","path":"ims[type eq null].value","value":"x"}`, ``, NoTarget},
		"replace of a value that is not there":  {`{"op":"replace","path":"emails[value eq \"none@x\"].value","value":"x"}`, ``, NoTarget},
		"replace of its label":                  {`{"op":"replace","path":"emails[type eq \"work\" and value eq \"none@x\"].display","value":"x"}`, ``, NoTarget},
		"replace of the element":                {`{"op":"replace","path":"emails[value eq \"none@x\"]","value":{"value":"x","type":"other"}}`, ``, NoTarget},
		"nothing is done of what came before":   {`{"op":"replace","path":"title","value":"a"},{"op":"replace","path":"emails[value eq \"none@x\"].value","value":"x"}`, ``, NoTarget},
		"add makes even that":                   {`{"op":"add","path":"emails[value eq \"x@y.example\"].type","value":"other"}`, `{"emails":[` + work + `,` + home + `,{"value":"x@y.example","type":"other"}]}`, ""},
		"one by its value that is there":        {`{"op":"replace","path":"emails[value eq \"b@home.example\"].value","value":"c"}`, `{"emails":[` + work + `,{"value":"c","type":"home"}]}`, ""},
		"one that does not say it is primary":   {`{"op":"replace","path":"emails[primary eq false].value","value":"c"}`, `{"emails":[` + work + `,{"value":"c","type":"home"}]}`, ""},
		"unassigning what is not there":         {`{"op":"replace","path":"ims[type eq \"xmpp\"].value","value":""}`, `{}`, ""},
		"a part of all elements":                {`{"op":"replace","path":"emails.display","value":"d"}`, `{"emails":[{"value":"b@work.example","type":"work","primary":true,"display":"d"},{"value":"b@home.example","type":"home","display":"d"}]}`, ""},
		"elements that become the same are one": {`{"op":"replace","path":"emails","value":[{"value":"a","type":"x"},{"value":"a","type":"y"},{"value":"a"}]},{"op":"remove","path":"emails.type"}`, `{"emails":[{"value":"a"}]}`, ""},
		"a part when there are no elements":     {`{"op":"add","path":"ims.value","value":"x"}`, `{"ims":[{"value":"x"}]}`, ""},
		"not with a wrong part in brackets":     {`{"op":"add","path":"emails[colour eq \"x\"].value","value":"x"}`, ``, InvalidPath},
		"not with a wrong part behind them":     {`{"op":"add","path":"emails[type eq \"x\"].colour","value":"x"}`, ``, InvalidPath},
		"an operator that does not fit":         {`{"op":"add","path":"emails[primary gt true].value","value":"x"}`, ``, InvalidFilter},
		"a literal that does not fit":           {`{"op":"add","path":"emails[type eq 5].value","value":"x"}`, ``, InvalidFilter},
		"groups are read-only":                  {`{"op":"add","path":"groups","value":[{"value":"9"}]}`, ``, NotMutable},
		"groups are read-only in brackets":      {`{"op":"remove","path":"groups[value eq \"9\"]"}`, ``, NotMutable},
		"a certificate must be base64":          {`{"op":"add","path":"x509Certificates","value":[{"value":"%%%"}]}`, ``, InvalidValue},
		"a certificate":                         {`{"op":"add","path":"x509Certificates","value":[{"value":"MIID+/=="}]}`, `{"x509Certificates":[{"value":"MIID+/=="}]}`, ""},
	})
}

func TestPatchWithoutPath(t *testing.T) {
	testPatches(t, userType(), bjensen, map[string]patchCase{
		"attributes by name":                    {`{"op":"replace","value":{"active":"False","DisplayName":"Babs"}}`, `{"active":false,"displayName":"Babs"}`, ""},
		"an empty path is none":                 {`{"op":"replace","path":"","value":{"active":false}}`, `{"active":false}`, ""},
		"a null path is none":                   {`{"op":"replace","path":null,"value":{"active":false}}`, `{"active":false}`, ""},
		"an object in a list":                   {`{"op":"replace","value":[{"active":false}]}`, `{"active":false}`, ""},
		"dotted names":                          {`{"op":"add","value":{"name.givenName":"Babs","name.middleName":"J"}}`, `{"name":{"familyName":"Jensen","givenName":"Babs","middleName":"J"}}`, ""},
		"complex values merge":                  {`{"op":"replace","value":{"name":{"givenName":"Babs"}}}`, `{"name":{"familyName":"Jensen","givenName":"Babs"}}`, ""},
		"value paths":                           {`{"op":"add","value":{"emails[type eq \"work\"].value":"n@work.example"}}`, `{"emails":[{"value":"n@work.example","type":"work","primary":true},{"value":"b@home.example","type":"home"}]}`, ""},
		"a list replaces":                       {`{"op":"replace","value":{"emails":[{"value":"x"}]}}`, `{"emails":[{"value":"x"}]}`, ""},
		"a list is added to":                    {`{"op":"add","value":{"roles":[{"value":"x"}]}}`, `{"roles":[{"value":"x"}]}`, ""},
		"null unassigns":                        {`{"op":"replace","value":{"active":null,"name":{"givenName":""}}}`, `{"active":null,"name":{"familyName":"Jensen"}}`, ""},
		"unknown names are dropped":             {`{"op":"replace","value":{"colour":"red","title":"x","name":{"colour":"red"}}}`, `{"title":"x"}`, ""},
		"the same id is let pass":               {`{"op":"replace","value":{"id":"7","title":"x"}}`, `{"title":"x"}`, ""},
		"the same id by its path":               {`{"op":"replace","path":"id","value":"7"}`, `{}`, ""},
		"another id":                            {`{"op":"replace","value":{"id":"8","title":"x"}}`, ``, NotMutable},
		"another id by its path":                {`{"op":"replace","path":"id","value":"8"}`, ``, NotMutable},
		"remove of the id":                      {`{"op":"remove","path":"id"}`, ``, NotMutable},
		"groups, meta and schemas are let pass": {`{"op":"replace","value":{"groups":[{"value":"1"}],"meta":{"created":"x"},"schemas":["urn:x"],"title":"x"}}`, `{"title":"x"}`, ""},
		"schemas by its path":                   {`{"op":"add","path":"schemas","value":["urn:x"]}`, `{}`, ""},
		"remove of schemas":                     {`{"op":"remove","path":"schemas"}`, ``, NotMutable},
		"meta by its path":                      {`{"op":"replace","path":"meta.created","value":"2020-01-01T00:00:00Z"}`, ``, NotMutable},
		"remove without path":                   {`{"op":"remove","value":{"title":"x"}}`, ``, NoTarget},
		"a value that is no object":             {`{"op":"add","value":"x"}`, ``, InvalidValue},
		"no value":                              {`{"op":"add"}`, ``, InvalidValue},
		"no value at a path":                    {`{"op":"add","path":"title"}`, ``, InvalidValue},
	})
}

func TestPatchExtensions(t *testing.T) {
	const urn = EnterpriseURN
	with := func(members string) string {
		return `{"schemas":["` + UserURN + `","` + urn + `"],"` + urn + `":` + members + `}`
	}
	testPatches(t, userType(), bjensen, map[string]patchCase{
		"an attribute by its path":             {`{"op":"add","path":"` + urn + `:department","value":"Tours"}`, with(`{"department":"Tours"}`), ""},
		"a URN in another case":                {`{"op":"add","path":"` + strings.ToUpper(urn) + `:Department","value":"Tours"}`, with(`{"department":"Tours"}`), ""},
		"an attribute by its name alone":       {`{"op":"add","path":"department","value":"Tours"}`, with(`{"department":"Tours"}`), ""},
		"the URN as a name":                    {`{"op":"add","value":{"` + urn + `":{"department":"Tours","colour":"x"}}}`, with(`{"department":"Tours"}`), ""},
		"the URN before a name":                {`{"op":"add","value":{"` + urn + `:department":"Tours"}}`, with(`{"department":"Tours"}`), ""},
		"the URN as a path":                    {`{"op":"replace","path":"` + urn + `","value":{"department":"Tours"}}`, with(`{"department":"Tours"}`), ""},
		"the core URN as a path":               {`{"op":"replace","path":"` + UserURN + `","value":{"title":"x"}}`, `{"title":"x"}`, ""},
		"the core URN as a name":               {`{"op":"replace","value":{"` + UserURN + `":{"title":"x"}}}`, `{"title":"x"}`, ""},
		"an extension is an object":            {`{"op":"replace","path":"` + urn + `","value":"x"}`, ``, InvalidValue},
		"manager as a string":                  {`{"op":"add","path":"` + urn + `:manager","value":"m"}`, with(`{"manager":{"value":"m"}}`), ""},
		"manager as an object":                 {`{"op":"add","path":"manager","value":{"value":"m","displayName":"ignored"}}`, with(`{"manager":{"value":"m"}}`), ""},
		"manager in a list":                    {`{"op":"add","path":"manager","value":[{"$ref":null,"value":"m"}]}`, with(`{"manager":{"value":"m"}}`), ""},
		"manager.value":                        {`{"op":"add","path":"` + urn + `:manager.value","value":"m"}`, with(`{"manager":{"value":"m"}}`), ""},
		"manager is unset by remove":           {`{"op":"add","path":"manager","value":"m"},{"op":"remove","path":"manager"}`, `{}`, ""},
		"manager is unset by an empty text":    {`{"op":"add","path":"manager","value":"m"},{"op":"replace","path":"manager","value":""}`, `{}`, ""},
		"manager is unset by an empty value":   {`{"op":"add","path":"manager","value":"m"},{"op":"replace","path":"manager","value":{"value":""}}`, `{}`, ""},
		"manager is unset by null":             {`{"op":"add","path":"manager","value":"m"},{"op":"replace","value":{"` + urn + `":{"manager":null}}}`, `{}`, ""},
		"manager is unset by manager.value":    {`{"op":"add","path":"manager","value":{"value":"m","$ref":"../m"}},{"op":"remove","path":"manager.value"}`, `{}`, ""},
		"a manager's name beside other things": {`{"op":"add","value":{"manager.value":"m","manager.displayName":"x"}}`, with(`{"manager":{"value":"m"}}`), ""},
		"a manager's name is not ours":         {`{"op":"add","path":"manager.displayName","value":"x"}`, ``, NotMutable},
		"remove of the extension":              {`{"op":"add","path":"department","value":"x"},{"op":"remove","path":"` + urn + `"}`, `{}`, ""},
		"null for the extension":               {`{"op":"add","path":"department","value":"x"},{"op":"replace","value":{"` + urn + `":null}}`, `{}`, ""},
		"an empty object for the extension":    {`{"op":"replace","path":"` + urn + `","value":{}}`, `{}`, ""},
		"remove of the core":                   {`{"op":"remove","path":"` + UserURN + `"}`, ``, NotMutable},
		"another URN":                          {`{"op":"add","path":"urn:example:x:department","value":"x"}`, ``, InvalidPath},
	})
}

func TestPatchMembers(t *testing.T) {
	const anna, ben = `{"value":"a","display":"Anna"}`, `{"value":"b","display":"Ben"}`
	testPatches(t, groupType(), tour, map[string]patchCase{
		"add":                             {`{"op":"Add","path":"Members","value":[{"value":"c"}]}`, `{"members":[` + anna + `,` + ben + `,{"value":"c"}]}`, ""},
		"add of a plain string":           {`{"op":"add","path":"members","value":["c"]}`, `{"members":[` + anna + `,` + ben + `,{"value":"c"}]}`, ""},
		"add of a member":                 {`{"op":"add","path":"members","value":[{"value":"a","$ref":"x","type":"User"}]}`, `{}`, ""},
		"add without path":                {`{"op":"add","value":{"members":[{"value":"c"}]}}`, `{"members":[` + anna + `,` + ben + `,{"value":"c"}]}`, ""},
		"replace without path":            {`{"op":"replace","value":{"members":[{"value":"c"}]}}`, `{"members":[{"value":"c"}]}`, ""},
		"replace keeps what it knows":     {`{"op":"replace","path":"members","value":[{"value":"b"},{"value":"c"}]}`, `{"members":[` + ben + `,{"value":"c"}]}`, ""},
		"replace with nobody":             {`{"op":"replace","path":"members","value":[]}`, `{"members":null}`, ""},
		"remove of one":                   {`{"op":"remove","path":"members[value eq \"a\"]"}`, `{"members":[` + ben + `]}`, ""},
		"remove of several":               {`{"op":"remove","path":"members[value eq \"a\" or value eq \"b\"]"}`, `{"members":null}`, ""},
		"remove of a stranger":            {`{"op":"remove","path":"members[value eq \"z\"]"}`, `{}`, ""},
		"remove with a list":              {`{"op":"Remove","path":"members","value":[{"$ref":null,"value":"a"},{"value":"z"}]}`, `{"members":[` + ben + `]}`, ""},
		"remove with an empty list":       {`{"op":"remove","path":"members","value":[]}`, `{}`, ""},
		"remove with a list of nothing":   {`{"op":"remove","path":"members","value":[{"value":""}]}`, `{}`, ""},
		"remove with a list of names":     {`{"op":"remove","path":"members","value":[{"display":"Anna"}]}`, ``, InvalidValue},
		"remove of all":                   {`{"op":"remove","path":"members"}`, `{"members":null}`, ""},
		"remove and add":                  {`{"op":"remove","path":"members[value eq \"a\"]"},{"op":"add","path":"members","value":[{"value":"c"}]}`, `{"members":[` + ben + `,{"value":"c"}]}`, ""},
		"add then remove":                 {`{"op":"add","path":"members","value":[{"value":"c"}]},{"op":"remove","path":"members[value eq \"c\"]"}`, `{}`, ""},
		"a listed add, then what depends": {`{"op":"add","path":"members","value":[{"value":"c"}]},{"op":"remove","path":"members[value ne \"c\"]"}`, `{"members":[{"value":"c"}]}`, ""},
		"remove by name":                  {`{"op":"remove","path":"members[display sw \"a\"]"}`, `{"members":[` + ben + `]}`, ""},
		"a member cannot be edited":       {`{"op":"replace","path":"members[value eq \"a\"].value","value":"c"}`, ``, NotMutable},
		"a member may be what it is":      {`{"op":"replace","path":"members[value eq \"a\"].value","value":"a"}`, `{}`, ""},
		"a member's value cannot go":      {`{"op":"remove","path":"members[value eq \"a\"].value"}`, ``, NotMutable},
		"a member's name is read-only":    {`{"op":"replace","path":"members[value eq \"a\"].display","value":"x"}`, ``, NotMutable},
		"a member needs a value":          {`{"op":"add","path":"members","value":[{"type":"User","$ref":"../Users/x"}]}`, ``, InvalidValue},
		"Okta renames a group":            {`{"op":"replace","value":{"id":"9","displayName":"Guides"}}`, `{"displayName":"Guides"}`, ""},
		"displayName is required":         {`{"op":"replace","path":"displayName","value":""}`, ``, InvalidValue},
		"a number is no member":           {`{"op":"add","path":"members","value":[5]}`, ``, InvalidValue},
	})
}

func TestPatchOtherCharacteristics(t *testing.T) {
	testPatches(t, badgeType(), badge, map[string]patchCase{
		"an immutable value stays":                               {`{"op":"replace","path":"serial","value":"S2"}`, ``, NotMutable},
		"an immutable value may be said again":                   {`{"op":"replace","path":"serial","value":"S1"}`, `{}`, ""},
		"an immutable value cannot go":                           {`{"op":"remove","path":"serial"}`, ``, NotMutable},
		"an immutable list stays":                                {`{"op":"add","path":"tags","value":["y"]}`, ``, NotMutable},
		"an immutable part stays":                                {`{"op":"replace","path":"case.mark","value":"N"}`, ``, NotMutable},
		"a required part stays":                                  {`{"op":"replace","path":"case","value":{"size":""}}`, ``, InvalidValue},
		"a read-only value said again":                           {`{"op":"replace","value":{"maker":"ACME"}}`, `{}`, ""},
		"another read-only value":                                {`{"op":"replace","value":{"maker":"bolt"}}`, ``, NotMutable},
		"a read-only value by its path":                          {`{"op":"replace","path":"maker","value":"acme"}`, ``, NotMutable},
		"simple values are added":                                {`{"op":"add","path":"colours","value":["RED","green"]}`, `{"colours":["red","blue","green"]}`, ""},
		"simple values are removed by list":                      {`{"op":"remove","path":"colours","value":["Red"]}`, `{"colours":["blue"]}`, ""},
		"simple values are removed in brackets":                  {`{"op":"remove","path":"colours[value eq \"red\"]"}`, `{"colours":["blue"]}`, ""},
		"a simple value is replaced in brackets":                 {`{"op":"replace","path":"colours[value eq \"red\"]","value":"green"}`, `{"colours":["green","blue"]}`, ""},
		"a value that becomes another":                           {`{"op":"replace","path":"colours[value eq \"red\"]","value":"BLUE"}`, `{"colours":["blue"]}`, ""},
		"a simple value is emptied in brackets":                  {`{"op":"replace","path":"colours[value eq \"red\"]","value":""}`, `{"colours":["blue"]}`, ""},
		"no brackets behind a single value":                      {`{"op":"replace","path":"serial[value eq \"S1\"]","value":"x"}`, ``, InvalidFilter},
		"a whole number":                                         {`{"op":"add","path":"level","value":9007199254740993}`, `{"level":9007199254740993}`, ""},
		"a number beyond 64 bits":                                {`{"op":"add","path":"level","value":92233720368547758070}`, `{"level":92233720368547758070}`, ""},
		"a fraction is no whole number":                          {`{"op":"add","path":"level","value":1.5}`, ``, InvalidValue},
		"a string is no number":                                  {`{"op":"add","path":"level","value":"1"}`, ``, InvalidValue},
		"a decimal":                                              {`{"op":"add","path":"weight","value":1.50}`, `{"weight":1.50}`, ""},
		"a date":                                                 {`{"op":"add","path":"valid","value":"2024-02-29T12:00:00+02:00"}`, `{"valid":"2024-02-29T12:00:00+02:00"}`, ""},
		"no date":                                                {`{"op":"add","path":"valid","value":"2024-02-30T12:00:00Z"}`, ``, InvalidValue},
		"elements without value are the same when all parts are": {`{"op":"add","path":"doors","value":[{"open":true,"name":"front"},{"name":"side"}]}`, `{"doors":[{"name":"front","open":true},{"name":"back"},{"name":"side"}]}`, ""},
		"elements without value are removed by their parts":      {`{"op":"remove","path":"doors","value":[{"name":"FRONT"}]}`, `{"doors":[{"name":"back"}]}`, ""},
	})
}

func TestDecodePatchRefusals(t *testing.T) {
	const ok = `{"op":"add","path":"title","value":"x"}`
	for claim, c := range map[string]struct{ body, want string }{
		"no operations":                  {`{}`, InvalidSyntax},
		"operations that are no list":    {`{"Operations":` + ok + `}`, InvalidSyntax},
		"an empty list":                  {`{"Operations":[]}`, InvalidSyntax},
		"an operation that is no object": {`{"Operations":["x"]}`, InvalidSyntax},
		"another schema":                 {`{"schemas":["` + UserURN + `"],"Operations":[` + ok + `]}`, InvalidSyntax},
		"no schema at all":               {`{"schemas":[],"Operations":[` + ok + `]}`, InvalidSyntax},
		"no op":                          {`{"Operations":[{"path":"title","value":"x"}]}`, InvalidSyntax},
		"an op that is no string":        {`{"Operations":[{"op":5,"path":"title","value":"x"}]}`, InvalidSyntax},
		"an unknown op":                  {`{"Operations":[{"op":"move","path":"title","value":"x"}]}`, InvalidSyntax},
		"a path that is no string":       {`{"Operations":[{"op":"add","path":["title"],"value":"x"}]}`, InvalidPath},
		"a path that cannot be read":     {`{"Operations":[{"op":"add","path":"emails[","value":"x"}]}`, InvalidPath},
		"a JSON pointer":                 {`{"Operations":[{"op":"add","path":"/title","value":"x"}]}`, InvalidPath},
		"an unknown path":                {`{"Operations":[{"op":"add","path":"roles2[primary eq \"True\"].value","value":"x"}]}`, InvalidPath},
		"too many operations":            {`{"Operations":[` + ok + strings.Repeat(","+ok, MaxOperations) + `]}`, InvalidSyntax},
	} {
		t.Run(claim, func(t *testing.T) {
			_, _, err := userType().DecodePatch(parse(t, c.body), Profile{})
			_ = wantError(t, err, c.want)
		})
	}
}

func TestDecodePatchTakes(t *testing.T) {
	const ok = `{"op":"add","path":"title","value":"x"}`
	for claim, body := range map[string]string{
		"a body without schemas":       `{"Operations":[` + ok + `]}`,
		"schemas as a string":          `{"schemas":"` + PatchOpURN + `","Operations":[` + ok + `]}`,
		"names in any case":            `{"SCHEMAS":["` + strings.ToUpper(PatchOpURN) + `"],"operations":[` + ok + `]}`,
		"members that mean nothing":    `{"Operations":[` + ok + `],"x":1}`,
		"as many operations as may be": `{"Operations":[` + ok + strings.Repeat(","+ok, MaxOperations-1) + `]}`,
	} {
		t.Run(claim, func(t *testing.T) {
			if _, _, err := userType().DecodePatch(parse(t, body), Profile{}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPatchNamesTheOperationThatFailed(t *testing.T) {
	_, _, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"add","path":"title","value":"x"},{"op":"add","path":"colour","value":"x"}]}`), Profile{})
	if e := wantError(t, err, InvalidPath); e.Detail != `Operation 2: User has no attribute "colour".` {
		t.Error(e.Detail)
	}
}

func TestPatchListsWhatItDrops(t *testing.T) {
	_, dropped, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"add","value":{"colour":"x","name":{"nick":"y"},"emails":[{"v":1},{"v":2}],
		"urn:example:x":{"a":"b"},"`+EnterpriseURN+`":{"floor":"3"},"a b":"c"}}]}`), Profile{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"colour", "name.nick", "emails.v", "urn:example:x", EnterpriseURN + ":floor", "a b"}
	if d := cmp.Diff(want, dropped); d != "" {
		t.Error(d)
	}
}

func TestPatchTouches(t *testing.T) {
	p, _, err := userType().DecodePatch(parse(t, `{"Operations":[{"op":"add","path":"emails[type eq \"work\"].value","value":"x"},{"op":"add","path":"manager","value":"x"},
		{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name"}]}`), Profile{})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"emails", EnterpriseURN + ":manager", "name"}, p.Touches()); d != "" {
		t.Error(d)
	}
}
