package scimapi

import (
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// A dry run is asked for with the preference dry-run (RFC 7240) or the parameter dryRun=true. Whoever asks for one and is not understood would have written, and
// believes that he has not. So everything that looks like such a question is either answered with a plan or 400, and nothing is written.

const (
	preferenceApplied = "Preference-Applied"
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

// meansDryRun says that a word is a dry run, however it is spelled: dryRun, dry_run, DRY-RUN, "dry run".
func meansDryRun(word string) bool {
	word = strings.Map(func(c rune) rune {
		if strings.ContainsRune("-_. \t\"'", c) {
			return -1
		}
		return c
	}, word)
	return strings.EqualFold(word, "dryrun")
}

// asksByURL looks for the parameter, in any case of letters. It reads the query itself: of one that cannot be read (which a DELETE passes over) the rest counts.
func asksByURL(query string) (asked bool, err error) {
	given := 0
	for part := range strings.FieldsFuncSeq(query, func(c rune) bool { return c == '&' || c == ';' }) {
		name, value, _ := strings.Cut(part, "=")
		if !meansDryRun(unescaped(name)) {
			continue
		}
		given++
		switch value = unescaped(value); {
		case !strings.EqualFold(unescaped(name), dryRunParameter), given > 1:
			return false, misspelled()
		case strings.EqualFold(value, "true"):
			asked = true
		case !strings.EqualFold(value, "false"):
			return false, misspelled()
		}
	}
	return asked, nil
}

func unescaped(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// asksByHeader looks for the preference. Others are passed over, as RFC 7240 §2 has it; what cannot be read must not hold anything that could be one.
func asksByHeader(header http.Header) (asked bool, err error) {
	for name := range header {
		if short, _ := strings.CutPrefix(strings.ToLower(name), "x-"); meansDryRun(short) {
			return false, misspelled()
		}
	}
	for _, p := range preferences(header.Values("Prefer")) {
		words := slices.ContainsFunc(p.words, meansDryRun)
		switch {
		case !p.readable && strings.Contains(strings.ToLower(squeezed(p.text)), "dryrun"):
			return false, misspelled()
		case !p.readable || !words:
		case !strings.EqualFold(p.name, dryRunPreference) || p.value != "" && !strings.EqualFold(p.value, "true"):
			return false, misspelled()
		default:
			asked = true
		}
	}
	return asked, nil
}

// squeezed leaves of a text only its letters.
func squeezed(text string) string {
	return strings.Map(func(c rune) rune {
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			return c
		}
		return -1
	}, text)
}

func misspelled() error {
	return scim.BadRequest(scim.InvalidValue, "This reads like the question for a dry run, which is asked with the header Prefer: %s or with the parameter %s=true, once. Nothing was written.",
		dryRunPreference, dryRunParameter)
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
