package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/scim-adapter/scim-adapter/backends"
)

// A search costs what it reads, and not what it finds. That an index is used says little: one that begins with the tenant is, for every search, and reads all
// of the tenant's rows. What a scan of an index reads before its filter the planner does not say. Of a scan by a bitmap it does, and so it is asked once
// more, with nothing else allowed.

// byBitmap are the settings under which indexes are read by bitmaps.
const byBitmap = "SELECT set_config('enable_indexscan', 'off', true), set_config('enable_indexonlyscan', 'off', true), set_config('enable_bitmapscan', 'on', true)"

// scan is a step of a plan that looks at rows one by one, and throws away what does not pass.
type scan struct {
	planNode
	reads  float64 // about how many rows
	whole  bool    // it is all of a table
	paged  bool    // it may stop when a page is full
	joined bool    // it is a join that throws away
}

// scans are such steps of a statement's plan. Those that are made anew for each row of another step count as nothing: they are as many as the other reads.
func (c *class) scans(ctx context.Context, s *shape, st *statement, plan planNode) ([]scan, error) {
	all := plan.scans(false, false)
	var bitmaps *planNode
	for i := range all {
		n := &all[i]
		switch {
		case n.Type == "Bitmap Heap Scan":
			n.reads = n.bitmapRows()
			continue
		case n.Type != "Seq Scan":
			if bitmaps == nil {
				again, err := c.explain(ctx, s, st, byBitmap)
				if err != nil {
					return nil, err
				}
				bitmaps = &again
			}
			if same, ok := bitmaps.find(n.planNode); ok && same.Type == "Bitmap Heap Scan" {
				n.reads = same.bitmapRows()
				continue
			}
		}
		rows, err := c.rowsIn(ctx, s, n.planNode)
		if err != nil {
			return nil, err
		}
		n.reads, n.whole = rows, true
	}
	return all, nil
}

// scans finds the steps. paged: somebody above needs only some of the rows, and takes them as they come; joined: somebody above throws away.
func (n planNode) scans(paged, joined bool) []scan {
	var all []scan
	switch n.Type {
	case "Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan":
		if (n.Filter != "" || joined) && !n.lookedUp() {
			all = append(all, scan{planNode: n, paged: paged, joined: joined && n.Filter == ""})
		}
	case "Limit":
		paged = true
	case "Sort", "Hash", "Aggregate", "Materialize":
		paged = false
	case "Nested Loop", "Hash Join", "Merge Join":
		joined = true
	}
	for _, step := range n.Steps {
		if apart := step.Parent == "SubPlan" || step.Parent == "InitPlan"; apart {
			all = append(all, step.scans(false, false)...)
		} else {
			all = append(all, step.scans(paged, joined)...)
		}
	}
	return all
}

var (
	literalForm   = regexp.MustCompile(`'(?:[^']|'')*'`)
	qualifierForm = regexp.MustCompile(`(` + identifierForm + `)\.`)
)

// lookedUp says that an index is asked for what another step has found.
func (n planNode) lookedUp() bool {
	conds := []string{n.Cond}
	for _, step := range n.Steps { // of a bitmap
		conds = append(conds, step.Cond)
	}
	for _, m := range qualifierForm.FindAllStringSubmatch(literalForm.ReplaceAllString(strings.Join(conds, " "), ""), -1) {
		if alias := strings.Trim(m[1], `"`); alias != n.Alias && alias != n.Schema && alias != "pg_catalog" {
			return true
		}
	}
	return false
}

// bitmapRows is how many rows a bitmap has.
func (n planNode) bitmapRows() float64 {
	switch n.Type {
	case "Bitmap Index Scan":
		return n.Rows
	case "BitmapAnd":
		least := math.Inf(1)
		for _, step := range n.Steps {
			least = min(least, step.bitmapRows())
		}
		return least
	}
	sum := 0.0
	for _, step := range n.Steps {
		if strings.HasPrefix(step.Type, "Bitmap") {
			sum += step.bitmapRows()
		}
	}
	return sum
}

// find is the step that reads the same table in the same place.
func (n planNode) find(other planNode) (planNode, bool) {
	if n.Relation == other.Relation && n.Schema == other.Schema && n.Alias == other.Alias && n.Relation != "" {
		return n, true
	}
	for _, step := range n.Steps {
		if same, ok := step.find(other); ok {
			return same, true
		}
	}
	return planNode{}, false
}

const tenth = 10

