package scim

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// BulkRequest is the body of a POST to /Bulk (RFC 7644 §3.7).
type BulkRequest struct {
	FailOnErrors int // after how many failed operations no more is begun; 0: all are tried
	Operations   []BulkOperation
}

// BulkOperation is one operation of a BulkRequest. Its body stays JSON until its turn has come: a parsed body is many times as large.
type BulkOperation struct {
	Method     string   // POST, PUT, PATCH or DELETE; as it was sent when it is none of these
	Path       string   // relative to the service's root
	BulkID     string   // what other operations call the resource that this one creates
	Version    *string  // entity tag that the resource must have; nil where nothing is said of it
	References []string // the bulkIds that the body refers to, each once
	Err        error    // what is wrong with this operation alone; the others are not concerned
	data       []byte
}

// ReadBulk reads a bulk request as a stream, as strictly as ParseObject reads a body. What is wrong with the JSON or with the envelope is an error, and then
// nothing of the request may be done; what is wrong with one operation is in its Err. It stops with 413 at the first operation beyond most.
// Whoever calls bounds the bytes; an error of src is the cause of the one returned.
func ReadBulk(src io.Reader, most int) (BulkRequest, error) {
	b := bulkReader{reader: reader{jsontext.NewDecoder(src, jsontext.AllowDuplicateNames(true))}, most: most}
	tok, err := b.ReadToken()
	switch {
	case errors.Is(err, io.EOF):
		return BulkRequest{}, BadRequest(InvalidSyntax, "The body is empty; a JSON object was expected.")
	case err != nil:
		return BulkRequest{}, b.fail(err)
	case tok.Kind() != jsontext.KindBeginObject:
		return BulkRequest{}, BadRequest(InvalidSyntax, "The body is not a JSON object.")
	}
	envelope := NewObject()
	if err := b.fill(envelope, b.member); err != nil {
		return BulkRequest{}, err
	}
	end := b.InputOffset()
	if err := b.nothingFollows(end); err != nil {
		return BulkRequest{}, err
	}
	if err := CheckMessage(envelope, BulkRequestURN); err != nil {
		return BulkRequest{}, err
	}
	if b.request.FailOnErrors, err = failOnErrors(member(envelope, "failOnErrors")); err != nil {
		return BulkRequest{}, err
	}
	switch {
	case !b.listed:
		return BulkRequest{}, BadRequest(InvalidSyntax, "The body needs a list called Operations.")
	case len(b.request.Operations) == 0:
		return BulkRequest{}, BadRequest(InvalidSyntax, "Operations is empty: there is nothing to do.")
	}
	return b.request, nil
}

// bulkReader reads the members of the envelope, which may come in any order.
type bulkReader struct {
	reader
	most    int
	request BulkRequest
	listed  bool // Operations was there, and a list
	scratch []byte
}

func (b *bulkReader) member(name string) (any, error) {
	if sameName(name, "Operations") && b.PeekKind() == jsontext.KindBeginArray {
		return nil, b.operations()
	}
	v, err := b.value()
	switch {
	case err != nil:
		return nil, err
	case inMessage.asksBy(name, v):
		return nil, MisspelledDryRun()
	case sameName(name, attrSchemas), sameName(name, "failOnErrors"):
		return v, nil
	}
	return nil, nil // read, so that the body is checked; not kept
}

func (b *bulkReader) operations() error {
	if _, err := b.ReadToken(); err != nil {
		return b.fail(err)
	}
	b.listed = true
	for b.PeekKind() != jsontext.KindEndArray {
		if len(b.request.Operations) >= b.most {
			return Errorf(http.StatusRequestEntityTooLarge, "", "The request has more than %d operations, the most that this service takes in one bulk request; send it in parts.", b.most)
		}
		v, err := b.value()
		if err != nil {
			return err
		}
		b.request.Operations = append(b.request.Operations, b.operation(v))
	}
	if _, err := b.ReadToken(); err != nil {
		return b.fail(err)
	}
	return nil
}

// nothingFollows reads to the end, where nothing but white space may be.
func (b *bulkReader) nothingFollows(end int64) error {
	_, err := b.ReadToken()
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil || errors.As(err, &syntax):
		return BadRequest(InvalidSyntax, "Something follows the JSON object, which ends at byte %d of the body.", end)
	default:
		return b.fail(err)
	}
}

// failOnErrors reads a whole number above 0, which some clients send as a string.
func failOnErrors(v any) (int, error) {
	n := 0
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		n = int(min(v, 1<<31-1))
	case string:
		var err error
		if n, err = strconv.Atoi(v); err != nil {
			n = 0
		}
	}
	if n < 1 {
		return 0, BadRequest(InvalidValue, "failOnErrors must be a whole number above 0; leave it out to have every operation tried.")
	}
	return n, nil
}

