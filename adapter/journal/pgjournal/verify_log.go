package pgjournal

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// checkpointLine is what a line of the log has that tells of a checkpoint.
const checkpointLine = "journal checkpoint"

// longestLine bounds what of a log is held at once; a line of ours is much shorter.
const longestLine = 1 << 20

// ReadCheckpoints takes the checkpoints out of a log, in JSON or as slog's text, whatever else the log has. A line that speaks of one and is none is an error.
func ReadCheckpoints(log io.Reader) ([]Checkpoint, error) {
	var list []Checkpoint
	lines := bufio.NewReaderSize(log, longestLine)
	for n := 1; ; n++ {
		text, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) && len(text) == 0 {
			return list, nil
		}
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
		for errors.Is(err, bufio.ErrBufferFull) { // it is nobody's that we know
			text = nil
			_, err = lines.ReadSlice('\n')
		}
		if !strings.Contains(string(text), checkpointLine) {
			continue
		}
		c, there, err := readCheckpoint(string(text))
		if err != nil {
			return nil, fmt.Errorf("line %d tells of a checkpoint and cannot be read: %w", n, err)
		}
		if there {
			list = append(list, c)
		}
	}
}

// readCheckpoint reads a line; there is false where it only speaks of checkpoints.
func readCheckpoint(line string) (c Checkpoint, there bool, err error) {
	fields := map[string]string{}
	if i := strings.IndexByte(line, '{'); i >= 0 { // what collects logs puts words of its own in front
		in := json.NewDecoder(strings.NewReader(line[i:]))
		in.UseNumber()
		var members map[string]any
		if err := in.Decode(&members); err != nil {
			return c, true, err
		}
		for name, v := range members {
			fields[name] = fmt.Sprint(v)
		}
	} else {
		before, after, found := strings.Cut(line, `msg="`+checkpointLine+`"`)
		if !found {
			return c, false, nil
		}
		fields["msg"] = checkpointLine
		for word := range strings.FieldsSeq(before + after) {
			name, value, _ := strings.Cut(word, "=")
			if unquoted, err := strconv.Unquote(value); err == nil {
				value = unquoted
			}
			fields[name] = value
		}
	}
	if fields["msg"] != checkpointLine {
		return c, false, nil
	}
	c.Writer, c.KeyID, c.Final, c.logged = fields["writer"], fields["key_id"], fields["final"] == "true", true
	for _, part := range []func() error{
		func() (err error) { c.Seq, err = strconv.ParseInt(fields["seq"], 10, 64); return err },
		func() (err error) { c.Link, err = hex.DecodeString(fields["link"]); return err },
		func() (err error) { c.Time, err = time.Parse(time.RFC3339Nano, fields["signed"]); return err },
		func() (err error) {
			c.Signature, err = base64.StdEncoding.DecodeString(fields["signature"])
			return err
		},
	} {
		if err := part(); err != nil {
			return c, true, err
		}
	}
	return c, true, nil
}
