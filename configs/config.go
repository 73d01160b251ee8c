package configs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Config is the configuration file. Sections that belong to others stay nodes.
type Config struct {
	Server      Server            `config:"server"`
	Auth        Auth              `config:"auth"`
	Clients     map[string]Client `config:"clients"`
	SCIM        SCIM              `config:"scim"`
	Security    Security          `config:"security"`
	Logging     Logging           `config:"logging"`
	Monitoring  Monitoring        `config:"monitoring"`
	MultiTenant MultiTenant       `config:"multi_tenant"`
	Cache       Cache             `config:"cache"`
	Database    Database          `config:"database"`
	Journal     Journal           `config:"journal"`
	Audit       Audit             `config:"audit"`
	Backup      Backup            `config:"backup"`
	Guard       Guard             `config:"guard"`
	Backends    map[string]Node   `config:"backends"` // name → a map with `kind`

	Schemas       []Node `config:"schemas"`        // after Load: one for each schema, files and globs read
	ResourceTypes []Node `config:"resource_types"` // beside User and Group, and what these have more
	Mappings      []Node `config:"mappings"`       // after Load: one document each, files and globs read

	Root Node // the whole file, for faults at keys that have no field
}

// Default is a configuration of which nothing has been said.
func Default() *Config {
	return &Config{
		Server: Server{
			Host:            "0.0.0.0",
			Port:            8080,
			BasePath:        "/scim/v2",
			ReadTimeout:     30 * time.Second,
			WriteTimeout:    60 * time.Second,
			IdleTimeout:     120 * time.Second,
			ShutdownTimeout: 25 * time.Second,
			MaxHeaderSize:   64 * KiB,
			Replicas:        1,
		},
		SCIM: SCIM{
			DefaultCount: 100, MaxCount: 1000, MaxSort: 100_000, CursorTimeout: time.Hour, BulkMaxOperations: 1000, BulkMaxPayloadSize: MB,
			Mode: ModeNormal,
		},
		Auth:        Auth{Enabled: true},
		Security:    Security{MaxRequestSize: MB},
		Logging:     Logging{Level: "info", Format: "json", AccessLog: true},
		Monitoring:  Monitoring{MetricsEnabled: true, MetricsPort: 9090, HealthCheckEnabled: true},
		MultiTenant: MultiTenant{DefaultTenant: "default"},
		Cache:       Cache{Provider: "none"},
		Database:    Database{MaxConnections: 20, MinConnections: 5, ConnectionTimeout: 30 * time.Second, IdleTimeout: 10 * time.Minute},
		Journal:     Journal{Path: "/var/lib/scim-adapter", OnUnavailable: UnavailableRefuse, CheckpointInterval: time.Minute, Migrate: true},
		Audit:       Audit{Reads: ReadsNone, MaxRefusals: 60},
		Backup:      Backup{Secrets: SecretsOmit, Rate: 500, Keep: 30},
		Guard:       Guard{WhenSpooling: SpoolingDivide},
	}
}

// Load reads the configuration file with the mapping files it names, and gives a valid configuration or every fault
// there is, in the order of the files. It touches neither network nor directory.
func Load(path string) (*Config, Faults) {
	text, fault, ok := readText(path, path, maxFile)
	if !ok {
		fault.File = path
		return nil, Faults{fault}
	}
	root, faults := ParseNode(path, []byte(text))
	if root.Kind() != Map {
		if len(faults) == 0 {
			faults = Faults{{File: path, Message: "the file holds no configuration", Remedy: "begin with configs/examples/openldap.yaml"}}
		}
		return nil, faults
	}
	c, more := decodeConfig(root)
	faults = faults.then(more)
	c.Schemas, more = readSchemas(root.Get("schemas"))
	faults = append(faults, more...)
	c.Mappings, more = readMappings(root.Get("mappings"))
	if len(c.Mappings) == 0 && len(more) == 0 {
		more = Faults{root.Get("mappings").Fault("write a mapping for User and one for Group, or - file: path", "nothing is mapped")}
	}
	faults = append(faults, more...)
	if faults = faults.then(c.validate()); len(faults) > 0 {
		faults.Sort()
		return nil, faults
	}
	c.settle()
	return c, nil
}

