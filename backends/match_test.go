package backends

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func jensen() Record {
	return Record{Key: "k1", Name: "uid=bjensen,dc=x", Attrs: Attributes{
		"uid":          Strings("bjensen"),
		"cn":           Strings("Barbara  Jensen", "Babs"),
		"uidNumber":    {Int(512)},
		"flags":        Strings("-2147483646", "x"),
		"created":      Strings("20240131120000Z"),
		"seen":         {Time(mustTime("20240201000000Z"))},
		"enabled":      {Bool(true)},
		"manager":      Strings("CN=Boss, DC=X"),
		"photo":        {Bytes([]byte{0xff, 0})},
		"userPassword": {Secret("hunter2")},
		"tel":          Strings("+1 555-1212"),
		"blank":        Strings("  "),
		"none":         {},
		"mails": {
			Row(Attributes{"address": Strings("B@x.org"), "kind": Strings("work"), "main": {Bool(true)}}),
			Row(Attributes{"address": Strings("b@home"), "kind": Strings("home")}),
		},
	}}
}

// mustTime reads an instant that is known to be one.
func mustTime(s string) time.Time {
	t, ok := ParseTime(s)
	if !ok {
		panic("no instant: " + s)
	}
	return t
}

func TestMatch(t *testing.T) {
	eq := func(attr, text string, rule Rule) Predicate { return Eq{Attr: attr, Value: String(text), Rule: rule} }
	order := func(attr string, op OrderOp, text string, rule Rule) Predicate {
		return Order{Attr: attr, Op: op, Value: String(text), Rule: rule}
	}
	for claim, c := range map[string]struct {
		p    Predicate
		want bool
	}{
		"nothing asked is true":                                {nil, true},
		"a value equals itself under its rule":                 {eq("cn", "BARBARA JENSEN", CaseIgnoreSpace), true},
		"any of several values will do":                        {eq("cn", "babs", CaseIgnoreSpace), true},
		"case matters where it is to":                          {eq("cn", "babs", CaseExactSpace), false},
		"blanks matter where they are to":                      {eq("cn", "barbara jensen", CaseIgnore), false},
		"the attribute's name is found in any letter case":     {eq("CN", "babs", CaseIgnoreSpace), true},
		"an absent attribute equals nothing":                   {eq("sn", "x", CaseIgnoreSpace), false},
		"and not nothing is everything":                        {Not{Term: eq("sn", "x", CaseIgnoreSpace)}, true},
		"a number equals its digits":                           {eq("uidNumber", "0512", IntegerRule), true},
		"a literal that is no number equals nothing":           {eq("uidNumber", "x", IntegerRule), false},
		"and its opposite is true":                             {Not{Term: eq("uidNumber", "x", IntegerRule)}, true},
		"a stored word that is no number equals no number":     {eq("flags", "x", IntegerRule), false},
		"a boolean in any spelling":                            {eq("enabled", "TRUE", BooleanRule), true},
		"a name in any spelling":                               {eq("manager", "cn=boss,dc=x", NameRule), true},
		"bytes by octet":                                       {Eq{Attr: "photo", Value: Bytes([]byte{0xff, 0}), Rule: OctetRule}, true},
		"a secret is there":                                    {Present{Attr: "userPassword"}, true},
		"but equals nothing":                                   {eq("userPassword", "hunter2", OctetRule), false},
		"not even itself":                                      {Eq{Attr: "userPassword", Value: Secret("hunter2"), Rule: OctetRule}, false},
		"nor the empty text that it shows":                     {eq("userPassword", "", OctetRule), false},
		"a secret as literal equals nothing":                   {Eq{Attr: "uid", Value: Secret("bjensen"), Rule: CaseExact}, false},
		"no value as literal equals nothing":                   {Eq{Attr: "uid", Rule: CaseExact}, false},
		"an attribute without values is absent":                {Present{Attr: "none"}, false},
		"a prefix":                                             {Prefix{Attr: "cn", Text: "barb", Rule: CaseIgnoreSpace}, true},
		"a prefix is at the beginning":                         {Prefix{Attr: "cn", Text: "jensen", Rule: CaseIgnoreSpace}, false},
		"a suffix":                                             {Suffix{Attr: "cn", Text: "SEN", Rule: CaseIgnoreSpace}, true},
		"a piece from the middle":                              {Contains{Attr: "cn", Text: "a   j", Rule: CaseIgnoreSpace}, true},
		"a blank at the edge of a piece is meant":              {Contains{Attr: "cn", Text: "arba ", Rule: CaseIgnoreSpace}, false},
		"and found where it is":                                {Contains{Attr: "cn", Text: "bara ", Rule: CaseIgnoreSpace}, true},
		"a blank before a prefix is not":                       {Prefix{Attr: "cn", Text: " barb", Rule: CaseIgnoreSpace}, true},
		"a blank after a suffix is not":                        {Suffix{Attr: "cn", Text: "sen ", Rule: CaseIgnoreSpace}, true},
		"a blank alone is found between words":                 {Contains{Attr: "cn", Text: " ", Rule: CaseIgnoreSpace}, true},
		"a blank alone is found in a value of blanks":          {eq("blank", " ", CaseIgnoreSpace), true},
		"the empty string is no value of blanks":               {eq("blank", "", CaseIgnoreSpace), false},
		"the empty piece is in every value":                    {Contains{Attr: "uid", Text: "", Rule: CaseIgnoreSpace}, true},
		"but not in none":                                      {Contains{Attr: "sn", Text: "", Rule: CaseIgnoreSpace}, false},
		"a piece of a telephone number":                        {Contains{Attr: "tel", Text: "5512", Rule: TelRule}, true},
		"a piece of a number is nothing":                       {Contains{Attr: "uidNumber", Text: "1", Rule: IntegerRule}, false},
		"a piece of a name is nothing":                         {Prefix{Attr: "manager", Text: "cn=", Rule: NameRule}, false},
		"numbers are ordered as numbers":                       {order("uidNumber", Greater, "99", IntegerRule), true},
		"numbers beyond any machine's":                         {order("uidNumber", Less, "99999999999999999999999", IntegerRule), true},
		"negative ones too":                                    {order("flags", Less, "-5", IntegerRule), true},
		"at most includes equal":                               {order("uidNumber", LessEq, "512", IntegerRule), true},
		"less does not":                                        {order("uidNumber", Less, "512", IntegerRule), false},
		"at least includes equal":                              {order("uidNumber", GreaterEq, "512", IntegerRule), true},
		"greater does not":                                     {order("uidNumber", Greater, "512", IntegerRule), false},
		"order with garbage is false":                          {order("uidNumber", Less, "x", IntegerRule), false},
		"order of an absent attribute is false":                {order("sn", GreaterEq, "", CaseIgnoreSpace), false},
		"an operator that does not exist holds for nothing":    {order("uidNumber", 0, "512", IntegerRule), false},
		"instants are ordered over zones":                      {order("created", Greater, "2024-01-31T12:30:00+01:00", TimeRule), true},
		"and over kinds of value":                              {order("seen", Greater, "20240131235959Z", TimeRule), true},
		"texts are ordered folded":                             {order("cn", Less, "BABT", CaseIgnoreSpace), true},
		"all bits of a mask":                                   {AllBits{Attr: "uidNumber", Mask: 0x200}, true},
		"not some of them":                                     {AllBits{Attr: "uidNumber", Mask: 0x201}, false},
		"a negative number's bits are those of its complement": {AllBits{Attr: "flags", Mask: 0x80000002}, true},
		"no number has no bits":                                {AllBits{Attr: "uid", Mask: 0}, false},
		"a row that fulfils it all":                            {Some{"mails", And{eq("kind", "work", CaseExact), eq("address", "b@x.org", CaseIgnore)}}, true},
		"not one row one thing and another the other":          {Some{"mails", And{eq("kind", "work", CaseExact), eq("address", "b@home", CaseIgnore)}}, false},
		"a row that does not":                                  {Some{"mails", Not{Term: eq("kind", "work", CaseExact)}}, true},
		"no row that does not":                                 {Not{Term: Some{"mails", Present{Attr: "kind"}}}, false},
		"a part that a row lacks":                              {Some{"mails", Not{Term: Present{Attr: "main"}}}, true},
		"no row at all":                                        {Some{"uid", True{}}, false},
		"a row is there":                                       {Present{Attr: "mails"}, true},
		"a row equals no text":                                 {eq("mails", "B@x.org", CaseExact), false},
		"its key":                                              {KeyIn{Keys: []Key{"k0", "k1"}}, true},
		"not another's":                                        {KeyIn{Keys: []Key{"K1"}}, false},
		"no key":                                               {KeyIn{}, false},
		"and of nothing":                                       {And{}, true},
		"or of nothing":                                        {Or{}, false},
		"and needs each":                                       {And{True{}, False{}}, false},
		"or needs one":                                         {Or{False{}, True{}}, true},
		"not of nil":                                           {Not{}, false},
	} {
		t.Run(claim, func(t *testing.T) {
			if got := Match(c.p, jensen()); got != c.want {
				t.Errorf("%s = %v", Describe(c.p), got)
			}
		})
	}
}

