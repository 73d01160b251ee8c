package configs

import (
	"os"
	"path/filepath"
	"strings"
)

// CheckSpool gives a fault when the spool would lie where it does not outlive the process, which [Load] cannot tell without touching the disk: in memory,
// in the layer of a container, or in an emptyDir of Kubernetes. Where the kernel does not say what is mounted (/proc/self/mountinfo), nothing is found.
func (c *Config) CheckSpool() Faults {
	if c.Journal.OnUnavailable != UnavailableSpool || c.Journal.AllowEphemeral {
		return nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	what := ephemeral(string(mounts), resolved(c.Journal.Path))
	if what == "" {
		return nil
	}
	return Faults{c.Root.Get("journal").Get("path").Fault("write a directory on a disk that stays, or allow_ephemeral: true",
		"lies %s, and the spool holds writes that are in no other place", what)}
}

// resolved is the path without symbolic links, as far as it exists.
func resolved(path string) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	rest := ""
	for {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			return filepath.Join(real, rest)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return filepath.Join(path, rest)
		}
		path, rest = parent, filepath.Join(filepath.Base(path), rest)
	}
}

// ephemeral says in what that does not stay the path lies; "" for a disk. mounts are lines of proc_pid_mountinfo(5): the fourth field is what of its file
// system is mounted, the fifth where, and behind a dash stands the kind of file system. Of two mounts in one place the later hides the earlier.
func ephemeral(mounts, path string) string {
	longest, found := -1, ""
	for line := range strings.Lines(mounts) {
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) == 0 {
			continue
		}
		at := octal.Replace(fields[4])
		if !beneath(path, at) || len(at) < longest {
			continue
		}
		longest, found = len(at), ""
		switch {
		case kind[0] == "tmpfs" || kind[0] == "ramfs":
			found = "in memory (" + kind[0] + ")"
		case kind[0] == "overlay" || kind[0] == "aufs":
			found = "in the layer of a container (" + kind[0] + ")"
		case strings.Contains(fields[3], "/kubernetes.io~empty-dir/"):
			found = "in an emptyDir, which goes with its pod"
		}
	}
	return found
}

// octal undoes how mountinfo writes what would end a field.
var octal = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func beneath(path, directory string) bool {
	return path == directory || strings.HasPrefix(path, strings.TrimSuffix(directory, "/")+"/")
}
