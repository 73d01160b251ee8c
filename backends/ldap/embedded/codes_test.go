package embedded

import (
	"slices"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

const (
	annDN  = "uid=ann,ou=people,dc=example,dc=org"
	bobDN  = "uid=bob,ou=people,dc=example,dc=org"
	subDN  = "ou=sub,ou=people,dc=example,dc=org"
	crewDN = "cn=crew,ou=groups,dc=example,dc=org"
)

// family is a small tree that tests of single operations begin with.
func family() []Entry {
	return append(Generate(0, 0),
		Entry{annDN, []Attr{
			{"objectClass", []string{"inetOrgPerson"}},
			{"uid", []string{"ann"}},
			{"cn", []string{"Ann"}},
			{"sn", []string{"Lee"}},
			{"userPassword", []string{"ann's"}},
		}},
		Entry{bobDN, []Attr{
			{"objectClass", []string{"inetOrgPerson"}},
			{"uid", []string{"bob"}},
			{"cn", []string{"Bob"}},
			{"sn", []string{"Lee"}},
			{"manager", []string{annDN}},
		}},
		Entry{crewDN, []Attr{{"objectClass", []string{"groupOfNames"}}, {"cn", []string{"crew"}}, {"member", []string{annDN, bobDN}}}},
		Entry{subDN, []Attr{{"objectClass", []string{"organizationalUnit"}}, {"ou", []string{"sub"}}}},
		Entry{"uid=kid," + subDN, []Attr{
			{"objectClass", []string{"inetOrgPerson"}},
			{"uid", []string{"kid"}},
			{"cn", []string{"Kid"}},
			{"sn", []string{"Lee"}},
		}},
	)
}

// addOf adds an entry of names and values in turn; a name may come again.
func addOf(dn string, pairs ...string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		e := Entry{DN: dn}
		for i := 0; i < len(pairs); i += 2 {
			e.put(pairs[i], pairs[i+1])
		}
		q := ldap.NewAddRequest(dn, nil)
		for _, a := range e.Attrs {
			q.Attribute(a.Name, a.Values)
		}
		return c.Add(q)
	}
}

func person(dn string, more ...string) func(*ldap.Conn) error {
	return addOf(dn, append([]string{"objectClass", "inetOrgPerson", "cn", "X", "sn", "X"}, more...)...)
}

func modify(dn string, change func(*ldap.ModifyRequest), controls ...ldap.Control) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		q := ldap.NewModifyRequest(dn, controls)
		change(q)
		return c.Modify(q)
	}
}

func renameTo(dn, rdn string, deleteOld bool, superior string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest(dn, rdn, deleteOld, superior)) }
}

func remove(dn string, controls ...ldap.Control) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn, controls)) }
}

func comparing(dn, attr, value string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		_, err := c.Compare(dn, attr, value)
		return err
	}
}

func searching(q ldap.SearchRequest) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		_, err := c.Search(&q)
		return err
	}
}

type codeCase struct {
	do   func(*ldap.Conn) error
	want Code
}

const newDN = "uid=new," + PeopleDN

