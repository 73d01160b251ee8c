package configs

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Server is where SCIM is served and how long anybody may take.
type Server struct {
	Listen          string         `config:"listen"` // host:port in one value; after Load, Host and Port hold its parts
	Host            string         `config:"host"`
	Port            int            `config:"port"`       // 0 takes a free one
	Workers         int            `config:"workers"`    // 0: what the container may use
	PublicURL       string         `config:"public_url"` // what clients see in front of BasePath; after Load it does not end with it
	BasePath        string         `config:"base_path"`
	ReadTimeout     Duration       `config:"read_timeout"`
	WriteTimeout    Duration       `config:"write_timeout"`
	IdleTimeout     Duration       `config:"idle_timeout"`
	ShutdownTimeout Duration       `config:"shutdown_timeout"`
	MaxHeaderSize   Size           `config:"max_header_size"`
	TrustedProxies  []netip.Prefix `config:"trusted_proxies"`
	Replicas        int            `config:"replicas"` // how many processes serve the same clients
}

// Address is what to listen on.
func (s Server) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Loopback says whether only this machine can reach the server.
func (s Server) Loopback() bool {
	addr, err := netip.ParseAddr(s.Host)
	return s.Host == "localhost" || (err == nil && addr.Unmap().IsLoopback())
}

var basePath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// Validate checks the section without touching the network.
func (s Server) Validate() Faults {
	var faults Faults
	if s.Listen != "" {
		if _, _, ok := splitListen(s.Listen); !ok {
			faults = faults.add("listen", "write host:port, such as 0.0.0.0:8080", "is not an address to listen on")
		}
	}
	faults = append(faults, checkPort("port", s.Port)...)
	if s.Workers < 0 {
		faults = faults.add("workers", "write how many processors to use, or take the key away", "is negative")
	}
	if s.Replicas < 1 {
		faults = faults.add("replicas", "write how many processes serve the same clients", "is less than 1")
	}
	if !basePath.MatchString(s.BasePath) || path.Clean(s.BasePath) != s.BasePath {
		faults = faults.add("base_path", "write a path such as /scim/v2, without a slash at its end", "is not the path of a URL")
	}
	faults = append(faults, s.validatePublicURL()...)
	for _, t := range []struct {
		key   string
		limit Duration
	}{{"read_timeout", s.ReadTimeout}, {"write_timeout", s.WriteTimeout}, {"idle_timeout", s.IdleTimeout}, {"shutdown_timeout", s.ShutdownTimeout}} {
		if t.limit <= 0 {
			faults = faults.add(t.key, "write the seconds to wait", "must be more than 0: a server without it can be held up by anybody")
		}
	}
	if s.MaxHeaderSize < 4*KiB || s.MaxHeaderSize > MiB {
		faults = faults.add("max_header_size", "write a size in between", "must be from 4KiB to 1MiB")
	}
	return faults
}

func (s Server) validatePublicURL() Faults {
	if s.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(s.PublicURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return Faults{}.add("public_url", "write https:// and the name that clients use", "is not the URL of a server")
	}
	return nil
}

func splitListen(listen string) (host string, port int, ok bool) {
	host, digits, err := net.SplitHostPort(listen)
	if err != nil {
		return "", 0, false
	}
	port, err = strconv.Atoi(digits)
	return host, port, err == nil && port >= 0 && port <= 65535
}

func checkPort(key string, port int) Faults {
	if port < 0 || port > 65535 {
		return Faults{}.add(key, "write one from 1 to 65535, or 0 for a free one", "is not a port")
	}
	return nil
}

// Auth says whether callers must show who they are.
type Auth struct {
	Enabled bool `config:"enabled"`
}

// Security bounds what a request may be.
type Security struct {
	MaxRequestSize Size `config:"max_request_size"`
}

// Validate checks the section.
func (s Security) Validate() Faults {
	if s.MaxRequestSize <= 0 {
		return Faults{}.add("max_request_size", "write a size such as 1MB", "must be more than 0")
	}
	return nil
}

// Logging is how the log is written.
type Logging struct {
	Level     string `config:"level"`
	Format    string `config:"format"`
	AccessLog bool   `config:"access_log"`
}

var (
	logLevels = []string{"debug", "info", "warn", "error"}
	slogLevel = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
)

// SlogLevel is the level in slog's terms; info for a word that Validate refuses.
func (l Logging) SlogLevel() slog.Level { return slogLevel[strings.ToLower(l.Level)] }

// Validate checks the section.
func (l Logging) Validate() Faults {
	return append(
		oneOf("level", strings.ToLower(l.Level), logLevels),
		oneOf("format", l.Format, []string{"json", "text"})...)
}

// Monitoring is what can be watched from outside.
type Monitoring struct {
	MetricsEnabled     bool `config:"metrics_enabled"`
	MetricsPort        int  `config:"metrics_port"` // 0 takes a free one
	HealthCheckEnabled bool `config:"health_check_enabled"`
}

// Validate checks the section.
func (m Monitoring) Validate() Faults { return checkPort("metrics_port", m.MetricsPort) }

// MultiTenant is one tenant, until there are more.
type MultiTenant struct {
	Enabled       bool   `config:"enabled"`
	DefaultTenant string `config:"default_tenant"`
}

// Validate refuses what is still to come.
func (m MultiTenant) Validate() Faults {
	return stillToCome(m.Enabled, "default_tenant", m.DefaultTenant, "default", "several tenants are not in this version")
}

// stillToCome refuses a section that is switched on, and any word for its key but the one that there is.
func stillToCome(enabled bool, key, word, only, message string) Faults {
	var faults Faults
	if enabled {
		faults = faults.add("enabled", "write false", "%s", message)
	}
	if word != only {
		faults = faults.add(key, "write "+only, "%s", message)
	}
	return faults
}

// Cache is none, until there is one.
type Cache struct {
	Enabled  bool   `config:"enabled"`
	Provider string `config:"provider"`
}

// Validate refuses what is still to come.
func (c Cache) Validate() Faults {
	return stillToCome(c.Enabled, "provider", c.Provider, "none", "a cache is not in this version")
}

func oneOf(key, word string, words []string) Faults {
	if slices.Contains(words, word) {
		return nil
	}
	remedy := "write one of these"
	if meant, ok := Suggest(word, words); ok {
		remedy = "write " + meant
	}
	return Faults{}.add(key, remedy, "is none of %s", strings.Join(words, ", "))
}

// add is the faults with one more at a path within the section.
func (fs Faults) add(path, remedy, message string, args ...any) Faults {
	return append(fs, Fault{Path: path, Message: fmt.Sprintf(message, args...), Remedy: remedy})
}
