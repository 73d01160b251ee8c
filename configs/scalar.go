package configs

import (
	"errors"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Duration is written as a plain number of seconds, or with units: 30s, 5m, 1h30m, 90d, 7y. A day has 24 hours and a year 365 days.
type Duration = time.Duration

// Size is a number of bytes, written plainly or with a unit. 1MB is 1,000,000 bytes and 1MiB is 1,048,576: what the
// units have meant since IEC 80000-13.
type Size int64

// The units of Size.
const (
	KB Size = 1e3
	MB Size = 1e6
	GB Size = 1e9

	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

// sizeUnits are tried in order; "b" is the end of the others.
var sizeUnits = []struct {
	name string
	size Size
}{{"kib", KiB}, {"mib", MiB}, {"gib", GiB}, {"kb", KB}, {"mb", MB}, {"gb", GB}, {"b", 1}}

func (n Node) decodeScalar(v reflect.Value) Faults {
	if n.Kind() == Null {
		return Faults{n.Fault("write a value, or take the key away", "has no value")}
	}
	if n.Kind() != Scalar {
		return Faults{n.wrongKind(Scalar)}
	}
	read := reflect.New(v.Type()).Elem()
	want, err := set(read, n.Text())
	if err == nil {
		v.Set(read)
		return nil
	}
	if n.String() != n.Text() { // the value came from outside, and may be a secret in the wrong place
		return Faults{n.Fault("let it be "+want.such, "what %s stands for is not %s", n, want.what)}
	}
	return Faults{n.Fault("write "+want.such, "%q is not %s", n.Text(), want.what)}
}

// expected is what a value should have been: its name, and what to write.
type expected struct{ what, such string }

// set puts text into v.
func set(v reflect.Value, text string) (want expected, err error) {
	switch v.Type() {
	case secretType:
		v.Set(reflect.ValueOf(NewSecret(text)))
		return expected{}, nil
	case prefixType:
		p, err := parsePrefix(text)
		v.Set(reflect.ValueOf(p))
		return expected{"a network", "10.0.0.0/8, or an address"}, err
	case durationType:
		d, err := ParseDuration(text)
		v.SetInt(int64(d))
		return expected{"a duration", "a number of seconds, or 30s or 5m"}, err
	case sizeType:
		s, err := ParseSize(text)
		v.SetInt(int64(s))
		return expected{"a size", "1MB, 512KiB or a number of bytes"}, err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return expected{}, nil
	case reflect.Bool:
		on := strings.EqualFold(text, "true")
		if !on && !strings.EqualFold(text, "false") {
			err = errors.New("not a boolean")
		}
		v.SetBool(on)
		return expected{"a boolean", "true or false"}, err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(i)
		return expected{"a whole number", "digits"}, err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		u, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(u)
		return expected{"a whole number from 0", "digits"}, err
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, v.Type().Bits())
		if err == nil && (math.IsNaN(f) || math.IsInf(f, 0)) {
			err = errors.New("not finite")
		}
		v.SetFloat(f)
		return expected{"a number", "digits"}, err
	default:
		panic("configs: Decode cannot fill a " + v.Type().String()) // a mistake of the programmer
	}
}

// ParseDuration reads a plain number of seconds or a duration with units. It is never negative.
func ParseDuration(text string) (Duration, error) {
	days, rest := cutDays(text)
	d, err := time.Duration(0), error(nil)
	if rest != "" || text == "" {
		d, err = time.ParseDuration(rest)
	}
	if seconds, plain := strconv.ParseFloat(text, 64); plain == nil {
		if !(seconds*float64(time.Second) < math.MaxInt64) { // NaN too
			return 0, strconv.ErrRange
		}
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	switch {
	case err != nil:
		return 0, err
	case d < 0:
		return 0, errors.New("negative")
	case days > (math.MaxInt64-d)/day:
		return 0, strconv.ErrRange
	}
	return days*day + d, nil
}

const day = 24 * time.Hour

// cutDays takes the years and days off a duration that begins with them. What cannot be read is left in the rest, which is then no duration.
func cutDays(text string) (days time.Duration, rest string) {
	for _, unit := range []struct {
		name string
		days uint64
	}{{"y", 365}, {"d", 1}} {
		digits, after, ok := strings.Cut(text, unit.name)
		count, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil {
			continue
		}
		days, text = days+time.Duration(count*unit.days), after //nolint:gosec // at most 366 times 2³¹
	}
	return days, text
}

// ParseSize reads a number of bytes, or one with a unit in any case of letters: KB, MB, GB, KiB, MiB, GiB.
func ParseSize(text string) (Size, error) {
	number, unit := strings.ToLower(text), Size(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = strings.TrimRight(rest, " "), u.size
			break
		}
	}
	count, err := strconv.ParseUint(number, 10, 63)
	if err != nil {
		return 0, err
	}
	if Size(count) > math.MaxInt64/unit {
		return 0, strconv.ErrRange
	}
	return Size(count) * unit, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		if addr.Zone() != "" {
			return netip.Prefix{}, errors.New("an address with a zone is no network")
		}
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	return p.Masked(), err
}
