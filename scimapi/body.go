package scimapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/scim-adapter/scim-adapter/scim"
)

// readWithin lets read have a JSON body of at most so many bytes; the remedy ends the sentence that refuses a larger one. Whatever is 413, announced or found
// out on the way, closes the connection: the rest of the body is not worth reading. Every body comes through here.
func readWithin(w http.ResponseWriter, r *http.Request, most int64, remedy string, read func(body io.Reader) error) error {
	if err := checkContentType(r); err != nil {
		return err
	}
	tooLarge := scim.Errorf(http.StatusRequestEntityTooLarge, "", "The body is larger than %s, the most that this service takes%s.", byteSize(most), remedy)
	err := error(tooLarge)
	if r.ContentLength <= most {
		var body io.Reader = http.NoBody
		if r.Body != nil {
			body = http.MaxBytesReader(w, r.Body, most)
		}
		err = read(body)
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			err = tooLarge
		}
	}
	var known *scim.Error
	if errors.As(err, &known) && known.Status == http.StatusRequestEntityTooLarge {
		w.Header().Set("Connection", "close")
	}
	return err
}

// readBody reads and parses a JSON object of at most MaxRequestSize bytes.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request) (o *scim.Object, err error) {
	err = readWithin(w, r, h.MaxRequestSize, "", func(body io.Reader) error {
		text, err := io.ReadAll(body)
		switch {
		case err != nil:
			return scim.BadRequest(scim.InvalidSyntax, "The body ended before it was complete.").Wrap(err)
		case len(text) == 0:
			return scim.BadRequest(scim.InvalidSyntax, "The body is empty; a JSON object is needed.")
		}
		o, err = scim.ParseObject(text)
		return err
	})
	return o, err
}

// readBulk reads a bulk request of at most Bulk.MaxPayload bytes and Bulk.MaxOperations operations.
func (h *Handler) readBulk(w http.ResponseWriter, r *http.Request) (request scim.BulkRequest, err error) {
	remedy := " in one bulk request (maxPayloadSize is " + strconv.FormatInt(h.Bulk.MaxPayload, 10) + "); send it in parts"
	err = readWithin(w, r, h.Bulk.MaxPayload, remedy, func(body io.Reader) (err error) {
		request, err = scim.ReadBulk(body, h.Bulk.MaxOperations)
		return err
	})
	return request, err
}
