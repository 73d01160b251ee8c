package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mountinfo = `22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /dev/shm rw - tmpfs tmpfs rw
24 22 0:21 / /run rw,nosuid shared:5 master:2 - tmpfs tmpfs rw
25 24 8:2 / /run/data rw - xfs /dev/sdb rw
26 22 0:30 / /var rw - overlay overlay rw,lowerdir=/a:/b
27 26 8:3 /volumes/pvc-1 /var/lib/scim\040adapter rw - ext4 /dev/sdc rw
28 26 8:1 /var/lib/kubelet/pods/0b1c/volumes/kubernetes.io~empty-dir/spool /var/spool rw - ext4 /dev/sda1 rw
29 22 8:4 / /twice rw - ext4 /dev/sdd rw
30 22 0:40 / /twice rw - ramfs none rw
broken
`

func TestWhatDoesNotOutliveTheProcessIsKnownByItsMount(t *testing.T) {
	for path, want := range map[string]string{
		"/": "", "/srv/scim": "", "/runs": "", "/run/data/scim": "", "/var/lib/scim adapter": "", "/var/lib/scim adapter/x": "",
		"/run": "memory (tmpfs)", "/run/datas": "memory (tmpfs)", "/dev/shm/a/b": "memory (tmpfs)", "/twice/x": "memory (ramfs)",
		"/var/lib/scim": "layer of a container (overlay)", "/var/spool/scim": "emptyDir",
	} {
		got := ephemeral(mountinfo, path)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s lies %q, expected %q", path, got, want)
		}
	}
}

func TestASpoolInMemoryIsAFaultUnlessItMayBe(t *testing.T) {
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err != nil || ephemeral(string(mounts), "/dev/shm") == "" {
		t.Skip("nothing is known to be mounted in memory")
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink("/dev/shm", link); err != nil {
		t.Fatal(err)
	}
	for journal, found := range map[string]bool{
		"{path: /dev/shm/scim/spool, on_unavailable: spool}":                        true,
		"{path: " + link + "/not/yet/there, on_unavailable: spool}":                 true,
		"{path: /dev/shm/scim/spool, on_unavailable: spool, allow_ephemeral: true}": false,
		"{path: /dev/shm/scim/spool}":                                               false,
		"{path: /proc/self, on_unavailable: spool}":                                 false,
	} {
		faults := valid(t, "database: {url: 'postgres://db/scim'}\njournal: "+journal+"\n"+client+rest).CheckSpool()
		if (len(faults) > 0) != found {
			t.Errorf("%s: %v", journal, faults)
		}
		if found && (faults[0].Path != "journal.path" || faults[0].Line != 2 || !strings.Contains(faults[0].Error(), "in memory (tmpfs)")) {
			t.Errorf("%s: %v", journal, faults)
		}
	}
}
