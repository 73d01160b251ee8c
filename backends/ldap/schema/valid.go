package schema

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Valid says whether a directory would take text as a value of attr: nil, or why not. A type that the schema lacks takes nothing; a syntax
// that is not known here takes anything.
func (s *Schema) Valid(attr, value string) error {
	a, ok := s.Attribute(attr)
	if !ok {
		return fmt.Errorf("%s is not defined", attr)
	}
	return s.validSyntax(a.Syntax, value)
}

// Assertable says whether value can stand in an equality test of attr, which is for the equality rule to say: (c=Germany) is false though
// no country has such a code, (telephoneNumber=@) cannot be evaluated. An error means that a directory answers Undefined.
func (s *Schema) Assertable(attr, value string) error {
	a, ok := s.Attribute(attr)
	if !ok {
		return fmt.Errorf("%s is not defined", attr)
	}
	if a.Equality == "" {
		return fmt.Errorf("%s has no equality rule", a.Name())
	}
	_, err := s.Normalize(a.Equality, value)
	return err
}

// refusable are the syntaxes of which it is certain what slapd takes.
var refusable = []string{
	syntaxBoolean, syntaxCountry, syntaxDN, syntaxDirectory, syntaxTime, syntaxIA5, syntaxInteger, syntaxNumeric, syntaxOID, syntaxPrintable, syntaxTelephone, syntaxUUID,
}

// Refuses says that slapd takes value for none of attr, whoever writes it. What it does with a type that the schema lacks, or with a syntax that leaves room, is not
// certain.
func (s *Schema) Refuses(attr, value string) bool {
	a, ok := s.Attribute(attr)
	return ok && slices.Contains(refusable, a.Syntax) && s.validSyntax(a.Syntax, value) != nil
}

var (
	errEmpty     = errors.New("it is empty")
	errUTF8      = errors.New("it is not UTF-8")
	errASCII     = errors.New("it has a character beyond ASCII")
	errChars     = errors.New("it has a character that its syntax does not allow")
	errCountry   = errors.New("it is not two letters")
	errInteger   = errors.New("it is not a whole number in its shortest form")
	errBoolean   = errors.New("it is neither TRUE nor FALSE")
	errTime      = errors.New("it is not a generalizedTime")
	errUUID      = errors.New("it is not a UUID")
	errCSN       = errors.New("it is not a change sequence number")
	errOID       = errors.New("it is neither a name nor an object identifier")
	errBits      = errors.New("it is not a bit string")
	errDelivery  = errors.New("it names no delivery method")
	errTelex     = errors.New("it is not number, country code and answerback")
	errBackslash = errors.New(`a backslash stands before neither 24 nor 5C`)
)

// validSyntax checks a value against a syntax with rules of its own (RFC 4517 §3.3); the others are bytes. It takes what slapd takes: an
// IA5 string may be empty, a directory string may not.
func (s *Schema) validSyntax(oid, v string) error {
	switch oid {
	case syntaxDN:
		return s.validDN(v)
	case syntaxNameUID:
		return s.validNameUID(v)
	}
	if check, ok := syntaxChecks[oid]; ok {
		return check(v)
	}
	return nil
}

// syntaxChecks are the syntaxes that can be checked without knowing the schema.
var syntaxChecks = map[string]func(string) error{
	syntaxBits:          validBits,
	syntaxBoolean:       validBoolean,
	syntaxCountry:       validCountry,
	syntaxPrefix + "14": validDelivery,
	syntaxDirectory:     validDirectory,
	syntaxPrefix + "22": validFacsimile,
	syntaxTime:          validTime,
	syntaxIA5:           validIA5,
	syntaxInteger:       validInteger,
	syntaxNumeric:       validNumeric,
	syntaxOID:           validOIDText,
	syntaxPostal:        validPostal,
	syntaxPrintable:     validPrintable,
	syntaxTelephone:     validPrintable,
	syntaxPrefix + "52": validTelex,
	syntaxUUID:          validUUID,
	syntaxCSN:           validCSN,
}

func validDirectory(v string) error {
	if v == "" {
		return errEmpty
	}
	if !utf8.ValidString(v) {
		return errUTF8
	}
	return nil
}

func validIA5(v string) error {
	for i := range len(v) {
		if v[i] > 127 {
			return errASCII
		}
	}
	return nil
}

func isPrintable(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(" '()+,-./:?=", c) >= 0
}

func validPrintable(v string) error {
	if v == "" {
		return errEmpty
	}
	for i := range len(v) {
		if !isPrintable(v[i]) {
			return errChars
		}
	}
	return nil
}

func validCountry(v string) error {
	if len(v) != 2 || validPrintable(v) != nil {
		return errCountry
	}
	return nil
}

func validNumeric(v string) error {
	if v == "" {
		return errEmpty
	}
	if strings.Trim(v, "0123456789 ") != "" || strings.ContainsFunc(v, func(r rune) bool { return (r < '0' || r > '9') && r != ' ' }) {
		return errChars
	}
	return nil
}

