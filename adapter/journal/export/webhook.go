package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/scim-adapter/scim-adapter/configs"
)

const (
	webhookTimeout = 30 * time.Second
	// longestWait is how long a webhook may tell us to stay away; one that says more is asked again then.
	longestWait, shortestWait = time.Hour, time.Second
	// maxBody is how much is posted at once.
	maxBody = 1 << 20
)

// webhook posts JSON lines.
type webhook struct {
	url, token configs.Secret
	host       string
	client     *http.Client
	now        func() time.Time
}

func newWebhook(to, token configs.Secret) *webhook {
	w := &webhook{url: to, token: token, now: time.Now}
	if u, err := url.Parse(to.Reveal()); err == nil {
		w.host = u.Scheme + "://" + u.Host
	}
	w.client = &http.Client{
		Timeout: webhookTimeout,
		// A redirected POST would become a GET, and its token would go where nobody has written it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return w
}

func (w *webhook) String() string { return configs.ExportWebhook + " " + w.host }

func (w *webhook) Close() error {
	w.client.CloseIdleConnections()
	return nil
}

// Send posts the entries, in halves where they are too many at once.
func (w *webhook) Send(ctx context.Context, entries []Entry) error {
	body, err := JSONLines(entries)
	if err != nil {
		return backoff.Permanent(err)
	}
	if len(body) <= maxBody || len(entries) == 1 {
		err = w.post(ctx, body)
	} else {
		err = errTooLarge
	}
	if !errors.Is(err, errTooLarge) {
		return err
	}
	if len(entries) == 1 {
		return backoff.Permanent(fmt.Errorf("event %s: %w", entries[0].Event, err))
	}
	if err := w.Send(ctx, entries[:len(entries)/2]); err != nil {
		return err
	}
	return w.Send(ctx, entries[len(entries)/2:])
}

func (w *webhook) post(ctx context.Context, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.Reveal(), bytes.NewReader(body))
	if err != nil {
		return backoff.Permanent(unnamed(err))
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("User-Agent", "scim-adapter")
	if !w.token.IsZero() {
		request.Header.Set("Authorization", "Bearer "+w.token.Reveal())
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return unnamed(err)
	}
	defer answer.Body.Close() //nolint:errcheck // only read
	said := reason(answer)
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	failed := fmt.Errorf("the answer is %s: %s", answer.Status, said)
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusRequestEntityTooLarge:
		return errTooLarge
	case code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout:
		if wait, ok := w.retryAfter(answer.Header.Get("Retry-After")); ok {
			return fmt.Errorf("%w (%w)", failed, &backoff.RetryAfterError{Duration: wait})
		}
		return failed
	}
	return backoff.Permanent(failed)
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3).
func (w *webhook) retryAfter(text string) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(max(time.Duration(seconds)*time.Second, shortestWait), longestWait), true //nolint:gosec // of 31 bits
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(w.now()), shortestWait), longestWait), true
}

// unnamed is an error of net/http without the URL in it, which may be secret.
func unnamed(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