var addCases = map[string]codeCase{
	"an entry is added":                                    {person(newDN, "uid", "new"), Success},
	"the RDN's value need not be repeated":                 {person(newDN), Success},
	"a state of the password policy may be given":          {person(newDN, "pwdAccountLockedTime", lockedForever), Success},
	"an attribute that the class demands is missing":       {addOf(newDN, "objectClass", "inetOrgPerson", "cn", "X"), ObjectClassViolation},
	"no object class":                                      {addOf(newDN, "cn", "X"), ObjectClassViolation},
	"an object class that does not exist":                  {addOf(newDN, "objectClass", "wizard"), InvalidAttributeSyntax},
	"only an auxiliary class":                              {addOf(newDN, "objectClass", "uidObject", "uid", "new"), ObjectClassViolation},
	"only an abstract class":                               {addOf(newDN, "objectClass", "top"), ObjectClassViolation},
	"two structural classes that are not of one chain":     {person(newDN, "objectClass", "account"), ObjectClassViolation},
	"an attribute that no class allows":                    {person(newDN, "uidNumber", "1"), ObjectClassViolation},
	"an attribute that does not exist":                     {person(newDN, "colour", "red"), UndefinedAttributeType},
	"an option that is not known":                          {person(newDN, "cn;x-loud", "X"), UndefinedAttributeType},
	"a language range is no option of a value":             {person(newDN, "cn;lang-", "X"), UndefinedAttributeType},
	"a value that its syntax refuses":                      {person(newDN, "mail", "é@b.c"), InvalidAttributeSyntax},
	"an empty value of a directory string":                 {person(newDN, "title", ""), InvalidAttributeSyntax},
	"a name that is no DN":                                 {person(newDN, "manager", "garbage"), InvalidAttributeSyntax},
	"two values of a single-valued attribute":              {person(newDN, "displayName", "a", "displayName", "b"), ConstraintViolation},
	"two values that are equal":                            {person(newDN, "cn", " x "), AttributeOrValueExists},
	"an attribute that is the directory's own":             {person(newDN, "createTimestamp", "20200101000000Z"), ConstraintViolation},
	"no entry above":                                       {person("uid=new,ou=none," + PeopleDN), NoSuchObject},
	"outside the suffix":                                   {person("uid=new,dc=elsewhere"), UnwillingToPerform},
	"a DN that is none":                                    {person("garbage"), InvalidDNSyntax},
	"a DN of a type that does not exist":                   {person("colour=red," + PeopleDN), InvalidDNSyntax},
	"the empty DN":                                         {addOf("", "objectClass", "inetOrgPerson", "cn", "X", "sn", "X"), EntryAlreadyExists},
	"an entry that exists under another spelling":          {person("UID= ANN ,ou=people,dc=example,dc=org"), EntryAlreadyExists},
	"what is wrong with the entry comes before its being":  {addOf(annDN, "objectClass", "inetOrgPerson", "cn", "X"), ObjectClassViolation},
	"a comma in the name is only a comma":                  {person(`uid=x\,uid\=ann,` + PeopleDN), Success},
	"a multi-valued RDN":                                   {person("uid=x+cn=y," + PeopleDN), Success},
	"extensibleObject allows what its classes do not":      {person(newDN, "objectClass", "extensibleObject", "uidNumber", "1"), Success},
	"a superclass may be written down beside its subclass": {person(newDN, "objectClass", "person", "objectClass", "top"), Success},
}

var modifyCases = map[string]codeCase{
	"a value is added":                {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("cn", []string{"Anna"}) }), Success},
	"a value that is there already":   {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("cn", []string{"ANN"}) }), AttributeOrValueExists},
	"the same value twice at once":    {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("cn", []string{"x", "X"}) }), AttributeOrValueExists},
	"a replacement that has it twice": {modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("cn", []string{"x", "X"}) }), AttributeOrValueExists},
	"a value is deleted in another case": {modify(bobDN, func(m *ldap.ModifyRequest) {
		m.Delete("manager", []string{"UID=Ann, OU=people,DC=example,DC=org"})
	}), Success},
	"a value that is not there":                   {modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("cn", []string{"x"}) }), NoSuchAttribute},
	"an attribute that is not there":              {modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("mail", nil) }), NoSuchAttribute},
	"a replacement by nothing of nothing":         {modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("mail", nil) }), Success},
	"an addition of nothing":                      {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("mail", nil) }), ProtocolError},
	"the last value of what the class demands":    {modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("sn", nil) }), ObjectClassViolation},
	"the last member":                             {modify(crewDN, func(m *ldap.ModifyRequest) { m.Replace("member", nil) }), ObjectClassViolation},
	"the attribute that names the entry":          {modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("uid", nil) }), NamingViolation},
	"the value that names the entry":              {modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("uid", []string{"b"}) }), NamingViolation},
	"the naming value in another case":            {modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("uid", []string{"ANN"}) }), Success},
	"a second value of a single-valued attribute": {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("displayName", []string{"1"}); m.Add("displayName", []string{"2"}) }), ConstraintViolation},
	"an attribute that no class allows":           {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("uidNumber", []string{"1"}) }), ObjectClassViolation},
	"an attribute that does not exist":            {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("colour", []string{"1"}) }), UndefinedAttributeType},
	"an auxiliary class without what it demands":  {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("objectClass", []string{"posixAccount"}) }), ObjectClassViolation},
	"another structural class":                    {modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("objectClass", []string{"account"}) }), ObjectClassModsProhibited},
	"no object class at all":                      {modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("objectClass", nil) }), ObjectClassViolation},
	"the directory's own attribute":               {modify(annDN, func(m *ldap.ModifyRequest) { m.Delete("createTimestamp", nil) }), ConstraintViolation},
	"an entry that does not exist":                {modify(newDN, func(m *ldap.ModifyRequest) { m.Replace("cn", []string{"x"}) }), NoSuchObject},
	"a fault of the request comes before that":    {modify(newDN, func(m *ldap.ModifyRequest) { m.Replace("colour", []string{"x"}) }), UndefinedAttributeType},
	"an increment of nothing":                     {modify(annDN, func(m *ldap.ModifyRequest) { m.Increment("uidNumber", "1") }), NoSuchAttribute},
	"an increment of text":                        {modify(annDN, func(m *ldap.ModifyRequest) { m.Increment("cn", "1") }), ConstraintViolation},
	"a second value without an equality rule":     {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("jpegPhoto", []string{"a"}); m.Add("jpegPhoto", []string{"b"}) }), InappropriateMatching},
	"deleting a value without an equality rule":   {modify(annDN, func(m *ldap.ModifyRequest) { m.Add("jpegPhoto", []string{"a"}); m.Delete("jpegPhoto", []string{"a"}) }), InappropriateMatching},
	"no change": {modify(annDN, func(*ldap.ModifyRequest) {}), Success},
	"a critical control that is not known": {
		modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("cn", []string{"x"}) }, ldap.NewControlString("1.2.3.4", true, "")), UnavailableCriticalExt,
	},
	"a control that is not known and not critical": {
		modify(annDN, func(m *ldap.ModifyRequest) { m.Replace("cn", []string{"x"}) }, ldap.NewControlString("1.2.3.4", false, "")), Success,
	},
	"permissive: a value that is there, an attribute that is not": {modify(annDN, func(m *ldap.ModifyRequest) {
		m.Add("cn", []string{"ann", "New"})
		m.Delete("mail", []string{"x@y"})
	}, ldap.NewControlString(controlPermissive, true, "")), Success},
}

