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

// What becomes of a write that asks for a dry run, or seems to.
const isPlanned, isRefused, isDone = "planned", "refused", "done"

// spellings are what reads like the question for a dry run, or does not, and what becomes of the write then.
var spellings = []struct{ query, header, value, want string }{
	{"dryRun=true", "", "", isPlanned},
	{"DRYRUN=True", "", "", isPlanned},
	{"dryrun=true", "", "", isPlanned},
	{"a=b&dryRun=true&c", "", "", isPlanned},
	{"%64ryRun=true", "", "", isPlanned},
	{"dryRun", "", "", isRefused},
	{"dryRun=", "", "", isRefused},
	{"dryRun=1", "", "", isRefused},
	{"dryRun=yes", "", "", isRefused},
	{"dryRun=on", "", "", isRefused},
	{"dryRun=true&dryRun=true", "", "", isRefused},
	{"dryRun=false&dryrun=true", "", "", isRefused},
	{"dry-run=true", "", "", isRefused},
	{"dry_run=true", "", "", isRefused},
	{"dry.run=true", "", "", isRefused},
	{"dryRun+=true", "", "", isRefused},
	{"dryRun=All", "", "", isRefused},
	{"dryRun[]=true", "", "", isRefused},
	{"?dryRun=true", "", "", isRefused},
	{"%3FdryRun=true", "", "", isRefused},
	{"$dryRun", "", "", isRefused},
	{"x-dry-run", "", "", isRefused},
	{"options.dryRun=true", "", "", isRefused},
	{"isDryRun=true", "", "", isRefused},
	{"dry=true", "", "", isRefused},
	{"x-dry", "", "", isRefused},
	{"%2564ryRun=true", "", "", isRefused},
	{"%25252564ryRun=true", "", "", isRefused},
	{"%2%3564ryRun=true", "", "", isRefused},
	{"d%72y%2Drun=true", "", "", isRefused},
	{"dryRun%3Dtrue", "", "", isRefused},
	{"a%3Db%26dryRun%3Dtrue", "", "", isRefused},
	{"a=b%26dryRun=true", "", "", isRefused},
	{"a=b%2526dry-run", "", "", isRefused},
	{"a=b?dryRun=true", "", "", isRefused},
	{"mode=dry-run", "", "", isRefused},
	{"dryRun=%2574rue", "", "", isRefused},
	{"laundry=true", "", "", isDone},
	{"dryer=1", "", "", isDone},
	{"x=dryer", "", "", isDone},
	{"dryRun=false", "", "", isDone},
	{"", "", "", isDone},
	{"run=dry", "", "", isRefused},
	{"mode=dry", "", "", isRefused},
	{"mode=drry-run", "", "", isRefused},
	{"dryRum=true", "", "", isRefused},
	{"drRun=true", "", "", isRefused},
	{"drryRun=true", "", "", isRefused},
	{"dyrRun=true", "", "", isRefused},
	{"x-dry-rum", "", "", isRefused},
	{"rundry=true", "", "", isRefused},
	{"run_dry", "", "", isRefused},
	{"%EF%BD%84%EF%BD%92%EF%BD%99Run=true", "", "", isRefused},
	{"%25EF%25BD%2584ryRun=true", "", "", isRefused},
	{"dr%C3%BDRun=true", "", "", isRefused},
	{"run=1", "", "", isDone},
	{"dryer=run", "", "", isDone},
	{"aadOptscim062020", "", "", isDone},
	{"dr=un", "", "", isDone},
	{"attributes=dryRun", "", "", isDone},
	{"", "Prefer", "dry-run", isPlanned},
	{"", "Prefer", "DRY-RUN", isPlanned},
	{"", "Prefer", `respond-async, wait=10; x="a, b" , Dry-Run`, isPlanned},
	{"", "Prefer", "dry-run; foo=bar", isPlanned},
	{"", "Prefer", `dry-run=""`, isPlanned},
	{"", "Prefer", "dry-run=true", isPlanned},
	{"", "Prefer", "handling=lenient,dry-run", isPlanned},
	{"", "Prefer", ",, dry-run ,", isPlanned},
	{"", "Prefer", "dryrun", isRefused},
	{"", "Prefer", "dryRun", isRefused},
	{"", "Prefer", "dry_run", isRefused},
	{"", "Prefer", "dry-run=false", isRefused},
	{"", "Prefer", "dry-run=1", isRefused},
	{"", "Prefer", "handling=dry-run", isRefused},
	{"", "Prefer", `handling="dry run"`, isRefused},
	{"", "Prefer", "handling=strict; dry-run", isRefused},
	{"", "Prefer", "dry run", isRefused},
	{"", "Prefer", `"dry-run"`, isRefused},
	{"", "Prefer", "dry-run dry-run", isRefused},
	{"", "Prefer", `x="never ends, dry-run`, isRefused},
	{"", "Prefer", "dry - run", isRefused},
	{"", "Prefer", "dry-run: true", isRefused},
	{"", "Prefer", "x-dry-run", isRefused},
	{"", "Prefer", "dry-run-please", isRefused},
	{"", "Prefer", "dry%2Drun", isRefused},
	{"", "Prefer", "dry%252drun=1", isRefused},
	{"", "Prefer", "dry=run", isRefused},
	{"", "Prefer", "dry; run", isRefused},
	{"", "Prefer", "dry, run", isRefused},
	{"", "Prefer", "dry-run; dry-run=no", isRefused},
	{"", "X-Prefer", "dry-run", isRefused},
	{"", "Preference", "dry-run", isRefused},
	{"", "Preference-Applied", "dry-run", isRefused},
	{"", "X-Preferences", "wait, dryRun=true", isRefused},
	{"", "X-Preferences", "wait", isDone},
	{"", "Prefer", "drry-run", isRefused},
	{"", "Prefer", "dry-rum", isRefused},
	{"", "Prefer", "wait=10, handling=run-dry", isRefused},
	{"", "X-Prefer", "dry-rum", isRefused},
	{"", "Pefer", "dry-run", isRefused},
	{"", "Mode", "dryRun", isRefused},
	{"", "X-Mode", "dry-run", isRefused},
	{"", "X-Mode", "dry", isRefused},
	{"", "Dry-Rum", "1", isRefused},
	{"", "Run-Dry", "1", isRefused},
	{"", "Content-Type", "application/scim+json; dryRun=true", isRefused},
	{"", "Accept", "application/scim+json;dry-run=true", isRefused},
	{"", "Content-Type", "application/scim+json; charset=utf-8", isDone},
	{"", "Accept", "application/scim+json, application/json;q=0.9, */*", isDone},
	{"", "Accept-Language", "de, en;q=0.5", isDone},
	{"", "Cookie", "mode=dryrun", isDone},
	{"", "Referer", "https://laundry.run/dry-run", isDone},
	{"", "Origin", "https://dry-run.example.org", isDone},
	{"", "From", "dry-run@example.org", isDone},
	{"", "Tracestate", "dryrun=1", isDone},
	{"", "X-Request-Id", "dry-run-7", isDone},
	{"", "X-Forwarded-Host", "dry-run.example.org", isDone},
	{"dryRun=true", "X-Original-Url", "/scim/v2/Users?dryRun=true", isPlanned},
	{"", "If-Match", `W/"dryrun"`, isDone},
	{"", "X-Mode", "laundry", isDone},
	{"", "User-Agent", "dry-run-tool/1.0", isDone},
	{"", "X-Scim-DryRun", "1", isRefused},
	{"", "Dry", "true", isRefused},
	{"", "X-Dry", "true", isRefused},
	{"", "Dry-Run", "true", isRefused},
	{"", "X-Dry-Run", "1", isRefused},
	{"", "DryRun", "false", isRefused},
	{"dryRun=1", "Prefer", "dry-run", isRefused},
	{"dryRun=true", "Prefer", "dryrun", isRefused},
	{"", "Prefer", "return=minimal", isDone},
	{"", "Prefer", "handling=strict", isDone},
	{"", "Prefer", "respond-async; wait", isDone},
	{"", "Prefer", "=, ;;", isDone},
	{"", "Prefer", `x="`, isDone},
}

