package scimapi

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"sort"

	"github.com/scim-adapter/scim-adapter/scim"
)

// bulk is a bulk request that is being done. Its operations are done in their order, but one that refers to resources that others create waits until those
// are there. Where operations wait for each other in a circle, the first of them creates its resource without the references that cannot be resolved yet,
// and adds them by a PATCH, its second step, as soon as they can be (RFC 7644 §3.7.1).
type bulk struct {
	h          *Handler
	e          *event
	base       string
	dry        bool // each operation is only planned, against what stands
	limit      int  // failOnErrors; 0: none
	ops        []bulkOp
	declared   map[string]int // the POST of each bulkId
	ready      readyHeap      // operations that need to wait for nothing, the first on top
	first      int            // no operation before this one waits
	walk       []int          // operations each of which waits for the next, see breakCircle
	place      []int          // where in walk an operation is
	failed     int
	logged     int      // causes of failures in the log
	retryAfter int      // seconds
	dropped    []string // names that nothing is mapped for
	before     func()   // is called before each operation
}

// bulkState is how far an operation is.
type bulkState uint8

const (
	waits   bulkState = iota // not begun
	created                  // the resource is there, without what goes into it in a second step
	done
)

// bulkOp is one operation on its way.
type bulkOp struct {
	scim.BulkOperation
	target
	state     bulkState
	needs     []int // the operations that create what this one refers to; never itself
	about     int   // the operation that creates the resource that this one's path names; -1: none does
	waiting   int   // how many of needs have neither created their resource nor failed; and about, until it is done
	waiters   []int // the operations that need this one
	followers []int // the operations that are about what this one creates: they see it complete
	later     *scim.Object
	status    int
	etag      string
	location  string
	failure   *scim.Error
	plan      *scim.Object // of a dry run: what the operation would come to
}

// exists says whether the resource that others refer to is there.
func (op *bulkOp) exists() bool {
	return op.state == created || op.state == done && op.location != "" && op.Method == http.MethodPost
}

// readyHeap is a heap of indices of operations.
type readyHeap struct{ sort.IntSlice }

func (r *readyHeap) Push(x any) { r.IntSlice = append(r.IntSlice, x.(int)) } //nolint:forcetypeassert,errcheck // nothing else is pushed
func (r *readyHeap) Pop() any {
	last := len(r.IntSlice) - 1
	x := r.IntSlice[last]
	r.IntSlice = r.IntSlice[:last]
	return x
}

// planBulk finds out what each operation is about, and which need which.
func (h *Handler) planBulk(e *event, base string, request scim.BulkRequest) *bulk {
	b := &bulk{h: h, e: e, base: base, limit: request.FailOnErrors, ops: make([]bulkOp, len(request.Operations)), declared: map[string]int{}, before: func() {}}
	twice := map[string]bool{}
	for i, op := range request.Operations {
		b.ops[i].BulkOperation, b.ops[i].about = op, -1
		if op.Method != http.MethodPost || op.BulkID == "" {
			continue
		}
		if _, ok := b.declared[op.BulkID]; ok {
			twice[op.BulkID] = true
		}
		b.declared[op.BulkID] = i
	}
	for i := range b.ops {
		op := &b.ops[i]
		if op.Err == nil {
			op.target, op.Err = h.bulkTarget(op.Method, op.Path)
		}
		switch {
		case op.Err != nil:
		case op.Method == http.MethodPost && twice[op.BulkID]:
			op.Err = scim.BadRequest(scim.InvalidValue, "The bulkId %q is given to more than one POST, so that a reference to it would be to either; none of them was done.", truncate(op.BulkID, 80))
		default:
			op.Err = b.depend(i)
		}
		if op.Err == nil && op.waiting > 0 {
			continue
		}
		heap.Push(&b.ready, i)
	}
	return b
}

// depend notes which operations one needs. A bulkId that no POST declares is its error.
func (b *bulk) depend(i int) error {
	op := &b.ops[i]
	refs := op.References
	subject, isAbout := scim.BulkReference(op.id)
	if isAbout {
		refs = append([]string{subject}, refs...)
	}
	for _, bulkID := range refs {
		if _, ok := b.declared[bulkID]; !ok {
			return scim.BadRequest(scim.InvalidValue, "bulkId %q is referred to, but no POST of this request has it.", truncate(bulkID, 80))
		}
	}
	for _, bulkID := range op.References {
		if j := b.declared[bulkID]; j != i {
			op.needs = append(op.needs, j)
			b.ops[j].waiters = append(b.ops[j].waiters, i)
		}
	}
	op.waiting = len(op.needs)
	if isAbout {
		op.about = b.declared[subject]
		b.ops[op.about].followers = append(b.ops[op.about].followers, i)
		op.waiting++
	}
	op.References = nil
	return nil
}

