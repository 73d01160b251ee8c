package scim

import (
	"net/http"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// DryRunInBody refuses the body of a write that has anything in it that reads like the question for a dry run, and is no attribute of the resource nor the value of one.
// Dropped, as other things are that mean nothing, it would have written. It is one walk over what was parsed.
func DryRunInBody(rt *ResourceType, method string, body *Object) error {
	asks := false
	switch method {
	case http.MethodPatch:
		asks = patchAsks(rt, body)
	case http.MethodDelete:
		return DryRunInMessage(body)
	default:
		asks = place{rt: rt}.asks(body)
	}
	if asks {
		return MisspelledDryRun()
	}
	return nil
}

// DryRunInMessage does so with what is no resource at all, such as the body of a DELETE.
func DryRunInMessage(v any) error {
	if inMessage.asks(v) {
		return MisspelledDryRun()
	}
	return nil
}

// place is where in a body a member stands, and so what its name may be.
type place struct {
	rt      *ResourceType // whose attributes have names here; nil: none has
	urn     string        // of the schema whose object this is; "" for the resource
	attr    *Attribute    // whose parts have names here
	message bool          // no value here is an attribute's, so that texts are looked at
	prefer  bool          // the same, and they are preferences
}

var inMessage = place{message: true}

// patchAsks looks through the body of a PATCH: the message, its operations, and what they bring for the resource.
func patchAsks(rt *ResourceType, body *Object) bool {
	for name, v := range body.All() {
		asks := false
		switch list, isList := v.([]any); {
		case sameName(name, attrSchemas):
			asks = schemaAsks(rt, v)
		case sameName(name, "Operations") && isList:
			asks = slices.ContainsFunc(list, func(v any) bool { return operationAsks(rt, v) })
		default:
			asks = inMessage.asksBy(name, v)
		}
		if asks {
			return true
		}
	}
	return false
}

func operationAsks(rt *ResourceType, v any) bool {
	op, isObject := v.(*Object)
	if !isObject {
		return inMessage.asks(v)
	}
	target := place{rt: rt}
	for name, v := range op.All() {
		path, isText := v.(string)
		if !sameName(name, "path") || !isText || path == "" {
			continue
		}
		var known bool
		if known, target = target.member(path); !known && namesDryRun(path) {
			return true
		}
	}
	for name, v := range op.All() {
		_, isText := v.(string)
		switch {
		case sameName(name, "value"):
			if target.asks(v) {
				return true
			}
		case isText && (sameName(name, "op") || sameName(name, "path")):
		case inMessage.asksBy(name, v):
			return true
		}
	}
	return false
}

// asks looks through a value.
func (p place) asks(v any) bool {
	switch v := v.(type) {
	case string:
		return p.prefer && ResemblesDryRun(v) || p.message && MeansDryRun(v)
	case *Object:
		for name, v := range v.All() {
			if p.asksBy(name, v) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, p.asks)
	}
	return false
}

// asksBy looks at one member of an object. What is known of its name is only looked up where that matters.
func (p place) asksBy(name string, v any) bool {
	if sameName(name, attrSchemas) {
		return schemaAsks(p.rt, v)
	}
	named, prefers := namesDryRun(name), namesPreference(name)
	if !named && !prefers {
		switch v.(type) {
		case string:
			return p.asks(v)
		case *Object, []any:
		default:
			return false
		}
	}
	known, inner := p.member(name)
	if !known && named {
		return true
	}
	if !known && prefers {
		inner = place{message: true, prefer: true}
	}
	return inner.asks(v)
}

// member says whether something is called so here, and what may be in it.
func (p place) member(name string) (known bool, inner place) {
	nowhere := place{message: p.message, prefer: p.prefer}
	switch {
	case p.attr != nil:
		return p.attr.Sub(name) != nil, nowhere
	case p.rt == nil:
		return false, nowhere
	}
	path, err := filter.ParsePath(name)
	if err == nil && path.URI == "" {
		path.URI = p.urn
	}
	ref, known := p.rt.Resolve(path)
	switch {
	case err != nil || !known:
		return false, nowhere
	case ref.Attr == nil:
		return true, place{rt: p.rt, urn: ref.URI}
	case ref.Sub == nil && ref.Attr.Type == TypeComplex:
		return true, place{attr: ref.Attr}
	}
	return true, nowhere
}

// namesDryRun says that a name reads like the question. What a path has in quotes is no name, and the parts of a URN are words of their own (laundry:runner).
func namesDryRun(name string) bool {
	if !SpellsDryRun(name) && strings.IndexByte(name, '"') < 0 {
		return false
	}
	var bare strings.Builder
	for rest := name; ; {
		start := strings.IndexByte(rest, '"')
		end := -1
		if start >= 0 {
			end = closingQuote(rest, start)
		}
		if end < 0 {
			bare.WriteString(rest)
			break
		}
		bare.WriteString(rest[:start])
		rest = rest[end+1:]
	}
	name = bare.String()
	if len(name) < len("urn:") || !sameName(name[:len("urn:")], "urn:") {
		return SpellsDryRun(name)
	}
	return urnAsks(name)
}

func urnAsks(urn string) bool {
	for part := range strings.SplitSeq(plainly(urn), ":") {
		if holdsDryRun(part) {
			return true
		}
	}
	return false
}

// namesPreference says that a member is called as the header is that asks.
func namesPreference(name string) bool {
	if len(name) < len("prefer") {
		return false
	}
	s := squeeze(name)
	return s.is("prefer") || s.is("preference") || s.is("preferences")
}

// schemaAsks says that a body calls itself a dry run: a URN among its schemas that is not of the resource has it in one of its parts.
func schemaAsks(rt *ResourceType, v any) bool {
	list, isList := v.([]any)
	if !isList {
		list = []any{v}
	}
	for _, v := range list {
		urn, isText := v.(string)
		switch {
		case !isText:
			if inMessage.asks(v) {
				return true
			}
		case urnAsks(urn) && !rt.hasSchema(urn):
			return true
		}
	}
	return false
}

func (rt *ResourceType) hasSchema(urn string) bool {
	return rt != nil && (sameName(urn, rt.Schema.ID) || rt.extension(urn) != nil)
}
