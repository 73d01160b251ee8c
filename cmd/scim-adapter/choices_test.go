package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/scim-adapter/scim-adapter/configs"
)

// chosen is a configuration of a journal in a directory of the test's own.
func chosen(t *testing.T) *configs.Config {
	t.Helper()
	environment(t, "ldap://127.0.0.1:1", suffix)
	config, faults := configs.Load(exampleConfig)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	config.Journal.Path = t.TempDir()
	return config
}

func TestTheKeyOfCursorsIsMadeOnceAndKept(t *testing.T) {
	config := chosen(t)
	first, err := cursorKey(config)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(config.Journal.Path, cursorFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of the key: %v, %v", info, err)
	}
	again, err := cursorKey(config)
	if err != nil || !bytes.Equal(first, again) || len(first) < keyLength {
		t.Errorf("%d bytes, then %d others: %v", len(first), len(again), err)
	}
	if err := os.WriteFile(path, first[:10], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := cursorKey(config); err == nil || !strings.Contains(err.Error(), "scim.cursor_key") || !strings.Contains(err.Error(), "remove it") {
		t.Errorf("half a key: %v", err)
	}
	config.Journal.Path = filepath.Join(path, "below")
	if _, err := cursorKey(config); err == nil {
		t.Error("a key that cannot be kept")
	}
}

func TestProcessesThatStartTogetherHaveOneKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), cursorFile)
	if err := writeKey(path); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := writeKey(path); !os.IsExist(err) {
				t.Errorf("a second key was written over the first: %v", err)
			}
			if got, err := keptKey(path); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%q, want %q: %v", got, want, err)
			}
		})
	}
	wg.Wait()
}

func TestTheKeyOfTheConfigurationIsTaken(t *testing.T) {
	config := chosen(t)
	config.SCIM.CursorKey = configs.NewSecret("0123456789abcdef0123456789abcdef")
	key, err := cursorKey(config)
	if err != nil || string(key) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("%q, %v", key, err)
	}
	if _, err := os.Stat(filepath.Join(config.Journal.Path, cursorFile)); err == nil {
		t.Error("and another one was made")
	}
}

func TestWithoutAJournalTheKeyDiesWithTheProcess(t *testing.T) {
	config := chosen(t)
	config.Journal.Kind = configs.JournalNone
	if key, err := cursorKey(config); key != nil || err != nil {
		t.Errorf("%q, %v", key, err)
	}
}

func TestTheAttributeOfMe(t *testing.T) {
	environment(t, "ldap://127.0.0.1:1", suffix)
	p, err := load(exampleConfig, testLog(t))
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for me, want := range map[string]string{
		"":                   "",
		"userName":           "userName",
		"USERNAME":           "USERNAME",
		"name.familyName":    "name.familyName",
		"emails":             "fault",
		"emails.value":       "fault",
		"active":             "fault",
		"password":           "fault",
		"name":               "fault",
		"nosuch":             "fault",
		"user name":          "fault",
		`emails[type eq "w"`: "fault",
		"urn:ietf:params:scim:schemas:core:2.0:User":          "fault",
		"urn:ietf:params:scim:schemas:core:2.0:User:userName": "urn:ietf:params:scim:schemas:core:2.0:User:userName",
	} {
		p.config.SCIM.Me = me
		path, faults := findMe(p.config, p.mappings)
		got := path.String()
		if len(faults) > 0 {
			got = "fault"
		}
		if me == "" {
			got = path.Attr
		}
		if got != want {
			t.Errorf("%q: %q %v, want %q", me, got, faults, want)
		}
	}
}
