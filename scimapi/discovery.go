package scimapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/scim"
)

// Discovery documents (RFC 7644 §4) are made from what is mapped, so they cannot promise more than is served.

// refuseFilter is RFC 7644 §4: discovery cannot be filtered, and saying 403 is better than answering something else. All other parameters are ignored, as
// the section has it, whatever they say: these documents are whole or not at all.
func refuseFilter(r *http.Request) error {
	for name := range r.URL.Query() {
		if !strings.EqualFold(name, "filter") {
			continue
		}
		return &scim.Error{Status: http.StatusForbidden, Detail: "Discovery endpoints take no filter (RFC 7644 §4)."}
	}
	return nil
}

func (h *Handler) listResourceTypes(w http.ResponseWriter, r *http.Request, _ *event) error {
	if err := refuseFilter(r); err != nil {
		return err
	}
	base := h.baseURL(r)
	all := make([]*scim.Object, len(h.types))
	for i, rt := range h.types {
		all[i] = resourceTypeObject(base, rt)
	}
	writeObject(w, r, http.StatusOK, wholeList(all))
	return nil
}

func (h *Handler) getResourceType(w http.ResponseWriter, r *http.Request, e *event) error {
	if err := refuseFilter(r); err != nil {
		return err
	}
	id, err := e.resourceID()
	if err != nil {
		return err
	}
	for _, rt := range h.types {
		if strings.EqualFold(rt.ID, id) {
			writeObject(w, r, http.StatusOK, resourceTypeObject(h.baseURL(r), rt))
			return nil
		}
	}
	return &scim.Error{Status: http.StatusNotFound, Detail: "No resource type is called " + truncate(id, 200) + "."}
}

func resourceTypeObject(base string, rt *scim.ResourceType) *scim.Object {
	return rt.Object(base + "/ResourceTypes/" + url.PathEscape(rt.ID))
}

// schemas lists each schema that is served once, however many types have it, the resources' first, then those of discovery itself (RFC 7643 §5 to §7).
func (h *Handler) schemas() []*scim.Schema {
	var all []*scim.Schema
	add := func(s *scim.Schema) {
		i := slices.IndexFunc(all, func(o *scim.Schema) bool { return strings.EqualFold(o.ID, s.ID) })
		if i < 0 {
			all = append(all, s)
		} else if all[i] != s {
			all[i] = all[i].Join(s)
		}
	}
	for _, rt := range h.types {
		add(rt.Schema)
		for _, ext := range rt.Extensions {
			add(ext.Schema)
		}
	}
	add(scim.ServiceProviderConfigSchema())
	add(scim.ResourceTypeSchema())
	add(scim.SchemaSchema())
	return all
}

func schemaObject(base string, s *scim.Schema) *scim.Object {
	return s.Object(base + "/Schemas/" + s.ID)
}

func (h *Handler) listSchemas(w http.ResponseWriter, r *http.Request, _ *event) error {
	if err := refuseFilter(r); err != nil {
		return err
	}
	base := h.baseURL(r)
	var all []*scim.Object
	for _, s := range h.schemas() {
		all = append(all, schemaObject(base, s))
	}
	writeObject(w, r, http.StatusOK, wholeList(all))
	return nil
}

// wholeList is a list without pages.
func wholeList(all []*scim.Object) *scim.Object {
	return listResponse(&scim.List{TotalResults: len(all), StartIndex: 1, Resources: all})
}

func (h *Handler) getSchema(w http.ResponseWriter, r *http.Request, e *event) error {
	if err := refuseFilter(r); err != nil {
		return err
	}
	id, err := e.resourceID()
	if err != nil {
		return err
	}
	for _, s := range h.schemas() {
		if strings.EqualFold(s.ID, id) {
			writeObject(w, r, http.StatusOK, schemaObject(h.baseURL(r), s))
			return nil
		}
	}
	return &scim.Error{Status: http.StatusNotFound, Detail: "No schema is called " + truncate(id, 200) + "."}
}

func (h *Handler) serviceProviderConfig(w http.ResponseWriter, r *http.Request, _ *event) error {
	if err := refuseFilter(r); err != nil {
		return err
	}
	o := scim.NewObject()
	o.Set("schemas", []any{scim.ServiceProviderConfigURN})
	o.Set("patch", object("supported", true))
	o.Set("bulk", object("supported", h.Bulk.MaxOperations > 0, "maxOperations", int64(h.Bulk.MaxOperations), "maxPayloadSize", h.Bulk.MaxPayload))
	o.Set("filter", object("supported", true, "maxResults", int64(h.MaxCount)))
	o.Set("changePassword", object("supported", h.ChangePassword))
	o.Set("sort", object("supported", true))
	o.Set("etag", object("supported", true))
	o.Set("pagination", object("cursor", true, "index", true, "defaultPaginationMethod", "index",
		"defaultPageSize", int64(h.DefaultCount), "maxPageSize", int64(h.MaxCount), "cursorTimeout", int64(h.CursorTTL/time.Second)))
	schemes := []any{} // required (RFC 7643 §5), so it is there also when there is none
	if !h.Anonymous {
		schemes = append(schemes, object(
			"type", "oauthbearertoken", "name", "Bearer token",
			"description", "A static token in the Authorization header, as RFC 6750 says.",
			"specUri", "https://www.rfc-editor.org/rfc/rfc6750", "primary", true,
		))
	}
	o.Set("authenticationSchemes", schemes)
	o.Set("meta", object("resourceType", "ServiceProviderConfig", "location", h.baseURL(r)+"/ServiceProviderConfig"))
	writeObject(w, r, http.StatusOK, o)
	return nil
}

// object makes an object of names and values in turn.
func object(pairs ...any) *scim.Object {
	o := scim.NewObject()
	for i := 0; i+1 < len(pairs); i += 2 {
		if name, ok := pairs[i].(string); ok {
			o.Set(name, pairs[i+1])
		}
	}
	return o
}
