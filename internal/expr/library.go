package expr

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// functionNames is for messages.
const functionNames = "first, join, split, lower, upper, trim, replace, matches, extract and rewrite"

// maxResult is how many bytes of text one call may make, so that a short expression cannot fill the memory.
const maxResult = 1 << 20

// library is the functions that expressions have beside the language's own. Each may be called as f(x) and as x.f().
type library struct{}

func (library) LibraryName() string { return "scim-adapter" }

func (library) CompileOptions() []cel.EnvOption {
	text, list := cel.StringType, cel.ListType(cel.StringType)
	all := []function{
		{"first", []*cel.Type{list}, text, first, func(o operands) (c, s quantity) { return cost.Const(1), cost.ElemOf(o(0)) }},
		{"lower", []*cel.Type{text}, text, onText(strings.ToLower), func(o operands) (c, s quantity) { return look(o(0)), cost.Scale(o(0), 3) }},
		{"upper", []*cel.Type{text}, text, onText(strings.ToUpper), func(o operands) (c, s quantity) { return look(o(0)), cost.Scale(o(0), 3) }},
		{"trim", []*cel.Type{text}, text, onText(strings.TrimSpace), func(o operands) (c, s quantity) { return look(o(0)), cost.AtMost(o(0)) }},
		{"join", []*cel.Type{list, text}, text, join, joinModel},
		{"split", []*cel.Type{text, text}, list, split, splitModel},
		{"replace", []*cel.Type{text, text, text}, text, replace, replaceModel},
		{"extract", []*cel.Type{text, text}, text, unplanned, func(o operands) (c, s quantity) { return scan(o), cost.AtMost(o(0)) }},
		{"rewrite", []*cel.Type{text, text, text}, text, unplanned, rewriteModel},
	}
	var opts []cel.EnvOption
	for _, f := range all {
		opts = append(opts, f.options()...)
	}
	return opts
}

func (library) ProgramOptions() []cel.ProgramOption { return nil }

// function is one row of the library: how it is called, what it does, what it costs and how large its result may be.
type function struct {
	name   string
	args   []*cel.Type
	result *cel.Type
	do     func(args ...ref.Val) ref.Val
	model  func(operands) (cost, size quantity)
}

type quantity = cost.QuantityExpr

// operands gives the size of an operand by its place; the first of x.f(y) is x.
type operands func(i int) quantity

func (f function) options() []cel.EnvOption {
	global, member := "scim_"+f.name, "scim_member_"+f.name
	return []cel.EnvOption{
		cel.Function(
			f.name,
			cel.Overload(global, f.args, f.result),
			cel.MemberOverload(member, f.args, f.result),
			cel.SingletonFunctionBinding(f.do),
		),
		cel.CostModel(
			f.overload(cost.Overload, global, cost.Arg),
			f.overload(cost.MemberOverload, member, func(i int) quantity {
				if i == 0 {
					return cost.Target()
				}
				return cost.Arg(i - 1)
			}),
		),
	}
}

func (f function) overload(make func(string, ...cost.OverloadModelOption) cost.OverloadModel, id string, o operands) cost.OverloadModel {
	work, size := f.model(o)
	return make(id, cost.EvalCost(work), cost.ResultSize(size))
}

// look is the cost of looking at texts once.
func look(sizes ...quantity) quantity {
	return cost.Sum(cost.Const(1), cost.Scale(cost.Sum(sizes...), cost.StringTraversalCostFactor))
}

// scan is the cost of running the pattern, operand 1, over the text, operand 0.
func scan(o operands) quantity {
	return cost.Sum(cost.Const(1), cost.Mul(
		cost.Scale(cost.Sum(o(0), cost.Const(1)), cost.StringTraversalCostFactor),
		cost.Scale(o(1), cost.RegexStringLengthCostFactor),
	))
}

func joinModel(o operands) (work, size quantity) {
	texts := cost.Mul(o(0), cost.Sum(cost.ElemOf(o(0)), o(1)))
	return cost.Sum(o(0), look(cost.Result())), cost.AtMost(texts)
}

func splitModel(o operands) (work, size quantity) {
	parts := cost.AtMost(cost.Sum(o(0), cost.Const(1)))
	return cost.Sum(look(o(0)), cost.Result()), cost.List(parts, cost.AtMost(o(0)))
}

func replaceModel(o operands) (work, size quantity) {
	return look(o(0), cost.Result()), swelling(o)
}

func rewriteModel(o operands) (work, size quantity) {
	return cost.Sum(scan(o), look(cost.Result())), swelling(o)
}

// swelling is the largest result of putting operand 2 everywhere into operand 0.
func swelling(o operands) quantity {
	return cost.AtMost(cost.Mul(cost.Sum(o(0), cost.Const(1)), cost.Sum(o(2), cost.Const(1))))
}

