package expr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/interpreter"
)

// The bounds of an expression. A unit of cost is about one step of the evaluation, or ten characters looked at: the limit is some
// tens of milliseconds at worst. The estimate at compile time supposes records of usual size.
const (
	maxText       = 4096      // characters of an expression
	maxCost       = 1_000_000 // units of one evaluation
	usualValues   = 100       // values of an attribute, for the estimate
	usualText     = 256       // characters of a value, for the estimate
	maxDepth      = 50        // nested brackets and calls
	checkContext  = 100       // steps of a loop between two looks at the context
	maxRegexNodes = 2000      // instructions of a compiled pattern
)

// scope is what an expression sees and gives.
type scope struct {
	record string               // the variable that holds the record; "" there is none
	bare   bool                 // each unknown name is an attribute of the record
	vars   map[string]*cel.Type // further variables
	result Type
	native bool // the result is an attribute's values
}

// program is a checked expression, ready to run from many goroutines.
type program struct {
	run   cel.Program
	scope scope
	findings
}

// base is the environment that all expressions share; building it costs a millisecond.
var base = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.ParserExpressionSizeLimit(maxText),
		cel.ParserRecursionLimit(maxDepth),
		cel.RegexProgramSizeLimit(maxRegexNodes),
		cel.DefaultUTCTimeZone(true),
		cel.CrossTypeNumericComparisons(true),
		cel.Lib(library{}),
	)
})

// compile parses, finds out what is read, declares that, checks types, patterns and cost, and plans the evaluation.
func compile(text string, s scope) (program, error) {
	shared, err := base()
	if err != nil {
		return program{}, err
	}
	parsed, issues := shared.Parse(text)
	if issues.Err() != nil {
		return program{}, faults(issues, s)
	}
	found := inspect(parsed, s)
	if len(found.errs) > 0 {
		return program{}, found.errs
	}
	env, err := shared.Extend(declarations(s, found)...)
	if err != nil {
		return program{}, Errors{{Line: 1, Column: 1, Message: err.Error()}}
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return program{}, faults(issues, s)
	}
	if err := checkResult(checked.OutputType(), s); err != nil {
		return program{}, err
	}
	estimate, err := env.EstimateCost(checked, usual{})
	if err != nil {
		return program{}, Errors{{Line: 1, Column: 1, Message: err.Error()}}
	}
	if estimate.Max > maxCost {
		return program{}, Errors{{Line: 1, Column: 1, Message: fmt.Sprintf(
			"the expression is too expensive: on a record with %d values of %d characters it may take %s steps, and %d is the limit; use fewer nested loops",
			usualValues, usualText, steps(estimate.Max), maxCost,
		)}}
	}
	run, err := env.Program(
		checked,
		cel.EvalOptions(cel.OptOptimize),
		cel.OptimizeRegex(patterns()...),
		cel.CostLimit(maxCost),
		cel.InterruptCheckFrequency(checkContext),
	)
	if err != nil {
		return program{}, Errors{{Line: 1, Column: 1, Message: plain(err.Error(), s)}}
	}
	return program{run: run, scope: s, findings: found}, nil
}

// declarations are the variables of one expression.
func declarations(s scope, f findings) []cel.EnvOption {
	var opts []cel.EnvOption
	attribute := cel.ListType(cel.StringType)
	if s.record != "" {
		opts = append(opts, cel.Variable(s.record, cel.MapType(cel.StringType, attribute)))
	}
	for _, name := range f.idents {
		opts = append(opts, cel.Variable(name, attribute))
	}
	for name, t := range s.vars {
		opts = append(opts, cel.Variable(name, t))
	}
	return opts
}

// eval runs the expression over the variables and what it reads of the record.
func (p program) eval(ctx context.Context, vars map[string]any, record Record) (any, error) {
	in := make(map[string]any, len(vars)+len(p.idents)+1)
	for name, v := range vars {
		in[name] = inbound(v)
	}
	for _, name := range p.idents {
		in[name] = record(name)
	}
	if len(p.keys) > 0 {
		attrs := make(map[string][]string, len(p.keys))
		for _, name := range p.keys {
			attrs[name] = record(name)
		}
		in[p.scope.record] = attrs
	}
	out, _, err := p.run.ContextEval(ctx, in)
	if err != nil {
		return nil, runError(ctx, err)
	}
	return outbound(out)
}

// runError says why an evaluation stopped.
func runError(ctx context.Context, err error) error {
	var over cost.LimitExceededError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &over), isCostLimit(err):
		return ErrCost
	}
	return fmt.Errorf("the expression fails: %w", err)
}

// isCostLimit knows the evaluator's own cancellation for cost.
func isCostLimit(err error) bool {
	var cancelled interpreter.EvalCancelledError
	return errors.As(err, &cancelled) && cancelled.Cause == interpreter.CostLimitExceeded
}

// ErrCost is the error of an evaluation that would take too many steps: the record is far larger than usual.
var ErrCost = errors.New("the expression takes too many steps for this record")

// usual is what the estimate supposes of the sizes of variables.
type usual struct{}

func (usual) EstimateSize(node cost.AstNode) *cost.SizeEstimate {
	if len(node.Path()) == 0 {
		return nil // computed: its size follows from its parts
	}
	limit := uint64(usualValues)
	if k := node.Type().Kind(); slices.Contains(textKinds, k) {
		limit = usualText
	}
	return &cost.SizeEstimate{Min: 0, Max: limit}
}

func (usual) EstimateCallCost(string, string, *cost.AstNode, []cost.AstNode) *cost.CallEstimate {
	return nil // the library's models say it
}