// predicates draws trees over the attributes of jensen, literals that fit and ones that do not.
func predicates() *rapid.Generator[Predicate] {
	attr := rapid.SampledFrom([]string{"uid", "UID", "cn", "uidNumber", "flags", "created", "enabled", "manager", "photo", "userPassword", "tel", "blank", "none", "sn"})
	literal := rapid.SampledFrom([]string{"", " ", "bjensen", "BJENSEN", "b", "512", "0512", "x", "-1", "20240131120000Z", "TRUE", "cn=boss,dc=x", "garbage", "+15551212", "sen", "\xff\x00"})
	rule := rapid.SampledFrom(allRules())
	leaf := rapid.Custom(func(t *rapid.T) Predicate {
		a, l, r := attr.Draw(t, "attr"), literal.Draw(t, "literal"), rule.Draw(t, "rule")
		switch rapid.IntRange(0, 9).Draw(t, "test") {
		case 0:
			return Eq{Attr: a, Value: String(l), Rule: r}
		case 1:
			return Prefix{Attr: a, Text: l, Rule: r}
		case 2:
			return Suffix{Attr: a, Text: l, Rule: r}
		case 3:
			return Contains{Attr: a, Text: l, Rule: r}
		case 4:
			return Order{Attr: a, Op: OrderOp(rapid.IntRange(0, 4).Draw(t, "op")), Value: String(l), Rule: r}
		case 5:
			return Present{Attr: a}
		case 6:
			return AllBits{Attr: a, Mask: rapid.SampledFrom([]uint64{0, 2, 512}).Draw(t, "mask")}
		case 7:
			return KeyIn{Keys: rapid.SliceOfN(rapid.SampledFrom([]Key{"k1", "k2"}), 0, 2).Draw(t, "keys")}
		case 8:
			return True{}
		}
		return False{}
	})
	part := rapid.Map(leaf, func(p Predicate) Predicate {
		if eq, ok := p.(Eq); ok {
			eq.Attr = "kind"
			p = eq
		}
		return Some{Attr: "mails", Where: p}
	})
	var tree func(depth int) *rapid.Generator[Predicate]
	tree = func(depth int) *rapid.Generator[Predicate] {
		if depth == 0 {
			return leaf
		}
		terms := rapid.SliceOfN(tree(depth-1), 0, 3)
		return rapid.OneOf(leaf, part,
			rapid.Map(terms, func(t []Predicate) Predicate { return And(t) }),
			rapid.Map(terms, func(t []Predicate) Predicate { return Or(t) }),
			rapid.Map(tree(depth-1), func(t Predicate) Predicate { return Not{Term: t} }),
			rapid.Just[Predicate](nil),
		)
	}
	return tree(3)
}

