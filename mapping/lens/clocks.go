package lens

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/mapping"
	"github.com/scim-adapter/scim-adapter/scim"
	"github.com/scim-adapter/scim-adapter/scim/filter"
)

// The years that RFC 3339 can write.
const firstYear, lastYear = 0, 9999

func clocks() []mapping.Spec {
	seconds := ticks{name: "seconds since 1970", unit: time.Second, epoch: time.Unix(0, 0)}
	windows := ticks{name: "ticks of 100 ns since 1601", unit: 100 * time.Nanosecond, epoch: time.Date(1601, 1, 1, 0, 0, 0, 0, time.UTC), never: []int64{0, math.MaxInt64}, least: 1}
	return []mapping.Spec{
		{
			Name: "generalizedTime", Usage: "generalizedTime", Type: scim.TypeDateTime, Ops: onOrder, Exact: true, Monotone: backends.TimeRule,
			Doc: "LDAP's clock (RFC 4517 §3.3.13), with or without minutes, seconds, fraction, and with any offset ⇄ RFC 3339, shown in UTC. Written in UTC to the second, with a fraction where there is one.",
			New: noArgs(each{show: showTime, write: writeGeneralized, where: whereInstant(func(at time.Time) any { return at })}),
			Examples: []mapping.Example{
				{Native: []string{"20260102030405Z"}, Scim: []any{"2026-01-02T03:04:05Z"}},
				{Native: []string{"20260102030405.25Z"}, Scim: []any{"2026-01-02T03:04:05.25Z"}},
				{Native: []string{"202601020304+0130"}, Scim: []any{"2026-01-02T01:34:00Z"}, OneWay: true},
				{Native: []string{"2026010203.5Z"}, Scim: []any{"2026-01-02T03:30:00Z"}, OneWay: true},
			},
		},
		{
			Name: "filetime", Usage: "filetime", Type: scim.TypeDateTime, Ops: onOrder, Exact: true,
			Doc: "Active Directory's clock, " + windows.name + " ⇄ RFC 3339. 0 and 9223372036854775807 mean never and are not shown; writing a time replaces them.",
			New: noArgs(windows.lens()),
			Examples: []mapping.Example{
				{Native: []string{"134117966450000000"}, Scim: []any{"2026-01-02T03:04:05Z"}},
				{Native: []string{"9223372036854775807"}, Scim: nil, OneWay: true},
				{Native: []string{"134117966450000000"}, Before: []string{"0"}, Scim: []any{"2026-01-02T03:04:05Z"}},
			},
		},
		{
			Name: "epoch", Usage: "epoch", Type: scim.TypeDateTime, Ops: onOrder, Exact: true, Monotone: backends.IntegerRule,
			Doc: "Unix time, whole " + seconds.name + " ⇄ RFC 3339. A fraction of a second cannot be held: 400.",
			New: noArgs(seconds.lens()),
			Examples: []mapping.Example{
				{Native: []string{"1767323045"}, Scim: []any{"2026-01-02T03:04:05Z"}},
				{Native: []string{"-1"}, Scim: []any{"1969-12-31T23:59:59Z"}},
			},
		},
		{
			Name: "timestamp", Usage: "timestamp", Type: scim.TypeDateTime, Ops: onOrder, Exact: true, Monotone: backends.TimeRule,
			Doc: "A database's timestamp, RFC 3339 with any offset, or a date, which is its first instant in UTC ⇄ RFC 3339, shown in UTC. A column of timestamps or dates needs no lens.",
			New: noArgs(each{show: showTime, write: writeTimestamp, where: whereInstant(func(at time.Time) any { return at })}),
			Examples: []mapping.Example{
				{Native: []string{"2026-01-02T03:04:05+01:00"}, Before: []string{"2026-01-02T03:04:05+01:00"}, Scim: []any{"2026-01-02T02:04:05Z"}},
				{Native: []string{"2026-01-31"}, Before: []string{"2026-01-31"}, Scim: []any{"2026-01-31T00:00:00Z"}},
			},
		},
	}
}