var otherCases = map[string]codeCase{
	"a rename":                                {renameTo(bobDN, "uid=rob", true, ""), Success},
	"a rename to a name that is taken":        {renameTo(bobDN, "uid=Ann", true, ""), EntryAlreadyExists},
	"a rename of nothing":                     {renameTo(newDN, "uid=rob", true, ""), NoSuchObject},
	"a new RDN that is none":                  {renameTo(bobDN, "garbage", true, ""), InvalidDNSyntax},
	"a new RDN that is a whole DN":            {renameTo(bobDN, "uid=rob,ou=x", true, ""), InvalidDNSyntax},
	"a new RDN of an attribute nobody allows": {renameTo(bobDN, "uidNumber=1", true, ""), ObjectClassViolation},
	"the only cn was the name": {func(c *ldap.Conn) error {
		return first(c, renameTo(bobDN, "cn=Bob", true, ""), renameTo("cn=Bob,"+PeopleDN, "uid=bob", true, ""))
	}, ObjectClassViolation},
	"another case of the same name":             {renameTo(bobDN, "uid=BOB", true, ""), Success},
	"a move":                                    {renameTo(bobDN, "uid=bob", true, subDN), Success},
	"a move to nowhere":                         {renameTo(bobDN, "uid=bob", true, "ou=none,dc=example,dc=org"), NoSuchObject},
	"a move below itself":                       {renameTo(subDN, "ou=sub", true, "uid=kid,"+subDN), UnwillingToPerform},
	"a rename of a branch":                      {renameTo(subDN, "ou=lower", true, ""), Success},
	"a delete":                                  {remove(bobDN), Success},
	"a delete of nothing":                       {remove(newDN), NoSuchObject},
	"a delete of what is no DN":                 {remove("garbage"), InvalidDNSyntax},
	"a delete of an entry with others below":    {remove(subDN), NotAllowedOnNonLeaf},
	"a comparison that holds":                   {comparing(annDN, "cn", " ANN"), Success},
	"a comparison of nothing":                   {comparing(newDN, "cn", "x"), NoSuchObject},
	"a comparison with an attribute it lacks":   {comparing(annDN, "mail", "x"), NoSuchAttribute},
	"a comparison of an attribute nobody knows": {comparing(annDN, "colour", "x"), UndefinedAttributeType},
	"a comparison with what is no value":        {comparing(annDN, "mail", "é"), InvalidAttributeSyntax},
	"a comparison of what cannot be compared":   {comparing(annDN, "jpegPhoto", "x"), InappropriateMatching},
	"a search below nothing":                    {searching(ldap.SearchRequest{BaseDN: newDN, Filter: "(uid=*)"}), NoSuchObject},
	"a search outside the suffix":               {searching(ldap.SearchRequest{BaseDN: "dc=elsewhere", Filter: "(uid=*)"}), NoSuchObject},
	"a search below no DN":                      {searching(ldap.SearchRequest{BaseDN: "garbage", Filter: "(uid=*)"}), InvalidDNSyntax},
	"a search of an unknown scope":              {searching(ldap.SearchRequest{BaseDN: PeopleDN, Scope: 7, Filter: "(uid=*)"}), ProtocolError},
	"more than the client wants":                {searching(ldap.SearchRequest{BaseDN: PeopleDN, Scope: 2, Filter: "(uid=*)", SizeLimit: 2}), SizeLimitExceeded},
	"as much as the client wants":               {searching(ldap.SearchRequest{BaseDN: PeopleDN, Scope: 2, Filter: "(uid=*)", SizeLimit: 3}), Success},
	"a search with an unknown critical control": {searching(ldap.SearchRequest{BaseDN: PeopleDN, Filter: "(uid=*)", Controls: []ldap.Control{ldap.NewControlString("1.2.3", true, "")}}), UnavailableCriticalExt},
	"a password that is wrong":                  {func(c *ldap.Conn) error { return c.Bind(annDN, "x") }, InvalidCredentials},
	"the password of nobody":                    {func(c *ldap.Conn) error { return c.Bind(newDN, "x") }, InvalidCredentials},
	"an entry without a password":               {func(c *ldap.Conn) error { return c.Bind(bobDN, "x") }, InvalidCredentials},
	"a bind as what is no DN":                   {func(c *ldap.Conn) error { return c.Bind("garbage", "x") }, InvalidDNSyntax},
	"a bind with a name and no password":        {unauthenticated(annDN), UnwillingToPerform},
	"an anonymous bind":                         {unauthenticated(""), Success},
	"a password that is right":                  {func(c *ldap.Conn) error { return c.Bind(annDN, "ann's") }, Success},
	"a write by nobody":                         {func(c *ldap.Conn) error { return first(c, unauthenticated(""), remove(bobDN)) }, StrongerAuthRequired},
}