func TestEverySpellingOfADryRunIsADryRunOrRefused(t *testing.T) {
	for _, c := range spellings {
		for _, enabled := range []bool{true, false} {
			s, done, planned := planningStage(t, enabled)
			want := c.want
			if !enabled && want == isPlanned {
				want = isRefused
			}
			for i, w := range writes {
				*done, *planned = 0, 0
				var headers []string
				if c.header != "" {
					headers = []string{c.header, c.value}
				}
				a := s.do(w.method, "/scim/v2"+w.path+"?"+c.query, w.body, headers...)
				got := isDone
				switch {
				case *done == 0 && a.Code == http.StatusBadRequest && strings.Contains(a.Body.String(), "Nothing was written."):
					got = isRefused
				case *done == 0 && *planned == 1 && a.Code == http.StatusOK && a.Header().Get("Preference-Applied") == "dry-run":
					got = isPlanned
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

// written is a write with the body that it has.
type written struct{ method, path, body string }

// laundry is an extension that has something to do with what is dry, and change an operation.
const (
	laundry = "urn:example:laundry:1.0:User"
	change  = `{"op":"remove","path":"title"}`
)

// bulkOf is the body of a bulk request with one operation.
func bulkOf(op string) string { return `{"Operations":[` + op + `]}` }

// laundryStage is a planning stage whose users have the extension. does sends a write, which is to be done or refused.
func laundryStage(t *testing.T) (s *stage, does func(w written, it bool)) {
	s, done, planned := planningStage(t, true)
	s.MaxRequestSize = 10_000
	users := s.service.types[0]
	users.Extensions = append(users.Extensions, scim.Extension{Schema: &scim.Schema{ID: laundry, Name: "Laundry", Attributes: []*scim.Attribute{
		scim.NewAttribute("dryRunGroup", scim.TypeString), scim.NewAttribute("dry", scim.TypeBoolean),
	}}})
	return s, func(w written, it bool) {
		t.Helper()
		*done, *planned = 0, 0
		a := s.do(w.method, "/scim/v2"+w.path, w.body)
		refused := *done == 0 && *planned == 0 && strings.Contains(a.Body.String(), "Nothing was written.") && strings.Contains(a.Body.String(), "dryRun=true")
		if *done > 1 || *planned > 0 || (*done == 1) != it || !it && !refused && !strings.Contains(a.Body.String(), "take none") {
			t.Errorf("%s %s %s: %d %s", w.method, w.path, w.body, a.Code, a.Body)
		}
	}
}

func TestADryRunThatIsAskedForInABodyIsRefused(t *testing.T) {
	s, does := laundryStage(t)
	wide := ""
	for i := range 150 {
		wide += fmt.Sprintf(`"unknown%d":1,`, i)
	}
	for _, w := range []written{
		{"POST", "/Users", `{"userName":"someone","dryRun":true}`},
		{"POST", "/Users", `{` + wide + `"userName":"someone","dryRun":true}`},
		{"POST", "/Users?dryRun=true", `{"userName":"someone","dryRun":true}`},
		{"PUT", "/Users/7", `{"userName":"someone","dry_run":false}`},
		{"PUT", "/Users/7", `{"userName":"someone","$dryRun[]":1}`},
		{"PUT", "/Users/7", `{"userName":"someone","\u0064ryRun":1}`},
		{"PUT", "/Users/7", `{"userName":"someone","x-dry":true}`},
		{"POST", "/Users", `{"userName":"someone","meta":{"dryRun":true}}`},
		{"POST", "/Users", `{"userName":"someone","options":[[{"a":{"dry":true}}]]}`},
		{"POST", "/Users", `{"userName":"someone","name":{"familyName":"x","dryRun":true}}`},
		{"POST", "/Users", `{"userName":"someone","\uff44ryRun":1}`},
		{"POST", "/Users", `{"userName":"someone","prefer":["wait","dry-rum"]}`},
		{"POST", "/Users", `{"userName":"someone","` + laundry + `":{"x":1,"dryRuns":true}}`},
		{"POST", "/Users", `{"schemas":["` + scim.UserURN + `","` + scim.PreviewURN + `"],"userName":"someone"}`},
		{"PATCH", "/Users/7", `{"options":{"dryRun":true},"Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"meta":{"dryRun":true},"Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"prefer":"dry-run","Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"headers":{"Prefer":"drry-run"},"Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"mode":"dryRun","Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"schemas":["` + scim.PatchOpURN + `","` + scim.PreviewURN + `"],"Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"remove","path":"title","options":{"x":[{"dryRun":true}]}}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","path":"emails","value":[{"value":"a@b","dryRun":true}]}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":{"name":{"dryRun":true}}}]}`},
		{"PUT", "/Users/7", `{"userName":"someone","dry\"q\"run":true}`},
		{"DELETE", "/Users/7", `{"options":{"dryRun":true}}`},
		{"DELETE", "/Users/7", `{"prefer":"dry-run"}`},
		{"DELETE", "/Users/7", `{"schemas":["` + scim.PreviewURN + `"]}`},
		{"POST", "/Bulk", `{"options":{"dryRun":true},"Operations":[{"method":"DELETE","path":"/Users/7"}]}`},
		{"POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/7"}],"prefer":"dry-run"}`},
		{"POST", "/Bulk", `{"schemas":["` + scim.BulkRequestURN + `","` + scim.PreviewURN + `"],"Operations":[{"method":"DELETE","path":"/Users/7"}]}`},
		{"POST", "/Bulk", bulkOf(`{"method":"DELETE","path":"/Users/7","headers":{"Prefer":"dry-run"}}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"DELETE","path":"/Users/7","Prefer":"dry-run"}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"DELETE","path":"/Users/7","data":{"options":{"dryRun":true}}}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"POST","bulkId":"1","path":"/Users","data":{"userName":"x","dryRun":"bulkId:1"}}`)},
		{"PATCH", "/Users/7", `{"dryRun":true,"Operations":[` + change + `]}`},
		{"PATCH", "/Users/7", `{"Operations":[` + change + `,{"op":"remove","path":"title","dryRun":true}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":{"title":"x","dryRun":true}}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":[{"title":"x","dryRun":true}]}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","path":"dryRun","value":true},` + change + `]}`},
		{"DELETE", "/Users/7", `{"dryRun":["All"]}`},
		{"DELETE", "/Users/7", `{"\u0064ryRun":1}`},
		{"DELETE", "/Users/7", `dry-run=yes`},
		{"POST", "/Bulk", `{"dryRun":true,"Operations":[{"method":"DELETE","path":"/Users/7"}]}`},
		{"POST", "/Bulk", `{"Operations":[{"method":"DELETE","path":"/Users/7"}],"dry-run":true}`},
		{"POST", "/Bulk", bulkOf(`{"method":"DELETE","path":"/Users/7","dryRun":true}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"DELETE","path":"/Users/7","data":{"dryRun":true}}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"DELETE","path":"/Users/7?dryRun=true"}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"POST","bulkId":"1","path":"/Users","data":{"userName":"x","dryRun":true}}`)},
		{"POST", "/Bulk", bulkOf(`{"method":"PATCH","path":"/Users/7","data":{"dryRun":true,"Operations":[` + change + `]}}`)},
		{"POST", "/Users", `{"userName":"x","schemas":["urn:example:laundry:runner:1.0:User"],"urn:example:laundry:runner:1.0:User":{"dryrunner":"x"}}`},
	} {
		does(w, false)
	}
	if a := s.do("DELETE", "/scim/v2/Users/7", strings.Repeat(" ", int(s.MaxRequestSize)+1)); a.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", a.Code, a.Body)
	}
}