// rfc3339 reads what SCIM calls a dateTime (RFC 7643 §2.3.5) and the directory is to hold.
func rfc3339(v any) (time.Time, error) {
	t, ok := instant(v)
	if !ok || !writable(t) {
		return time.Time{}, fmt.Errorf("must be a date and time with its offset, such as 2026-01-02T03:04:05Z, not %v", v)
	}
	return t, nil
}

// instant reads a literal as the matcher of scim does: small t and z are allowed (RFC 3339 §5.6), and without an offset it is UTC.
func instant(v any) (time.Time, bool) {
	s, ok := v.(string)
	if !ok {
		return time.Time{}, false
	}
	s = strings.ToUpper(s)
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// asked is a test of a clock as an operator and an instant. Some tests are answered without looking: the operator is then pr where every
// value fulfils it, and ok is false where none does. An offset may lead to literals before or after all times that can be shown.
func asked(t mapping.Test) (op filter.Op, at time.Time, ok bool) {
	if t.Op == filter.Pr {
		return t.Op, at, true
	}
	at, ok = instant(t.Value)
	switch {
	case !ok, writable(at):
		return t.Op, at, ok
	case at.Year() > lastYear && (t.Op == filter.Lt || t.Op == filter.Le), at.Year() < firstYear && (t.Op == filter.Gt || t.Op == filter.Ge):
		return filter.Pr, at, true
	}
	return t.Op, at, false
}

// onClock says whether a test is one that can be asked of a clock.
func onClock(t mapping.Test) bool {
	_, isText := t.Value.(string)
	return t.Op == filter.Pr || isText && t.Op != filter.Ne && slices.Contains(onOrder, t.Op)
}

func writable(t time.Time) bool { return t.Year() >= firstYear && t.Year() <= lastYear }

func showTime(v backends.Value) (any, bool, error) {
	t, ok := v.Time(), true
	if v.Kind() != backends.KindTime {
		t, ok = backends.ParseTime(v.Text())
	}
	if !ok || !writable(t) {
		return nil, false, fmt.Errorf("%q is no time", clip(v.Text()))
	}
	return t.Format(time.RFC3339Nano), false, nil
}

// writeGeneralized keeps a typed column typed; else it writes LDAP's own form.
func writeGeneralized(v any, like backends.Kind) (backends.Value, error) {
	t, err := rfc3339(v)
	if err != nil || like == backends.KindTime {
		return backends.Time(t), err
	}
	return backends.String(generalized(t)), nil
}

func generalized(t time.Time) string { return t.UTC().Format("20060102150405.999999999Z") }

func writeTimestamp(v any, like backends.Kind) (backends.Value, error) {
	t, err := rfc3339(v)
	if err != nil || like != backends.KindString {
		return backends.Time(t), err
	}
	return backends.String(t.Format(time.RFC3339Nano)), nil
}

// whereInstant is the filter of both clocks that the directory itself understands; spell writes an instant as it does.
func whereInstant(spell func(time.Time) any) func(mapping.Test) (backends.Predicate, bool) {
	return func(t mapping.Test) (backends.Predicate, bool) {
		op, at, ok := asked(t)
		switch {
		case !onClock(t):
			return nil, false
		case !ok:
			return backends.False{}, true
		case op != filter.Pr:
			return ruled(t, op, spell(at), backends.TimeRule)
		case t.Syntax.Equality == backends.TimeRule:
			return next(t, filter.Pr, nil)
		}
		// Not every text is a time, but every time is at or after the first.
		return ruled(t, filter.Ge, spell(time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC)), backends.TimeRule)
	}
}

// ticks is a clock that counts whole units from an epoch.
type ticks struct {
	name  string
	unit  time.Duration
	epoch time.Time
	never []int64 // counts that stand for no time at all
	least int64   // the smallest count that is a time; 0: any
}

func (c ticks) lens() each {
	return each{show: c.show, write: c.write, where: c.where, unset: c.isNever}
}

func (c ticks) isNever(v backends.Value) bool {
	n, err := flags(v)
	for _, never := range c.never {
		if err == nil && n == never {
			return true
		}
	}
	return false
}

