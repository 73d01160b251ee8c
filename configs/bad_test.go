package configs

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write what is into testdata and the schema; read the difference before committing it")

// Each file of testdata/bad begins with the faults that Load finds in it, one a line, as comments.
func TestEachBadFileGetsItsSentences(t *testing.T) {
	t.Setenv("BAD_SECRET", "hunter2")
	big := filepath.Join("testdata", "files", "big") // not worth keeping
	if err := os.WriteFile(big, make([]byte, maxReferenced+1), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(big) })
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 35 {
		t.Fatalf("only %d bad files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			config, faults := Load(file)
			if config != nil {
				t.Error("a broken file gave a configuration")
			}
			got := ""
			for _, f := range faults {
				got += "# " + strings.ReplaceAll(f.Error(), "testdata/", "") + "\n"
			}
			if strings.Contains(got, "hunter2") {
				t.Error("a fault repeats a value from outside")
			}
			want, rest := header(string(text))
			if *update {
				if err := os.WriteFile(file, []byte(got+rest), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("faults (-expected +found):\n%s", diff)
			}
		})
	}
}

// header cuts a file behind the comments that it begins with.
func header(text string) (comments, rest string) {
	for strings.HasPrefix(text, "# ") {
		line, after, _ := strings.Cut(text, "\n")
		comments, text = comments+line+"\n", after
	}
	return comments, text
}
