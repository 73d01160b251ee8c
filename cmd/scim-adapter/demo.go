package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/scim-adapter/scim-adapter/backends/ldap/embedded"
)

// demoGroups is how many groups stand beside the people.
const demoGroups = 60

const demoPassword = "demo"

// demoConfig is a whole configuration; what demo prints says where the file is, so that it can be read and played with.
var demoConfig = template.Must(template.New("").Parse(`# The configuration of "scim-adapter demo". Its directory lives in that process.
server:
  listen: "{{.Listen}}"
clients:
  demo:
    tokens: ["{{.Token}}"]
logging: {level: warn, format: text}
monitoring: {metrics_port: 0}
journal: {kind: embedded, path: "{{.Dir}}/journal"}
backends:
  demo: {kind: ldap, url: "{{.URL}}", bind_dn: "{{.BindDN}}", bind_password: "{{.Password}}"}
mappings:
  - mapping: User
    preset: openldap
    at: {backend: demo, base: "ou=people,{{.Suffix}}"}
    create: {name: "uid={userName},ou=people,{{.Suffix}}"}
    attributes:
      userType: "employeeType | enum(E=Employee, C=Contractor)"
  - mapping: Group
    preset: openldap
    at: {backend: demo, base: "ou=groups,{{.Suffix}}"}
    create: {name: "cn={displayName},ou=groups,{{.Suffix}}"}
`))

type demo struct {
	listen, ldapListen, token string
	people                    int
}

func demoCommand() *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Serve SCIM on a made-up LDAP directory inside this process, to try things out",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return d.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&d.listen, "listen", "127.0.0.1:8080", "where to serve SCIM")
	cmd.Flags().StringVar(&d.ldapListen, "ldap-listen", "127.0.0.1:3890", "where the LDAP directory listens")
	cmd.Flags().IntVar(&d.people, "people", 1000, "how many people it holds")
	cmd.Flags().StringVar(&d.token, "token", "demo", "the bearer token that is let in")
	return cmd
}

func (d demo) run(ctx context.Context, out io.Writer) error {
	if d.people < 0 {
		return usageError{fmt.Errorf("--people %d: write 0 or more", d.people)}
	}
	if d.token == "" || strings.ContainsAny(d.token, "\"'\\ \t\n$") {
		return usageError{fmt.Errorf("--token: use letters, digits and punctuation without quotes, backslashes, blanks and dollar signs")}
	}
	directory, err := embedded.Start(embedded.Config{
		Addr: d.ldapListen, Suffix: demoSuffix, AdminDN: demoAdmin, AdminPassword: demoPassword,
		Entries: embedded.Generate(d.people, demoGroups), MemberOf: true, RefInt: true,
	})
	if err != nil {
		return fmt.Errorf("--ldap-listen: %w (write another address, such as 127.0.0.1:3891)", err)
	}
	defer directory.Close() //nolint:errcheck // the process ends
	dir, err := os.MkdirTemp("", "scim-adapter-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // what is left lies in the folder for temporary files
	path := filepath.Join(dir, "demo.yaml")
	if err := d.writeConfig(path, dir, directory.URL()); err != nil {
		return err
	}
	err = serve(ctx, path, func(address string) { d.greet(out, path, address, directory.URL()) })
	if port, ok := errors.AsType[listenError](err); ok {
		return fmt.Errorf("--listen: %w (write another address, such as 127.0.0.1:8081)", port.error)
	}
	return err
}

const (
	demoSuffix = "dc=example,dc=org"
	demoAdmin  = "cn=admin," + demoSuffix
)

func (d demo) writeConfig(path, dir, url string) error {
	var text strings.Builder
	err := demoConfig.Execute(&text, map[string]string{
		"Listen": d.listen, "Token": d.token, "Dir": dir, "URL": url, "BindDN": demoAdmin, "Password": demoPassword, "Suffix": demoSuffix,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

// greet prints what to paste next.
func (d demo) greet(out io.Writer, config, address, ldapURL string) {
	auth := fmt.Sprintf("-H 'Authorization: Bearer %s'", d.token)
	root := "http://" + address + "/scim/v2"
	fmt.Fprintf(out, `SCIM on %[1]s over an LDAP directory on %[2]s with %[3]d people and %[4]d groups.
The configuration is %[5]s; Ctrl-C ends it all. Paste into another terminal:

curl -s %[6]s '%[1]s/Users?count=2'
curl -s %[6]s -G %[1]s/Users --data-urlencode 'filter=userName sw "b" and active eq true' -d attributes=userName,emails
curl -s %[6]s -H 'Content-Type: application/scim+json' %[1]s/Users -d '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"grace","name":{"givenName":"Grace","familyName":"Hopper"}}'
ldapsearch -x -LLL -H %[2]s -D %[7]s -w %[8]s -b ou=people,%[9]s uid=grace
`, root, ldapURL, d.people, demoGroups, config, auth, demoAdmin, demoPassword, demoSuffix)
}
