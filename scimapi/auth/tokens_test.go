package auth

import (
	"errors"
	"net/http/httptest"
	"testing"

	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/scim"
)

func TestTokens(t *testing.T) {
	tokens := NewTokens(map[string]configs.Client{
		"okta":  {Tokens: []configs.Secret{configs.NewSecret("old"), configs.NewSecret("new")}, Subject: "bjensen"},
		"entra": {Tokens: []configs.Secret{configs.NewSecret("third")}, Profile: "entra"},
	})
	cases := map[string]struct {
		headers []string
		client  string // "" is refused
	}{
		"the first of two":         {[]string{"Bearer old"}, "okta"},
		"the second of two":        {[]string{"Bearer new"}, "okta"},
		"another client's":         {[]string{"Bearer third"}, "entra"},
		"the scheme in any case":   {[]string{"bearer third"}, "entra"},
		"several blanks":           {[]string{"Bearer   third "}, "entra"},
		"no header":                {nil, ""},
		"an unknown token":         {[]string{"Bearer other"}, ""},
		"a token in another case":  {[]string{"Bearer OLD"}, ""},
		"the beginning of a token": {[]string{"Bearer thi"}, ""},
		"an empty token":           {[]string{"Bearer "}, ""},
		"no scheme":                {[]string{"third"}, ""},
		"basic":                    {[]string{"Basic third"}, ""},
		"two headers":              {[]string{"Bearer old", "Bearer old"}, ""},
	}
	for claim, c := range cases {
		t.Run(claim, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			for _, h := range c.headers {
				r.Header.Add("Authorization", h)
			}
			caller, err := tokens.Authenticate(r)
			var refusal *scim.Error
			switch {
			case c.client == "" && (!errors.As(err, &refusal) || refusal.Status != 401):
				t.Errorf("let in as %q: %v", caller.Client, err)
			case c.client != "" && (err != nil || caller.Client != c.client || caller.Tenant != "default"):
				t.Errorf("%+v %v", caller, err)
			case c.client != "" && (caller.Subject == "bjensen") != (c.client == "okta"), c.client != "" && caller.Profile.IgnoreUnknownPaths != (c.client == "entra"):
				t.Errorf("%+v %v", caller, err)
			}
		})
	}
}
