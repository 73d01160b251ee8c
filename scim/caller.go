package scim

// DefaultTenant is the tenant of every caller until there are more.
const DefaultTenant = "default"

// Caller is who asks. Every request has one.
type Caller struct {
	Tenant    string // DefaultTenant until there are more
	Client    string // the client's name from the configuration
	Subject   string
	Address   string // IP
	UserAgent string
	RequestID string
}
