// Package scimapi is SCIM over HTTP (RFC 7644): it decodes a request, calls the Service and encodes the answer.
//
// A request meets, from the outside in: the request event and the panic guard (event.go), which see every
// request, those that no route matches too; authentication and the size limits (handler.go); the route's own
// handler (resources.go and writes.go for one resource, search.go and root.go for many, me.go, bulk.go, discovery.go,
// health.go), which returns its error; and writeError (errors.go), the one place where an error becomes a status. gorilla/mux only matches paths: methods are dispatched here, so that
// 405 carries Allow and HEAD works (DESIGN.md, "HTTP details worth knowing").
//
// The package has heard of neither mappings nor directories. cmd wires it to adapter.Service and to an
// authenticator of scimapi/auth, and serves the Handler.
package scimapi
