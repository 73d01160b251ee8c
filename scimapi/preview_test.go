package scimapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/scim-adapter/scim-adapter/scim"
)

// planningStage is a stage whose service notes whether a write was planned or done.
func planningStage(t *testing.T, enabled bool) (s *stage, done, planned *int) {
	t.Helper()
	done, planned = new(int), new(int)
	s = newStage(t, func(o *Options) { o.DryRun, o.Bulk = enabled, Bulk{MaxOperations: 10, MaxPayload: 10_000} })
	note := func(r scim.Request) {
		if r.Preview == nil {
			*done++
			return
		}
		*planned++
		r.Preview.Steps = []scim.PreviewStep{{Type: "User", Backend: "corp", Op: "modify", ID: "7", Script: []string{"dn: uid=x", ""}}}
		r.Preview.Changes = []scim.PreviewChange{{Path: "title", Before: "Clerk"}}
	}
	s.service.create = func(r scim.Request, _ *scim.Object) (*scim.Result, error) { note(r); return someUser("7"), nil }
	s.service.replace = func(r scim.Request, id string, _ *scim.Object) (*scim.Result, error) {
		note(r)
		return someUser(id), nil
	}
	s.service.patch = func(r scim.Request, id string, _ scim.Patch) (*scim.Result, error) { note(r); return someUser(id), nil }
	s.service.remove = func(r scim.Request, _ string) error { note(r); return nil }
	return s, done, planned
}

