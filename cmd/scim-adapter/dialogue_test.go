package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// clientRows are the rows of the table of clients: what real clients send, and what they must get.
const clientRows = 34

// leastSteps are those of all dialogues that are played at least: conditions are not to eat them up. Over an LDAP directory all but a few are.
var leastSteps = map[string]int{"an LDAP directory": 890, "postgres-scim": 870, "hr-tables": 750}

// TestDialogues plays what real clients send over each directory.
func TestDialogues(t *testing.T) {
	files, err := filepath.Glob("../../scimapi/testdata/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	situations, covered, played := 0, map[int]bool{}, map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d, err := parseDialogue(string(text))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		situations += len(d.situations)
		if !d.looks() {
			t.Errorf("%s never looks into the directory", file)
		}
		for _, row := range d.rows {
			covered[row] = true
		}
		for world, has := range worldTraits {
			played[world] += d.steps(has)
		}
		name := filepath.Base(filepath.Dir(file)) + "/" + strings.TrimSuffix(filepath.Base(file), ".txt")
		t.Run(name, func(t *testing.T) { d.everywhere(t) })
	}
	for row := range clientRows {
		if !covered[row] {
			t.Errorf("no dialogue is about row %d", row)
		}
	}
	if situations < 120 {
		t.Errorf("only %d situations: are the files there?", situations)
	}
	for world, least := range leastSteps {
		t.Logf("over %s %d steps are played", world, played[world])
		if played[world] < least {
			t.Errorf("only %d steps are played over %s, and %d should be", played[world], world, least)
		}
	}
}

// looks says whether some entry is read.
func (d dialogue) looks() bool {
	return slices.ContainsFunc(d.situations, func(s situation) bool {
		return slices.ContainsFunc(s.steps, func(st step) bool { return st.request == "" })
	})
}

func (d dialogue) everywhere(t *testing.T) {
	for _, w := range tableWorlds(t) {
		if !d.fits(worldTraits[w.name]) {
			continue
		}
		t.Run(w.name, func(t *testing.T) {
			w.config = profiled(t, w.config, d.profile)
			h := openTables(t, w)
			d.playIn(t, &stage{
				vars: map[string]string{"base": h.scimClient.base, "people": tablePeople, "groups": tableGroups},
				ask:  h.try, read: func(dn string) map[string][]string { return h.rowAsEntry(t, dn) }, traits: worldTraits[w.name],
			})
		})
	}
	for _, directory := range directories {
		t.Run(directory.name, func(t *testing.T) {
			h := openHouseFrom(t, profiled(t, exampleConfig, d.profile), directory.url(t))
			d.playIn(t, &stage{
				vars: map[string]string{"base": h.scimClient.base, "people": h.people, "groups": h.groups},
				ask:  h.try, read: func(dn string) map[string][]string { return h.attributes(t, dn) },
				patience: 10 * time.Second, traits: entryTraits,
			})
		})
	}
}

// playIn plays the situations one after the other.
func (d dialogue) playIn(t *testing.T, s *stage) {
	for _, situation := range d.situations {
		if !s.traits.hold(situation.only) {
			continue
		}
		t.Run(situation.claim, func(t *testing.T) {
			if faults := s.perform(situation.steps); len(faults) > 0 {
				t.Fatal(strings.Join(faults, "\n"))
			}
		})
	}
}

// profiled is an example configuration with a profile for its client.
func profiled(t *testing.T, config, profile string) string {
	t.Helper()
	if profile == "" {
		return config
	}
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(text), "  provisioning:\n")
	if !ok {
		t.Fatal("the example has no client called provisioning")
	}
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(before+"  provisioning:\n    client: "+profile+"\n"+after), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// attributes reads an entry; nil when there is none.
func (h *house) attributes(t *testing.T, dn string) map[string][]string {
	t.Helper()
	entry := h.entry(t, dn)
	if entry == nil {
		return nil
	}
	all := map[string][]string{}
	for _, a := range entry.Attributes {
		all[a.Name] = a.Values
	}
	return all
}

// stage is where a dialogue is played.
type stage struct {
	vars     map[string]string
	ask      func(method, path string, body any, headers ...string) (answer, error)
	read     func(dn string) map[string][]string
	patience time.Duration // slapd's overlays clean up a little after the answer
	traits   directoryTraits
	frozen   bool // variables may not be taken in: it is only being tried whether something fits
}

