package pgtest

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Configure puts files into the folder of the server's data, which settings may name without a path, says settings (name and value, as postgresql.conf has
// them), and starts the server anew. A setting that was said before is replaced.
func (s *Server) Configure(settings map[string]string, files map[string]string) {
	s.t.Helper()
	s.Stop()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(s.data(), name)
		if err := os.WriteFile(path, []byte(files[name]), 0o600); err != nil {
			s.t.Fatal(err)
		}
		handOver(s.t, path)
	}
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		lines.WriteString(name + " = " + quote(settings[name]) + "\n")
	}
	file, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = file.WriteString(lines.String())
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Start()
}

// Port is where the server listens, on 127.0.0.1.
func (s *Server) Port() string { return s.port }
