package scimapi

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

// conditions reads what a write of one resource depends on (RFC 7644 §3.14, RFC 9110 §13.1).
func conditions(r *http.Request, req *scim.Request) (err error) {
	if req.IfMatch, err = condition(r, "If-Match"); err == nil {
		req.IfNoneMatch, err = condition(r, "If-None-Match")
	}
	return err
}

// condition reads the tags of a header; nil when it was not sent. One that cannot be read is refused: a write that was meant to depend on a version must
// not happen without.
func condition(r *http.Request, header string) ([]string, error) {
	values := r.Header.Values(header)
	if len(values) == 0 {
		return nil, nil
	}
	tags, ok := writeCondition(values)
	if !ok {
		return nil, scim.BadRequest(scim.InvalidSyntax, `The header %s cannot be read; write the entity tag as the answer had it, such as W/"x", several with commas, or * alone.`, header)
	}
	return tags, nil
}

// writeCondition reads the tags that a write depends on, from a header or from the version of a bulk operation. It is false unless all of it could be
// read, there is a tag, and * is alone.
func writeCondition(values []string) ([]string, bool) {
	tags, ok := entityTags(values)
	return tags, ok && len(tags) > 0 && (len(tags) == 1 || !slices.Contains(tags, "*"))
}

// entityTags reads the tags of If-Match or If-None-Match, and whether all could be read. The quotes of a tag may be missing, as some clients leave
// them out: what is meant is plain as long as nothing in it could be taken for something else.
func entityTags(headers []string) (tags []string, ok bool) {
	ok = true
	rest := strings.Join(headers, ",")
	for {
		if rest = strings.TrimLeft(rest, " \t,"); rest == "" {
			return tags, ok
		}
		weak := ""
		if len(rest) > 1 && strings.EqualFold(rest[:2], "W/") {
			weak, rest = "W/", rest[2:]
		}
		var tag, after string
		var whole bool
		if quoted, is := strings.CutPrefix(rest, `"`); is {
			tag, after, whole = strings.Cut(quoted, `"`)
			more, next, _ := strings.Cut(after, ",")
			after, whole = next, whole && strings.Trim(more, " \t") == ""
		} else {
			tag, after, _ = strings.Cut(rest, ",")
			tag = strings.TrimRight(tag, " \t")
			whole = tag != "" && !strings.ContainsAny(tag, "\"\\ \t")
		}
		switch {
		case !whole:
			ok = false
		case tag == "*" && weak == "" && rest[0] == '*':
			tags = append(tags, "*")
		default:
			tags = append(tags, weak+`"`+tag+`"`)
		}
		rest = after
	}
}

// checkRead is If-Match on GET: an answer about another version than the client asks for is none.
func checkRead(tags []string, version string) error {
	if len(tags) == 0 || scim.MatchesVersion(tags, version) {
		return nil
	}
	return &scim.Error{Status: http.StatusPreconditionFailed, Detail: "The resource has changed since the version in If-Match."}
}

// notModified is If-None-Match on GET: the client has this version already. A tag that cannot be read matches none, and the resource is sent.
func notModified(r *http.Request, version string) bool {
	tags, _ := entityTags(r.Header.Values("If-None-Match"))
	return version != "" && len(tags) > 0 && scim.MatchesVersion(tags, version)
}

// ifNone says that a POST has `If-None-Match: *`.
func ifNone(r *http.Request) bool {
	tags, _ := entityTags(r.Header.Values("If-None-Match"))
	return slices.Contains(tags, "*")
}

// unlessExists is If-None-Match on POST: `*` asks to create only what does not exist yet, so that a value which is taken is a condition that does not
// hold (RFC 9110 §13.1.2) and the client knows the refusal from other conflicts. Entity tags say nothing there: what is not yet made has no version.
func unlessExists(r *http.Request, err error) error {
	var known *scim.Error
	if !ifNone(r) || !errors.As(err, &known) || known.Status != http.StatusConflict || known.Type != scim.NotUnique {
		return err
	}
	return &scim.Error{Status: http.StatusPreconditionFailed, Detail: known.Detail + " If-None-Match asked to create nothing then, and nothing was changed.", Cause: known.Cause}
}
