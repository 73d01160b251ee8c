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

// computed is what an LDAP server makes up when it is asked for an entry: it stands in none, and what loads entries must not have it.
var computed = []string{"entryDN", "subschemaSubentry", "hasSubordinates", "numSubordinates", "numAllSubordinates"}

// ExportLDIF writes the records of a snapshot as LDIF (RFC 2849) that a server loads: who is above others first, without the version line, which slapadd takes for an
// entry. Attributes that without says yes to are left out; nil: none is. It gives how many records it wrote. Records without names, those of tables, have none there either.
func (s *Store) ExportLDIF(ctx context.Context, one Snapshot, to io.Writer, without func(attr string) bool) (n int, err error) {
	w := bufio.NewWriter(to)
	depths := map[int]bool{}
	for rec, err := range s.Records(ctx, one) {
		if err != nil {
			return n, err
		}
		if !strings.Contains(rec.Name, "=") {
			return n, fmt.Errorf("the records of %s have no distinguished names: write them as JSON", one.Type)
		}
		depths[depth(rec.Name)] = true
	}
	for _, only := range slices.Sorted(maps.Keys(depths)) {
		for rec, err := range s.Records(ctx, one) {
			if err != nil {
				return n, err
			}
			if depth(rec.Name) != only {
				continue
			}
			ldifRecord(w, rec, without)
			n++
		}
	}
	return n, w.Flush()
}

// depth is how many parts a distinguished name has.
func depth(name string) int { return strings.Count(backends.Normalize(backends.NameRule, name), ",") }

func ldifRecord(w *bufio.Writer, rec Record, without func(attr string) bool) {
	ldifLine(w, "dn", rec.Name)
	for _, attr := range slices.Sorted(maps.Keys(rec.Attrs)) {
		if slices.ContainsFunc(computed, func(name string) bool { return strings.EqualFold(name, attr) }) || without != nil && without(attr) {
			continue
		}
		for _, v := range rec.Attrs[attr] {
			if v.Kind() == backends.KindSecret {
				why := "not in the snapshot"
				if v.Box() != nil {
					why = "sealed in the snapshot, and not written here: backup restore has it back"
				}
				fmt.Fprintf(w, "# %s: %s\n", attr, why)
				continue
			}
			ldifLine(w, attr, v.Text())
		}
	}
	fmt.Fprint(w, "\n")
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
