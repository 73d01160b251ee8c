package export

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/scim-adapter/scim-adapter/configs"
)

// Sink takes entries.
type Sink interface {
	// Send hands entries on. After an error some of them may have arrived. One that will not change by trying again is a *backoff.PermanentError, and one
	// that says when to try again a *backoff.RetryAfterError.
	Send(ctx context.Context, entries []Entry) error
	io.Closer
	fmt.Stringer // for logs: nothing secret
}

// Open makes the sink of a destination. It does not touch the network. out is where `stdout` goes.
func Open(to configs.AuditExport, out io.Writer) (Sink, error) {
	if faults := to.Validate(); len(faults) > 0 {
		return nil, faults
	}
	switch to.To {
	case configs.ExportSyslog:
		return newSyslog(to.Address), nil
	case configs.ExportWebhook:
		return newWebhook(to.URL, to.Token), nil
	}
	return lines{out}, nil
}

// Deliver sends until it has succeeded, or has failed for good: ctx is over, nothing has helped for as long as patience says (0: for ever), or the
// destination does not want these entries. notify is told of each try that failed.
func Deliver(ctx context.Context, to Sink, entries []Entry, patience time.Duration, notify func(err error, next time.Duration)) error {
	waits := backoff.NewExponentialBackOff()
	waits.MaxInterval = time.Minute
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, to.Send(ctx, entries) },
		backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(patience), backoff.WithNotify(notify))
	if err != nil {
		return fmt.Errorf("%s: %w", to, err)
	}
	return nil
}

// lines writes JSON lines.
type lines struct{ to io.Writer }

// Send writes all of them at once, so that lines of several writers do not mix.
func (l lines) Send(_ context.Context, entries []Entry) error {
	text, err := JSONLines(entries)
	if err != nil {
		return backoff.Permanent(err)
	}
	_, err = l.to.Write(text)
	return err
}

// Close leaves the output open: it belongs to the process.
func (lines) Close() error { return nil }

func (lines) String() string { return configs.ExportStdout }

// JSONLines is a line of JSON for each entry.
func JSONLines(entries []Entry) ([]byte, error) {
	var b bytes.Buffer
	to := json.NewEncoder(&b)
	to.SetEscapeHTML(false)
	for _, e := range entries {
		if err := to.Encode(e); err != nil {
			return nil, fmt.Errorf("event %s: %w", e.Event, err)
		}
	}
	return b.Bytes(), nil
}

// errTooLarge is that a webhook does not take so much at once.
var errTooLarge = errors.New("413 Request Entity Too Large")

// reason is the beginning of what a server said, on one line.
func reason(answer *http.Response) string {
	text, err := io.ReadAll(io.LimitReader(answer.Body, 200))
	if err != nil {
		return ""
	}
	return strings.Map(printable, strings.Join(strings.Fields(string(text)), " "))
}