func first(args ...ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	if list.Size() == types.IntZero {
		return types.String("")
	}
	return list.Get(types.IntZero)
}

func onText(do func(string) string) func(...ref.Val) ref.Val {
	return func(args ...ref.Val) ref.Val {
		s, ok := args[0].(types.String)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		return types.String(do(string(s)))
	}
}

func join(args ...ref.Val) ref.Val {
	list, ok := args[0].(traits.Lister)
	sep, isText := args[1].(types.String)
	if !ok || !isText {
		return types.NoSuchOverloadErr()
	}
	var b strings.Builder
	for i, it := 0, list.Iterator(); it.HasNext() == types.True; i++ {
		s, ok := it.Next().(types.String)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		if i > 0 {
			b.WriteString(string(sep))
		}
		b.WriteString(string(s))
		if b.Len() > maxResult {
			return tooLong("join")
		}
	}
	return types.String(b.String())
}

func split(args ...ref.Val) ref.Val {
	t, ok := texts(args)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	if t[0] == "" {
		return types.NewStringList(types.DefaultTypeAdapter, nil)
	}
	return types.NewStringList(types.DefaultTypeAdapter, strings.Split(t[0], t[1]))
}

func replace(args ...ref.Val) ref.Val {
	t, ok := texts(args)
	if !ok {
		return types.NoSuchOverloadErr()
	}
	hits := strings.Count(t[0], t[1])
	if len(t[0])+hits*(len(t[2])-len(t[1])) > maxResult {
		return tooLong("replace")
	}
	return types.String(strings.ReplaceAll(t[0], t[1], t[2]))
}

// unplanned stands in for the functions with a pattern, which are replaced when the program is planned: see patterns.
func unplanned(...ref.Val) ref.Val { return types.NewErr("the pattern is not written out") }

func texts(args []ref.Val) ([]string, bool) {
	out := make([]string, len(args))
	for i, a := range args {
		s, ok := a.(types.String)
		if !ok {
			return nil, false
		}
		out[i] = string(s)
	}
	return out, true
}

func tooLong(name string) ref.Val {
	return types.NewErr("%s makes more than %d bytes", name, maxResult)
}

// takesPattern says whether the function's second argument is a regular expression.
func takesPattern(name string) bool {
	return name == "matches" || name == "extract" || name == "rewrite"
}

// compilePattern compiles a regular expression (RE2: its time is linear in the text).
func compilePattern(text string) (*regexp.Regexp, error) {
	if utf8.RuneCountInString(text) > maxText {
		return nil, fmt.Errorf("the regular expression is longer than %d characters", maxText)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression: %w", text, err)
	}
	return re, nil
}

// patterns plans each call with a written-out pattern as a call of the compiled pattern; the language would compile it at each call.
func patterns() []*interpreter.RegexOptimization {
	plan := func(name string, make func(*regexp.Regexp) func(...ref.Val) ref.Val) *interpreter.RegexOptimization {
		return &interpreter.RegexOptimization{
			Function: name, RegexIndex: 1,
			Factory: func(call interpreter.InterpretableCall, text string) (interpreter.InterpretableCall, error) {
				re, err := compilePattern(text)
				if err != nil {
					return nil, err
				}
				return interpreter.NewCall(call.ID(), call.Function(), call.OverloadID(), call.Args(), make(re)), nil
			},
		}
	}
	return []*interpreter.RegexOptimization{plan("matches", matching), plan("extract", extracting), plan("rewrite", rewriting)}
}

// matching says whether the pattern is found somewhere in the text.
func matching(re *regexp.Regexp) func(...ref.Val) ref.Val {
	return func(args ...ref.Val) ref.Val {
		t, ok := texts(args)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		return types.Bool(re.MatchString(t[0]))
	}
}

// extracting gives the first group of the first match, or the whole match where the pattern has no group; ” where nothing matches.
func extracting(re *regexp.Regexp) func(...ref.Val) ref.Val {
	return func(args ...ref.Val) ref.Val {
		t, ok := texts(args)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		found := re.FindStringSubmatch(t[0])
		if found == nil {
			return types.String("")
		}
		return types.String(found[min(1, len(found)-1)])
	}
}

// rewriting replaces each match; $1 in the replacement is the first group.
func rewriting(re *regexp.Regexp) func(...ref.Val) ref.Val {
	return func(args ...ref.Val) ref.Val {
		t, ok := texts(args)
		if !ok {
			return types.NoSuchOverloadErr()
		}
		var out []byte
		end := 0
		for _, at := range re.FindAllStringSubmatchIndex(t[0], -1) {
			out = append(out, t[0][end:at[0]]...)
			out = re.ExpandString(out, t[2], t[0], at)
			end = at[1]
			if len(out) > maxResult {
				return tooLong("rewrite")
			}
		}
		return types.String(append(out, t[0][end:]...))
	}
}
