package mapping

import (
	"fmt"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/internal/expr"
	"github.com/scim-adapter/scim-adapter/scim"
)

// longKeys are the keys of a source's long form.
var longKeys = []string{
	"from", "constant", "read", "write", "access", "returned", "required", "caseExact", "unique", "default", "placeholder",
	"onCreate", "by", "display", "nested",
}

// source compiles the right-hand side of a line of `attributes:`.
func (c *compiler) source(f *field, node configs.Node) {
	f.node = node
	switch node.Kind() {
	case configs.Scalar:
		c.from(f, node)
	case configs.List:
		c.list(f, node)
	case configs.Map:
		c.long(f, node)
	case configs.Missing, configs.Null:
		c.fault(node, "write the directory's attribute, or take the line away", "%s has no source", f.path)
	}
}

// from compiles `attribute | lens`, `overlay` or `reverse(Type.attr)`.
func (c *compiler) from(f *field, node configs.Node) {
	calls, err := pipelineCalls(node.Text())
	if err != nil {
		c.fault(node, err.remedy, "%s", err.message)
		return
	}
	head := calls[0]
	switch {
	case head.name == "overlay" && len(calls) == 1 && head.args == nil && !head.exact:
		f.kind = fromOverlay
	case head.name == "document" && head.args == nil && !head.exact:
		c.document(f, node, calls)
	case head.name == "reverse" && len(calls) == 1 && !head.exact:
		if f.kind == 0 {
			f.kind = fromReverse
		}
		c.reverse(f, node, head.args)
	case head.args != nil:
		c.fault(node, "a pipeline begins with a directory attribute: attribute | "+node.Text(), "%s(…) is not an attribute", head.name)
	default:
		if f.reverse != "" {
			c.fault(node, "put reverse(…) last", "nothing can follow reverse(…) in a list")
			return
		}
		f.kind = fromDirectory
		if p, ok := c.pipe(f, node, calls); ok {
			f.pipes = append(f.pipes, p)
		}
	}
}

func (c *compiler) reverse(f *field, node configs.Node, args []string) {
	if len(args) != 1 || strings.Count(args[0], ".") != 1 {
		c.fault(node, "write reverse(Group.members)", "reverse takes the resource type and the attribute that points here")
		return
	}
	f.reverse = args[0]
	c.reverses = append(c.reverses, reverseUse{node: node, what: args[0]})
}

// list compiles `[first, second]`.
func (c *compiler) list(f *field, node configs.Node) {
	items := node.Items()
	if len(items) == 0 {
		c.fault(node, "name at least one directory attribute", "%s has an empty list of sources", f.path)
		return
	}
	for _, item := range items {
		if item.Kind() != configs.Scalar {
			c.fault(item, "write [first, second], each an attribute or a pipeline", "a source in a list is one text")
			continue
		}
		c.from(f, item)
		if f.kind == fromOverlay {
			c.fault(item, "let overlay stand alone", "overlay cannot be one of several sources")
			return
		}
	}
	if f.kind == fromReverse {
		return
	}
	if refs := slices.IndexFunc(f.pipes, func(p pipe) bool { return p.ref != nil }); f.reverse != "" && (len(f.pipes) != 1 || refs < 0) ||
		len(f.pipes) > 1 && refs >= 0 {
		c.fault(node, "a reference's list is [attribute | ref(Type), reverse(Type.attr)]", "references and other sources do not mix")
	}
}

// pipe compiles one pipeline, whose first call names the attribute.
func (c *compiler) pipe(f *field, node configs.Node, calls []call) (pipe, bool) {
	p := pipe{node: node, attr: c.spelling(calls[0].name)}
	ok := true
	for i, call := range calls[1:] {
		spec, known := c.specs[call.name]
		switch {
		case !known:
			ok = false
			c.fault(node, c.didYouMean(call.name, c.lensNames, "the mapping reference lists the lenses"), "there is no lens %q", call.name)
		case spec.Ref:
			if i > 0 || len(calls) > 2 {
				ok = false
				c.fault(node, "write attribute | ref(Type)", "ref stands alone behind its attribute")
				continue
			}
			p.ref = c.refMark(node, call.args)
			ok = ok && p.ref != nil
		default:
			lens, err := spec.New(call.args)
			if err != nil {
				ok = false
				c.fault(node, err.Error(), "%s(%s) cannot be built", call.name, strings.Join(call.args, ", "))
				continue
			}
			p.steps = append(p.steps, step{spec, lens})
		}
	}
	if ok {
		c.fits(f, &p)
	}
	return p, ok
}

