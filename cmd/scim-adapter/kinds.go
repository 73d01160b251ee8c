package main

import (
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/scim-adapter/scim-adapter/backends"
	"github.com/scim-adapter/scim-adapter/backends/ldap"
	"github.com/scim-adapter/scim-adapter/backends/postgres"
	"github.com/scim-adapter/scim-adapter/configs"
)

// kinds is the one table from a backend's `kind` to what opens it. Opening does no I/O.
var kinds = map[string]func(name string, node configs.Node, log *slog.Logger) (backends.Directory, configs.Faults){
	"ldap": func(name string, node configs.Node, log *slog.Logger) (backends.Directory, configs.Faults) {
		return ldap.Open(node, ldap.Options{Name: name, Logger: log})
	},
	"postgres": func(name string, node configs.Node, log *slog.Logger) (backends.Directory, configs.Faults) {
		return postgres.Open(node, postgres.Options{Name: name, Logger: log})
	},
}

// laterKinds are promised and not built: naming one is a fault that says so.
var laterKinds = []string{"rest"}

// openDirectory makes the directory of one entry of `backends`.
func openDirectory(name string, node configs.Node, log *slog.Logger) (backends.Directory, configs.Faults) {
	kind := node.Get("kind")
	names := strings.Join(slices.Sorted(maps.Keys(kinds)), ", ")
	if open, ok := kinds[kind.Text()]; ok {
		return open(name, node, log)
	}
	if kind.Kind() == configs.Missing {
		return nil, configs.Faults{kind.Fault("write kind: "+names, "the backend %q has no kind", name)}
	}
	if slices.Contains(laterKinds, kind.Text()) {
		return nil, configs.Faults{kind.Fault("this version has: "+names, "the kind %q is not built yet", kind.Text())}
	}
	return nil, configs.Faults{kind.Fault("write one of: "+names, "there is no kind of backend %q", kind.Text())}
}
