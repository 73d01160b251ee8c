package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Pooled starts a PgBouncer before a database, which gives each transaction any of three connections, and gives the database with the URL of its role
// through it; params stand behind the question mark. Where PgBouncer is not installed the test is skipped, always: make test does without it.
func Pooled(t testing.TB, db DB, params string) DB {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // where Debian has it
		if _, err := os.Stat(program); err != nil {
			t.Skip("pgbouncer is not installed")
		}
	}
	u, err := url.Parse(db.URL)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	name := strings.TrimPrefix(u.Path, "/")
	file := filepath.Join(openFolder(t), "pgbouncer.ini")
	text := fmt.Sprintf(pooler, name, u.Hostname(), u.Port(), name, u.User.Username(), password, address.Port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	handOver(t, file)
	var log bytes.Buffer
	s := &Server{bin: filepath.Dir(program), dir: filepath.Dir(file)}
	cmd := s.command(t.Context(), filepath.Base(program), file)
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address.String())
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("pgbouncer does not start: %v\n%s", err, log.String())
		}
	}
	u.Host, u.RawQuery = address.String(), params
	db.URL = u.String()
	return db
}

// pooler is the configuration. With server_round_robin two transactions in a row have different connections. Who waits for a server that is away is sent
// away before the adapter loses patience.
const pooler = `[databases]
%s = host=%s port=%s dbname=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
min_pool_size = 3
max_client_conn = 200
server_login_retry = 0
query_wait_timeout = 2
server_round_robin = 1
`