// refMark reads the arguments of ref: `User, Group`, or `User.uid`.
func (c *compiler) refMark(node configs.Node, args []string) *refMark {
	mark := &refMark{}
	for i, arg := range args {
		typ, by, _ := strings.Cut(arg, ".")
		if i > 0 && by != mark.by {
			c.fault(node, "let all types be pointed at with the same attribute", "ref(%s) mixes ways of pointing", strings.Join(args, ", "))
			return nil
		}
		mark.types, mark.by = append(mark.types, typ), by
		c.refUses = append(c.refUses, reverseUse{node, typ, by})
	}
	if len(args) == 0 {
		c.fault(node, "write ref(User), ref(User, Group) or ref(User.uid)", "ref does not say what it points at")
		return nil
	}
	return mark
}

// boolWord makes the words of an enum the booleans of an attribute: enum(ACTIVE=true, SUSPENDED=false).
var boolWordSpec = &Spec{Name: "enum", Type: scim.TypeBoolean, Exact: true}

// fits reports a lens whose result the attribute cannot hold.
func (c *compiler) fits(f *field, p *pipe) {
	have, want := p.typ(), f.path.leaf().Type
	if want == scim.TypeComplex && f.path.sub == nil {
		return // reported with the path
	}
	last := ""
	if len(p.steps) > 0 {
		last = p.steps[len(p.steps)-1].spec.Name
	}
	if want == scim.TypeBoolean && last == "enum" {
		p.steps = append(p.steps, step{boolWordSpec, boolWords{}})
		return
	}
	if c.known.made[f.path.leaf()] {
		f.path.leaf().Type = have
		return
	}
	if len(p.steps) == 0 || fitsType(have, want) { // what a bare attribute holds, the class says when it is open: see columns
		return
	}
	c.misfit(f, p)
}

// misfit reports a pipeline whose result the attribute cannot hold.
func (c *compiler) misfit(f *field, p *pipe) {
	want := f.path.leaf().Type
	c.fault(p.node, lensFor(want), "%s is a %s, and `%s` yields a %s", f.path, want, p.node.Text(), p.typ())
}

// lensFor is what to write where a pipeline does not yield a type.
func lensFor(t scim.Type) string {
	switch t {
	case scim.TypeBoolean:
		return "end the pipeline with a lens that yields a boolean: bool(TRUE, FALSE), absent(…), bit(…), locked"
	case scim.TypeDateTime:
		return "end the pipeline with a lens that yields a time: generalizedTime, filetime, epoch or timestamp"
	case scim.TypeInteger, scim.TypeDecimal:
		return "end the pipeline with int"
	case scim.TypeString, scim.TypeReference, scim.TypeBinary, scim.TypeComplex:
	}
	return "take a lens that yields text"
}

func fitsType(have, want scim.Type) bool {
	switch want {
	case scim.TypeString, scim.TypeReference, scim.TypeBinary:
		return have == scim.TypeString || have == scim.TypeReference || have == scim.TypeBinary
	case scim.TypeDecimal:
		return have == scim.TypeDecimal || have == scim.TypeInteger
	case scim.TypeBoolean, scim.TypeDateTime, scim.TypeInteger, scim.TypeComplex:
	}
	return have == want
}

// long compiles the long form.
func (c *compiler) long(f *field, node configs.Node) {
	if present(node.Get("rows")) {
		c.rows(f, node)
		return
	}
	c.faults = append(c.faults, node.Only(longKeys...)...)
	var given []string
	for _, key := range []string{"from", "constant", "read"} {
		if present(node.Get(key)) {
			given = append(given, key)
		}
	}
	if len(given) == 0 && present(node.Get("write")) {
		given = []string{"read"}
	}
	if len(given) != 1 {
		c.fault(node, "write exactly one of from, constant and read", "%s has %d sources", f.path, len(given))
		return
	}
	switch given[0] {
	case "constant":
		f.kind = fromConstant
		f.constant = c.literal(f, node.Get("constant"))
	case "read":
		c.expressions(f, node)
	default:
		from := node.Get("from")
		if from.Kind() == configs.Map {
			c.fault(from, "write the attribute or a list", "from is a map")
			return
		}
		c.source(f, from)
		f.node = node
		if f.spread != nil || f.kind == fromRows {
			c.documentOptions(f.lines(), node)
			return
		}
	}
	c.options(f, node)
}

func present(n configs.Node) bool { return n.Kind() != configs.Missing }