// perform plays the steps of a situation, until one is not as it should be.
func (s *stage) perform(steps []step) []string {
	steps = slices.DeleteFunc(slices.Clone(steps), func(st step) bool { return !s.traits.hold(st.only) })
	for len(steps) > 0 {
		n := 1
		for steps[0].together && n < len(steps) && steps[n].together {
			n++
		}
		noticed := make([][]string, n)
		if n == 1 {
			noticed[0] = s.play(steps[0])
		} else {
			s.playTogether(steps[:n], noticed)
		}
		for i, faults := range noticed {
			if len(faults) > 0 {
				return append([]string{fmt.Sprintf("line %d, %s%s", steps[i].line, steps[i].request, steps[i].dn)}, faults...)
			}
		}
		steps = steps[n:]
	}
	return nil
}

// playTogether sends requests at the same time. Their answers give no variables a value.
func (s *stage) playTogether(steps []step, noticed [][]string) {
	var wg sync.WaitGroup
	for i, st := range steps {
		wg.Go(func() {
			part := *s
			part.frozen = true
			noticed[i] = part.play(st)
		})
	}
	wg.Wait()
}

// play does a step and says what was not as it should be.
func (s *stage) play(st step) []string {
	if st.request == "" {
		return s.entry(st)
	}
	method, path, _ := strings.Cut(st.request, " ")
	path, err := s.fill(path)
	if err != nil {
		return []string{err.Error()}
	}
	var body any
	if st.body != "" {
		text, err := s.fill(st.body)
		if err != nil {
			return []string{err.Error()}
		}
		body = text
	}
	var headers []string
	for _, header := range st.headers {
		value, err := s.fill(header[1])
		if err != nil {
			return []string{err.Error()}
		}
		headers = append(headers, header[0], value)
	}
	a, err := s.ask(method, escaped(path), body, headers...)
	if err != nil {
		return []string{err.Error()}
	}
	if faults := s.compare(st, a); len(faults) > 0 {
		return append(faults, fmt.Sprintf("answered: %d %.1000s", a.status, a.raw))
	}
	return nil
}

// escaped makes a readable path one that can be sent.
func escaped(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		if c <= ' ' || c == '"' || c > '~' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// fill puts in what variables stand for.
func (s *stage) fill(text string) (string, error) {
	var err error
	text = variable.ReplaceAllStringFunc(text, func(v string) string {
		value, ok := s.vars[v[2:len(v)-2]]
		if !ok {
			err = fmt.Errorf("%s is not known yet", v)
		}
		return value
	})
	return text, err
}

// compare holds an answer against what it must be.
func (s *stage) compare(st step, a answer) []string {
	if a.status != st.status {
		return []string{fmt.Sprintf("status %d, want %d", a.status, st.status)}
	}
	faults := s.form(st, a)
	for _, header := range st.wantHeaders {
		if got := a.header.Get(header[0]); got == "" {
			faults = append(faults, header[0]+" is missing")
		} else {
			faults = append(faults, s.diff(header[0], header[1], got)...)
		}
	}
	if st.want == nil {
		return faults
	}
	var got any
	dec := json.NewDecoder(strings.NewReader(a.raw))
	dec.UseNumber()
	if err := dec.Decode(&got); err != nil {
		return append(faults, err.Error())
	}
	return append(faults, s.diff("", st.want, got)...)
}

// form is what every answer of its kind must be, whoever asks.
func (s *stage) form(st step, a answer) []string {
	switch {
	case st.status == 204 || st.status == 304:
		if a.raw != "" {
			return []string{"a body where there must be none"}
		}
		return nil
	case !strings.HasPrefix(a.header.Get("Content-Type"), "application/scim+json") && !slices.Contains(st.headers, [2]string{"Accept", "application/json"}):
		return []string{"Content-Type is " + a.header.Get("Content-Type")}
	case st.status < 400:
		return nil
	}
	want := map[string]any{
		"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(st.status), "scimType": st.scimType, "detail": "*",
	}
	if st.scimType == "" {
		want["scimType"] = "(absent)"
	}
	return s.diff("", want, a.body)
}

// diff says where got is not as wanted.
func (s *stage) diff(at string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		return s.diffObject(at, want, got)
	case []any:
		return s.diffList(at, want, got)
	case string:
		return s.diffText(at, want, got)
	}
	if want != got {
		return []string{fmt.Sprintf("%s is %v, want %v", at, got, want)}
	}
	return nil
}