func unauthenticated(dn string) func(*ldap.Conn) error {
	return func(c *ldap.Conn) error {
		_, err := c.SimpleBind(&ldap.SimpleBindRequest{Username: dn, AllowEmptyPassword: true})
		return err
	}
}

// first does several things and gives the first error.
func first(c *ldap.Conn, steps ...func(*ldap.Conn) error) error {
	for _, step := range steps {
		if err := step(c); err != nil {
			return err
		}
	}
	return nil
}

// TestResultCodes runs every case on a fresh embedded directory.
func TestResultCodes(t *testing.T) {
	for kind, cases := range map[string]map[string]codeCase{"add": addCases, "modify": modifyCases, "other": otherCases} {
		for sentence, c := range cases {
			t.Run(kind+": "+sentence, func(t *testing.T) {
				wantCode(t, c.do(client(t, start(t, Config{Entries: family()}))), c.want)
			})
		}
	}
}

// TestResultCodesOfSlapd runs the same cases on an installed slapd, whose tree is put back after each.
func TestResultCodesOfSlapd(t *testing.T) {
	c := startSlapd(t, family())
	for kind, cases := range map[string]map[string]codeCase{"add": addCases, "modify": modifyCases, "other": otherCases} {
		for sentence, k := range cases {
			t.Run(kind+": "+sentence, func(t *testing.T) {
				restore(t, c)
				wantCode(t, k.do(c), k.want)
			})
		}
	}
}

// restore deletes everything and adds the family again.
func restore(t *testing.T, c *ldap.Conn) {
	t.Helper()
	must(t, c.Bind("cn=admin,dc=example,dc=org", "secret"))
	r, err := c.Search(&ldap.SearchRequest{BaseDN: DefaultSuffix, Scope: 2, Filter: "(objectClass=*)", Attributes: []string{"1.1"}})
	must(t, err)
	for i := range slices.Backward(r.Entries) {
		for _, e := range r.Entries[i:] { // a branch that was renamed may stand before what is below it
			_ = c.Del(ldap.NewDelRequest(e.DN, nil))
		}
	}
	for _, e := range family() {
		q := ldap.NewAddRequest(e.DN, nil)
		for _, a := range e.Attrs {
			q.Attribute(a.Name, a.Values)
		}
		must(t, c.Add(q))
	}
}
