package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A service that asks nobody who they are does not tell a client to bring a token.
func TestWithoutAuthenticationNoSchemeIsNamed(t *testing.T) {
	example, err := os.ReadFile(exampleConfig)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "open.yaml")
	if err := os.WriteFile(path, append(example, "\nauth: {enabled: false}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	h := openHouseFrom(t, path, embeddedURL(t))
	h.token = ""
	h.do("GET", "/Users", nil).want(t, 200)
	if schemes, ok := h.do("GET", "/ServiceProviderConfig", nil).want(t, 200).at("authenticationSchemes").([]any); !ok || len(schemes) != 0 {
		t.Errorf("%v", schemes)
	}
}