func TestSimplifyKeepsTheMeaning(t *testing.T) {
	records := []Record{jensen(), {Key: "k2"}, {Attrs: Attributes{"uid": Strings("x"), "userPassword": {Secret("x")}}}}
	rapid.Check(t, func(t *rapid.T) {
		p := predicates().Draw(t, "predicate")
		before := Describe(p)
		simple := Simplify(p)
		if Describe(p) != before {
			t.Fatalf("%s was changed into %s", before, Describe(p))
		}
		for _, r := range records {
			if Match(p, r) != Match(simple, r) {
				t.Fatalf("%s is %v of %v, simplified to %s it is %v", Describe(p), Match(p, r), r, simple, Match(simple, r))
			}
		}
		if again := Simplify(simple); !reflect.DeepEqual(again, simple) {
			t.Fatalf("%s simplified is %s, and again %s", Describe(p), simple, again)
		}
		noConstantsWithin(t, simple, true)
	})
}

// noConstantsWithin fails when a simplified predicate still has what it should not.
func noConstantsWithin(t *rapid.T, p Predicate, top bool) {
	switch p := p.(type) {
	case True, False:
		if !top {
			t.Fatalf("a constant is left inside")
		}
	case And:
		if len(p) < 2 {
			t.Fatalf("an And of %d terms is left", len(p))
		}
		for _, term := range p {
			if _, nested := term.(And); nested {
				t.Fatalf("an And within an And is left")
			}
			noConstantsWithin(t, term, false)
		}
	case Or:
		if len(p) < 2 {
			t.Fatalf("an Or of %d terms is left", len(p))
		}
		for _, term := range p {
			if _, nested := term.(Or); nested {
				t.Fatalf("an Or within an Or is left")
			}
			noConstantsWithin(t, term, false)
		}
	case Not:
		if _, twice := p.Term.(Not); twice {
			t.Fatalf("a double negation is left")
		}
		noConstantsWithin(t, p.Term, false)
	case Eq:
		if _, ok := Canonical(p.Rule, p.Value.Text()); !ok {
			t.Fatalf("%s can hold for nobody and is left", p)
		}
	}
}

