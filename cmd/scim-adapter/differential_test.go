package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// The last of three differential tests: a search through the whole house, over a real directory, finds exactly those whom
// scim.Match finds among everybody. (The others hold Walk to Match, and the lowered filter to scim.Match.)

const differentialPeople = 120

// differentialFilters are SCIM_TEST_FILTERS, 500 if that is not set; the race detector sees nothing more in more of them.
func differentialFilters(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SCIM_TEST_FILTERS"), "500"))
	if err != nil {
		t.Fatal(err)
	}
	return n / slowness
}

// values are what the people are made of and what the filters ask for: near misses, other letter cases, characters that
// mean something to LDAP.
var values = map[string][]string{
	"userName":                     {"ann", "Anna", "ANNABEL", "bob", "bo*b", "x(y)", "a,b", `back\slash`, "Ünal", "ünal2", "é", "o'neil"},
	"displayName":                  {"Ann", "ann lee", "Ann  Lee", " Bob", "B*b", "(Bob)", "Ünal", "STRASSE", "straße", "Lee"},
	"name.familyName":              {"Lee", "LEE", "Ångström", "ångström", "-", "O'Neil", "van der Berg"},
	"name.givenName":               {"Ann", "Bob", "Ünal", "ann"},
	"title":                        {"Engineer", "engineer II", "Chief*", "CEO"},
	"userType":                     {"Employee", "Contractor"},
	"emails.value":                 {"ann@example.com", "BOB@example.com", "bob@example.org", "a+b@example.com"},
	"phoneNumbers.value":           {"+1 555 0100", "+15550100", "555-0199"},
	enterprise + ":employeeNumber": {"1", "42", "042", "A-7"},
	enterprise + ":department":     {"R&D", "Sales", "sales"},
}

