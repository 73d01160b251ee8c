package ldap

import (
	"strings"
	"unicode/utf8"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

// secretAttrs are attributes whose values leave this package as backends.Secret only, and that no filter may test: passwords, their hashes,
// and keys. Names in lower case.
var secretAttrs = map[string]bool{
	"userpassword": true, "authpassword": true, "pwdhistory": true, "userpkcs12": true, "usersmimesecret": true,
	"krbprincipalkey": true, "krbmkey": true, "krbpwdhistory": true, "krbextradata": true, "krb5key": true,
	"sambantpassword": true, "sambalmpassword": true, "sambapasswordhistory": true, "sambapreviousclearlogontrustpassword": true,
	"unicodepwd": true, "dbcspwd": true, "ntpwdhistory": true, "lmpwdhistory": true, "supplementalcredentials": true,
	"ms-mcs-admpwd": true, "mslaps-password": true, "mslaps-encryptedpassword": true, "mslaps-encryptedpasswordhistory": true,
	"msds-managedpassword": true,
	"passwordhistory":      true, "nsds5replicacredentials": true, "nsmultiplexorcredentials": true,
	"ipanthash": true, "ipatokenotpkey": true, "ipatokenradiussecret": true,
	"olcrootpw": true, "oathsecret": true, "radiustunnelpassword": true,
}

// secret says whether values of an attribute type are secrets under any of its names.
func secret(a *schema.AttributeType) bool {
	for _, name := range a.Names {
		if secretAttrs[strings.ToLower(name)] {
			return true
		}
	}
	return false
}

func (in *info) secret(attr string) bool {
	if secretAttrs[strings.ToLower(schema.StripOptions(attr))] {
		return true
	}
	a, ok := in.schema.Attribute(attr)
	return ok && secret(a)
}

// values are an attribute's values as the contract wants them.
func (in *info) values(attr string, raw [][]byte) backends.Values {
	values := make(backends.Values, 0, len(raw))
	hidden, binary := in.secret(attr), in.schema.Binary(attr)
	for _, b := range raw {
		switch {
		case hidden:
			values = append(values, backends.Secret(string(b)))
		case binary || !utf8.Valid(b):
			values = append(values, backends.Bytes(b))
		default:
			values = append(values, backends.String(string(b)))
		}
	}
	return values
}