// decodeConfig fills a configuration from its file, leaving out what is refused because it is still to come.
func decodeConfig(root Node) (*Config, Faults) {
	c := Default()
	c.Root = root
	faults, refused := refuseComing(root)
	faults = append(faults, refuseStray(root, refused)...)
	faults = append(faults, root.without(refused).Decode(c)...)
	if root.Get("scim").Get("default_count").Kind() == Missing {
		c.SCIM.DefaultCount = min(c.SCIM.DefaultCount, max(c.SCIM.MaxCount, 1))
	}
	if root.Get("database").Get("min_connections").Kind() == Missing {
		c.Database.MinConnections = min(c.Database.MinConnections, max(c.Database.MaxConnections, 0))
	}
	return c, faults
}

// settle brings what may be written in two ways into one.
func (c *Config) settle() {
	if host, port, ok := splitListen(c.Server.Listen); ok {
		c.Server.Host, c.Server.Port = host, port
	}
	c.Server.PublicURL = strings.TrimRight(strings.TrimSuffix(strings.TrimRight(c.Server.PublicURL, "/"), c.Server.BasePath), "/")
	c.Logging.Level = strings.ToLower(c.Logging.Level)
	c.Journal.Kind = c.journalKind()
}

// validate checks every section, and what holds between them.
func (c *Config) validate() Faults {
	var faults Faults
	for _, s := range []struct {
		path    string
		section interface{ Validate() Faults }
	}{
		{"server", c.Server},
		{"scim", c.SCIM},
		{"security", c.Security},
		{"logging", c.Logging},
		{"monitoring", c.Monitoring},
		{"multi_tenant", c.MultiTenant},
		{"cache", c.Cache},
		{"database", c.Database},
		{"journal", c.Journal},
		{"audit", c.Audit},
		{"backup", c.Backup},
		{"guard", c.Guard},
	} {
		faults = append(faults, s.section.Validate().locate(c.Root, s.path)...)
	}
	faults = append(faults, c.validateListen()...)
	faults = append(faults, c.validateReplicas()...)
	faults = append(faults, c.validateJournal()...)
	faults = append(faults, c.validateClients()...)
	return append(faults, c.validateBackends()...)
}

func (c *Config) validateListen() Faults {
	var faults Faults
	server := c.Root.Get("server")
	if c.Server.Listen != "" {
		for _, key := range []string{"host", "port"} {
			if n := server.Get(key); n.Kind() != Missing {
				faults = append(faults, n.Fault("keep server.listen, or server.host and server.port", "server.listen says it already"))
			}
		}
	}
	_, port, _ := splitListen(c.Server.Listen)
	if c.Server.Listen == "" {
		port = c.Server.Port
	}
	if m := c.Monitoring; m.MetricsEnabled && m.MetricsPort == port && port != 0 {
		faults = append(faults, c.Root.Get("monitoring").Get("metrics_port").
			Fault("give metrics a port of their own", "is the port on which SCIM is served"))
	}
	return faults
}

// validateReplicas wants one key for the cursors of all replicas: a page may be asked of another than the one before.
func (c *Config) validateReplicas() Faults {
	if c.Server.Replicas < 2 || !c.SCIM.CursorKey.IsZero() {
		return nil
	}
	return Faults{c.Root.Get("scim").Get("cursor_key").Fault("write cursor_key: ${file:/path} with the output of openssl rand -hex 32, the same for all",
		"is missing: with server.replicas: %d a cursor of one replica must be readable by the others", c.Server.Replicas)}
}

var name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// checkName wants names that can stand in a path, a metric's label and a line of the log.
func checkName(key Node) Faults {
	if name.MatchString(key.Text()) && len(key.Text()) <= 64 {
		return nil
	}
	return Faults{key.Fault("use up to 64 letters, digits, `_`, `.` and `-`", "is not a name")}
}

