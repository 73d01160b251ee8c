package backup

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// ExportJSON writes the records of a snapshot as JSON, one a line, and gives how many.
func (s *Store) ExportJSON(ctx context.Context, one Snapshot, to io.Writer) (n int, err error) {
	w := bufio.NewWriter(to)
	out := json.NewEncoder(w)
	for rec, err := range s.Records(ctx, one) {
		if err != nil {
			return n, err
		}
		if err := out.Encode(rec); err != nil {
			return n, err
		}
		n++
	}
	return n, w.Flush()
}

// ExportLDIF writes the records of a snapshot as LDIF (RFC 2849), and gives how many. Records without names, those of tables, have none there either.
func (s *Store) ExportLDIF(ctx context.Context, one Snapshot, to io.Writer) (n int, err error) {
	w := bufio.NewWriter(to)
	fmt.Fprint(w, "version: 1\n")
	for rec, err := range s.Records(ctx, one) {
		if err != nil {
			return n, err
		}
		if !strings.Contains(rec.Name, "=") {
			return n, fmt.Errorf("the records of %s have no distinguished names: write them as JSON", one.Type)
		}
		fmt.Fprint(w, "\n")
		ldifLine(w, "dn", rec.Name)
		for _, attr := range slices.Sorted(maps.Keys(rec.Attrs)) {
			for _, v := range rec.Attrs[attr] {
				if v.Kind() == backends.KindSecret {
					fmt.Fprintf(w, "# %s: not in the snapshot\n", attr)
					continue
				}
				ldifLine(w, attr, v.Text())
			}
		}
		n++
	}
	return n, w.Flush()
}

// ldifLine writes one value, in base64 where it must be, in lines of 76 characters.
func ldifLine(w *bufio.Writer, attr, value string) {
	line := attr + ": " + value
	if !ldifSafe(value) {
		line = attr + ":: " + base64.StdEncoding.EncodeToString([]byte(value))
	}
	for width := 76; len(line) > width; width = 75 {
		fmt.Fprint(w, line[:width], "\n ")
		line = line[width:]
	}
	fmt.Fprint(w, line, "\n")
}

// ldifSafe is SAFE-STRING of RFC 2849, without a blank at the end, which editors take away.
func ldifSafe(value string) bool {
	for i := range len(value) {
		if c := value[i]; c == 0 || c == '\n' || c == '\r' || c >= 0x80 || i == 0 && (c == ' ' || c == ':' || c == '<') {
			return false
		}
	}
	return !strings.HasSuffix(value, " ")
}