func (c ticks) show(v backends.Value) (any, bool, error) {
	if c.isNever(v) {
		return nil, true, nil
	}
	n, err := flags(v)
	if err != nil {
		return nil, false, err
	}
	lo, hi := c.bounds()
	if n < lo || n > hi {
		return nil, false, fmt.Errorf("%d is beyond the times that can be shown, in %s", n, c.name)
	}
	return c.time(n).Format(time.RFC3339Nano), false, nil
}

// time is the instant of a count. Seconds and the rest apart: a Duration holds 292 years only.
func (c ticks) time(n int64) time.Time {
	perSecond := int64(time.Second / c.unit)
	seconds, rest := n/perSecond, n%perSecond
	return time.Unix(c.epoch.Unix()+seconds, rest*int64(c.unit)).UTC()
}

// bounds are the smallest and largest counts that are times which RFC 3339 can write.
func (c ticks) bounds() (lo, hi int64) {
	first, _ := c.count(time.Date(firstYear, 1, 1, 0, 0, 0, 0, time.UTC))
	last, _ := c.count(time.Date(lastYear, 12, 31, 23, 59, 59, 999999999, time.UTC))
	lo, hi = first.Int64(), last.Int64()
	if c.least != 0 {
		lo = c.least
	}
	return lo, hi
}

// count is the number of units up to t, rounded down, and whether it is exact.
func (c ticks) count(t time.Time) (n *big.Int, exact bool) {
	n = big.NewInt(t.Unix() - c.epoch.Unix())
	n.Mul(n, big.NewInt(int64(time.Second)))
	n.Add(n, big.NewInt(int64(t.Nanosecond())))
	n, rest := n.DivMod(n, big.NewInt(int64(c.unit)), new(big.Int))
	return n, rest.Sign() == 0
}

func (c ticks) write(v any, like backends.Kind) (backends.Value, error) {
	t, err := rfc3339(v)
	if err != nil {
		return backends.Value{}, err
	}
	n, exact := c.count(t)
	lo, hi := c.bounds()
	switch {
	case !exact:
		return backends.Value{}, fmt.Errorf("must be a whole number of %s, which %v is not", c.name, v)
	case n.Int64() < lo || n.Int64() > hi:
		return backends.Value{}, fmt.Errorf("must be a time that can be counted in %s, which %v is not", c.name, v)
	case like == backends.KindInt:
		return backends.Int(n.Int64()), nil
	}
	return backends.String(strconv.FormatInt(n.Int64(), 10)), nil
}

// where compares counts. An order has a second bound, which keeps out what is no time (never is the largest number of all); the two
// hold of one value only where there is one.
func (c ticks) where(t mapping.Test) (backends.Predicate, bool) {
	lo, hi := c.bounds()
	op, at, ok := asked(t)
	switch {
	case !onClock(t):
		return nil, false
	case !ok:
		return backends.False{}, true
	case op == filter.Pr:
		return c.between(t, lo, hi)
	}
	floor, exact := c.count(at)
	n, up := floor.Int64(), int64(1) // up leads from the last count at or before the time to the first at or after it
	if exact {
		up = 0
	}
	switch op {
	case filter.Eq:
		if !exact || n < lo || n > hi {
			return backends.False{}, true
		}
		return next(t, filter.Eq, n)
	case filter.Gt:
		return c.between(t, max(lo, n+1), hi)
	case filter.Ge:
		return c.between(t, max(lo, n+up), hi)
	case filter.Lt:
		return c.between(t, lo, min(hi, n+up-1))
	case filter.Le:
		return c.between(t, lo, min(hi, n))
	default:
		return nil, false
	}
}

// between is true of a count from lo to hi.
func (c ticks) between(t mapping.Test, lo, hi int64) (backends.Predicate, bool) {
	switch {
	case !t.Syntax.Single:
		return nil, false
	case lo > hi:
		return backends.False{}, true
	}
	return all(say(next(t, filter.Ge, lo)), say(next(t, filter.Le, hi)))
}