// operation takes one element of Operations apart. All of its members are read even if one is faulty: the answer repeats them.
func (b *bulkReader) operation(v any) BulkOperation {
	in, ok := v.(*Object)
	if !ok {
		return BulkOperation{Err: BadRequest(InvalidSyntax, "The operation is not a JSON object.")}
	}
	var op BulkOperation
	var version string
	for _, m := range []struct {
		name string
		text *string
	}{{"method", &op.Method}, {"path", &op.Path}, {"bulkId", &op.BulkID}, {"version", &version}} {
		v := member(in, m.name)
		if *m.text, ok = v.(string); !ok && v != nil && op.Err == nil {
			op.Err = BadRequest(InvalidSyntax, "The operation's %s must be a string.", m.name)
		}
	}
	if member(in, "version") != nil {
		op.Version = &version // "" too: it is no entity tag, and a write that was meant to depend on one must not happen without
	}
	if upper := strings.ToUpper(op.Method); slices.Contains(bulkMethods, upper) {
		op.Method = upper
	}
	if op.Err == nil {
		op.Err = op.check()
	}
	if op.Err == nil && op.asksAmong(in) {
		op.Err = MisspelledDryRun()
	}
	if op.Err == nil && op.Method != http.MethodDelete {
		op.Err = b.body(&op, member(in, "data"))
	}
	return op
}

// bulkMembers are the members of an operation that mean something.
var bulkMembers = []string{"method", "path", "bulkId", "version", "data"}

// asksAmong says that something among the members of an operation reads like the question for a dry run. The data of a write are looked at as any body is, when its turn
// has come; a DELETE has none.
func (op *BulkOperation) asksAmong(in *Object) bool {
	for name, v := range in.All() {
		if slices.ContainsFunc(bulkMembers, func(known string) bool { return sameName(name, known) }) {
			continue
		}
		if inMessage.asksBy(name, v) {
			return true
		}
	}
	return op.Method == http.MethodDelete && inMessage.asks(member(in, "data"))
}

var bulkMethods = []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

func (op *BulkOperation) check() error {
	switch {
	case op.Method == "":
		return BadRequest(InvalidValue, "The operation has no method; it must be POST, PUT, PATCH or DELETE.")
	case !slices.Contains(bulkMethods, op.Method):
		return BadRequest(InvalidValue, "The method %q is none of POST, PUT, PATCH and DELETE, which are what a bulk request may do.", short(op.Method))
	case op.Path == "":
		return BadRequest(InvalidValue, "The operation has no path; it must be one such as /Users or /Groups/{id}.")
	case op.Method == http.MethodPost && op.BulkID == "":
		return BadRequest(InvalidValue, "The operation has no bulkId; a POST needs one, so that its answer can be told from the others.")
	case op.Method == http.MethodPost && op.Version != nil:
		return BadRequest(InvalidValue, "A POST takes no version: what it creates has none before.")
	}
	return nil
}

// body keeps the operation's data, and finds what it refers to. RFC 7644 §3.7.3 itself shows a PATCH whose data is the bare list of operations.
func (b *bulkReader) body(op *BulkOperation, v any) error {
	o, ok := v.(*Object)
	list, isList := v.([]any)
	switch {
	case ok:
	case isList && op.Method == http.MethodPatch:
		o = NewObject()
		o.Set("Operations", list)
	case v == nil:
		return BadRequest(InvalidValue, "The operation has no data; a %s needs what it would have as its body.", op.Method)
	default:
		return BadRequest(InvalidSyntax, "The operation's data must be a JSON object.")
	}
	seen := map[string]bool{}
	op.substitute(o, func(bulkID string) (string, bool) {
		if !seen[bulkID] {
			seen[bulkID] = true
			op.References = append(op.References, bulkID)
		}
		return "", false
	})
	b.scratch = o.AppendJSON(b.scratch[:0])
	op.data = bytes.Clone(b.scratch)
	return nil
}

// Data is the operation's body, in which each reference to a bulkId is replaced by what resolve gives; one that it does not know stays. nil for a DELETE.
func (op *BulkOperation) Data(resolve func(bulkID string) (id string, ok bool)) (*Object, error) {
	if op.data == nil {
		return nil, nil //nolint:nilnil // a DELETE has no body
	}
	o, err := ParseObject(op.data)
	if err != nil {
		return nil, err
	}
	op.substitute(o, resolve)
	return o, nil
}

// BulkReference says whether a text is a reference to a bulkId, `bulkId:qwerty` (RFC 7644 §3.7.2), and to which.
func BulkReference(text string) (bulkID string, ok bool) {
	bulkID, ok = strings.CutPrefix(text, "bulkId:")
	if !ok || bulkID == "" {
		return "", false
	}
	return bulkID, true
}

