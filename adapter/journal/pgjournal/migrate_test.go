package pgjournal

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write deploy/scripts/init-db.sql")

func TestInitDBIsMadeOfTheMigrations(t *testing.T) {
	const path = "../../../deploy/scripts/init-db.sql"
	if *update {
		if err := os.WriteFile(path, []byte(Script()), 0o644); err != nil { //nolint:gosec // it is a part of the repository
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != Script() {
		t.Errorf("%s is not what the migrations make: run go generate ./adapter/journal/pgjournal", path)
	}
}
