package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
)

// planNode is a step of a plan, as EXPLAIN (FORMAT JSON, VERBOSE) has it.
type planNode struct {
	Type     string     `json:"Node Type"`
	Parent   string     `json:"Parent Relationship"`
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
	if err := s.walkQuery(st, q); err != nil {
		return nil, err
	}
	plan, err := c.explain(ctx, s, st)
	if err != nil {
		return nil, err
	}
	lines := plan.lines(0)
	scans, err := c.scans(ctx, s, st, plan)
	if err != nil {
		return nil, err
	}
	for _, scan := range scans {
		for _, line := range s.adviceFor(scan, q.Where) {
			if !slices.Contains(lines, line) {
				lines = append(lines, line)
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

// explain has a statement planned and not run, under settings of the planner.
func (c *class) explain(ctx context.Context, s *shape, st *statement, settings ...string) (planNode, error) {
	ctx, cancel := context.WithTimeout(ctx, c.d.cfg.Timeout+grace)
	defer cancel()
	var answer []struct{ Plan planNode }
	err := c.d.withConn(ctx, s, func(ctx context.Context, conn *pgxpool.Conn) (bool, error) {
		batch := &pgx.Batch{}
		c.d.introduce(batch, conn.Conn(), c.tenant, c.d.cfg.Timeout)
		for _, setting := range settings {
			batch.Queue(setting)
		}
		var text []byte
		batch.Queue("EXPLAIN (FORMAT JSON, VERBOSE) "+st.String(), st.args...).QueryRow(func(row pgx.Row) error { return row.Scan(&text) })
		if err := conn.SendBatch(ctx, batch).Close(); err != nil {
			return false, err
		}
		return false, json.Unmarshal(text, &answer)
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
