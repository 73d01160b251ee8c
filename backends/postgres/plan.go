package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
)

// planNode is a step of a plan, as EXPLAIN (FORMAT JSON, VERBOSE) has it.
type planNode struct {
	Type     string     `json:"Node Type"`
	Schema   string     `json:"Schema"`
	Relation string     `json:"Relation Name"`
	Alias    string     `json:"Alias"`
	Index    string     `json:"Index Name"`
	Cond     string     `json:"Index Cond"`
	Filter   string     `json:"Filter"`
	Rows     float64    `json:"Plan Rows"`
	Steps    []planNode `json:"Plans"`
}

// Plan asks the database how it would answer q: a line for each step, and one of advice where it has to read a whole table to find what an index would.
func (c *class) Plan(ctx context.Context, q backends.Query) ([]string, error) {
	s, err := c.shape(ctx)
	if err != nil {
		return nil, err
	}
	st := &statement{}
	if _, err := s.walkQuery(st, q); err != nil {
		return nil, err
	}
	plan, err := c.explain(ctx, s, st)
	if err != nil {
		return nil, err
	}
	lines := plan.lines(0)
	var seen []string
	for _, scan := range plan.scans() {
		for _, a := range s.advise(scan, q.Where) {
			if !slices.Contains(seen, a.create) {
				seen = append(seen, a.create)
				lines = append(lines, scan.Relation+" is read whole: an index on "+a.on+" would serve: "+a.create)
			}
		}
	}
	for _, scan := range plan.filters() {
		for _, line := range s.adviseBound(scan, q.Where) {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines, nil
}

// explain has a statement planned and not run.
func (c *class) explain(ctx context.Context, s *shape, st *statement) (planNode, error) {
	ask := &statement{args: st.args}
	ask.sql("EXPLAIN (FORMAT JSON, VERBOSE) ", st.String())
	var answer []struct{ Plan planNode }
	err := c.d.withConn(ctx, s, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return false, c.d.run(ctx, conn, c.tenant, c.d.cfg.Timeout, ask, func(rows pgx.Rows) error {
			return json.Unmarshal(rows.RawValues()[0], &answer)
		})
	})
	switch {
	case err != nil:
		return planNode{}, err
	case len(answer) != 1:
		return planNode{}, &backends.Error{Kind: backends.ErrUnavailable, Detail: "The database did not tell its plan."}
	}
	return answer[0].Plan, nil
}

// lines are the steps from the outermost on.
func (n planNode) lines(depth int) []string {
	line := strings.Repeat("  ", depth) + n.Type
	if n.Relation != "" {
		line += " on " + n.Relation
	}
	if n.Index != "" {
		line += " using " + n.Index
	}
	rows := "rows"
	if n.Rows == 1 {
		rows = "row"
	}
	line += fmt.Sprintf(" (about %.0f %s)", n.Rows, rows)
	lines := []string{line}
	for _, step := range n.Steps {
		lines = append(lines, step.lines(depth+1)...)
	}
	return lines
}

// scans are the steps that read a whole table, or a whole index in its order, and throw away what does not pass a filter.
func (n planNode) scans() []planNode {
	var all []planNode
	switch n.Type {
	case "Seq Scan":
		if n.Filter != "" {
			all = append(all, n)
		}
	case "Index Scan", "Index Only Scan":
		// Behind a cursor the index is read from a key on: a condition, and no equality.
		if n.Filter != "" && !strings.Contains(n.Cond, " = ") {
			all = append(all, n)
		}
	}
	for _, step := range n.Steps {
		all = append(all, step.scans()...)
	}
	return all
}

// filters are the steps that look at rows of a table one by one.
func (n planNode) filters() []planNode {
	var all []planNode
	if n.Relation != "" && n.Filter != "" {
		all = append(all, n)
	}
	for _, step := range n.Steps {
		all = append(all, step.filters()...)
	}
	return all
}

// plans remembers for a short while whether a statement may be sent, so that a search does not cost two round trips each time.
type plans struct {
	mu    sync.Mutex
	known map[string]planned
}

// planned is what became of a statement.
type planned struct {
	when    time.Time
	refusal error
}

const (
	plannedFor = time.Minute
	mostPlans  = 1000 // more statements are forgotten, all at once
)

// admit refuses a search that the database would answer by reading more rows one by one than max_scan_rows, so that an index is made rather than the
// database kept busy. It is asked before a statement is sent that has a condition of its caller's.
func (c *class) admit(ctx context.Context, s *shape, st *statement) error {
	most := c.d.cfg.MaxScanRows
	if most == 0 {
		return nil
	}
	text := st.String()
	c.plans.mu.Lock()
	known, ok := c.plans.known[text]
	c.plans.mu.Unlock()
	if age := c.d.now().Sub(known.when); ok && age >= 0 && age < plannedFor {
		return known.refusal
	}
	plan, err := c.explain(ctx, s, st)
	if err != nil {
		return err
	}
	refusal, err := c.refusal(ctx, s, plan, most)
	if err != nil {
		return err
	}
	c.plans.mu.Lock()
	defer c.plans.mu.Unlock()
	if c.plans.known == nil || len(c.plans.known) >= mostPlans {
		c.plans.known = map[string]planned{}
	}
	c.plans.known[text] = planned{c.d.now(), refusal}
	return refusal
}

// refusal says why a plan is not to be run; nil for one that may.
func (c *class) refusal(ctx context.Context, s *shape, plan planNode, most int) (refusal, err error) {
	for _, scan := range plan.scans() {
		rows, err := c.rowsIn(ctx, s, scan)
		switch {
		case err != nil:
			return nil, err
		case rows <= float64(most):
			continue
		case scan.Type != "Seq Scan" && scan.Rows*tenth >= rows:
			continue // so many pass that a page is soon full
		}
		return &backends.Error{
			Kind: backends.ErrTooMany,
			Detail: fmt.Sprintf("The search would read all of the about %.0f rows of %s, and max_scan_rows allows %d. It needs an index on %s.",
				rows, scan.Relation, most, s.mentioned(scan)),
		}, nil
	}
	return nil, nil
}

const tenth = 10

// rowsIn is how many rows the scanned table has, as the database last counted.
func (c *class) rowsIn(ctx context.Context, s *shape, scan planNode) (rows float64, err error) {
	st := (&statement{}).sql("SELECT greatest(c.reltuples, 0)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ").
		arg(scan.Schema, "text").sql(" AND c.relname = ").arg(scan.Relation, "text")
	err = c.d.withConn(ctx, s, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		return false, c.d.run(ctx, conn, c.tenant, c.d.cfg.Timeout, st, func(answer pgx.Rows) error {
			return json.Unmarshal(answer.RawValues()[0], &rows)
		})
	})
	if math.IsNaN(rows) {
		rows = 0
	}
	return rows, err
}

// mentioned are the columns that a step filters by.
func (s *shape) mentioned(scan planNode) string {
	names := identifiers(scan.Filter)
	var columns []string
	s.relations(func(_ string, r *relation) bool {
		for _, c := range r.columns {
			if r.name == scan.Relation && r.schema == scan.Schema && slices.Contains(names, c.name) && !slices.Contains(columns, c.name) {
				columns = append(columns, c.name)
			}
		}
		return true
	})
	if len(columns) == 0 {
		return "what it compares there" // behind a view, or in a partition
	}
	return strings.Join(columns, ", ")
}
