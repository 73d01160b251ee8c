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
)

// A dry run is asked for with the preference dry-run (RFC 7240) or the parameter dryRun=true. Whoever asks for one and is not understood would have written, and
// believes that he has not. So what reads like such a question (docs/preview.md says what does) is either answered with a plan or 400, and nothing is written.

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
		if !scim.ResemblesDryRun(name) {
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

// hidesDryRun says that the question is in the value of another parameter: as the whole of it (mode=dry-run, run=dry), or behind a separator that was escaped with it.
func hidesDryRun(name, value string) bool {
	value = scim.Unescaped(value)
	for i, part := range strings.FieldsFunc("."+value, func(c rune) bool { return strings.ContainsRune("&;?#", c) }) {
		if name, _, _ := strings.Cut(part, "="); i > 0 && scim.ResemblesDryRun(name) {
			return true
		}
	}
	name = unescaped(name)
	return !strings.EqualFold(name, "attributes") && !strings.EqualFold(name, "excludedAttributes") && scim.MeansDryRun(value)
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// asksByHeader looks for the preference. Others are passed over, as RFC 7240 §2 has it, unless they have anything in them that could be one; and so are other headers.
func asksByHeader(header http.Header) (asked bool, err error) {
	for name, values := range header {
		reads := scim.SpellsDryRun
		if strings.Contains(strings.ToLower(name), "prefer") {
			reads = scim.ResemblesDryRun
		}
		if scim.ResemblesDryRun(name) || name != preferHeader && !asksNothing(name) && slices.ContainsFunc(values, reads) {
			return false, scim.MisspelledDryRun()
		}
	}
	for _, p := range preferences(header.Values(preferHeader)) {
		words := p.words
		asks := p.readable && strings.EqualFold(p.name, dryRunPreference) && (p.value == "" || strings.EqualFold(p.value, "true"))
		if asks {
			words = words[2:] // the name and its value
		}
		if slices.ContainsFunc(words, scim.ResemblesDryRun) || !asks && scim.ResemblesDryRun(p.text) {
			return false, scim.MisspelledDryRun()
		}
		asked = asked || asks
	}
	return asked, nil
}

// asksNothing are the headers whose values are not looked at: who asks, and from where, what the request looked like before a proxy had it, entity tags, and what traces
// it. Any of them may have dryrun in it by name or by chance.
func asksNothing(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(quietHeaders, name) ||
		slices.ContainsFunc(quietBeginnings, func(begin string) bool { return strings.HasPrefix(name, begin) }) ||
		slices.ContainsFunc(quietParts, func(part string) bool { return strings.Contains(name, part) })
}

var (
	quietHeaders = []string{
		"authorization", "proxy-authorization", "x-api-key", "cookie", "user-agent", "referer", "host", "from", "origin", "via", "forwarded", "x-real-ip", "x-rewrite-url",
		"x-ms-client-principal", "if-match", "if-none-match", "baggage", "b3", "newrelic", "request-id", "x-request-id", "x-correlation-id", "correlation-context",
	}
	quietBeginnings = []string{"x-forwarded-", "x-original-", "x-envoy-", "x-b3-", "x-datadog-"}
	quietParts      = []string{"trace", "cert", "token", "-host"}
)

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
		return scim.DryRunInMessage(o)
	}
	if scim.ResemblesDryRun(string(text)) {
		return scim.MisspelledDryRun()
	}
	return nil
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
