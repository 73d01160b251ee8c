package backends

import (
	"strings"
	"time"
)

// instantLayout has a fixed width, so that instants order as their texts do.
const instantLayout = "2006-01-02T15:04:05.000000000Z"

// canonicalTime reads a generalizedTime (RFC 4517 §3.3.13), an RFC 3339 timestamp or date.
func canonicalTime(s string) (string, bool) {
	t, ok := ParseTime(s)
	if !ok || t.Year() < 0 || t.Year() > 9999 {
		return s, false
	}
	return t.Format(instantLayout), true
}

// ParseTime reads a generalizedTime, an RFC 3339 timestamp, or a date, which is its first instant in UTC; the answer is in UTC.
func ParseTime(s string) (time.Time, bool) {
	if strings.ContainsRune(s, '-') && len(s) > 5 && s[4] == '-' {
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			return t, true
		}
		t, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
		return t.UTC(), err == nil
	}
	return parseGeneralized(s)
}

// parseGeneralized reads YYYYMMDDHH[MM[SS]][.fraction](Z|±HH[MM]). The fraction is of the smallest unit that is written.
func parseGeneralized(s string) (time.Time, bool) {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	if end != 10 && end != 12 && end != 14 {
		return time.Time{}, false
	}
	unit := map[int]time.Duration{10: time.Hour, 12: time.Minute, 14: time.Second}[end]
	fields := [6]int{}
	for i, at := range [6]int{0, 4, 6, 8, 10, 12} {
		width := 2
		if i == 0 {
			width = 4
		}
		if at < end {
			fields[i] = digitsValue(s[at : at+width])
		}
	}
	year, month, day, hour, minute, second := fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]
	fraction, rest, ok := cutFraction(s[end:], unit)
	if !ok {
		return time.Time{}, false
	}
	offset, ok := parseOffset(rest)
	// A leap second is written as 60 (ABNF leap-second) and becomes the next minute's first.
	if !ok || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	return t.Add(fraction - offset), true
}

func digitsValue(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

func daysIn(year, month int) int {
	return time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// cutFraction reads `.5` or `,5` of unit. Digits beyond the nanosecond are cut off.
func cutFraction(s string, unit time.Duration) (fraction time.Duration, rest string, ok bool) {
	if s == "" || (s[0] != '.' && s[0] != ',') {
		return 0, s, true
	}
	end := 1
	for scale := unit; end < len(s) && s[end] >= '0' && s[end] <= '9'; end++ {
		// Exact: hours and minutes in nanoseconds are 36·10¹¹ and 6·10¹⁰; what no longer divides is below a nanosecond.
		fraction += time.Duration(s[end]-'0') * scale / 10
		scale /= 10
	}
	return fraction, s[end:], end > 1
}

// parseOffset reads what stands for the zone: Z, ±HH or ±HHMM.
func parseOffset(s string) (time.Duration, bool) {
	if s == "Z" {
		return 0, true
	}
	if (len(s) != 3 && len(s) != 5) || (s[0] != '+' && s[0] != '-') || !isDigits(s[1:]) {
		return 0, false
	}
	hours, minutes := digitsValue(s[1:3]), digitsValue(s[3:])
	if hours > 23 || minutes > 59 {
		return 0, false
	}
	offset := time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute
	if s[0] == '-' {
		offset = -offset
	}
	return offset, true
}