// run does what there is to do, until enough has failed, nobody waits for the answer any more or the process is stopping.
func (b *bulk) run(ctx context.Context) error {
	for b.limit == 0 || b.failed < b.limit {
		if b.h.stopping() {
			return b.endEarly(ctx)
		}
		i, ok := b.next()
		if !ok {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b.before()
		if b.ops[i].state == created {
			b.secondStep(ctx, i)
		} else {
			b.firstStep(ctx, i)
		}
	}
	for i := range b.ops {
		if op := &b.ops[i]; op.state == created {
			b.fail(ctx, i, scim.Errorf(http.StatusConflict, "", "The resource was created without its references to other resources of this request, because failOnErrors ended the request before they could be added."))
		}
	}
	return nil
}

// errStopping is the answer to what is not begun any more.
func errStopping() *scim.Error {
	return &scim.Error{Status: http.StatusServiceUnavailable, Detail: "The service is stopping, and this was not begun; send it again.", RetryAfter: 5}
}

// endEarly ends the request of a process that is stopping: the client must have the answer before the connection is closed. No operation is begun, but what
// was created gets the references that it lacks, if all of them are there.
func (b *bulk) endEarly(ctx context.Context) error {
	for i := range b.ops {
		if b.ops[i].state == waits {
			b.end(i, errStopping())
		}
	}
	for i := range b.ops {
		if b.ops[i].state != created {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b.before()
		b.secondStep(ctx, i)
	}
	return nil
}

// next is the operation to go on with.
func (b *bulk) next() (int, bool) {
	if b.ready.Len() > 0 {
		return heap.Pop(&b.ready).(int), true //nolint:forcetypeassert,errcheck // nothing else is pushed
	}
	for ; b.first < len(b.ops); b.first++ {
		if b.ops[b.first].state == waits {
			return b.breakCircle(b.first), true
		}
	}
	return 0, false
}

// breakCircle chooses, when every operation that was not begun waits for another, the one to begin with: the first, in the circle that the given one waits
// for, of which the references can be added afterwards.
func (b *bulk) breakCircle(from int) int {
	if b.place == nil {
		b.place = make([]int, len(b.ops))
	}
	// The walk goes on where the last one found its circle, as far as those on it still wait: for each other, then, as before.
	still := slices.IndexFunc(b.walk, func(i int) bool { return b.ops[i].state != waits })
	if still >= 0 {
		b.walk = b.walk[:still]
	}
	i := from
	if n := len(b.walk); n > 0 {
		i = b.awaited(b.walk[n-1])
	}
	for !b.walked(i) {
		b.place[i] = len(b.walk)
		b.walk = append(b.walk, i)
		i = b.awaited(i)
	}
	circle := slices.Sorted(slices.Values(b.walk[b.place[i]:]))
	for _, i := range circle {
		body, err := b.ops[i].Data(b.resolve)
		if err != nil {
			continue
		}
		if _, err := b.ops[i].rt.LeaveOut(body); err == nil {
			return i
		}
	}
	return circle[0]
}

// walked says whether an operation is on the walk.
func (b *bulk) walked(i int) bool {
	at := b.place[i]
	return at < len(b.walk) && b.walk[at] == i
}

// awaited is the first operation that one waits for, when nothing is ready.
func (b *bulk) awaited(i int) int {
	op := &b.ops[i]
	for _, j := range op.needs {
		if b.ops[j].state == waits {
			return j
		}
	}
	if b.ops[op.about].state == created {
		return b.awaited(op.about) // it waits for its second step, and so for what that needs
	}
	return op.about
}

// resolve gives the id of the resource that a bulkId stands for, if it exists.
func (b *bulk) resolve(bulkID string) (string, bool) {
	i, ok := b.declared[bulkID]
	if !ok || !b.ops[i].exists() {
		return "", false
	}
	return b.ops[i].id, true
}

// firstStep does an operation: the whole of it, unless it refers to resources that do not exist yet.
func (b *bulk) firstStep(ctx context.Context, i int) {
	op := &b.ops[i]
	if op.rt != nil && op.id != "" {
		if bulkID, ok := scim.BulkReference(op.id); ok {
			op.id, _ = b.resolve(bulkID)
		}
		if op.id != "" {
			op.location = b.base + op.rt.Endpoint + "/" + url.PathEscape(op.id)
		}
	}
	err := op.Err
	if err == nil {
		err = b.refused(op)
	}
	if err == nil {
		err = b.begin(ctx, op)
	}
	switch {
	case err != nil:
		b.fail(ctx, i, err)
	case op.later != nil:
		op.state = created
	default:
		op.state = done
	}
	b.release(op.waiters)
	switch {
	case op.state == done:
		b.release(op.followers)
	case op.waiting == 0:
		heap.Push(&b.ready, i)
	}
}

// release tells operations that one that they waited for has got far enough.
func (b *bulk) release(waiting []int) {
	for _, j := range waiting {
		op := &b.ops[j]
		op.waiting--
		// It may have been begun without that one, to break a circle; then its second step is due.
		if op.waiting == 0 && op.state != done {
			heap.Push(&b.ready, j)
		}
	}
}

// refused is the error of an operation that refers to what was not created.
func (b *bulk) refused(op *bulkOp) error {
	needs := op.needs
	if op.about >= 0 {
		needs = append([]int{op.about}, needs...)
	}
	if b.dry && len(needs) > 0 {
		return scim.Errorf(http.StatusConflict, "", "bulkId %q is referred to, and a dry run makes nothing that could be referred to, so this operation was not planned. Ask again when that resource is there.",
			truncate(b.ops[needs[0]].BulkID, 80))
	}
	for _, j := range needs {
		if needed := &b.ops[j]; needed.state == done && !needed.exists() {
			return scim.Errorf(http.StatusConflict, "", "bulkId %q is referred to, but the operation that was to create it failed.", truncate(needed.BulkID, 80))
		}
	}
	return nil
}

// begin does the operation with the references that can be resolved.
func (b *bulk) begin(ctx context.Context, op *bulkOp) error {
	body, err := op.Data(b.resolve)
	if err != nil {
		return err
	}
	var later *scim.Object
	if op.Method == http.MethodPost {
		if later, err = op.rt.LeaveOut(body); err != nil {
			return err
		}
		if err := scim.DryRunInBody(op.rt, op.Method, later); err != nil {
			return err // before the first step, too
		}
	}
	if err := b.write(ctx, op, op.Method, body); err != nil {
		var known *scim.Error
		if errors.As(err, &known) && later.Len() > 0 {
			known = known.Wrap(known.Cause)
			known.Detail += " (The resource was to be created without what refers to resources that wait for it themselves.)"
			err = known
		}
		return err
	}
	if later.Len() > 0 {
		op.later = later
	}
	return nil
}

// secondStep adds the references that the first step left out.
func (b *bulk) secondStep(ctx context.Context, i int) {
	op := &b.ops[i]
	status := op.status
	err := b.refused(op)
	if err == nil {
		scim.ResolveBulkIDs(op.later, b.resolve)
		err = b.write(ctx, op, http.MethodPatch, addition(op.later))
	}
	op.later = nil
	op.state, op.status = done, status
	defer b.release(op.followers)
	if err == nil {
		return
	}
	known := b.known(err)
	known.Detail = "The resource was created, but without its references to other resources of this request: " + known.Detail
	b.fail(ctx, i, known)
}

// addition is the PATCH that adds what an object holds.
func addition(o *scim.Object) *scim.Object {
	op := scim.NewObject()
	op.Set("op", "add")
	op.Set("value", o)
	body := scim.NewObject()
	body.Set("schemas", []any{scim.PatchOpURN})
	body.Set("Operations", []any{op})
	return body
}

// write does one write and notes in the operation what came of it. A panic is this operation's failure: what the others did must reach the client.
func (b *bulk) write(ctx context.Context, op *bulkOp, method string, body *scim.Object) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	req := scim.Request{Caller: b.e.caller, Type: op.rt, Base: b.base}
	// Resources are not shown, so little need be read of them: an id, and the version that goes with it.
	if b.dry {
		req.Preview = &scim.Preview{}
	} else if req.Projection, err = op.rt.ParseProjection("id", ""); err != nil {
		return err
	}
	if op.Version != nil {
		var ok bool
		if req.IfMatch, ok = writeCondition([]string{*op.Version}); !ok {
			return scim.BadRequest(scim.InvalidValue, `The version cannot be read; write the entity tag as the answer had it, such as W/"x", or leave the member out.`)
		}
	}
	res, dropped, err := b.h.write(ctx, method, req, op.id, body)
	for _, name := range dropped {
		if len(b.dropped) < maxDroppedShown && !slices.Contains(b.dropped, name) {
			b.dropped = append(b.dropped, name)
		}
	}
	if err != nil {
		return err
	}
	op.status = statusOf(method, op.rt, scim.Projection{})
	if b.dry {
		op.plan, op.status = previewed(req.Preview, op.status, res, dropped), http.StatusOK
		return nil
	}
	if res == nil { // deleted
		return nil
	}
	op.id, op.etag, op.location = res.ID, res.Version, res.Location
	return nil
}

// known is err as the client may read it, and free to be changed.
func (b *bulk) known(err error) *scim.Error {
	var known *scim.Error
	if !errors.As(err, &known) {
		return b.h.translate(err)
	}
	return known.Wrap(known.Cause)
}

// fail ends an operation with an error.
func (b *bulk) fail(ctx context.Context, i int, err error) {
	known := b.known(err)
	b.end(i, known)
	b.problem(ctx, i, err, known)
}

// end ends an operation with what the client reads.
func (b *bulk) end(i int, known *scim.Error) {
	op := &b.ops[i]
	op.state, op.status, op.failure = done, known.Status, known
	b.failed++
	b.retryAfter = max(b.retryAfter, known.RetryAfter)
}
