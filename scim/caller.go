package scim

// DefaultTenant is the tenant of every caller until there are more.
const DefaultTenant = "default"

// Caller is who asks. Every request has one.
type Caller struct {
	Tenant    string // DefaultTenant until there are more
	Client    string // the client's name from the configuration
	Subject   string // who the credential speaks for; "" when it names nobody
	Address   string // IP
	UserAgent string
	RequestID string
	Profile   Profile
}

// Profile is how a client is borne with where doing so contradicts the RFC. The zero value is strict.
type Profile struct {
	IgnoreUnknownPaths bool // a PATCH operation whose path names no attribute is dropped, and named in log and journal
}
