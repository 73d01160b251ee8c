package embedded

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
)

// ReadLDIF reads the entries of an LDIF file (RFC 2849): folded lines, comments, base64 values, a version. Change records and values to be
// fetched from URLs are refused.
func ReadLDIF(r io.Reader) ([]Entry, error) {
	p := ldifParser{}
	in := bufio.NewScanner(r)
	in.Buffer(nil, 64<<20)
	for n := 1; in.Scan(); n++ {
		if err := p.line(n, strings.TrimSuffix(in.Text(), "\r")); err != nil {
			return nil, err
		}
	}
	if err := in.Err(); err != nil {
		return nil, err
	}
	return p.entries, p.end()
}

type ldifParser struct {
	entries []Entry
	entry   *Entry
	logical string // the line that is being unfolded
	at      int    // where it began
	open    bool
}

// line takes a physical line. A logical line is done when one comes that does not continue it.
func (p *ldifParser) line(n int, s string) error {
	if rest, folded := strings.CutPrefix(s, " "); folded {
		if !p.open {
			return fmt.Errorf("line %d continues nothing", n)
		}
		p.logical += rest
		return nil
	}
	if err := p.flush(); err != nil {
		return err
	}
	if s == "" {
		p.entry = nil
		return nil
	}
	p.logical, p.at, p.open = s, n, true
	return nil
}

func (p *ldifParser) end() error { return p.flush() }

func (p *ldifParser) flush() error {
	if !p.open {
		return nil
	}
	p.open = false
	if strings.HasPrefix(p.logical, "#") {
		return nil
	}
	name, value, err := ldifValue(p.logical)
	if err != nil {
		return fmt.Errorf("line %d: %w", p.at, err)
	}
	switch lower := strings.ToLower(name); {
	case lower == "version" && p.entry == nil:
	case lower == "dn" && p.entry == nil:
		p.entries = append(p.entries, Entry{DN: value})
		p.entry = &p.entries[len(p.entries)-1]
	case p.entry == nil:
		return fmt.Errorf("line %d: an entry begins with dn, not %s", p.at, name)
	case lower == "changetype":
		return fmt.Errorf("line %d: change records are not understood", p.at)
	default:
		p.entry.put(name, value)
	}
	return nil
}

func (e *Entry) put(name, value string) {
	for i := range e.Attrs {
		if strings.EqualFold(e.Attrs[i].Name, name) {
			e.Attrs[i].Values = append(e.Attrs[i].Values, value)
			return
		}
	}
	e.Attrs = append(e.Attrs, Attr{Name: name, Values: []string{value}})
}

// ldifValue splits `name: text`, `name:: base64`.
func ldifValue(line string) (name, value string, err error) {
	name, value, found := strings.Cut(line, ":")
	switch {
	case !found || name == "":
		return "", "", fmt.Errorf("%q is no attribute and value", line)
	case strings.HasPrefix(value, "<"):
		return "", "", fmt.Errorf("%s: values from URLs are not fetched", name)
	case strings.HasPrefix(value, ":"):
		b, err := base64.StdEncoding.DecodeString(strings.Trim(value[1:], " "))
		if err != nil {
			return "", "", fmt.Errorf("%s: the base64 is broken", name)
		}
		return name, string(b), nil
	default:
		return name, strings.TrimLeft(value, " "), nil
	}
}

// WriteLDIF writes entries as LDIF, so that another server can be given the same ones. Long lines are not folded.
func WriteLDIF(w io.Writer, entries []Entry) error {
	out := bufio.NewWriter(w)
	for _, e := range entries {
		writeValue(out, "dn", e.DN)
		for _, a := range e.Attrs {
			for _, v := range a.Values {
				writeValue(out, a.Name, v)
			}
		}
		_ = out.WriteByte('\n') // an error sticks until Flush
	}
	return out.Flush()
}

func writeValue(out *bufio.Writer, name, value string) {
	if safe(value) {
		_, _ = out.WriteString(name + ": " + value + "\n")
		return
	}
	_, _ = out.WriteString(name + ":: " + base64.StdEncoding.EncodeToString([]byte(value)) + "\n")
}

// safe is RFC 2849's SAFE-STRING, less a blank at the end, which readers lose.
func safe(v string) bool {
	if v == "" {
		return true
	}
	if strings.ContainsAny(v[:1], " :<") || v[len(v)-1] == ' ' {
		return false
	}
	for i := range len(v) {
		if v[i] > 126 || v[i] < 32 {
			return false
		}
	}
	return true
}