// substitute puts what resolve gives in the place of each reference. In a PATCH the values may hold them, and the conditions in the brackets of paths.
func (op *BulkOperation) substitute(o *Object, resolve func(string) (string, bool)) {
	if op.Method != http.MethodPatch {
		ResolveBulkIDs(o, resolve)
		return
	}
	list, _ := member(o, "Operations").([]any)
	for _, v := range list {
		in, ok := v.(*Object)
		if !ok {
			continue
		}
		for name, v := range in.All() {
			path, isText := v.(string)
			switch {
			case sameName(name, "value"):
				in.Set(name, resolveIn(v, resolve))
			case sameName(name, "path") && isText:
				in.Set(name, resolveInPath(path, resolve))
			}
		}
	}
}

// ResolveBulkIDs replaces each string in o that is a reference to a bulkId by what resolve gives; one that it does not know stays.
func ResolveBulkIDs(o *Object, resolve func(bulkID string) (id string, ok bool)) {
	resolveIn(o, resolve)
}

func resolveIn(v any, resolve func(string) (string, bool)) any {
	switch v := v.(type) {
	case string:
		if bulkID, ok := BulkReference(v); ok {
			if id, ok := resolve(bulkID); ok {
				return id
			}
		}
	case []any:
		for i := range v {
			v[i] = resolveIn(v[i], resolve)
		}
	case *Object:
		for i := range v.members {
			v.members[i].value = resolveIn(v.members[i].value, resolve)
		}
	}
	return v
}

// resolveInPath does so in the quoted strings of a path: `members[value eq "bulkId:qwerty"]`. What is no path stays for the decoder to refuse.
func resolveInPath(path string, resolve func(string) (string, bool)) string {
	var out []byte
	rest := path
	for {
		start := strings.IndexByte(rest, '"')
		if start < 0 {
			break
		}
		end := closingQuote(rest, start)
		if end < 0 {
			break
		}
		quoted := rest[start : end+1]
		out = append(out, rest[:start]...)
		rest = rest[end+1:]
		text, err := jsontext.AppendUnquote(nil, quoted)
		if bulkID, ok := BulkReference(string(text)); ok && err == nil {
			if id, ok := resolve(bulkID); ok {
				out = appendString(out, id)
				continue
			}
		}
		out = append(out, quoted...)
	}
	if out == nil {
		return path
	}
	return string(append(out, rest...))
}

// closingQuote is where the string that begins at start ends; -1 when it does not.
func closingQuote(s string, start int) int {
	for i := start + 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// LeaveOut takes out of the body of a POST what still refers to a bulkId, and returns it: an object to be added afterwards by a PATCH without path, which
// understands the names of a body. Of a list only the elements go that refer to one. 409 when a required attribute would be gone: of resources that need each
// other to exist none can be the first.
func (rt *ResourceType) LeaveOut(body *Object) (later *Object, err error) {
	return rt.leaveOut(body, "")
}

func (rt *ResourceType) leaveOut(body *Object, urn string) (*Object, error) {
	later := NewObject()
	var gone []string
	for name, v := range body.All() {
		if refersTo(v) == "" {
			continue
		}
		path, err := filter.ParsePath(name)
		if err == nil && path.URI == "" {
			path.URI = urn
		}
		ref, known := rt.Resolve(path)
		known = known && err == nil
		if inner, ok := v.(*Object); ok && known && ref.Attr == nil {
			part, err := rt.leaveOut(inner, ref.URI)
			if err != nil {
				return nil, err
			}
			later.Set(name, part)
			continue
		}
		part, stays := v, []any(nil)
		if list, ok := v.([]any); ok {
			var goes []any
			for _, element := range list {
				if refersTo(element) != "" {
					goes = append(goes, element)
				} else {
					stays = append(stays, element)
				}
			}
			part = goes
		}
		if known && ref.Attr != nil && ref.Attr.Required && len(stays) == 0 {
			return nil, Errorf(http.StatusConflict, "", "%s is required and refers to bulkId %q, whose resource cannot be made before this one.", ref, short(refersTo(part)))
		}
		later.Set(name, part)
		if len(stays) > 0 {
			body.Set(name, stays)
		} else {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		body.Delete(name)
	}
	return later, nil
}

// refersTo is the first bulkId that a value refers to; "" for none.
func refersTo(v any) string {
	switch v := v.(type) {
	case string:
		bulkID, _ := BulkReference(v)
		return bulkID
	case []any:
		for _, element := range v {
			if bulkID := refersTo(element); bulkID != "" {
				return bulkID
			}
		}
	case *Object:
		for _, part := range v.All() {
			if bulkID := refersTo(part); bulkID != "" {
				return bulkID
			}
		}
	}
	return ""
}
