package scimapi

import (
	"net/http"

	"github.com/scim-adapter/scim-adapter/scim"
)

// health says that the process lives.
func (h *Handler) health(w http.ResponseWriter, r *http.Request, _ *event) error {
	o := scim.NewObject()
	o.Set("status", "ok")
	writePlain(w, r, http.StatusOK, o)
	return nil
}

// ready says whether this replica can serve anybody. It turns 503 while draining and when nothing of any directory answers; a journal that is away leaves
// reads possible, and a table that is gone leaves other types, and so the replica ready. The word then is `partly`, where writes are refused: 200 alone does not say it.
func (h *Handler) ready(w http.ResponseWriter, r *http.Request, _ *event) error {
	status, word := http.StatusServiceUnavailable, "unavailable"
	var checks []any
	onlyReads := false
	for _, c := range h.Service.Ready(r.Context()) {
		if (c.OK || c.Partly) && c.Kind != "journal" {
			status, word = http.StatusOK, "ready"
		}
		onlyReads = onlyReads || c.Kind == "journal" && !c.OK
		o := scim.NewObject()
		o.Set("name", c.Name)
		o.Set("kind", c.Kind)
		switch {
		case c.Spooled:
			o.Set("state", "spooling")
		case c.OK:
			o.Set("state", "up")
		case c.Partly:
			o.Set("state", "partly")
		default:
			o.Set("state", "down")
		}
		o.Set("latency_ms", c.Latency.Milliseconds())
		if c.Error != "" {
			o.Set("error", c.Error)
		}
		checks = append(checks, o)
	}
	if onlyReads && status == http.StatusOK {
		word = "partly"
	}
	if h.stopping() {
		status, word = http.StatusServiceUnavailable, "draining"
	}
	o := scim.NewObject()
	o.Set("status", word)
	o.Set("checks", checks)
	if status != http.StatusOK {
		w.Header().Set("Retry-After", "5")
	}
	writePlain(w, r, status, o)
	return nil
}

// writePlain writes JSON that is no SCIM message.
func writePlain(w http.ResponseWriter, r *http.Request, status int, o *scim.Object) {
	r = r.Clone(r.Context())
	r.Header.Set("Accept", plainJSON)
	writeObject(w, r, status, o)
}
