package backendtest

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
)

func valueChecks() []check {
	return []check{
		{"a name with metacharacters is that name and nothing else", (*suite).oddNames},
		{"a value with metacharacters is that value and nothing else", (*suite).oddValues},
		{"bytes come back as they were sent", (*suite).binary},
	}
}

// oddTexts mean themselves, whatever they mean to LDAP filters, DNs, SQL or URLs.
func oddTexts() []string {
	return []string{
		"*", "a*b", "(", ")", "*)(uid=*", "(uid=*)", `\`, `a\b`, `\2a`, `\`, "%", "_", "%25", "'", `"`, `"quoted"`, "a'b", "';--", ",", "a,b", "x,uid=admin",
		"+", "a+b", "a+uid=admin", "=", "a=b", ";", "a;b", "<", ">", "&", "|", "!", "#", "#x", "#0403616263", "a#", " lead", "trail ", "  two  blanks  ", "/", "a/b",
		"?", "a?b=c", "..", "../admin", "-", "$1", "{0}", "${x}", "{{x}}", "a\tb", "a\nb", "Ünïcödé", "ß", "ς", "İ", "名前", "😀", "e\u0301", "\u202eevil",
		"a\x00b", "null", "true", "0", strings.Repeat("long", 60),
	}
}

// mayRefuse says which of them a directory may be unable to hold. It must say so, then.
func mayRefuse(text string) bool { return strings.ContainsAny(text, "\x00\n\t") }

func (s *suite) oddNames() error {
	decoy, err := s.create("admin", backends.Attributes{s.a.Text: backends.Strings("untouched")})
	if err != nil {
		return err
	}
	rule := s.rule(s.a.Name)
	taken := map[string]bool{}
	for _, text := range oddTexts() {
		canonical := backends.Normalize(rule, text)
		if taken[canonical] || taken["name:"+strings.TrimSpace(canonical)] {
			continue
		}
		taken[canonical], taken["name:"+strings.TrimSpace(canonical)] = true, true
		rec, err := s.create(text, nil)
		if err != nil {
			if mayRefuse(text) && wants(err, backends.ErrInvalid, "") == nil {
				continue
			}
			return err
		}
		if err := s.isFoundByName(rec, text, decoy); err != nil {
			return fmt.Errorf("the name %.40q: %w", text, err)
		}
	}
	rec, err := s.fetch(decoy.Key)
	if err != nil {
		return fmt.Errorf("the record called admin: %w", err)
	}
	if rec.Version != decoy.Version {
		return fmt.Errorf("the record called admin was touched")
	}
	return s.holds(rec, s.a.Text, "untouched")
}

// isFoundByName takes away a record again that was found by its own name only.
func (s *suite) isFoundByName(rec backends.Record, text string, decoy backends.Record) error {
	mine := backends.And{s.eq(s.a.Name, text), backends.Not{Term: backends.KeyIn{Keys: []backends.Key{decoy.Key}}}}
	return steps(
		func() error { return s.holds(rec, s.a.Name, text) },
		func() error { return s.answers(s.eq(s.a.Name, text), rec.Key) },
		func() error { return s.answers(mine, rec.Key) },
		func() error { return s.answers(backends.Not{Term: s.eq(s.a.Name, text)}, decoy.Key) },
		func() error { return s.finds(nil, rec.Key, decoy.Key) },
		func() error {
			keys, err := s.keys("", []string{called(rec)})
			if err != nil || len(keys) != 1 || keys[called(rec)] != rec.Key {
				return unlike(err, "Find of %q gave %v", called(rec), keys)
			}
			keys, err = s.keys(s.a.Name, []string{text})
			if err != nil || len(keys) != 1 || keys[text] != rec.Key {
				return unlike(err, "Find by %s of %q gave %v", s.a.Name, text, keys)
			}
			return nil
		},
		func() error { _, err := s.modify(rec.Key, change(backends.Replace, s.a.Text, "x")); return err },
		func() error { return s.b.Delete(s.ctx, rec.Key, backends.Condition{}) },
		func() error { return s.finds(nil, decoy.Key) },
	)
}

func (s *suite) oddValues() error {
	bystander, err := s.person(backends.Attributes{s.a.Text: backends.Strings("bystander")})
	if err != nil {
		return err
	}
	made, err := s.person(nil)
	if err != nil {
		return err
	}
	for _, text := range oddTexts() {
		if strings.TrimSpace(text) == "" || !utf8.ValidString(text) {
			continue
		}
		if _, err := s.modify(made.Key, change(backends.Replace, s.a.Text, text)); err != nil {
			if mayRefuse(text) && wants(err, backends.ErrInvalid, "") == nil {
				continue
			}
			return fmt.Errorf("Modify to %.40q: %w", text, err)
		}
		if err := s.oddValue(made.Key, bystander.Key, text); err != nil {
			return fmt.Errorf("the value %.40q: %w", text, err)
		}
	}
	return nil
}

// oddValue looks at a record whose Text is text from all sides.
func (s *suite) oddValue(key, bystander backends.Key, text string) error {
	rec, err := s.fetch(key)
	if err != nil {
		return err
	}
	rule := s.rule(s.a.Text)
	other := backends.Record{Key: bystander, Attrs: backends.Attributes{s.a.Text: backends.Strings("bystander")}}
	for _, p := range []backends.Predicate{
		s.eq(s.a.Text, text),
		backends.Prefix{Attr: s.a.Text, Text: text, Rule: rule},
		backends.Suffix{Attr: s.a.Text, Text: text, Rule: rule},
		backends.Contains{Attr: s.a.Text, Text: text, Rule: rule},
	} {
		var want, rest []backends.Key
		for _, r := range []backends.Record{rec, other} {
			if backends.Match(p, r) {
				want = append(want, r.Key)
			} else {
				rest = append(rest, r.Key)
			}
		}
		if err := s.answers(p, want...); err != nil {
			return err
		}
		if err := s.answers(backends.Not{Term: p}, rest...); err != nil {
			return err
		}
	}
	there, err := s.b.Has(s.ctx, key, s.a.Text, backends.Strings(text, "bystander"))
	if err != nil || !slices.Equal(there, []bool{true, false}) {
		return unlike(err, "Has gave %v", there)
	}
	return s.holds(rec, s.a.Text, text)
}

func (s *suite) binary() error {
	if s.a.Binary == "" {
		return notTested("no binary attribute here")
	}
	for _, blob := range [][]byte{{0xff, 0xd8, 0xff, 0x00, 0x01}, {0}, []byte("text"), {0xc3, 0x28, '*', ')', '\\'}} {
		rec, err := s.person(backends.Attributes{s.a.Binary: {backends.Bytes(blob)}})
		if err != nil {
			return err
		}
		if rec, err = s.fetch(rec.Key); err != nil {
			return err
		}
		values := rec.Attrs[s.a.Binary]
		if len(values) != 1 || values[0] != backends.Bytes(blob) {
			return fmt.Errorf("%x came back as %#v", blob, values)
		}
		p := backends.Eq{Attr: s.a.Binary, Value: backends.Bytes(blob), Rule: backends.OctetRule}
		if err := s.answers(p, rec.Key); err != nil {
			return err
		}
	}
	return nil
}