func (s *stage) diffText(at, want string, got any) []string {
	if want == "*" && got != nil {
		return nil
	}
	text, ok := got.(string)
	if !ok {
		return []string{fmt.Sprintf("%s is %v, want the string %s", at, got, want)}
	}
	if m := variable.FindStringSubmatch(want); m != nil && m[0] == want && !s.frozen {
		if _, known := s.vars[m[1]]; !known {
			s.vars[m[1]] = text
			return nil
		}
	}
	want, err := s.fill(want)
	if err != nil {
		return []string{at + ": " + err.Error()}
	}
	if part, is := strings.CutPrefix(want, "(contains) "); is && strings.Contains(text, part) || text == want {
		return nil
	}
	return []string{fmt.Sprintf("%s is %q, want %q", at, text, want)}
}

func (s *stage) diffObject(at string, want map[string]any, got any) []string {
	o, ok := got.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s is %v, want an object", at, got)}
	}
	var faults []string
	for _, said := range slices.Sorted(maps.Keys(want)) {
		only, name := condition(said)
		v, there := o[name]
		switch {
		case name == "(only)", !s.traits.hold(only):
		case want[said] == "(absent)" && there:
			faults = append(faults, fmt.Sprintf("%s.%s is %v, and must not be there", at, name, v))
		case want[said] == "(absent)":
		case !there:
			faults = append(faults, fmt.Sprintf("%s.%s is missing", at, name))
		default:
			faults = append(faults, s.diff(at+"."+name, want[said], v)...)
		}
	}
	if want["(only)"] != nil {
		named := map[string]bool{}
		for said := range want {
			only, name := condition(said)
			named[name] = named[name] || s.traits.hold(only)
		}
		for _, name := range slices.Sorted(maps.Keys(o)) {
			if !named[name] {
				faults = append(faults, fmt.Sprintf("%s.%s is too much", at, name))
			}
		}
	}
	return faults
}

func (s *stage) diffList(at string, want []any, got any) []string {
	list, ok := got.([]any)
	if !ok {
		return []string{fmt.Sprintf("%s is %v, want a list", at, got)}
	}
	among := len(want) > 0 && want[0] == "(among others)"
	anyOrder := among || len(want) > 0 && want[0] == "(any order)"
	if anyOrder {
		want = want[1:]
	}
	if len(list) != len(want) && !among {
		return []string{fmt.Sprintf("%s has %d elements, want %d", at, len(list), len(want))}
	}
	var faults []string
	left := slices.Clone(list)
	for i, w := range want {
		if !anyOrder {
			faults = append(faults, s.diff(fmt.Sprintf("%s[%d]", at, i), w, list[i])...)
			continue
		}
		trial := *s
		trial.frozen = true
		found := slices.IndexFunc(left, func(v any) bool { return len(trial.diff(at, w, v)) == 0 })
		if found < 0 {
			faults = append(faults, fmt.Sprintf("%s has none like %v", at, w))
			continue
		}
		left = slices.Delete(left, found, found+1)
	}
	return faults
}

// entry holds an entry against what it must be, and waits a little for it to become so.
func (s *stage) entry(st step) []string {
	dn, err := s.fill(st.dn)
	if err != nil {
		return []string{err.Error()}
	}
	for deadline := time.Now().Add(s.patience); ; time.Sleep(20 * time.Millisecond) {
		faults := s.entryFaults(st, s.read(dn))
		if len(faults) == 0 || !time.Now().Before(deadline) {
			return faults
		}
	}
}

func (s *stage) entryFaults(st step, have map[string][]string) []string {
	switch {
	case st.gone && have != nil:
		return []string{"the entry is still there"}
	case !st.gone && have == nil:
		return []string{"there is no such entry"}
	}
	var faults []string
	for _, said := range st.attrs {
		only, name := condition(said)
		if !s.traits.hold(only) {
			continue
		}
		got, want := slices.Clone(have[name]), []string{}
		for _, v := range st.values[said] {
			v, err := s.fill(v)
			if err != nil {
				return []string{err.Error()}
			}
			want = append(want, v)
		}
		slices.Sort(got)
		slices.Sort(want)
		if slices.Equal(want, []string{"*"}) && len(got) > 0 {
			continue
		}
		if !slices.Equal(got, want) {
			faults = append(faults, fmt.Sprintf("%s is %q, want %q", name, got, want))
		}
	}
	return faults
}
