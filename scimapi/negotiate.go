package scimapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/scim-adapter/scim-adapter/scim"
)

const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// checkContentType takes both JSON types, with any charset, and none at all (RFC 7644 §3.1, §8.1).
func checkContentType(r *http.Request) error {
	value := r.Header.Get("Content-Type")
	if value == "" {
		return nil
	}
	kind, params, err := mime.ParseMediaType(value)
	if err == nil && (kind == scimJSON || kind == plainJSON) {
		charset := strings.ToLower(params["charset"])
		if charset == "" || charset == "utf-8" || charset == "utf8" {
			return nil
		}
		return &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "JSON is UTF-8 here; the charset " + strconv.Quote(truncate(charset, 64)) + " is not taken."}
	}
	return &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "The Content-Type " + strconv.Quote(truncate(value, 200)) + " is not taken; send " + scimJSON + " or " + plainJSON + "."}
}

// answerType is application/json for a client that accepts nothing better, else application/scim+json. An Accept that
// fits neither is answered as if it were absent (RFC 9110 §12.5.1 allows it; connectors send strange ones).
func answerType(r *http.Request) string {
	takesPlain, takesSCIM := false, false
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			kind, params, err := mime.ParseMediaType(part)
			if err != nil {
				continue
			}
			if q, err := strconv.ParseFloat(params["q"], 64); err == nil && q == 0 {
				continue
			}
			switch kind {
			case plainJSON:
				takesPlain = true
			case scimJSON, "application/*", "*/*":
				takesSCIM = true
			}
		}
	}
	if takesPlain && !takesSCIM {
		return plainJSON
	}
	return scimJSON
}

// writeObject writes a JSON document. Content-Length is set, so that HEAD tells it too.
func writeObject(w http.ResponseWriter, r *http.Request, status int, o *scim.Object) {
	body := o.AppendJSON(make([]byte, 0, 2048))
	header := w.Header()
	header.Set("Content-Type", answerType(r)+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A client that went away is no fault of ours, and nothing can be told to it.
	_, _ = w.Write(body)
}

func byteSize(n int64) string {
	switch {
	case n >= 1_000_000 && n%1_000_000 == 0:
		return strconv.FormatInt(n/1_000_000, 10) + " MB"
	case n >= 1_000 && n%1_000 == 0:
		return strconv.FormatInt(n/1_000, 10) + " kB"
	default:
		return strconv.FormatInt(n, 10) + " bytes"
	}
}