var textPaths = func() []string {
	paths := make([]string, 0, len(values))
	for p := range values {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	return paths
}()

func (h *house) populate(r *rand.Rand) {
	h.t.Helper()
	pick := func(path string) string { return values[path][r.IntN(len(values[path]))] }
	for i := range differentialPeople {
		body := map[string]any{"userName": fmt.Sprintf("%s%d", pick("userName"), i), "active": r.IntN(3) > 0}
		maybe := func(path string, set func(v string)) {
			if r.IntN(3) > 0 {
				set(pick(path))
			}
		}
		name := map[string]any{}
		ext := map[string]any{}
		var phones []map[string]any
		maybe("displayName", func(v string) { body["displayName"] = v })
		maybe("name.familyName", func(v string) { name["familyName"] = v })
		maybe("name.givenName", func(v string) { name["givenName"] = v })
		maybe("title", func(v string) { body["title"] = v })
		maybe("userType", func(v string) { body["userType"] = v })
		maybe("emails.value", func(v string) {
			body["emails"] = []map[string]any{{"type": "work", "value": fmt.Sprintf("%d%s", i, v)}}
		})
		maybe("phoneNumbers.value", func(v string) { phones = append(phones, map[string]any{"type": "work", "value": v}) })
		maybe("phoneNumbers.value", func(v string) { phones = append(phones, map[string]any{"type": "mobile", "value": v}) })
		maybe(enterprise+":employeeNumber", func(v string) { ext["employeeNumber"] = v })
		maybe(enterprise+":department", func(v string) { ext["department"] = v })
		if r.IntN(3) == 0 {
			body["externalId"] = fmt.Sprintf("ext-%d", i)
		}
		body["name"], body[enterprise], body["phoneNumbers"] = name, ext, phones
		h.do("POST", "/Users", body).want(h.t, 201)
	}
}

// randomFilter makes a filter of at most the given depth.
func randomFilter(r *rand.Rand, depth int) string {
	if depth > 0 {
		switch r.IntN(6) {
		case 0:
			return fmt.Sprintf("not (%s)", randomFilter(r, depth-1))
		case 1, 2:
			return fmt.Sprintf("(%s and %s)", randomFilter(r, depth-1), randomFilter(r, depth-1))
		case 3:
			return fmt.Sprintf("(%s or %s)", randomFilter(r, depth-1), randomFilter(r, depth-1))
		}
	}
	return randomTerm(r)
}

func randomTerm(r *rand.Rand) string {
	ops := []string{"eq", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"}
	switch r.IntN(12) {
	case 0:
		return fmt.Sprintf("active %s %v", []string{"eq", "ne"}[r.IntN(2)], r.IntN(2) == 0)
	case 1:
		return textPaths[r.IntN(len(textPaths))] + " pr"
	case 2:
		return fmt.Sprintf(`meta.created %s "2030-01-01T00:00:00Z"`, []string{"gt", "lt"}[r.IntN(2)])
	case 3:
		return fmt.Sprintf(`phoneNumbers[type %s "%s" and value %s %s]`, []string{"eq", "ne"}[r.IntN(2)], []string{"work", "mobile", "home"}[r.IntN(3)],
			[]string{"eq", "co", "ne"}[r.IntN(3)], quote(values["phoneNumbers.value"][r.IntN(3)]))
	case 4:
		return []string{`emails[type eq "work"].value co "EXAMPLE"`, `externalId pr`, `externalId eq "ext-3"`, `title eq null`, `emails.type eq "work"`, `userName eq "nobody"`}[r.IntN(6)]
	}
	path := textPaths[r.IntN(len(textPaths))]
	v := values[path][r.IntN(len(values[path]))]
	if runes := []rune(v); r.IntN(3) == 0 && len(runes) > 1 {
		v = string(runes[r.IntN(len(runes)-1):][:1+r.IntN(2)%len(runes)])
	}
	if r.IntN(4) == 0 {
		v = strings.ToUpper(v)
	}
	return fmt.Sprintf("%s %s %s", path, ops[r.IntN(len(ops))], quote(v))
}

func TestASearchFindsWhomTheMatcherFinds(t *testing.T) {
	everywhere(t, func(t *testing.T, h *house) {
		r := rand.New(rand.NewPCG(1, 2))
		h.populate(r)
		d := differ{h: h, rt: h.world.service.ResourceTypes()[0]}
		d.everybody = d.search(t, nil, "")
		if len(d.everybody) != differentialPeople {
			t.Fatalf("%d people", len(d.everybody))
		}
		failures, asked := 0, 0
		for asked < differentialFilters(t) {
			text := randomFilter(r, 3)
			tree, err := d.rt.ParseFilter(text)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			asked++
			if diff := d.compare(t, tree, tree); diff != "" {
				t.Errorf("%s: %s", text, diff)
				if failures++; failures > 10 {
					t.FailNow()
				}
			}
		}
		d.catchesPlantedFaults(t, r)
	})
}

type differ struct {
	h         *house
	rt        *scim.ResourceType
	everybody []*scim.Object
}

// request shows everything, or the userName only: then what the filter needs must be read for the filter's sake.
func (d differ) request(t *testing.T, attributes string) scim.Request {
	t.Helper()
	p, err := d.rt.ParseProjection(attributes, "")
	if err != nil {
		t.Fatal(err)
	}
	return scim.Request{Caller: scim.Caller{Tenant: "default", Client: "provisioning", RequestID: "differential"}, Type: d.rt, Projection: p, Base: "http://x"}
}

func (d differ) search(t *testing.T, e filter.Expr, attributes string) []*scim.Object {
	t.Helper()
	page, err := d.h.world.service.List(t.Context(), d.request(t, attributes), scim.ListQuery{Filter: e, StartIndex: 1, Count: 1000})
	if err != nil {
		t.Fatalf("%v: %v", e, err)
	}
	if page.TotalResults != len(page.Resources) {
		t.Errorf("%v: totalResults %d with %d resources", e, page.TotalResults, len(page.Resources))
	}
	return page.Resources
}

// compare searches for one filter and matches everybody against another; "" when they agree.
func (d differ) compare(t *testing.T, searched, matched filter.Expr) string {
	t.Helper()
	var want, got []string
	for _, res := range d.everybody {
		if scim.Match(matched, d.rt, res) {
			want = append(want, userName(res))
		}
	}
	for _, res := range d.search(t, searched, "userName") {
		got = append(got, userName(res))
	}
	slices.Sort(want)
	slices.Sort(got)
	if slices.Equal(want, got) {
		return ""
	}
	return fmt.Sprintf("search finds %v, the matcher %v", got, want)
}

func userName(o *scim.Object) string {
	v, _ := o.Get("userName")
	return fmt.Sprint(v)
}

// catchesPlantedFaults asks the directory a filter that is wrong in one way, and wants the comparison to notice.
func (d differ) catchesPlantedFaults(t *testing.T, r *rand.Rand) {
	faults := map[string]func(filter.Compare) filter.Expr{
		"ne finds only those who have a value": func(c filter.Compare) filter.Expr {
			if c.Op != filter.Ne {
				return c
			}
			return filter.And{Terms: []filter.Expr{c, filter.Compare{Path: c.Path, Op: filter.Pr}}}
		},
		"sw is co": func(c filter.Compare) filter.Expr {
			if c.Op == filter.Sw {
				c.Op = filter.Co
			}
			return c
		},
		"a star is a wildcard": func(c filter.Compare) filter.Expr {
			if s, ok := c.Value.(string); ok && strings.Contains(s, "*") {
				c.Value, c.Op = strings.ReplaceAll(s, "*", ""), filter.Co
			}
			return c
		},
		"ge is gt": func(c filter.Compare) filter.Expr {
			if c.Op == filter.Ge {
				c.Op = filter.Gt
			}
			return c
		},
	}
	for claim, plant := range faults {
		caught := false
		for range 1000 {
			tree, err := d.rt.ParseFilter(randomFilter(r, 2))
			if err != nil {
				t.Fatal(err)
			}
			if caught = d.compare(t, rewrite(tree, plant), tree) != ""; caught {
				break
			}
		}
		if !caught {
			t.Errorf("1,000 filters did not notice that %s", claim)
		}
	}
}

// rewrite applies f to every comparison outside brackets.
func rewrite(e filter.Expr, f func(filter.Compare) filter.Expr) filter.Expr {
	all := func(terms []filter.Expr) []filter.Expr {
		out := make([]filter.Expr, len(terms))
		for i, term := range terms {
			out[i] = rewrite(term, f)
		}
		return out
	}
	switch e := e.(type) {
	case filter.And:
		return filter.And{Terms: all(e.Terms)}
	case filter.Or:
		return filter.Or{Terms: all(e.Terms)}
	case filter.Not:
		return filter.Not{Term: rewrite(e.Term, f)}
	case filter.Compare:
		return f(e)
	default:
		return e
	}
}
