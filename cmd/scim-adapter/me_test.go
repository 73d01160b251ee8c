package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// meConfig is the example with /Me: client provisioning speaks for bjensen, ghost for nobody who is there, and mute for nobody at all.
func meConfig(t *testing.T) string {
	t.Helper()
	example, err := os.ReadFile(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(example), "  provisioning:\n", `  ghost: {subject: "nobody (of *)", tokens: [a-token-of-a-ghost]}
  mute: {tokens: [a-token-of-the-mute]}
  provisioning:
    subject: BJensen
`, 1) + "\nscim: {me: userName}\n"
	path := filepath.Join(t.TempDir(), "me.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestMeIsTheCallersUser(t *testing.T) {
	for _, d := range directories {
		t.Run(d.name, func(t *testing.T) {
			h := openHouseFrom(t, meConfig(t), d.url(t))
			h.do("GET", "/Me", nil).wantError(t, 404, "")
			other, me := h.user("anna"), h.user("bjensen", "title", "Boss")
			url := h.scimClient.base + "/Users/" + me.id()

			got := h.do("GET", "/Me", nil).want(t, 200)
			if got.raw != me.raw || got.text("meta.location") != url || got.header.Get("Location") != url || got.header.Get("Content-Location") != url || got.header.Get("ETag") != me.header.Get("ETag") {
				t.Errorf("%v: %s\nwant %s", got.header, got.raw, me.raw)
			}
			if head := h.do("HEAD", "/Me", nil).want(t, 200); head.raw != "" || head.header.Get("ETag") != got.header.Get("ETag") {
				t.Errorf("HEAD: %v", head.header)
			}
			if a := h.do("GET", "/Me?attributes=title", nil).want(t, 200); a.text("title") != "Boss" || a.body["userName"] != nil {
				t.Errorf("attributes=title: %s", a.raw)
			}
			h.do("GET", "/Me", nil, "If-None-Match", got.header.Get("ETag")).want(t, 304)

			changed := h.do("PATCH", "/Me", patch(op("replace", "title", "Chief")), "If-Match", got.header.Get("ETag")).want(t, 200)
			h.do("PATCH", "/Me", patch(op("replace", "title", "Late")), "If-Match", got.header.Get("ETag")).wantError(t, 412, "")
			if h.byID(t, me.id()).GetAttributeValue("title") != "Chief" || changed.header.Get("Location") != url {
				t.Errorf("PATCH: %v %s", changed.header, changed.raw)
			}
			put := h.do("PUT", "/Me", map[string]any{"userName": "bjensen", "title": "Queen", "name": map[string]any{"familyName": "Jensen"}}).want(t, 200)
			if put.id() != me.id() || put.text("title") != "Queen" || put.header.Get("Location") != url {
				t.Errorf("PUT: %s", put.raw)
			}
			h.do("POST", "/Me", map[string]any{"userName": "x"}).wantError(t, 501, "")

			for token, word := range map[string]string{"a-token-of-a-ghost": "No User", "a-token-of-the-mute": "speaks for nobody"} {
				c := scimClient{t: t, base: h.scimClient.base, token: token}
				for _, method := range []string{"GET", "PUT", "PATCH", "DELETE"} {
					if a := c.do(method, "/Me", `{}`).wantError(t, 404, ""); !strings.Contains(a.text("detail"), word) {
						t.Errorf("%s with %s: %s", method, token, a.raw)
					}
				}
			}

			h.do("DELETE", "/Me", nil).want(t, 204)
			h.do("GET", "/Me", nil).wantError(t, 404, "")
			h.do("GET", "/Users/"+me.id(), nil).wantError(t, 404, "")
			h.do("GET", "/Users/"+other.id(), nil).want(t, 200)
		})
	}
}
