package pgtest

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Server is a PostgreSQL server of one test. What it says is committed outlives it, however it ends: only processes die here, and what they have written the
// kernel still has. So fsync is off: behind a crash it would be called for every file of the server, which can take longer than anybody waits where others use
// the disk.
type Server struct {
	URL string // of its superuser; the same after every start

	t       testing.TB
	bin     string // the folder of its programs
	dir     string // holds data and log
	port    string
	mu      sync.Mutex
	process *exec.Cmd
	ended   chan struct{} // closed when process has ended
}

// StartServer installs and starts a server of the test's own, which is gone when the test ends.
func StartServer(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, bin: programs(t)}
	s.dir = openFolder(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	_, s.port, _ = net.SplitHostPort(listener.Addr().String())
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	// Whoever else is on this machine is not to become its superuser.
	password := rand.Text()
	s.URL = "postgres://postgres:" + password + "@127.0.0.1:" + s.port + "/postgres?sslmode=disable"
	file := filepath.Join(s.dir, "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	handOver(t, file)
	initdb := s.command(t.Context(), "initdb", "--no-sync", "--auth=scram-sha-256", "--username=postgres", "--pwfile="+file, "--encoding=UTF8",
		"--locale=C.UTF-8", "-D", s.data())
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Database is [Database] on this server.
func (s *Server) Database(t testing.TB, scripts ...string) DB {
	t.Helper()
	return Locale{}.database(t, s.URL, scripts)
}

// Start starts a server that was stopped or killed, where it was, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return
	}
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd := s.command(context.Background(), "postgres", "-D", s.data(), "-p", s.port, "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections=60", "-c", "shared_buffers=16MB", "-c", "fsync=off",
		"-c", "dynamic_shared_memory_type=mmap") // else whoever is killed leaves a file in /dev/shm
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.process, s.ended = cmd, make(chan struct{})
	go func(ended chan struct{}) {
		_ = cmd.Wait() // how it ends is the test's doing
		close(ended)
	}(s.ended)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		err := execute(ctx, s.URL, "SELECT 1")
		if err == nil {
			return
		}
		select {
		case <-s.ended:
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
			continue
		}
		said, _ := os.ReadFile(log.Name())
		s.t.Fatalf("postgres does not start: %v\n%s", err, said)
	}
}

// Stop ends the server in good order: whoever is connected is sent away, and what they had not committed is undone.
func (s *Server) Stop() {
	s.t.Helper()
	s.end(func() { _ = s.process.Process.Signal(syscall.SIGINT) })
}

// Kill ends the server as a crash would: SIGKILL for it and for whoever works for it, at once.
func (s *Server) Kill() {
	s.t.Helper()
	s.end(func() {
		workers := children(s.process.Process.Pid)
		_ = s.process.Process.Kill() // first, so that it makes no others
		for _, pid := range workers {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		// A server does not start while somebody still uses its shared memory.
		for deadline := time.Now().Add(patience); time.Now().Before(deadline) && slices.ContainsFunc(workers, alive); time.Sleep(5 * time.Millisecond) {
		}
	})
}

func (s *Server) end(how func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	how()
	select {
	case <-s.ended:
		s.process = nil
	case <-time.After(patience):
		s.t.Fatal("postgres does not end")
	}
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// command is a program of PostgreSQL. It refuses to be run by root, and so root runs it as the user postgres that its package has made.
func (s *Server) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	args = slices.Insert(args, 0, filepath.Join(s.bin, program))
	if os.Getuid() == 0 {
		args = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = s.dir
	return cmd
}

// programs is the folder where initdb and postgres are. Without them the test is skipped, or fails where SCIM_TEST_SERVERS is "required".
func programs(t testing.TB) string {
	t.Helper()
	wanted := os.Getenv("SCIM_TEST_SERVERS")
	if wanted == "none" {
		t.Skip("SCIM_TEST_SERVERS is none")
	}
	if found, err := exec.LookPath("initdb"); err == nil {
		if found, err = filepath.EvalSymlinks(found); err == nil {
			if _, err = os.Stat(filepath.Join(filepath.Dir(found), "postgres")); err == nil {
				return filepath.Dir(found)
			}
		}
	}
	// Debian keeps them out of the PATH, by version.
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	version := func(folder string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
		return n
	}
	slices.SortFunc(folders, func(a, b string) int { return cmp.Compare(version(b), version(a)) })
	for _, folder := range folders {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err == nil {
			return folder
		}
	}
	if wanted == "required" && os.Getenv("SCIM_TEST_POSTGRES_OWN") == "" {
		t.Fatal("PostgreSQL's initdb is not installed: run make test")
	}
	t.Skip("PostgreSQL's initdb is not installed: make test installs it")
	return ""
}

// openFolder is a temporary folder that the user postgres may write in. Those of t.TempDir are closed to others.
func openFolder(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scim-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	handOver(t, dir)
	return dir
}

// handOver gives a file of root's to the user postgres.
func handOver(t testing.TB, path string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		t.Fatalf("PostgreSQL does not run as root, and here is no user postgres to run it as: %v", err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	if err := os.Chown(path, uid, gid); err != nil {
		t.Fatal(err)
	}
}

// children are the processes that one has started, as the kernel or ps has them.
func children(parent int) []int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		if raw, err = exec.Command("pgrep", "-P", strconv.Itoa(parent)).Output(); err != nil { //nolint:noctx // it only looks
			return nil
		}
	}
	var pids []int
	for word := range strings.FieldsSeq(string(raw)) {
		if pid, err := strconv.Atoi(word); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// alive says that a process runs. One that has ended and that nobody has asked about yet is no more alive.
func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z")
}