// expressions compiles `read:` and `write:`.
func (c *compiler) expressions(f *field, node configs.Node) {
	f.kind = fromExpr
	typ := exprType(f.path.leaf().Type)
	if f.path.attr.MultiValued {
		typ = expr.Strings
	}
	read := node.Get("read")
	if !present(read) {
		c.fault(node, "say with read what the attribute shows, or use access: writeOnly with from", "%s has write without read", f.path)
		return
	}
	var err error
	if f.read, err = expr.Read(read.Text(), typ); err != nil {
		c.exprFault(read, err)
	}
	for key, value := range node.Get("write").Pairs() {
		w, err := expr.Write(value.Text(), typ)
		if err != nil {
			c.exprFault(value, err)
			continue
		}
		f.write = append(f.write, writtenAttr{c.spelling(key.Text()), w})
	}
}

func (c *compiler) exprFault(node configs.Node, err error) {
	c.fault(node, "correct the expression", "%v", err)
}

func exprType(t scim.Type) expr.Type {
	switch t {
	case scim.TypeBoolean:
		return expr.Bool
	case scim.TypeInteger:
		return expr.Int
	case scim.TypeDecimal:
		return expr.Decimal
	case scim.TypeString, scim.TypeDateTime, scim.TypeBinary, scim.TypeReference:
		return expr.String
	case scim.TypeComplex:
	}
	return expr.Any
}

// options reads the keys of the long form that are not sources.
func (c *compiler) options(f *field, node configs.Node) {
	f.access = c.oneOf(node, "access", readWrite, readOnly, createOnly, writeOnly)
	f.returned = c.oneOf(node, "returned", "always", "never", "default", "request")
	f.unique = c.oneOf(node, "unique", "none", "server", "global", "true", "false")
	f.by = c.oneOf(node, "by", "passwordModify", "replace")
	f.required = c.boolean(node, "required")
	f.caseExact = c.boolean(node, "caseExact")
	f.placeholder = node.Get("placeholder").Text()
	if d := node.Get("default"); present(d) {
		f.fallback = c.literal(f, d)
	}
	if n := node.Get("onCreate"); present(n) {
		f.onCreate = c.maker(n)
	}
	schema := f.path.leaf().Mutability
	if f.access != "" && f.access != readOnly && (schema == scim.ReadOnly || f.path.attr.Mutability == scim.ReadOnly) {
		c.fault(node.Get("access"), "take access away", "%s is read-only in SCIM", f.path)
	}
	if f.by != "" && f.kind != fromDirectory {
		c.fault(node.Get("by"), "use by with from", "by says how a directory's attribute is written")
	}
	c.referenceOptions(f, node)
}

// referenceOptions reads the keys that only references have.
func (c *compiler) referenceOptions(f *field, node configs.Node) {
	f.display = c.boolean(node, "display")
	if n := node.Get("display"); present(n) && f.label() == nil {
		c.fault(n, "take display away", "%s does not point at records that have a name to show", f.path)
	}
	nested := c.boolean(node, "nested")
	f.nested = nested != nil && *nested
	if n := node.Get("nested"); present(n) && (f.kind != fromDirectory || f.ref() == nil || !f.membership()) {
		c.fault(n, "take nested away, or read the groups from an attribute of the directory: {from: \"memberOf | ref(Group)\", nested: true}",
			"%s is no list of groups that the directory keeps", f.path)
	}
}

func (c *compiler) oneOf(node configs.Node, key string, words ...string) string {
	n := node.Get(key)
	if !present(n) {
		return ""
	}
	if n.Kind() != configs.Scalar || !slices.Contains(words, n.Text()) {
		c.fault(n, "write one of "+strings.Join(words, ", "), "%s cannot be %q", key, n)
		return ""
	}
	return n.Text()
}

func (c *compiler) boolean(node configs.Node, key string) *bool {
	switch c.oneOf(node, key, "true", "false") {
	case "true":
		return new(true)
	case "false":
		return new(false)
	}
	return nil
}

// literal reads a constant or a default as the attribute's type.
func (c *compiler) literal(f *field, node configs.Node) any {
	if node.Kind() != configs.Scalar {
		c.fault(node, "write one value", "%s takes a single value", f.path)
		return nil
	}
	v, err := coerce(node.Text(), f.path.leaf().Type)
	if err != nil {
		c.fault(node, fmt.Sprintf("write a %s", f.path.leaf().Type), "%s: %v", f.path, err)
		return nil
	}
	return v
}
