package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/configs"
)

// momentHelp says what can be written for a time.
const momentHelp = "2026-11-23T14:00:00Z, 2026-11-23 14:00 or 2026-11-23 (in the zone of this machine), today, yesterday, or how long ago: 2h, 7d, 2w"

// Times as people write them, and as the commands print them. Without a zone it is the one of whoever types it.
var momentLayouts = []string{
	time.RFC3339, tableTime, "2006-01-02 15:04:05-07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
}

// tableTime is how tables show a time.
const tableTime = "2006-01-02 15:04:05 -07:00"

var weeks = regexp.MustCompile(`^(\d{1,4})w`)

// moment reads a time, or how long ago it is. A day is when it begins; as --until it is when it ends.
func moment(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	now, days := time.Now(), 0
	if m := weeks.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // they are digits
		if days = 7 * n; m[0] == text {
			return now.AddDate(0, 0, -days), nil
		}
	}
	if ago, err := configs.ParseDuration(strings.TrimPrefix(text, weeks.FindString(text))); err == nil && strings.ContainsAny(text, "ywdhms") { // a number alone may be a year
		return now.AddDate(0, 0, -days).Add(-ago), nil
	}
	for _, layout := range momentLayouts {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	day, err := time.ParseInLocation(time.DateOnly, text, time.Local)
	switch text {
	case "today", "yesterday":
		day, err = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.Local), nil
		if text == "yesterday" {
			day = day.AddDate(0, 0, -1)
		}
	}
	if err != nil {
		return time.Time{}, usageError{fmt.Errorf("--%s %q is no time: write %s", flag, text, momentHelp)}
	}
	if flag == "until" {
		day = day.AddDate(0, 0, 1)
	}
	return day, nil
}

// span reads --since and --until.
func span(since, until string) (from, to time.Time, err error) {
	if from, err = moment("since", since); err != nil {
		return from, to, err
	}
	if to, err = moment("until", until); err != nil {
		return from, to, err
	}
	if !to.IsZero() && !to.After(from) {
		err = usageError{fmt.Errorf("--until %s is not after --since %s: nothing is between", until, since)}
	}
	return from, to, err
}
