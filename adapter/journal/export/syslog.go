package export

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/cenkalti/backoff/v5"

	"github.com/scim-adapter/scim-adapter/adapter/journal"
	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	syslogTimeout = 10 * time.Second
	// How long a message is at most. RFC 5424 (section 6.1) wants receivers to take 2048 bytes; those of a stream take more.
	maxDatagram, maxMessage = 2048, 8192
	maxParam                = 256 // bytes of one value of the structured data
)

// syslog sends messages of RFC 5424: one in a datagram, or counted in octets over a stream (RFC 6587, section 3.4.1; RFC 5425).
type syslog struct {
	scheme, address string
	host, process   string
	conn            net.Conn
	gone            chan struct{} // closed when the other end has closed conn
	last            []byte        // what was written last to a stream: nobody says whether it arrived
	roots           *tls.Config
}

func newSyslog(address string) *syslog {
	scheme, rest, _ := strings.Cut(address, "://")
	host, err := os.Hostname()
	if err != nil {
		host = ""
	}
	return &syslog{scheme: scheme, address: rest, host: header(host, 255), process: strconv.Itoa(os.Getpid())}
}

func (s *syslog) String() string { return configs.ExportSyslog + " " + s.scheme + "://" + s.address }

// Close ends the connection.
func (s *syslog) Close() error {
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}

// Send writes the entries. Syslog has no answers, so what was written just before a connection broke is written once more over the next one.
func (s *syslog) Send(ctx context.Context, entries []Entry) error {
	if s.broken() {
		_ = s.Close() // it is
	}
	if s.conn == nil {
		if err := s.dial(ctx); err != nil {
			return err
		}
	}
	err := s.conn.SetWriteDeadline(time.Now().Add(syslogTimeout))
	if err == nil {
		err = s.write(entries)
	}
	if err != nil {
		_ = s.Close() // the error is why
	}
	return err
}

// broken says that the other end does not listen any more.
func (s *syslog) broken() bool {
	if s.conn == nil {
		return false
	}
	select {
	case <-s.gone:
		return true
	default:
		return false
	}
}

func (s *syslog) dial(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, syslogTimeout)
	defer cancel()
	if s.scheme == "tls" {
		s.conn, err = (&tls.Dialer{Config: s.roots}).DialContext(ctx, "tcp", s.address)
	} else {
		s.conn, err = new(net.Dialer).DialContext(ctx, s.scheme, s.address)
	}
	if err != nil {
		s.conn = nil
		return err
	}
	s.gone = make(chan struct{})
	if s.scheme == "udp" {
		return nil
	}
	go func(conn net.Conn, gone chan struct{}) {
		_, _ = io.Copy(io.Discard, conn) // until it is closed
		close(gone)
	}(s.conn, s.gone)
	if len(s.last) == 0 {
		return nil
	}
	err = s.conn.SetWriteDeadline(time.Now().Add(syslogTimeout))
	if err == nil {
		_, err = s.conn.Write(s.last)
	}
	if err != nil {
		_ = s.Close() // the error is why
	}
	return err
}

func (s *syslog) write(entries []Entry) error {
	var stream []byte
	for _, e := range entries {
		message, err := s.message(e)
		switch {
		case err != nil:
			return backoff.Permanent(err)
		case s.scheme != "udp":
			stream = strconv.AppendInt(stream, int64(len(message)), 10)
			stream = append(append(stream, ' '), message...)
			continue
		}
		if _, err := s.conn.Write(message); err != nil {
			return err
		}
	}
	if stream == nil {
		return nil
	}
	_, err := s.conn.Write(stream)
	if err == nil { // else whoever has sent this sends it again
		s.last = stream
	}
	return err
}

// message is an entry as RFC 5424 has it: who did what stands in the structured data, the whole entry as JSON in the message, as far as there is room.
func (s *syslog) message(e Entry) ([]byte, error) {
	most := maxMessage
	if s.scheme == "udp" {
		most = maxDatagram
	}
	const facility = 13 // log audit
	head := fmt.Sprintf("<%d>1 %s %s scim-adapter %s %s %s", facility*8+severity(e.Status), e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), s.host, s.process, header(e.Action, 32), data(e))
	for _, less := range []func(){
		func() {}, func() { e.Steps, e.Weights, e.Diff = nil, nil, nil }, func() { e.Changed, e.Dropped, e.Error, e.Refused, e.Query = nil, nil, "", "", "" }, func() { e.UserAgent = "" },
	} {
		less()
		text, err := JSONLines([]Entry{e})
		if err != nil {
			return nil, err
		}
		text = text[:len(text)-1] // without the end of the line
		const mark = " \ufeff"    // UTF-8 follows
		if len(head)+len(mark)+len(text) <= most {
			return append([]byte(head+mark), text...), nil
		}
	}
	if len(head) <= most {
		return []byte(head), nil
	}
	return nil, errors.New("an event that no syslog message can hold")
}

// severity is that of RFC 5424: notice for what was refused or is open, warning where something went wrong.
func severity(status string) int {
	switch status {
	case journal.StatusDone, journal.StatusShadow:
		return 6
	case journal.StatusFailed, journal.StatusUnknown:
		return 4
	}
	return 5
}

// data is the structured data of an entry. 32473 is the number that RFC 5612 sets aside for those who have none.
func data(e Entry) string {
	var b strings.Builder
	b.WriteString("[scim-adapter@32473")
	for _, p := range []struct{ name, value string }{
		{"event", string(e.Event)},
		{"tenant", e.Tenant},
		{"client", e.Client},
		{"subject", e.Subject},
		{"address", e.Address},
		{"requestId", e.RequestID},
		{"action", e.Action},
		{"resourceType", e.ResourceType},
		{"resourceId", e.ResourceID},
		{"status", e.Status},
	} {
		if p.value != "" {
			fmt.Fprintf(&b, ` %s="%s"`, p.name, escaped(p.value))
		}
	}
	b.WriteByte(']')
	return b.String()
}

// escaped is the value of a parameter (RFC 5424, section 6.3.3), cut where it is too long. What cannot be printed could end a line where messages are kept in lines.
func escaped(value string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(value, "\ufffd") {
		r = printable(r)
		if b.Len()+utf8.RuneLen(r) > maxParam-4 {
			b.WriteString("…")
			break
		}
		if r == '"' || r == '\\' || r == ']' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// header is a field of the header: printable ASCII, n at most, and a dash for nothing.
func header(text string, n int) string {
	text = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, text)
	return cmp.Or(text[:min(len(text), n)], "-")
}

// printable keeps a character, or puts another where it would move the cursor, end a line or show nothing.
func printable(r rune) rune {
	if unicode.IsPrint(r) {
		return r
	}
	return '\ufffd'
}
