package main

import (
	"bytes"
	"errors"
	"io/fs"
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

// Whoever comes second finds a key that is whole, however early it comes, and nothing else stays behind.
func TestProcessesThatStartTogetherHaveOneKey(t *testing.T) {
	for range 50 {
		path := filepath.Join(t.TempDir(), cursorFile)
		const n = 4
		var keys [n][]byte
		var errs [n]error
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { keys[i], errs[i] = keptKey(path) })
		}
		wg.Wait()
		for i := range n {
			if errs[i] != nil || len(keys[i]) != keyLength || !bytes.Equal(keys[i], keys[0]) {
				t.Fatalf("%q, another has %q: %v", keys[i], keys[0], errs[i])
			}
		}
		if err := writeKey(path); !errors.Is(err, fs.ErrExist) {
			t.Fatalf("a second key was written over the first: %v", err)
		}
		if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
			t.Fatalf("%v, %v", files, err)
		}
	}
}

func TestAKeyThatOthersHaveOrThatIsNoneIsRefused(t *testing.T) {
	whole := strings.Repeat("AZ27", keyLength/4)
	for claim, c := range map[string]struct {
		key    string
		mode   fs.FileMode
		setgid bool
		says   string // "" for a key that is taken
	}{
		"as it was made":                           {key: whole, mode: 0o600},
		"its owner may only read it":               {key: whole, mode: 0o400},
		"everybody may read it":                    {key: whole, mode: 0o644, says: "mode 0644"},
		"its group may read it":                    {key: whole, mode: 0o640, says: "mode 0640"},
		"others may write it":                      {key: whole, mode: 0o602, says: "mode 0602"},
		"on a volume of the pod's group":           {key: whole, mode: 0o660, setgid: true},
		"on such a volume, but open for everybody": {key: whole, mode: 0o664, setgid: true, says: "mode 0664"},
		"zeros":          {key: strings.Repeat("\x00", keyLength), mode: 0o600, says: "not whole"},
		"nothing":        {key: "", mode: 0o600, says: "not whole"},
		"a letter less":  {key: whole[1:], mode: 0o600, says: "not whole"},
		"a letter more":  {key: whole + "A", mode: 0o600, says: "not whole"},
		"a key one made": {key: strings.Repeat("secret", 20), mode: 0o600, says: "scim.cursor_key"},
	} {
		t.Run(claim, func(t *testing.T) {
			directory := t.TempDir()
			path := filepath.Join(directory, cursorFile)
			if err := errors.Join(os.WriteFile(path, []byte(c.key), 0o600), os.Chmod(path, c.mode)); err != nil {
				t.Fatal(err)
			}
			if c.setgid {
				if err := os.Chmod(directory, 0o770|fs.ModeSetgid); err != nil {
					t.Fatal(err)
				}
			}
			key, err := keptKey(path)
			switch {
			case c.says == "" && (err != nil || string(key) != c.key):
				t.Errorf("%q, %v", key, err)
			case c.says != "" && (err == nil || key != nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "remove it")):
				t.Errorf("%q, %v", key, err)
			}
		})
	}
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