func (c *Config) validateClients() Faults {
	var faults Faults
	clients := c.Root.Get("clients")
	if c.Auth.Enabled && len(c.Clients) == 0 {
		faults = append(faults, clients.Fault("write clients: {name: {tokens: [\"${SCIM_TOKEN}\"]}}", "nobody could sign in"))
	}
	server := c.Server
	if host, _, ok := splitListen(server.Listen); ok {
		server.Host = host
	}
	if !c.Auth.Enabled && !server.Loopback() {
		faults = append(faults, c.Root.Get("auth").Get("enabled").Fault("write true, or let the server listen on 127.0.0.1",
			"without authentication anybody who reaches the server could change the directory"))
	}
	owner := map[string]Node{}
	for key, section := range clients.Pairs() {
		faults = append(faults, checkName(key)...)
		client := c.Clients[key.Text()]
		faults = append(faults, client.Validate().locate(c.Root, section.Path())...)
		for i, token := range client.Tokens {
			at := c.Root.find(index(join(section.Path(), "tokens"), i))
			if first, taken := owner[token.Reveal()]; taken && !token.IsZero() {
				faults = append(faults, at.Fault("give every client tokens of its own", "is the same token as %s", first.Path()))
			}
			owner[token.Reveal()] = at
		}
	}
	return faults
}

func (c *Config) validateBackends() Faults {
	var faults Faults
	backends := c.Root.Get("backends")
	if len(c.Backends) == 0 {
		faults = append(faults, backends.Fault("write backends: {corp: {kind: ldap, url: \"ldaps://…\"}}", "there is no directory to serve"))
	}
	for key, section := range backends.Pairs() {
		faults = append(faults, checkName(key)...)
		if key.Text() == "journal" {
			faults = append(faults, key.Fault("give it another name", "is what metrics and /ready call the journal"))
		}
		if section.Kind() != Map {
			faults = append(faults, section.wrongKind(Map))
		} else if section.Get("kind").Text() == "" {
			faults = append(faults, section.Get("kind").Fault("write kind: ldap", "a backend needs a kind"))
		}
	}
	return faults
}

// Warnings are what is accepted and should be known: a line each, for the log.
func (c *Config) Warnings() []string {
	var warnings []string
	for _, client := range slices.Sorted(maps.Keys(c.Clients)) {
		for i, token := range c.Clients[client].Tokens {
			if len(token.Reveal()) < shortToken && !c.Server.Loopback() {
				warnings = append(warnings, fmt.Sprintf("clients.%s.tokens[%d] has fewer than %d characters and can be guessed: use openssl rand -hex 32", client, i, shortToken))
			}
		}
		if c.Clients[client].Subject != "" && c.SCIM.Me == "" {
			warnings = append(warnings, fmt.Sprintf("clients.%s.subject is noted in the journal and finds nobody: /Me is 501 until scim.me names the attribute that holds it", client))
		}
	}
	switch c.SCIM.Mode {
	case ModeShadow:
		warnings = append(warnings, "scim.mode is shadow: clients are answered as if it were done, and no directory is changed")
	case ModeReadOnly:
		warnings = append(warnings, "scim.mode is read_only: every write is refused")
	}
	switch c.journalKind() {
	case JournalNone:
		warnings = append(warnings, "journal.kind is none: writes are not journaled and cannot be undone")
	case JournalEmbedded:
		warnings = append(warnings, "the journal is embedded: it lies in "+c.Journal.Path+" on this machine, and only one process may write it")
		if c.Server.Replicas > 1 {
			warnings = append(warnings, fmt.Sprintf("server.replicas is %d and the journal is embedded: each process has an account and overlay attributes of its own; write database.url to have one of all", c.Server.Replicas))
		}
	case JournalPostgres:
		if c.Server.Replicas > 1 && c.Journal.SigningKey.IsZero() {
			warnings = append(warnings, fmt.Sprintf("server.replicas is %d and journal.signing_key is not set: each process signs with a key of its own, and audit verify must be told all their public keys; "+
				"write one key for all, such as openssl rand -hex 32 prints", c.Server.Replicas))
		}
	}
	return warnings
}

const shortToken = 16 // characters
