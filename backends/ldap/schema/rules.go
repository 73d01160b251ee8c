package schema

import (
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
)

// IntegerSyntax is the OID of whole numbers, the one syntax that a modify can increment (RFC 4525).
const IntegerSyntax = syntaxPrefix + "27"

// Syntax OIDs that have a meaning here (RFC 4517 §3.3, RFC 4523, RFC 4530, OpenLDAP).
const (
	syntaxPrefix    = "1.3.6.1.4.1.1466.115.121.1."
	syntaxBits      = syntaxPrefix + "6"
	syntaxBoolean   = syntaxPrefix + "7"
	syntaxCountry   = syntaxPrefix + "11"
	syntaxDN        = syntaxPrefix + "12"
	syntaxDirectory = syntaxPrefix + "15"
	syntaxTime      = syntaxPrefix + "24"
	syntaxIA5       = syntaxPrefix + "26"
	syntaxInteger   = IntegerSyntax
	syntaxNameUID   = syntaxPrefix + "34"
	syntaxNumeric   = syntaxPrefix + "36"
	syntaxOID       = syntaxPrefix + "38"
	syntaxOctets    = syntaxPrefix + "40"
	syntaxPostal    = syntaxPrefix + "41"
	syntaxPrintable = syntaxPrefix + "44"
	syntaxTelephone = syntaxPrefix + "50"
	syntaxUUID      = "1.3.6.1.1.16.1"
	syntaxCSN       = "1.3.6.1.4.1.4203.666.11.2.1"
)

// comparison is how a family of matching rules looks at values.
type comparison uint8

const (
	unknown comparison = iota
	exactText
	ignoreText
	exactIA5
	ignoreIA5
	list
	name
	nameUID
	integer
	octets
	numeric
	telephone
	instant
	boolean
	bits
	uuid
	csn
	identifier
)

// comparisons say what each is to a backend, what syntax its assertions have, and whether it can look at parts of values. A substring
// assertion has the syntax of the equality rule's: no part of a telephone number has an @.
var comparisons = map[comparison]struct {
	rule      backends.Rule
	assertion string
	parts     bool
}{
	exactText:  {backends.CaseExactSpace, syntaxDirectory, true},
	ignoreText: {backends.CaseIgnoreSpace, syntaxDirectory, true},
	exactIA5:   {backends.CaseExactSpace, syntaxIA5, true},
	ignoreIA5:  {backends.CaseIgnoreSpace, syntaxIA5, true},
	list:       {backends.CaseIgnoreSpace, syntaxPostal, true},
	name:       {backends.NameRule, syntaxDN, false},
	nameUID:    {backends.NameRule, syntaxNameUID, false},
	integer:    {backends.IntegerRule, syntaxInteger, false},
	octets:     {backends.OctetRule, syntaxOctets, true},
	numeric:    {backends.NumericRule, syntaxNumeric, true},
	telephone:  {backends.TelRule, syntaxTelephone, true},
	instant:    {backends.TimeRule, syntaxTime, false},
	boolean:    {backends.BooleanRule, syntaxBoolean, false},
	bits:       {backends.CaseExact, syntaxBits, false},
	uuid:       {backends.CaseIgnore, syntaxUUID, false},
	csn:        {backends.CaseExact, syntaxCSN, false},
	identifier: {backends.CaseIgnore, syntaxOID, false},
}

// rulesByName are the equality, ordering and substrings rules of RFC 4517, RFC 4530 and OpenLDAP, in lower case.
var rulesByName = map[string]comparison{
	"caseexactmatch": exactText, "caseexactorderingmatch": exactText, "caseexactsubstringsmatch": exactText,
	"caseignorematch": ignoreText, "caseignoreorderingmatch": ignoreText, "caseignoresubstringsmatch": ignoreText,
	"caseexactia5match": exactIA5, "caseexactia5substringsmatch": exactIA5,
	"caseignoreia5match": ignoreIA5, "caseignoreia5substringsmatch": ignoreIA5,
	"caseignorelistmatch": list, "caseignorelistsubstringsmatch": list,
	"distinguishednamematch": name, "uniquemembermatch": nameUID,
	"integermatch": integer, "integerorderingmatch": integer,
	"octetstringmatch": octets, "octetstringorderingmatch": octets, "octetstringsubstringsmatch": octets,
	"numericstringmatch": numeric, "numericstringorderingmatch": numeric, "numericstringsubstringsmatch": numeric,
	"telephonenumbermatch": telephone, "telephonenumbersubstringsmatch": telephone,
	"generalizedtimematch": instant, "generalizedtimeorderingmatch": instant,
	"booleanmatch": boolean, "bitstringmatch": bits, "uuidmatch": uuid, "uuidorderingmatch": uuid,
	"csnmatch": csn, "csnorderingmatch": csn, "objectidentifiermatch": identifier,
}

// comparison finds how a rule looks at values, by its name, or by its OID if the directory published it.
func (s *Schema) comparison(rule string) comparison {
	if c, ok := rulesByName[strings.ToLower(rule)]; ok {
		return c
	}
	if r, ok := s.Rule(rule); ok {
		for _, n := range r.Names {
			if c, ok := rulesByName[strings.ToLower(n)]; ok {
				return c
			}
		}
	}
	return unknown
}
