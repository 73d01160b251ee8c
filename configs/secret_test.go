package configs

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// Every way in which a value ends up where it can be read.
func TestASecretIsSeenNowhere(t *testing.T) {
	const text = "hunter2-and-more"
	secret := NewSecret(text)
	type exported struct{ S Secret }
	type hidden struct{ s Secret }
	type deep struct{ h *hidden }
	ways := map[string]any{
		"itself": secret, "a pointer": &secret, "a field": exported{secret}, "a hidden field": hidden{secret}, "a pointer to a hidden field": &hidden{secret},
		"deep": deep{&hidden{secret}}, "a list": []Secret{secret}, "a map": map[string]Secret{"a": secret}, "a key": map[Secret]int{secret: 1},
		"an interface": []any{secret}, "a client": Client{Tokens: []Secret{secret}}, "a configuration": Config{Clients: map[string]Client{"a": {Tokens: []Secret{secret}}}},
	}
	for where, value := range ways {
		var seen bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%10s", "%T"} {
			fmt.Fprintf(&seen, verb, value)
		}
		fmt.Fprintln(&seen, value)
		if out, err := json.Marshal(value); err == nil {
			seen.Write(out)
		}
		if out, err := xml.Marshal(value); err == nil {
			seen.Write(out)
		}
		if out, err := yaml.Marshal(value); err == nil {
			seen.Write(out)
		}
		slog.New(slog.NewJSONHandler(&seen, nil)).Info("m", "k", value)
		slog.New(slog.NewTextHandler(&seen, nil)).Info("m", "k", value)
		for _, form := range []string{text, fmt.Sprintf("%x", text), fmt.Sprintf("%d", []byte(text))} {
			if strings.Contains(seen.String(), form) {
				t.Errorf("in %s it is seen: %s", where, seen.String())
			}
		}
	}
}

func TestASecretShowsBlanksOfOneLength(t *testing.T) {
	for _, s := range []Secret{{}, NewSecret("a"), NewSecret(strings.Repeat("a", 99))} {
		out, err := json.Marshal(s)
		if err != nil || string(out) != `"********"` || fmt.Sprint(s) != "********" || s.String() != "********" || s.LogValue().String() != "********" {
			t.Errorf("%s %v", out, err)
		}
	}
}

func TestSecretsCompareByTheirText(t *testing.T) {
	if !NewSecret("a").Equal(NewSecret("a")) || NewSecret("a").Equal(NewSecret("b")) || !(Secret{}).Equal(NewSecret("")) {
		t.Error("Equal does not compare texts")
	}
	if !(Secret{}).IsZero() || !NewSecret("").IsZero() || NewSecret("a").IsZero() || (Secret{}).Reveal() != "" || NewSecret("a").Reveal() != "a" {
		t.Error("IsZero or Reveal is wrong")
	}
}
