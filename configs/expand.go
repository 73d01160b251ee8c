package configs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxReferenced is how many bytes a file named by ${file:…} may have: it holds a password or a token.
const maxReferenced = 64 << 10

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// expand replaces the references of a scalar:
//
//	${NAME}           the environment variable; a fault when it is not set
//	${NAME:-default}  the default when it is not set or empty
//	${file:/path}     the content of the file without trailing line ends
//	$${               the characters ${
//
// A reference ends at the first closing brace; references do not nest. What comes out is text and nothing else.
func (p *parser) expand(n *node) {
	var b strings.Builder
	rest, followed := n.written, true
	for rest != "" {
		if after, ok := strings.CutPrefix(rest, "$${"); ok {
			b.WriteString("${")
			rest = after
			continue
		}
		after, ok := strings.CutPrefix(rest, "${")
		if !ok {
			b.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		reference, behind, closed := strings.Cut(after, "}")
		if !closed {
			p.fault(Node{n}.Fault("close it, or write $${ for the characters themselves", "a `${` is never closed"))
			return
		}
		text, fault, ok := resolve(reference)
		if !ok {
			p.fault(Node{n}.Fault(fault.Remedy, "%s", fault.Message))
			followed = false
		}
		n.reference = len(reference)+len("${}") == len(n.written)
		b.WriteString(text)
		rest = behind
	}
	if followed {
		n.text = NewSecret(b.String())
	}
}

// resolve is what stands for one reference. The message names the reference and never what it holds.
func resolve(reference string) (string, Fault, bool) {
	if strings.Contains(reference, "${") {
		return "", newFault("write one reference after the other", "a `${…}` stands within another"), false
	}
	if path, ok := strings.CutPrefix(reference, "file:"); ok {
		return readReferenced(path)
	}
	name, fallback, optional := strings.Cut(reference, ":-")
	if !variableName.MatchString(name) {
		return "", newFault("write ${NAME}, ${NAME:-default} or ${file:/path}; $${ stands for the characters ${", "what stands between the braces of `${…}` is no reference"), false
	}
	value, set := os.LookupEnv(name)
	switch {
	case optional && value == "":
		return fallback, Fault{}, true
	case !set:
		return "", newFault("set it, or write ${"+name+":-default}", "the environment variable %s is not set", name), false
	case !utf8.ValidString(value):
		return "", newFault("set it to text in UTF-8", "the environment variable %s does not hold text", name), false
	}
	return value, Fault{}, true
}

// readReferenced is the value that a file holds, without trailing line ends.
func readReferenced(path string) (string, Fault, bool) {
	text, fault, ok := readText(path, path, maxReferenced)
	return strings.TrimRight(text, "\r\n"), fault, ok
}

// readText reads a file of text; shown is what messages call it. The kind of file is looked at first, because opening a pipe would wait for its writer.
func readText(path, shown string, limit int64) (string, Fault, bool) {
	fail := func(remedy, format string, args ...any) (string, Fault, bool) {
		return "", newFault(remedy, format, args...), false
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("write the path of an existing file", "the file %s does not exist", shown)
	case err != nil:
		return fail("let the process read it", "the file %s cannot be read: %s", shown, reason(err))
	case info.IsDir():
		return fail("write the path of a file", "%s is a directory", shown)
	case !info.Mode().IsRegular():
		return fail("write the path of a regular file", "%s is not a regular file", shown)
	}
	f, err := os.Open(path)
	if err != nil {
		return fail("let the process read it", "the file %s cannot be read: %s", shown, reason(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return fail("let the process read it", "the file %s cannot be read: %s", shown, reason(err))
	case int64(len(text)) > limit:
		return fail("make it smaller", "the file %s is larger than %d bytes", shown, limit)
	case !utf8.Valid(text):
		return fail("save it as UTF-8", "the file %s does not hold text", shown)
	}
	return string(text), Fault{}, true
}

// reason is an error of the file system without the path, which the message has already.
func reason(err error) error {
	if pathError := (*fs.PathError)(nil); errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
