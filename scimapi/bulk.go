package scimapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/scim"
)

// bulkMethods is the route /Bulk: a bulk request (RFC 7644 §3.7), or 501 where the configuration says that there is none.
func (h *Handler) bulkMethods() methods {
	if h.Bulk.MaxOperations > 0 {
		return methods{http.MethodPost: h.bulk}
	}
	return notImplemented("Bulk requests are switched off here: scim.bulk_max_operations is 0.")
}

// bulk reads the whole request, then does its operations, each as a request of its own would be done, and answers with what came of them.
func (h *Handler) bulk(w http.ResponseWriter, r *http.Request, e *event) error {
	plan, err := h.preview(w, r, e)
	if err != nil {
		return err
	}
	if _, err := parseQuery(r); err != nil {
		return err
	}
	if h.stopping() {
		return errStopping()
	}
	control := http.NewResponseController(w)
	request, err := h.readBulk(w, r)
	if err != nil {
		return err
	}
	b := h.planBulk(e, h.baseURL(r), request)
	b.dry = plan != nil
	b.before = func() { h.moreTime(control, e) }
	err = b.run(r.Context())
	b.account()
	if err != nil {
		return err
	}
	if b.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(b.retryAfter))
	}
	b.before()
	writeObject(w, r, http.StatusOK, b.response())
	return nil
}

// moreTime gives the connection the time for an answer from now on, before each operation: together they may take longer than one request may. (The deadline
// for reading ends by itself with the body.) Where there is no connection, as in tests, there is no deadline.
func (h *Handler) moreTime(control *http.ResponseController, e *event) {
	if h.WriteTimeout == 0 {
		return
	}
	if err := control.SetWriteDeadline(time.Now().Add(h.WriteTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		h.Logger.Warn("a bulk request keeps the connection's deadline", "request_id", e.caller.RequestID, "error", err)
	}
}

// target is what the path of an operation is about.
type target struct {
	rt *scim.ResourceType
	id string // "" for the type's endpoint
}

// bulkTarget reads an operation's path, "/Users" or "/Users/{id}", relative to the service's root. A slash before it and one behind make no difference.
func (h *Handler) bulkTarget(method, path string) (target, error) {
	if strings.Contains(path, "://") || strings.HasPrefix(path, "//") || h.BasePath != "" && strings.HasPrefix(path, h.BasePath+"/") {
		return target{}, scim.BadRequest(scim.InvalidPath, "The path %q must begin at the service's root, as /Users and /Groups/{id} do.", truncate(path, 80))
	}
	if strings.ContainsAny(path, "?#") {
		return target{}, scim.BadRequest(scim.InvalidPath, "The path %q has a query; the operations of a bulk request take none.", truncate(path, 80))
	}
	trimmed := strings.TrimSuffix("/"+strings.TrimPrefix(path, "/"), "/")
	var t target
	for _, rt := range h.types {
		rest, ok := strings.CutPrefix(trimmed, rt.Endpoint)
		if !ok || rest != "" && rest[0] != '/' {
			continue
		}
		id, err := url.PathUnescape(strings.TrimPrefix(rest, "/"))
		if err != nil || strings.Contains(strings.TrimPrefix(rest, "/"), "/") || id == ".search" {
			break
		}
		t = target{rt, id}
	}
	switch {
	case t.rt == nil:
		return target{}, scim.Errorf(http.StatusNotFound, "", "The path %q is of no resource and of no type of resources; the types are listed at %s/ResourceTypes.", truncate(path, 80), h.BasePath)
	case method == http.MethodPost && t.id != "":
		return t, scim.Errorf(http.StatusMethodNotAllowed, "", "A POST makes a new resource: its path is %s, without an id.", t.rt.Endpoint)
	case method != http.MethodPost && t.id == "":
		return t, scim.Errorf(http.StatusMethodNotAllowed, "", "A %s is about one resource: its path is %s/{id}.", method, t.rt.Endpoint)
	}
	return t, nil
}

// response is the answer (RFC 7644 §3.7.3): what was done, in the order of the request. What was not begun is not in it.
func (b *bulk) response() *scim.Object {
	operations := []any{}
	for i := range b.ops {
		op := &b.ops[i]
		if op.state == waits {
			continue
		}
		o := scim.NewObject()
		for _, m := range []struct{ name, text string }{
			{"location", op.location}, {"method", truncate(op.Method, 32)}, {"bulkId", op.BulkID}, {"version", op.etag},
		} {
			if m.text != "" {
				o.Set(m.name, m.text)
			}
		}
		o.Set("status", strconv.Itoa(op.status))
		if op.failure != nil {
			o.Set("response", op.failure.Object())
		} else if op.plan != nil {
			o.Set("response", op.plan)
		}
		operations = append(operations, o)
	}
	o := scim.NewObject()
	o.Set("schemas", []any{scim.BulkResponseURN})
	o.Set("Operations", operations)
	return o
}

// maxDroppedShown is how many names the line of a bulk request lists that nothing is mapped for. The journal has those of each write.
const maxDroppedShown = 100

// account adds to the request's event what was done, and counts the operations.
func (b *bulk) account() {
	done, failed := 0, 0
	for i := range b.ops {
		op := &b.ops[i]
		if op.state == waits {
			continue
		}
		done++
		if op.failure != nil {
			failed++
		}
		if !b.dry {
			b.h.Metrics.bulkOperation(op.Method, op.status)
		}
	}
	b.e.more = append(b.e.more, slog.Int("operations", len(b.ops)), slog.Int("done", done), slog.Int("failed", failed))
	b.e.dropped = b.dropped
}

// maxCauses is of how many operations of one bulk request the log has the cause: with a directory that is away all of them fail alike.
const maxCauses = 20

// problem puts the cause of an operation's failure into the log where the client is not told it.
func (b *bulk) problem(ctx context.Context, i int, err error, known *scim.Error) {
	if known.Status < 500 || b.logged == maxCauses {
		return
	}
	b.logged++
	b.h.Logger.LogAttrs(context.WithoutCancel(ctx), slog.LevelError, "an operation of a bulk request failed",
		slog.String("request_id", b.e.caller.RequestID), slog.Int("operation", i+1), slog.String("method", b.ops[i].Method),
		slog.Int("status", known.Status), slog.String("error", errorText(err)))
}