// writes are one of each kind, all of them good ones.
var writes = []struct{ method, path, body, status string }{
	{"POST", "/Users", `{"userName":"someone"}`, "201"},
	{"PUT", "/Users/7", `{"userName":"someone"}`, "200"},
	{"PATCH", "/Users/7", `{"Operations":[{"op":"remove","path":"title"}]}`, "200"},
	{"PATCH", "/Groups/7", `{"Operations":[{"op":"remove","path":"members"}]}`, "204"},
	{"DELETE", "/Users/7", "", "204"},
	{"POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/7"}]}`, ""},
}

func TestEverySpellingOfADryRunIsADryRunOrRefused(t *testing.T) {
	const right, wrong, none = "planned", "refused", "done"
	for _, c := range []struct{ query, header, value, want string }{
		{"dryRun=true", "", "", right},
		{"DRYRUN=True", "", "", right},
		{"dryrun=true", "", "", right},
		{"a=b&dryRun=true&c", "", "", right},
		{"%64ryRun=true", "", "", right},
		{"dryRun", "", "", wrong},
		{"dryRun=", "", "", wrong},
		{"dryRun=1", "", "", wrong},
		{"dryRun=yes", "", "", wrong},
		{"dryRun=on", "", "", wrong},
		{"dryRun=true&dryRun=true", "", "", wrong},
		{"dryRun=false&dryrun=true", "", "", wrong},
		{"dry-run=true", "", "", wrong},
		{"dry_run=true", "", "", wrong},
		{"dry.run=true", "", "", wrong},
		{"dryRun+=true", "", "", wrong},
		{"dryRun=All", "", "", wrong},
		{"dryRun[]=true", "", "", wrong},
		{"?dryRun=true", "", "", wrong},
		{"%3FdryRun=true", "", "", wrong},
		{"$dryRun", "", "", wrong},
		{"x-dry-run", "", "", wrong},
		{"options.dryRun=true", "", "", wrong},
		{"isDryRun=true", "", "", wrong},
		{"dry=true", "", "", wrong},
		{"x-dry", "", "", wrong},
		{"%2564ryRun=true", "", "", wrong},
		{"%25252564ryRun=true", "", "", wrong},
		{"%2%3564ryRun=true", "", "", wrong},
		{"d%72y%2Drun=true", "", "", wrong},
		{"dryRun%3Dtrue", "", "", wrong},
		{"a%3Db%26dryRun%3Dtrue", "", "", wrong},
		{"a=b%26dryRun=true", "", "", wrong},
		{"a=b%2526dry-run", "", "", wrong},
		{"a=b?dryRun=true", "", "", wrong},
		{"mode=dry-run", "", "", wrong},
		{"dryRun=%2574rue", "", "", wrong},
		{"laundry=true", "", "", none},
		{"dryer=1", "", "", none},
		{"x=dryer", "", "", none},
		{"dryRun=false", "", "", none},
		{"", "", "", none},
		{"run=dry", "", "", wrong},
		{"mode=dry", "", "", wrong},
		{"mode=drry-run", "", "", wrong},
		{"dryRum=true", "", "", wrong},
		{"drRun=true", "", "", wrong},
		{"drryRun=true", "", "", wrong},
		{"dyrRun=true", "", "", wrong},
		{"x-dry-rum", "", "", wrong},
		{"rundry=true", "", "", wrong},
		{"run_dry", "", "", wrong},
		{"%EF%BD%84%EF%BD%92%EF%BD%99Run=true", "", "", wrong},
		{"%25EF%25BD%2584ryRun=true", "", "", wrong},
		{"dr%C3%BDRun=true", "", "", wrong},
		{"run=1", "", "", none},
		{"dryer=run", "", "", none},
		{"aadOptscim062020", "", "", none},
		{"dr=un", "", "", none},
		{"attributes=dryRun", "", "", none},
		{"", "Prefer", "dry-run", right},
		{"", "Prefer", "DRY-RUN", right},
		{"", "Prefer", `respond-async, wait=10; x="a, b" , Dry-Run`, right},
		{"", "Prefer", "dry-run; foo=bar", right},
		{"", "Prefer", `dry-run=""`, right},
		{"", "Prefer", "dry-run=true", right},
		{"", "Prefer", "handling=lenient,dry-run", right},
		{"", "Prefer", ",, dry-run ,", right},
		{"", "Prefer", "dryrun", wrong},
		{"", "Prefer", "dryRun", wrong},
		{"", "Prefer", "dry_run", wrong},
		{"", "Prefer", "dry-run=false", wrong},
		{"", "Prefer", "dry-run=1", wrong},
		{"", "Prefer", "handling=dry-run", wrong},
		{"", "Prefer", `handling="dry run"`, wrong},
		{"", "Prefer", "handling=strict; dry-run", wrong},
		{"", "Prefer", "dry run", wrong},
		{"", "Prefer", `"dry-run"`, wrong},
		{"", "Prefer", "dry-run dry-run", wrong},
		{"", "Prefer", `x="never ends, dry-run`, wrong},
		{"", "Prefer", "dry - run", wrong},
		{"", "Prefer", "dry-run: true", wrong},
		{"", "Prefer", "x-dry-run", wrong},
		{"", "Prefer", "dry-run-please", wrong},
		{"", "Prefer", "dry%2Drun", wrong},
		{"", "Prefer", "dry%252drun=1", wrong},
		{"", "Prefer", "dry=run", wrong},
		{"", "Prefer", "dry; run", wrong},
		{"", "Prefer", "dry, run", wrong},
		{"", "Prefer", "dry-run; dry-run=no", wrong},
		{"", "X-Prefer", "dry-run", wrong},
		{"", "Preference", "dry-run", wrong},
		{"", "Preference-Applied", "dry-run", wrong},
		{"", "X-Preferences", "wait, dryRun=true", wrong},
		{"", "X-Preferences", "wait", none},
		{"", "Prefer", "drry-run", wrong},
		{"", "Prefer", "dry-rum", wrong},
		{"", "Prefer", "wait=10, handling=run-dry", wrong},
		{"", "X-Prefer", "dry-rum", wrong},
		{"", "Pefer", "dry-run", wrong},
		{"", "Mode", "dryRun", wrong},
		{"", "X-Mode", "dry-run", wrong},
		{"", "X-Mode", "dry", wrong},
		{"", "Dry-Rum", "1", wrong},
		{"", "Run-Dry", "1", wrong},
		{"", "Content-Type", "application/scim+json; dryRun=true", wrong},
		{"", "Accept", "application/scim+json;dry-run=true", wrong},
		{"", "Content-Type", "application/scim+json; charset=utf-8", none},
		{"", "Accept", "application/scim+json, application/json;q=0.9, */*", none},
		{"", "Accept-Language", "de, en;q=0.5", none},
		{"", "Cookie", "mode=dryrun", none},
		{"", "Referer", "https://laundry.run/dry-run", none},
		{"", "Origin", "https://dry-run.example.org", none},
		{"", "From", "dry-run@example.org", none},
		{"", "Tracestate", "dryrun=1", none},
		{"", "X-Request-Id", "dry-run-7", none},
		{"", "X-Forwarded-Host", "dry-run.example.org", none},
		{"dryRun=true", "X-Original-Url", "/scim/v2/Users?dryRun=true", right},
		{"", "If-Match", `W/"dryrun"`, none},
		{"", "X-Mode", "laundry", none},
		{"", "User-Agent", "dry-run-tool/1.0", none},
		{"", "X-Scim-DryRun", "1", wrong},
		{"", "Dry", "true", wrong},
		{"", "X-Dry", "true", wrong},
		{"", "Dry-Run", "true", wrong},
		{"", "X-Dry-Run", "1", wrong},
		{"", "DryRun", "false", wrong},
		{"dryRun=1", "Prefer", "dry-run", wrong},
		{"dryRun=true", "Prefer", "dryrun", wrong},
		{"", "Prefer", "return=minimal", none},
		{"", "Prefer", "handling=strict", none},
		{"", "Prefer", "respond-async; wait", none},
		{"", "Prefer", "=, ;;", none},
		{"", "Prefer", `x="`, none},
	} {
		for _, enabled := range []bool{true, false} {
			s, done, planned := planningStage(t, enabled)
			want := c.want
			if !enabled && want == right {
				want = wrong
			}
			for i, w := range writes {
				*done, *planned = 0, 0
				var headers []string
				if c.header != "" {
					headers = []string{c.header, c.value}
				}
				a := s.do(w.method, "/scim/v2"+w.path+"?"+c.query, w.body, headers...)
				got := none
				switch {
				case *done == 0 && a.Code == http.StatusBadRequest && strings.Contains(a.Body.String(), "Nothing was written."):
					got = wrong
				case *done == 0 && *planned == 1 && a.Code == http.StatusOK && a.Header().Get("Preference-Applied") == "dry-run":
					got = right
				case *done != 1 || *planned > 0 || a.Code >= 300 || a.Header().Get("Preference-Applied") != "":
					got = a.Body.String()
				}
				if got != want {
					t.Errorf("%s %d, ?%s %s: %s: %s, want %s", w.method, i, c.query, c.header, c.value, got, want)
				}
			}
		}
	}
}