func TestABodyThatOnlySoundsLikeADryRunIsWritten(t *testing.T) {
	_, does := laundryStage(t)
	for _, w := range []written{
		{"POST", "/Users", `{"userName":"dryRun","title":"dry-run","` + laundry + `":{"dryRunGroup":"a","dry":true}}`},
		{"PUT", "/Users/7", `{"userName":"someone","` + laundry + `:dryRunGroup":"a"}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","path":"` + laundry + `:dryRunGroup","value":"dryRun"}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"add","value":{"` + laundry + `:dry":true}}]}`},
		{"PUT", "/Users/7?attributes=" + laundry + ":dryRunGroup", `{"userName":"someone","unknown":{"dryer":1}}`},
		{"POST", "/Users", `{"schemas":["` + scim.UserURN + `","` + laundry + `"],"userName":"dry-run","displayName":"Dry Run Ltd","title":"Dry Run","preferredLanguage":"dry","unmapped":"dryRun"}`},
		{"POST", "/Users", `{"userName":"x","emails":[{"value":"dry-run@example.org","type":"dryRun","display":"Dry Run"}],"name":{"familyName":"Dryrun","givenName":"Dry"}}`},
		{"POST", "/Users", `{"userName":"x","schemas":["urn:example:laundry:runner:1.0:User"],"urn:example:laundry:runner:1.0:User":{"shirts":"dry run"}}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"Replace","path":"title","value":"Dry Run"},{"op":"Add","value":{"displayName":"dryRun","name.familyName":"Dry"}}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"Replace","path":"emails[type eq \"dry-run\"].value","value":"dry-run@example.org"}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"op":"Replace","value":{"emails[type eq \"dryrun\"].value":"a@example.org"}}]}`},
		{"PATCH", "/Users/7", `{"Operations":[{"name":"addMember","op":"add","path":"nickName","value":[{"value":"dryRun"}]}]}`},
		{"POST", "/Bulk", bulkOf(`{"method":"POST","bulkId":"dryRun","path":"/Users","data":{"userName":"dryRun","title":"dry-run"}}`)},
		{"DELETE", "/Users/7", `{"reason":"the dry run of the pipes is over"}`},
		{"DELETE", "/Users/7", `{"reason":"left"}`},
		{"DELETE", "/Users/7", `left`},
		{"DELETE", "/Users/7", ``},
	} {
		does(w, true)
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
