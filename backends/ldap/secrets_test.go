package ldap

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap/schema"
)

func TestSecretsLeaveAsBlanksOnly(t *testing.T) {
	t.Parallel()
	in := newInfo(schema.Standard(), false)
	names := []string{"userPassword", "unicodePwd", "krbPrincipalKey", "sambaNTPassword", "pwdHistory", "userPKCS12", "ms-Mcs-AdmPwd"}
	for name := range secretAttrs {
		names = append(names, name, strings.ToUpper(name), name+";binary")
	}
	for _, name := range names {
		for _, text := range []string{"zsecret", "zsecret\x00\xff"} {
			values := in.values(name, [][]byte{[]byte(text)})
			if len(values) != 1 || values[0].Kind() != backends.KindSecret {
				t.Fatalf("%s is %v", name, values)
			}
			// As an entry of the journal has it: in a before-image, in what is made, and in a change.
			kept, err := json.Marshal([]any{backends.Attributes{name: values}, backends.Change{Op: backends.Replace, Attr: name, Values: values}})
			if err != nil || strings.Contains(string(kept)+fmt.Sprintf("%v %+v %#v", values, values, values), "zsecret") {
				t.Errorf("%s is kept as %s, %v", name, kept, err)
			}
		}
	}
}
