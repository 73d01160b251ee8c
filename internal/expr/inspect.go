package expr

import (
	"fmt"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// findings is what the text of an expression says before its types are known.
type findings struct {
	reads  []string // attributes of the record
	idents []string // those named by a bare identifier
	keys   []string // those named behind the record's variable
	errs   Errors
}

// inspector walks a parsed expression. bound holds the names that loops around the current place have introduced.
type inspector struct {
	findings
	scope scope
	info  *ast.SourceInfo
	bound []string
}

// inspect finds out which attributes an expression reads, and that it names each of them and each pattern in its text.
func inspect(parsed *cel.Ast, s scope) findings {
	root := parsed.NativeRep()
	in := &inspector{scope: s, info: root.SourceInfo()}
	in.walk(root.Expr())
	return in.findings
}

func (in *inspector) walk(e ast.Expr) {
	switch e.Kind() {
	case ast.IdentKind:
		in.ident(e)
	case ast.SelectKind:
		in.selection(e)
	case ast.CallKind:
		in.call(e)
	case ast.ListKind:
		in.all(e.AsList().Elements())
	case ast.MapKind:
		for _, entry := range e.AsMap().Entries() {
			in.walk(entry.AsMapEntry().Key())
			in.walk(entry.AsMapEntry().Value())
		}
	case ast.StructKind:
		in.fault(e, "%s{…} makes a message, and a mapping knows none", e.AsStruct().TypeName())
	case ast.ComprehensionKind:
		in.comprehension(e.AsComprehension())
	case ast.LiteralKind, ast.UnspecifiedExprKind:
	}
}

func (in *inspector) all(list []ast.Expr) {
	for _, e := range list {
		in.walk(e)
	}
}

// ident is a variable: of a loop, of the scope, or an attribute.
func (in *inspector) ident(e ast.Expr) {
	name := e.AsIdent()
	switch {
	case slices.Contains(in.bound, name):
	case in.isRecord(e):
		in.fault(e, "%[1]s stands for one attribute at a time: %[1]s.givenName or %[1]s[\"cn;lang-de\"]", name)
	case in.scope.bare:
		in.read(name, &in.idents)
	}
}

// selection is `record.cn`, or has(record.cn).
func (in *inspector) selection(e ast.Expr) {
	sel := e.AsSelect()
	if !in.isRecord(sel.Operand()) {
		in.walk(sel.Operand())
		return
	}
	if sel.IsTestOnly() {
		in.fault(e, "has() is always true here, an attribute that is missing is []: write size(%s.%s) > 0", in.scope.record, sel.FieldName())
		return
	}
	in.read(sel.FieldName(), &in.keys)
}

func (in *inspector) call(e ast.Expr) {
	call := e.AsCall()
	args := call.Args()
	if call.FunctionName() == "_[_]" && len(args) == 2 && in.isRecord(args[0]) {
		name, ok := literal(args[1])
		if !ok {
			in.fault(e, "the attribute has to be named in quotes, so that it can be asked of the directory: %s[\"cn;lang-de\"]", in.scope.record)
			return
		}
		in.read(name, &in.keys)
		return
	}
	if call.IsMemberFunction() {
		in.walk(call.Target())
	}
	if takesPattern(call.FunctionName()) {
		in.pattern(call)
	}
	in.all(args)
}

// pattern demands that a regular expression is written out: it is compiled once, here.
func (in *inspector) pattern(call ast.CallExpr) {
	args := call.Args()
	if !call.IsMemberFunction() && len(args) > 0 {
		args = args[1:]
	}
	if len(args) == 0 {
		return // the type checker says that there are too few
	}
	text, ok := literal(args[0])
	if !ok {
		in.fault(args[0], "the regular expression of %s has to be written out in quotes", call.FunctionName())
		return
	}
	if _, err := compilePattern(text); err != nil {
		in.fault(args[0], "%s", err)
	}
}

// comprehension is what all, exists, exists_one, map and filter become.
func (in *inspector) comprehension(c ast.ComprehensionExpr) {
	in.walk(c.IterRange())
	in.walk(c.AccuInit())
	outer := in.bound
	in.bound = append(slices.Clip(outer), c.AccuVar())
	in.walk(c.Result())
	in.bound = append(in.bound, c.IterVar(), c.IterVar2())
	in.walk(c.LoopCondition())
	in.walk(c.LoopStep())
	in.bound = outer
}

// isRecord says whether e is the variable that holds the record.
func (in *inspector) isRecord(e ast.Expr) bool {
	return in.scope.record != "" && e.Kind() == ast.IdentKind && e.AsIdent() == in.scope.record && !slices.Contains(in.bound, in.scope.record)
}

// read notes an attribute, as one that is read and in how it is named.
func (in *inspector) read(attr string, how *[]string) {
	for _, list := range []*[]string{&in.reads, how} {
		if !slices.Contains(*list, attr) {
			*list = append(*list, attr)
		}
	}
}

func (in *inspector) fault(e ast.Expr, format string, args ...any) {
	at := in.info.GetStartLocation(e.ID())
	in.errs = append(in.errs, Error{Line: at.Line(), Column: at.Column() + 1, Message: fmt.Sprintf(format, args...)})
}

// literal is the text of a string constant.
func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}
