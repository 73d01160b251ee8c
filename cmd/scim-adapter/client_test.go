package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// scimClient speaks SCIM to the house under test and fails the test on anything that is not JSON.
type scimClient struct {
	t     *testing.T
	base  string // …/scim/v2
	token string
}

// answer is one HTTP answer; body is nil when there was none.
type answer struct {
	status int
	header http.Header
	body   map[string]any
	raw    string
}

func (c *scimClient) do(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// try is do for goroutines: it returns what went wrong.
func (c *scimClient) try(method, path string, body any, headers ...string) (answer, error) {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return answer{}, err
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequest(method, c.base+path, reader)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if reader != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			return a, fmt.Errorf("answer %d is not JSON: %q", a.status, a.raw)
		}
	}
	return a, nil
}

// want fails the test unless the answer has this status.
func (a answer) want(t *testing.T, status int) answer {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.raw)
	}
	return a
}

// wantError fails the test unless the answer is a SCIM error with this status and scimType.
func (a answer) wantError(t *testing.T, status int, scimType string) answer {
	t.Helper()
	a.want(t, status)
	got, _ := a.body["scimType"].(string)
	if got != scimType || a.body["status"] != fmt.Sprint(status) || a.body["detail"] == nil {
		t.Fatalf("not the SCIM error %d %q: %s", status, scimType, a.raw)
	}
	return a
}

func (a answer) id() string { return a.text("id") }

// text reads a value by a dotted path, "emails.0.value"; "" when it is not there.
func (a answer) text(path string) string {
	v := a.at(path)
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (a answer) at(path string) any { return at(a.body, path) }

func at(v any, path string) any {
	for path != "" {
		var key string
		if strings.HasPrefix(path, "urn:") {
			i := strings.Index(path, ":User")
			key, path = path[:i+len(":User")], strings.TrimPrefix(path[i+len(":User"):], ".")
		} else {
			key, path, _ = strings.Cut(path, ".")
		}
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// list searches and gives what was found, and totalResults.
func (c *scimClient) list(endpoint, filter string, params ...string) ([]map[string]any, int) {
	c.t.Helper()
	q := url.Values{}
	if filter != "" {
		q.Set("filter", filter)
	}
	for i := 0; i+1 < len(params); i += 2 {
		q.Set(params[i], params[i+1])
	}
	a := c.do(http.MethodGet, endpoint+"?"+q.Encode(), nil).want(c.t, http.StatusOK)
	var found []map[string]any
	resources, _ := a.body["Resources"].([]any)
	for _, r := range resources {
		found = append(found, r.(map[string]any))
	}
	total, _ := a.body["totalResults"].(float64)
	return found, int(total)
}

// names lists one attribute of resources.
func names(resources []map[string]any, path string) []string {
	var all []string
	for _, r := range resources {
		all = append(all, fmt.Sprint(at(r, path)))
	}
	return all
}