func TestADryRunIsAnsweredWithAMessageOfItsOwn(t *testing.T) {
	s, _, _ := planningStage(t, true)
	for _, w := range writes {
		a := s.do(w.method, "/scim/v2"+w.path+"?dryRun=true", w.body)
		var body map[string]any
		if err := json.Unmarshal(a.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if w.status == "" { // in the one operation of a bulk request
			op := body["Operations"].([]any)[0].(map[string]any)
			if op["status"] != "200" {
				t.Errorf("an operation that was only planned has status %v", op["status"])
			}
			body, w.status = op["response"].(map[string]any), "204"
		}
		step := body["steps"].([]any)[0].(map[string]any)
		if body["schemas"].([]any)[0] != scim.PreviewURN || body["status"] != w.status || step["script"].([]any)[0] != "dn: uid=x" || body["changes"].([]any)[0].(map[string]any)["before"] != "Clerk" {
			t.Errorf("%s %s: %s", w.method, w.path, a.Body)
		}
		if a.Header().Get("ETag") != "" || a.Header().Get("Location") != "" || (body["resource"] == nil) != (w.method == "DELETE" || w.path == "/Bulk") {
			t.Errorf("%s %s: %v %s", w.method, w.path, a.Header(), a.Body)
		}
	}
	if !strings.Contains(s.log.String(), `"dry_run":true`) {
		t.Errorf("the log does not tell a dry run from a write: %s", s.log)
	}
}

func TestAQuestionThatChangesNothingMayBeAskedAnyhow(t *testing.T) {
	s, _, _ := planningStage(t, false)
	s.service.get = func(scim.Request, string) (*scim.Result, error) { return someUser("7"), nil }
	if a := s.do("GET", "/scim/v2/Users/7?dryRun=true", "", "Prefer", "dry-run"); a.Code != http.StatusOK || a.Header().Get("Preference-Applied") != "" {
		t.Errorf("%d %v", a.Code, a.Header())
	}
}

func TestADryRunThatIsAskedForInABodyIsRefused(t *testing.T) {
	s, done, planned := planningStage(t, true)
	const extension = "urn:example:laundry:1.0:User"
	s.MaxRequestSize = 10_000
	users := s.service.types[0]
	users.Extensions = append(users.Extensions, scim.Extension{Schema: &scim.Schema{ID: extension, Name: "Laundry", Attributes: []*scim.Attribute{
		scim.NewAttribute("dryRunGroup", scim.TypeString), scim.NewAttribute("dry", scim.TypeBoolean),
	}}})
	const change = `{"op":"remove","path":"title"}`
	wide := ""
	for i := range 150 {
		wide += fmt.Sprintf(`"unknown%d":1,`, i)
	}
	bulk := func(op string) string { return `{"Operations":[` + op + `]}` }
	for _, c := range []struct {
		method, path, body string
		done               bool
	}{
		{"POST", "/Users", `{"userName":"someone","dryRun":true}`, false},
		{"POST", "/Users", `{` + wide + `"userName":"someone","dryRun":true}`, false},
		{"POST", "/Users?dryRun=true", `{"userName":"someone","dryRun":true}`, false},
		{"PUT", "/Users/7", `{"userName":"someone","dry_run":false}`, false},
		{"PUT", "/Users/7", `{"userName":"someone","$dryRun[]":1}`, false},
		{"PUT", "/Users/7", `{"userName":"someone","\u0064ryRun":1}`, false},
		{"PUT", "/Users/7", `{"userName":"someone","x-dry":true}`, false},
		{"POST", "/Users", `{"userName":"someone","meta":{"dryRun":true}}`, false},
		{"POST", "/Users", `{"userName":"someone","options":[[{"a":{"dry":true}}]]}`, false},
		{"POST", "/Users", `{"userName":"someone","name":{"familyName":"x","dryRun":true}}`, false},
		{"POST", "/Users", `{"userName":"someone","\uff44ryRun":1}`, false},
		{"POST", "/Users", `{"userName":"someone","prefer":["wait","dry-rum"]}`, false},
		{"POST", "/Users", `{"userName":"someone","` + extension + `":{"x":1,"dryRuns":true}}`, false},
		{"POST", "/Users", `{"schemas":["` + scim.UserURN + `","` + scim.PreviewURN + `"],"userName":"someone"}`, false},
		{"PATCH", "/Users/7", `{"options":{"dryRun":true},"Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"meta":{"dryRun":true},"Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"prefer":"dry-run","Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"headers":{"Prefer":"drry-run"},"Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"mode":"dryRun","Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"schemas":["` + scim.PatchOpURN + `","` + scim.PreviewURN + `"],"Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"remove","path":"title","options":{"x":[{"dryRun":true}]}}]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","path":"emails","value":[{"value":"a@b","dryRun":true}]}]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":{"name":{"dryRun":true}}}]}`, false},
		{"PUT", "/Users/7", `{"userName":"someone","dry\"q\"run":true}`, false},
		{"DELETE", "/Users/7", `{"options":{"dryRun":true}}`, false},
		{"DELETE", "/Users/7", `{"prefer":"dry-run"}`, false},
		{"DELETE", "/Users/7", `{"schemas":["` + scim.PreviewURN + `"]}`, false},
		{"POST", "/Bulk", `{"options":{"dryRun":true},"Operations":[{"method":"DELETE","path":"/Users/7"}]}`, false},
		{"POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/7"}],"prefer":"dry-run"}`, false},
		{"POST", "/Bulk", `{"schemas":["` + scim.BulkRequestURN + `","` + scim.PreviewURN + `"],"Operations":[{"method":"DELETE","path":"/Users/7"}]}`, false},
		{"POST", "/Bulk", bulk(`{"method":"DELETE","path":"/Users/7","headers":{"Prefer":"dry-run"}}`), false},
		{"POST", "/Bulk", bulk(`{"method":"DELETE","path":"/Users/7","Prefer":"dry-run"}`), false},
		{"POST", "/Bulk", bulk(`{"method":"DELETE","path":"/Users/7","data":{"options":{"dryRun":true}}}`), false},
		{"POST", "/Bulk", bulk(`{"method":"POST","bulkId":"1","path":"/Users","data":{"userName":"x","dryRun":"bulkId:1"}}`), false},
		{"PATCH", "/Users/7", `{"dryRun":true,"Operations":[` + change + `]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[` + change + `,{"op":"remove","path":"title","dryRun":true}]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":{"title":"x","dryRun":true}}]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":[{"title":"x","dryRun":true}]}]}`, false},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","path":"dryRun","value":true},` + change + `]}`, false},
		{"DELETE", "/Users/7", `{"dryRun":["All"]}`, false},
		{"DELETE", "/Users/7", `{"\u0064ryRun":1}`, false},
		{"DELETE", "/Users/7", `dry-run=yes`, false},
		{"POST", "/Bulk", `{"dryRun":true,"Operations":[{"method":"DELETE","path":"/Users/7"}]}`, false},
		{"POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/7"}],"dry-run":true}`, false},
		{"POST", "/Bulk", bulk(`{"method":"DELETE","path":"/Users/7","dryRun":true}`), false},
		{"POST", "/Bulk", bulk(`{"method":"DELETE","path":"/Users/7","data":{"dryRun":true}}`), false},
		{"POST", "/Bulk", bulk(`{"method":"DELETE","path":"/Users/7?dryRun=true"}`), false},
		{"POST", "/Bulk", bulk(`{"method":"POST","bulkId":"1","path":"/Users","data":{"userName":"x","dryRun":true}}`), false},
		{"POST", "/Bulk", bulk(`{"method":"PATCH","path":"/Users/7","data":{"dryRun":true,"Operations":[` + change + `]}}`), false},
		{"POST", "/Users", `{"userName":"dryRun","title":"dry-run","` + extension + `":{"dryRunGroup":"a","dry":true}}`, true},
		{"PUT", "/Users/7", `{"userName":"someone","` + extension + `:dryRunGroup":"a"}`, true},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","path":"` + extension + `:dryRunGroup","value":"dryRun"}]}`, true},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":{"` + extension + `:dry":true}}]}`, true},
		{"PUT", "/Users/7?attributes=" + extension + ":dryRunGroup", `{"userName":"someone","unknown":{"dryer":1}}`, true},
		{"POST", "/Users", `{"schemas":["` + scim.UserURN + `","` + extension + `"],"userName":"dry-run","displayName":"Dry Run Ltd","title":"Dry Run","preferredLanguage":"dry","unmapped":"dryRun"}`, true},
		{"POST", "/Users", `{"userName":"x","emails":[{"value":"dry-run@example.org","type":"dryRun","display":"Dry Run"}],"name":{"familyName":"Dryrun","givenName":"Dry"}}`, true},
		{"POST", "/Users", `{"userName":"x","schemas":["urn:example:laundry:runner:1.0:User"],"urn:example:laundry:runner:1.0:User":{"dryrunner":"x"}}`, false},
		{"POST", "/Users", `{"userName":"x","schemas":["urn:example:laundry:runner:1.0:User"],"urn:example:laundry:runner:1.0:User":{"shirts":"dry run"}}`, true},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"Replace","path":"title","value":"Dry Run"},{"op":"Add","value":{"displayName":"dryRun","name.familyName":"Dry"}}]}`, true},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"Replace","path":"emails[type eq \"dry-run\"].value","value":"dry-run@example.org"}]}`, true},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"Replace","value":{"emails[type eq \"dryrun\"].value":"a@example.org"}}]}`, true},
		{"PATCH", "/Users/7", `{"Operations":[{"name":"addMember","op":"add","path":"nickName","value":[{"value":"dryRun"}]}]}`, true},
		{"POST", "/Bulk", bulk(`{"method":"POST","bulkId":"dryRun","path":"/Users","data":{"userName":"dryRun","title":"dry-run"}}`), true},
		{"DELETE", "/Users/7", `{"reason":"the dry run of the pipes is over"}`, true},
		{"DELETE", "/Users/7", `{"reason":"left"}`, true},
		{"DELETE", "/Users/7", `left`, true},
		{"DELETE", "/Users/7", ``, true},
	} {
		*done, *planned = 0, 0
		a := s.do(c.method, "/scim/v2"+c.path, c.body)
		refused := *done == 0 && *planned == 0 && strings.Contains(a.Body.String(), "Nothing was written.") && strings.Contains(a.Body.String(), "dryRun=true")
		if *done > 1 || *planned > 0 || (*done == 1) != c.done || !c.done && !refused && !strings.Contains(a.Body.String(), "take none") {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, a.Code, a.Body)
		}
	}
	if a := s.do("DELETE", "/scim/v2/Users/7", strings.Repeat(" ", int(s.MaxRequestSize)+1)); a.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

func TestUnescapingCostsWhatTheTextIsLong(t *testing.T) {
	name := "%" + strings.Repeat("25", 1<<20) + "64ryRun"
	if began := time.Now(); !scim.SpellsDryRun(name) || time.Since(began) > 2*time.Second {
		t.Errorf("it took %s", time.Since(began))
	}
}

func FuzzPreferences(f *testing.F) {
	for _, seed := range []string{"dry-run", `a="b\"c";d=e, f`, "dry run", `"`, ";=,", "a;b;c=d,dry-run;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		for _, p := range preferences([]string{header}) {
			if p.text == "" || p.readable && p.name == "" {
				t.Errorf("%q: %+v", header, p)
			}
		}
		asked, err := asksByHeader(http.Header{"Prefer": {header}})
		if asked && err != nil {
			t.Errorf("%q is asked and refused", header)
		}
		if !asked && err == nil && scim.SpellsDryRun(header) {
			t.Errorf("%q is passed over", header)
		}
	})
}
