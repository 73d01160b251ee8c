package pgtest

import (
	"context"
	"strings"
	"sync"
	"testing"
)

// Mold is what many tests of a package begin with: the scripts run once, and each test gets a copy of the database, which takes a fraction of the time.
// Whoever uses one calls Break when all tests have ended, in TestMain.
type Mold struct {
	Scripts []string

	mu     sync.Mutex
	server string
	name   string // of the database that is copied; "" before the first test
}

// Database is [Database] with the scripts of the mold.
func (m *Mold) Database(t testing.TB) DB {
	t.Helper()
	server := serverURL(t)
	m.make(t, server)
	db := create(t, server, m.name)
	Exec(t, db.Admin, append(defaults(db.Role), strings.ReplaceAll(grants, "ROLE", db.Role))...)
	return db
}

func (m *Mold) make(t testing.TB, server string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.name != "" {
		return
	}
	name := randomName()
	m.server = server
	Exec(t, server, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8'")
	m.name = name
	Exec(t, elsewhere(t, server, name, nil), m.Scripts...)
	Exec(t, server, "ALTER DATABASE "+name+" ALLOW_CONNECTIONS false") // whoever is connected keeps it from being copied
}

// Break drops what was copied.
func (m *Mold) Break() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.name == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := execute(ctx, m.server, "DROP DATABASE IF EXISTS "+m.name+" WITH (FORCE)")
	m.name = ""
	return err
}
