package configs

import "slices"

// coming are the keys whose names are fixed and whose capability this version does not have. Each is a fault where it
// is written: accepting and ignoring it would be a promise that nobody keeps.
var coming = []struct{ path, what string }{
	{"auth.provider", "sign-in by OAuth 2"},
	{"auth.jwks_uri", "sign-in by OAuth 2"},
	{"auth.valid_audiences", "sign-in by OAuth 2"},
	{"auth.valid_issuers", "sign-in by OAuth 2"},
	{"auth.algorithms", "sign-in by OAuth 2"},
	{"security.rate_limit_enabled", "rate limiting"},
	{"security.rate_limit_requests", "rate limiting"},
	{"security.rate_limit_window", "rate limiting"},
	{"security.cors_allowed_origins", "CORS"},
	{"cache.url", "the cache"},
	{"cache.ttl", "the cache"},
	{"tenants", "serving several tenants"},
}

// refuseComing gives a fault for each such key that the file has, and their paths.
func refuseComing(root Node) (Faults, map[string]bool) {
	var faults Faults
	refused := map[string]bool{}
	for _, key := range coming {
		n := root.find(key.path)
		if n.Path() != key.path || n.Kind() == Missing {
			continue
		}
		refused[key.path] = true
		faults = append(faults, n.Fault("take it away", "comes with %s, which is not in this version", key.what))
	}
	return faults, refused
}

// ofMappings are keys of a mapping. Copied from a page of the documentation, or indented too little, they stand at the top of the file.
var ofMappings = []string{"at", "preset", "create", "adopt", "rename", "delete", "protect", "attributes", "scan"}

// refuseStray gives a fault for each of them that stands there, and adds their paths to refused.
func refuseStray(root Node, refused map[string]bool) Faults {
	var faults Faults
	for key := range root.Pairs() {
		if slices.Contains(ofMappings, key.Text()) {
			faults = append(faults, key.Fault("write it in one of mappings, indented like its attributes", "is a key of a mapping, and stands outside of them"))
			refused[key.Path()] = true
		}
	}
	return faults
}