var integerForm = regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`)

func validInteger(v string) error {
	if !integerForm.MatchString(v) {
		return errInteger
	}
	return nil
}

func bigInt(v string) *big.Int {
	n, ok := new(big.Int).SetString(v, 10)
	if !ok {
		return new(big.Int)
	}
	return n
}

func validBoolean(v string) error {
	if v != "TRUE" && v != "FALSE" {
		return errBoolean
	}
	return nil
}

var bitsForm = regexp.MustCompile(`^'[01]*'B$`)

func validBits(v string) error {
	if !bitsForm.MatchString(v) {
		return errBits
	}
	return nil
}

func validTime(v string) error {
	_, err := ParseTime(v)
	return err
}

var timeForm = regexp.MustCompile(`^(\d{4})(\d\d)(\d\d)(\d\d)(?:(\d\d)(\d\d)?)?(?:[.,](\d+))?(Z|[+-]\d\d(?:\d\d)?)$`)

// ParseTime reads a generalizedTime (RFC 4517 §3.3.13): minutes, seconds and a fraction of the last unit may be given, a zone must be.
func ParseTime(v string) (time.Time, error) {
	m := timeForm.FindStringSubmatch(v)
	if m == nil {
		return time.Time{}, errTime
	}
	num := func(s string) int { return int(bigInt("0" + s).Int64()) }
	year, month, day, hour, minute, second := num(m[1]), num(m[2]), num(m[3]), num(m[4]), num(m[5]), num(m[6])
	date := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	// A leap second is allowed; a date that the calendar moved is not one.
	if int(date.Month()) != month || date.Day() != day || hour > 23 || minute > 59 || second > 60 {
		return time.Time{}, errTime
	}
	unit := time.Second
	if m[5] == "" {
		unit = time.Hour
	} else if m[6] == "" {
		unit = time.Minute
	}
	at := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC).Add(fraction(m[7], unit))
	if zone := m[8]; zone != "Z" {
		h, mm := num(zone[1:3]), num(zone[3:])
		if h > 23 || mm > 59 {
			return time.Time{}, errTime
		}
		offset := time.Duration(h)*time.Hour + time.Duration(mm)*time.Minute
		if zone[0] == '+' {
			offset = -offset
		}
		at = at.Add(offset)
	}
	return at, nil
}

// fraction is what the digits behind the point are of a unit; more than nanoseconds are cut off.
func fraction(digits string, unit time.Duration) time.Duration {
	if digits == "" {
		return 0
	}
	digits = (digits + "000000000")[:9]
	return time.Duration(bigInt("0"+digits).Int64()) * (unit / time.Second)
}

var uuidForm = regexp.MustCompile(`(?i)^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

func validUUID(v string) error {
	if !uuidForm.MatchString(v) {
		return errUUID
	}
	return nil
}

var csnForm = regexp.MustCompile(`^\d{14}(\.\d{6})?Z#[0-9a-f]{6}#[0-9a-f]{2,3}#[0-9a-f]{6}$`)

func validCSN(v string) error {
	if !csnForm.MatchString(v) {
		return errCSN
	}
	return nil
}

var oidForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9-]*|(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+)$`)

func validOID(v string) bool { return oidForm.MatchString(v) }

func validOIDText(v string) error {
	if !validOID(v) {
		return errOID
	}
	return nil
}

func validPostal(v string) error {
	if !utf8.ValidString(v) {
		return errUTF8
	}
	for i := range len(v) {
		if v[i] != '\\' {
			continue
		}
		if hex := strings.ToUpper(v[i+1 : min(i+3, len(v))]); hex != "24" && hex != "5C" {
			return errBackslash
		}
	}
	return nil
}

func validFacsimile(v string) error {
	number, _, _ := strings.Cut(v, "$")
	return validPrintable(number)
}

func validTelex(v string) error {
	parts := strings.Split(v, "$")
	if len(parts) != 3 {
		return errTelex
	}
	for _, p := range parts {
		if validPrintable(p) != nil {
			return errTelex
		}
	}
	return nil
}

var deliveryMethods = map[string]bool{
	"any": true, "mhs": true, "physical": true, "telex": true, "teletex": true, "g3fax": true, "g4fax": true, "ia5": true, "videotex": true, "telephone": true,
}

func validDelivery(v string) error {
	for method := range strings.SplitSeq(v, "$") {
		if !deliveryMethods[strings.TrimSpace(method)] {
			return errDelivery
		}
	}
	return nil
}

// validDN wants every type known, its value valid, and no type twice in an RDN.
func (s *Schema) validDN(v string) error {
	dn, err := ParseDN(v)
	if err != nil {
		return err
	}
	for _, rdn := range dn {
		seen := map[*AttributeType]bool{}
		for _, ava := range rdn {
			a, ok := s.Attribute(ava.Type)
			if !ok {
				return fmt.Errorf("%s is not defined", ava.Type)
			}
			if seen[a] {
				return fmt.Errorf("%s stands twice in one RDN", ava.Type)
			}
			seen[a] = true
			if err := s.validSyntax(a.Syntax, ava.Value); err != nil {
				return fmt.Errorf("%s: %w", ava.Type, err)
			}
		}
	}
	return nil
}

var nameUIDForm = regexp.MustCompile(`^(.*)#('[01]*'B)$`)

// splitNameUID takes the unique identifier off a name (RFC 4517 §3.3.21).
func splitNameUID(v string) (name, bits string) {
	if m := nameUIDForm.FindStringSubmatch(v); m != nil {
		return m[1], m[2]
	}
	return v, ""
}

func (s *Schema) validNameUID(v string) error {
	name, _ := splitNameUID(v)
	return s.validDN(name)
}
