package configs

import (
	"maps"
	"slices"
	"strings"
)

// Client is one system that may call, known by any of its tokens: a new one can be given out before the old one is
// taken away.
type Client struct {
	Tokens       []Secret `config:"tokens"`
	Subject      string   `config:"subject"`       // whom its tokens speak for; "": nobody
	Profile      string   `config:"client"`        // whose habits it has; "": strict
	UnknownPaths string   `config:"unknown_paths"` // refuse or ignore; "": as the profile has it
}

// What is done with a PATCH operation whose path names no attribute.
const (
	UnknownRefuse = "refuse" // 400 invalidPath, as RFC 7644 §3.5.2 has it
	UnknownIgnore = "ignore" // left out, and named in log and journal
)

// profiles are the clients that are known by name, with what is done with unknown paths of theirs. Entra ID sends what its default
// mapping has, mapped here or not, and gives the whole change up over one attribute.
var profiles = map[string]string{
	"strict": UnknownRefuse, "entra": UnknownIgnore, "okta": UnknownRefuse, "onelogin": UnknownRefuse, "ping": UnknownRefuse,
	"sailpoint": UnknownRefuse, "jumpcloud": UnknownRefuse, "google": UnknownRefuse, "cyberark": UnknownRefuse,
}

// IgnoresUnknownPaths says what is done with unknown paths: what the client's own key says, else its profile.
func (c Client) IgnoresUnknownPaths() bool {
	return c.UnknownPaths == UnknownIgnore || c.UnknownPaths == "" && profiles[c.Profile] == UnknownIgnore
}

// Validate checks that every token can be sent in an Authorization header. No message repeats one.
func (c Client) Validate() Faults {
	if len(c.Tokens) == 0 {
		return Faults{}.add("tokens", "write tokens: [\"${SCIM_TOKEN}\"] or tokens: [\"${file:/path}\"]", "a client without a token cannot sign in")
	}
	var faults Faults
	if c.Profile != "" {
		faults = append(faults, oneOf("client", c.Profile, slices.Sorted(maps.Keys(profiles)))...)
	}
	if c.UnknownPaths != "" {
		faults = append(faults, oneOf("unknown_paths", c.UnknownPaths, []string{UnknownRefuse, UnknownIgnore})...)
	}
	for i, t := range c.Tokens {
		switch {
		case t.IsZero():
			faults = faults.add(index("tokens", i), "give it a value: openssl rand -hex 32", "the token is empty")
		case strings.ContainsFunc(t.Reveal(), unprintable):
			faults = faults.add(index("tokens", i), "use letters, digits and punctuation of ASCII", "the token holds a blank or a character that cannot stand in a header")
		}
	}
	return faults
}

// unprintable says whether a character cannot stand in a header.
func unprintable(r rune) bool { return r <= ' ' || r > '~' }