func TestSimplify(t *testing.T) {
	uid, sn := Present{Attr: "uid"}, Present{Attr: "sn"}
	for claim, c := range map[string]struct{ p, want Predicate }{
		"nothing is True":                          {nil, True{}},
		"one term needs no And":                    {And{True{}, uid, nil}, uid},
		"nested terms become one list":             {And{uid, And{sn, And{uid}}}, And{uid, sn, uid}},
		"a False makes an And false":               {And{uid, Or{}}, False{}},
		"a True makes an Or true":                  {Or{uid, And{}}, True{}},
		"double negation goes":                     {Not{Term: Not{Term: uid}}, uid},
		"garbage is false before the NOT":          {Not{Term: Eq{Attr: "n", Value: String("x"), Rule: IntegerRule}}, True{}},
		"garbage in an order too":                  {Or{uid, Order{Attr: "n", Op: Less, Value: String("x"), Rule: IntegerRule}}, uid},
		"a piece of a number too":                  {Contains{Attr: "n", Text: "1", Rule: IntegerRule}, False{}},
		"the empty piece asks for presence":        {Contains{Attr: "uid", Text: "", Rule: CaseIgnoreSpace}, uid},
		"no keys are nobody":                       {KeyIn{}, False{}},
		"a secret literal is nobody":               {Eq{Attr: "uid", Value: Secret("x")}, False{}},
		"what can be asked stays":                  {Not{Term: Or{uid, sn}}, Not{Term: Or{uid, sn}}},
		"a literal is not rewritten, only checked": {Eq{Attr: "n", Value: String("007"), Rule: IntegerRule}, Eq{Attr: "n", Value: String("007"), Rule: IntegerRule}},
	} {
		t.Run(claim, func(t *testing.T) {
			if got := Simplify(c.p); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s became %s, want %s", Describe(c.p), got, c.want)
			}
		})
	}
}

func TestAttrsOf(t *testing.T) {
	p := And{
		Eq{Attr: "uid"},
		Or{Prefix{Attr: "Cn"}, Suffix{Attr: "cn"}, Not{Term: Contains{Attr: "sn"}}},
		Order{Attr: "created"},
		Present{Attr: "UID"},
		AllBits{Attr: "flags"},
		KeyIn{Keys: []Key{"k"}},
		True{},
		nil,
	}
	if got, want := AttrsOf(p), []string{"Cn", "created", "flags", "sn", "UID"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := AttrsOf(nil); got != nil {
		t.Errorf("nil looks at %q", got)
	}
}

func TestPredicatesPrint(t *testing.T) {
	p := Or{
		And{Eq{Attr: "cn", Value: String(`a"b`), Rule: CaseIgnoreSpace}, Not{Term: Present{Attr: "mail"}}},
		Order{Attr: "n", Op: GreaterEq, Value: Int(7), Rule: IntegerRule},
		AllBits{Attr: "f", Mask: 2},
		KeyIn{Keys: []Key{"k1", "k2"}},
		False{},
	}
	want := `((cn eq "a\"b" (caseIgnoreSpace) and not mail pr) or n ge "7" (integer) or f has all bits of 0x2 or key in ["k1", "k2"] or false)`
	if got := Describe(p); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, words := range [][]string{
		{Exact.String(), "exact"},
		{No.String(), "no"},
		{Subset.String(), "subset"},
		{Superset.String(), "superset"},
		{Fidelity(9).String(), "unknown"},
		{Rule(99).String(), "unknownRule"},
		{OrderOp(0).String(), "?"},
		{LessEq.String(), "le"},
		{ChangeOp(0).String(), "unknownChange"},
		{Describe(nil), "true"},
	} {
		if words[0] != words[1] {
			t.Errorf("%q prints, want %q", words[0], words[1])
		}
	}
}
