package scimapi

import (
	"net/http"
	"strings"
)

// baseURL is the SCIM root as this client knows it, without a trailing slash: server.public_url if there is one, else
// from the request's Host and, when a trusted proxy is asking, from Forwarded (RFC 7239) or X-Forwarded-Proto, -Host and -Prefix.
func (h *Handler) baseURL(r *http.Request) string {
	if h.PublicURL != "" {
		base := strings.TrimRight(h.PublicURL, "/")
		if strings.HasSuffix(base, h.BasePath) {
			return base
		}
		return base + h.BasePath
	}
	scheme, host, prefix := "http", r.Host, ""
	if r.TLS != nil {
		scheme = "https"
	}
	if h.trusted(addressOf(r.RemoteAddr)) {
		scheme = firstOf(r.Header.Get("X-Forwarded-Proto"), scheme)
		host = firstOf(r.Header.Get("X-Forwarded-Host"), host)
		prefix = strings.TrimRight(firstOf(r.Header.Get("X-Forwarded-Prefix"), ""), "/")
		if forwarded := parseForwarded(r.Header.Values("Forwarded")); len(forwarded) > 0 {
			scheme = firstOf(forwarded[0]["proto"], scheme)
			host = firstOf(forwarded[0]["host"], host)
		}
	}
	if scheme != "http" && scheme != "https" {
		scheme = "https"
	}
	return scheme + "://" + host + prefix + h.BasePath
}

// firstOf is the first element of a comma-separated header, or the fallback.
func firstOf(header, fallback string) string {
	first, _, _ := strings.Cut(header, ",")
	if first = strings.TrimSpace(first); first != "" {
		return first
	}
	return fallback
}

// parseForwarded reads Forwarded headers into their elements, outermost client first, parameter names in lower case.
func parseForwarded(headers []string) []map[string]string {
	var elements []map[string]string
	for element := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		params := map[string]string{}
		for pair := range strings.SplitSeq(element, ";") {
			name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
			if ok {
				params[strings.ToLower(name)] = strings.Trim(value, `"`)
			}
		}
		if len(params) > 0 {
			elements = append(elements, params)
		}
	}
	return elements
}
