package main

import (
	"testing"

	"github.com/scim-adapter/scim-adapter/adapter/journal/pgjournal"
	"github.com/scim-adapter/scim-adapter/backends/postgres/pgtest"
)

// What a shadow has made stands in the journal alone. While a part of that waits in a spool, nobody says of it what may be false: neither that it is not there, nor how it was before.
func TestAShadowsOwnResourceIsUnavailableWhileItWaitsInTheSpool(t *testing.T) {
	server := pgtest.StartServer(t)
	db := server.Database(t)
	pgtest.Exec(t, db.Admin, pgjournal.Script())
	w := serveSpooled(t, spoolConfig(t, startEmbedded(t).URL(), db, "scim: {mode: shadow}\n"), db)
	early := w.do("POST", "/Users", person("early")).want(t, 201).id()
	w.do("GET", "/Users/"+early, nil).want(t, 200)

	// The database can be read and not be written, as a standby.
	pgtest.Exec(t, db.Admin, "REVOKE INSERT ON audit.events FROM scim_app")
	late := w.do("POST", "/Users", person("late")).want(t, 201).id()
	for _, id := range []string{early, late} {
		if a := w.do("GET", "/Users/"+id, nil).want(t, 503); a.header.Get("Retry-After") == "" {
			t.Errorf("%v", a.header)
		}
		w.do("PATCH", "/Users/"+id, patch(op("replace", "title", "x"))).want(t, 503)
		w.do("DELETE", "/Users/"+id, nil).want(t, 503)
	}
	w.do("GET", "/Users/00000000-0000-4000-8000-000000000000", nil).want(t, 404) // which no shadow has made
	pgtest.Exec(t, db.Admin, "GRANT INSERT ON audit.events TO scim_app")
	w.back()
	w.do("PATCH", "/Users/"+early, patch(op("replace", "title", "Boss"))).want(t, 200)
	if a := w.do("GET", "/Users/"+late, nil).want(t, 200); a.text("userName") != "late" {
		t.Errorf("%s", a.raw)
	}

	server.Kill()
	last := w.do("POST", "/Users", person("last")).want(t, 201).id()
	w.do("GET", "/Users/"+last, nil).want(t, 503)
	w.do("GET", "/Users/"+early, nil).want(t, 503)
	server.Start()
	w.back()
	w.do("GET", "/Users/"+last, nil).want(t, 200)
	w.do("DELETE", "/Users/"+last, nil).want(t, 204)
	w.do("GET", "/Users/"+last, nil).want(t, 404)
}
