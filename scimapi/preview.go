package scimapi

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// A dry run is asked for with the preference dry-run (RFC 7240) or the parameter dryRun=true. Whoever asks for one and is not understood would have written, and
// believes that he has not. So everything that looks like such a question is either answered with a plan or 400, and nothing is written.

const (
	preferenceApplied = "Preference-Applied"
	preferHeader      = "Prefer"
	dryRunPreference  = "dry-run"
	dryRunParameter   = "dryRun"
)

// preview says whether a write is only to be planned, and marks the answer if so: its Preference-Applied tells that nothing was written, also where it is an error.
func (h *Handler) preview(w http.ResponseWriter, r *http.Request, e *event) (*scim.Preview, error) {
	asked, err := asksDryRun(r)
	if err != nil || !asked {
		return nil, err
	}
	if err := h.mayPreview(e.caller); err != nil {
		return nil, err
	}
	w.Header().Set(preferenceApplied, dryRunPreference)
	e.more = append(e.more, slog.Bool("dry_run", true))
	return &scim.Preview{}, nil
}

// mayPreview is where it is asked whether a caller may see plans.
func (h *Handler) mayPreview(scim.Caller) error {
	if h.DryRun {
		return nil
	}
	return scim.BadRequest(scim.InvalidValue, "A dry run was asked for, and there is none here (scim.dry_run is false). Nothing was written.")
}

// asksDryRun reads a request for one of the two ways to ask for a dry run. What is neither of them and may have been meant so is an error.
func asksDryRun(r *http.Request) (bool, error) {
	byURL, err := asksByURL(r.URL.RawQuery)
	if err != nil {
		return false, err
	}
	byHeader, err := asksByHeader(r.Header)
	if err != nil {
		return false, err
	}
	return byURL || byHeader, nil
}

// asksByURL looks for the parameter, in any case of letters. It reads the query itself: of one that cannot be read (which a DELETE passes over) the rest counts.
func asksByURL(query string) (asked bool, err error) {
	given := 0
	for part := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if !scim.SpellsDryRun(name) {
			if hidesDryRun(name, value) {
				return false, scim.MisspelledDryRun()
			}
			continue
		}
		given++
		switch value = unescaped(value); {
		case !strings.EqualFold(unescaped(name), dryRunParameter), given > 1:
			return false, scim.MisspelledDryRun()
		case strings.EqualFold(value, "true"):
			asked = true
		case !strings.EqualFold(value, "false"):
			return false, scim.MisspelledDryRun()
		}
	}
	return asked, nil
}

// hidesDryRun says that the question is in the value of another parameter: as the whole of it (mode=dry-run), or behind a separator that was escaped with it.
func hidesDryRun(name, value string) bool {
	value = scim.Unescaped(value)
	for i, part := range strings.FieldsFunc("."+value, func(c rune) bool { return strings.ContainsRune("&;?#", c) }) {
		if name, _, _ := strings.Cut(part, "="); i > 0 && scim.SpellsDryRun(name) {
			return true
		}
	}
	name = unescaped(name)
	return !strings.EqualFold(name, "attributes") && !strings.EqualFold(name, "excludedAttributes") && meansDryRun(value)
}

// meansDryRun says that a word is a dry run and no more: dryRun, dry_run, DRY-RUN, "dry run".
func meansDryRun(word string) bool {
	word = strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_.+ \t\"'", c) {
			return -1
		}
		return c
	}, word)
	return strings.EqualFold(word, "dryrun")
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// asksByHeader looks for the preference. Others are passed over, as RFC 7240 §2 has it, unless they, or a header that is called so, have anything in them that could be one.
func asksByHeader(header http.Header) (asked bool, err error) {
	for name, values := range header {
		like := name != preferHeader && strings.Contains(strings.ToLower(name), "prefer")
		if scim.SpellsDryRun(name) || like && slices.ContainsFunc(values, scim.SpellsDryRun) {
			return false, scim.MisspelledDryRun()
		}
	}
	for _, p := range preferences(header.Values(preferHeader)) {
		words := p.words
		asks := p.readable && strings.EqualFold(p.name, dryRunPreference) && (p.value == "" || strings.EqualFold(p.value, "true"))
		if asks {
			words = words[2:] // the name and its value
		}
		if slices.ContainsFunc(words, scim.SpellsDryRun) || !asks && scim.SpellsDryRun(p.text) {
			return false, scim.MisspelledDryRun()
		}
		asked = asked || asks
	}
	return asked, nil
}

// dryRunInBody refuses a body with a member that reads like the question, and is no attribute of the resource. Dropped, as others are that mean nothing, it
// would have written.
func dryRunInBody(method string, rt *scim.ResourceType, body *scim.Object) error {
	if method != http.MethodPatch {
		return dryRunAmong(rt, body)
	}
	if err := dryRunAmong(nil, body); err != nil {
		return err
	}
	list, _ := body.Get("Operations")
	operations, _ := list.([]any)
	for _, v := range operations {
		if op, ok := v.(*scim.Object); ok {
			if err := dryRunInOperation(rt, op); err != nil {
				return err
			}
		}
	}
	return nil
}

// dryRunInOperation does so with one operation of a PATCH. Without a path its value is what the body of a PUT would be, in a list with some clients.
func dryRunInOperation(rt *scim.ResourceType, op *scim.Object) error {
	if err := dryRunAmong(nil, op); err != nil {
		return err
	}
	path, _ := op.Get("path")
	if path, _ := path.(string); path != "" {
		return notDryRun(rt, path)
	}
	value, _ := op.Get("value")
	if list, ok := value.([]any); ok && len(list) == 1 {
		value = list[0]
	}
	named, _ := value.(*scim.Object)
	return dryRunAmong(rt, named)
}

// dryRunAmong looks through the members of an object; rt is nil where they are not attributes.
func dryRunAmong(rt *scim.ResourceType, o *scim.Object) error {
	for name := range o.All() {
		if err := notDryRun(rt, name); err != nil {
			return err
		}
	}
	return nil
}

// notDryRun refuses a name that reads like the question, unless an attribute is called so.
func notDryRun(rt *scim.ResourceType, name string) error {
	if !scim.SpellsDryRun(name) {
		return nil
	}
	if rt != nil {
		if path, err := filter.ParsePath(name); err == nil {
			if _, known := rt.Resolve(path); known {
				return nil
			}
		}
	}
	return scim.MisspelledDryRun()
}

// dryRunInIdleBody looks into the body of a DELETE, which means nothing but for this: elsewhere a dry run is asked for there.
func (h *Handler) dryRunInIdleBody(w http.ResponseWriter, r *http.Request) error {
	if r.Body == nil || r.ContentLength == 0 {
		return nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.MaxRequestSize))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		w.Header().Set("Connection", "close")
		return scim.Errorf(http.StatusRequestEntityTooLarge, "", "A DELETE needs no body, and this one is larger than %s.", byteSize(h.MaxRequestSize))
	}
	if err != nil {
		return scim.BadRequest(scim.InvalidSyntax, "The body ended before it was complete.").Wrap(err)
	}
	if o, err := scim.ParseObject(text); err == nil {
		return dryRunAmong(nil, o)
	}
	return notDryRun(nil, string(text))
}

// previewed is the answer to a dry run.
func previewed(p *scim.Preview, status int, res *scim.Result, dropped []string) *scim.Object {
	for _, name := range dropped {
		p.Warnings = append(p.Warnings, name+" is not mapped, and would be dropped.")
	}
	var resource *scim.Object
	if res != nil {
		resource = res.Resource
	}
	return p.Object(status, resource)
}
