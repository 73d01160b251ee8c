package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestTheExamplesOfTheAPIPageAnswerAsItSays pastes each example of docs/api.md into a shell as a reader would, and compares the status with the comment
// behind it.
func TestTheExamplesOfTheAPIPageAnswerAsItSays(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("SCIM_TEST_SERVERS") == "required" {
			t.Fatal("curl is not installed: run make test")
		}
		t.Skip("curl is not installed")
	}
	text := page(t, "docs/api.md")
	setup := regexp.MustCompile(`(?m)^scim\(\) \{ .* \}$`).FindString(text)
	if setup == "" {
		t.Fatal("the page does not define scim")
	}
	h := openHouseFrom(t, meConfig(t), embeddedURL(t))
	user := h.user("bjensen")
	group := h.group("Examples")
	// What is printed is the status alone.
	setup = `curl() { command curl -o /dev/null -w '%{http_code}' "$@"; }` + "\n" + setup + "\n"
	tried := map[string]bool{}
	for _, block := range blocks(text, "sh") {
		m := regexp.MustCompile(`(?s)^(.*) # (\d{3})\n$`).FindStringSubmatch(block)
		if m == nil {
			t.Errorf("no status stands behind\n%s", block)
			continue
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", setup+m[1])
		version := h.do("GET", "/Users/"+user.id(), nil).want(t, 200).header.Get("ETag")
		cmd.Env = append(os.Environ(), "SCIM="+h.scimClient.base, "TOKEN="+h.token, "USER_ID="+user.id(), "GROUP_ID="+group.id(), "VERSION="+version)
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != m[2] {
			t.Errorf("%s\nanswers %s (%v), the page says %s", m[1], out, err, m[2])
		}
		for _, endpoint := range regexp.MustCompile(`\$SCIM(/[./A-Za-z]*)`).FindStringSubmatch(m[1])[1:] {
			tried[strings.TrimSuffix(endpoint, "/")] = true
		}
	}
	for _, endpoint := range []string{"", "/.search", "/Users", "/Users/.search", "/Groups", "/Me", "/Bulk", "/ServiceProviderConfig", "/Schemas/urn", "/ResourceTypes"} {
		if !tried[endpoint] {
			t.Errorf("the page has no example of %q", endpoint)
		}
	}
}