// guesses are what filters have of which the planner can only guess how often it holds: a subquery, a document's path, a pattern.
var guesses = []string{"SubPlan", "EXISTS", "@?", "~~", " ~ "}

// soon says that so many rows pass that a page is soon full.
func (n scan) soon() bool {
	guessed := slices.ContainsFunc(guesses, func(g string) bool { return strings.Contains(n.Filter, g) })
	return n.paged && !n.joined && !guessed && n.Rows*tenth >= n.reads
}

// plans remembers for a short while which searches may be sent, so that one that is made again and again does not cost two round trips each time. A search is
// its text and its values: lower(login) LIKE $1 reads a few rows for one pattern and all for another, and so does an = where one value is everybody's. What
// was refused is looked at anew: an index may have been made.
type plans struct {
	mu       sync.Mutex
	admitted map[planID]time.Time
}

// planID is a search's digest.
type planID [sha256.Size]byte

const (
	plannedFor = time.Minute
	mostPlans  = 10_000 // more searches are forgotten, all at once
)

func (st *statement) id() planID {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%q", st.String())
	for _, arg := range st.args {
		_, _ = fmt.Fprintf(h, " %T %#v", arg, arg)
	}
	return planID(h.Sum(nil))
}

// admitSearch asks whether a search may be run, before it is: the search alone, for what is joined with what it finds is looked up.
func (c *class) admitSearch(ctx context.Context, s *shape, build func(*shape, *statement) error) error {
	st := &statement{alone: true}
	if err := build(s, st); err != nil {
		return err
	}
	return c.admit(ctx, s, st)
}

// admit refuses a search that the database would answer by reading more rows one by one than max_scan_rows, so that an index is made rather than the
// database kept busy. It is asked before a statement is sent that has a condition of its caller's.
func (c *class) admit(ctx context.Context, s *shape, st *statement) error {
	most := c.d.cfg.MaxScanRows
	if most == 0 {
		return nil
	}
	id := st.id()
	c.plans.mu.Lock()
	when, ok := c.plans.admitted[id]
	c.plans.mu.Unlock()
	if age := c.d.now().Sub(when); ok && age >= 0 && age < plannedFor {
		return nil
	}
	plan, err := c.explain(ctx, s, st)
	if err != nil {
		return err
	}
	scans, err := c.scans(ctx, s, st, plan)
	if err != nil {
		return err
	}
	if err := s.refusal(scans, most); err != nil {
		return err
	}
	c.plans.mu.Lock()
	defer c.plans.mu.Unlock()
	if c.plans.admitted == nil || len(c.plans.admitted) >= mostPlans {
		c.plans.admitted = map[planID]time.Time{}
	}
	c.plans.admitted[id] = c.d.now()
	return nil
}

// refusal says why a plan is not to be run; nil for one that may.
func (s *shape) refusal(scans []scan, most int) error {
	for _, n := range scans {
		if n.reads <= float64(most) || n.soon() {
			continue
		}
		all := ""
		if n.whole {
			all = "all of the "
		}
		return &backends.Error{
			Kind: backends.ErrTooMany,
			Detail: fmt.Sprintf("The search would read %sabout %.0f rows of %s one by one, and max_scan_rows allows %d. No index serves %s.",
				all, n.reads, n.Relation, most, s.mentioned(n.planNode)),
		}
	}
	return nil
}

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

// columnsOf are the columns that a condition of a plan mentions, and other words.
func columnsOf(cond string) []string { return identifiers(literalForm.ReplaceAllString(cond, "")) }

// lookedUpBy are the columns by which a step reads its index, and those that the class's own condition is about.
func (s *shape) lookedUpBy(scan planNode) []string {
	known := append(columnsOf(scan.Cond), columnsOf(s.class.at.Where)...)
	for _, step := range scan.Steps {
		known = append(known, columnsOf(step.Cond)...)
	}
	return known
}

// mentioned are the columns that a step filters by.
func (s *shape) mentioned(scan planNode) string {
	names, known := columnsOf(scan.Filter), s.lookedUpBy(scan)
	var columns []string
	s.relations(func(_ string, r *relation) bool {
		for _, c := range r.columns {
			if r.name == scan.Relation && r.schema == scan.Schema && slices.Contains(names, c.name) && !slices.Contains(known, c.name) && !slices.Contains(columns, c.name) {
				columns = append(columns, c.name)
			}
		}
		return true
	})
	if len(columns) == 0 {
		return "it" // what it looks at is in a subquery, behind a view, in a partition
	}
	return "what it asks of " + strings.Join(columns, ", ")
}
