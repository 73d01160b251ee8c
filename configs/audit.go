package configs

import (
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/adhocore/gronx"
)

// Which reads are journaled.
const (
	ReadsNone = "none"
	ReadsList = "list" // searches
	ReadsAll  = "all"  // reads by id too
)

// Audit is what the journal tells of, for how long, and to whom.
type Audit struct {
	Reads       string        `config:"reads"`
	Retention   Retention     `config:"retention"`
	Sensitive   []string      `config:"sensitive"`    // SCIM or native attributes whose values are never stored
	MaxRefusals int           `config:"max_refusals"` // of each source address and minute that are journaled
	Export      []AuditExport `config:"export"`
}

// Retention is how long entries of a kind are kept; 0: for ever.
type Retention struct {
	Writes   Duration `config:"writes"`
	Reads    Duration `config:"reads"`
	Refusals Duration `config:"refusals"`
	// Tenants are those whose entries are kept for another time. What is shorter than that of others is made unreadable while the month is kept for them.
	Tenants map[string]TenantRetention `config:"tenants"`
}

// TenantRetention is Retention for one tenant; what is not written is as for all.
type TenantRetention struct {
	Writes   *Duration `config:"writes"`
	Reads    *Duration `config:"reads"`
	Refusals *Duration `config:"refusals"`
}

// Of is how long entries of a tenant are kept.
func (r Retention) Of(tenant string) Retention {
	own := r.Tenants[tenant]
	kept := Retention{Writes: r.Writes, Reads: r.Reads, Refusals: r.Refusals}
	for _, k := range []struct {
		of  *Duration
		own *Duration
	}{{&kept.Writes, own.Writes}, {&kept.Reads, own.Reads}, {&kept.Refusals, own.Refusals}} {
		if k.own != nil {
			*k.of = *k.own
		}
	}
	return kept
}

// Ends says whether anything is not kept for ever.
func (r Retention) Ends() bool {
	some := func(k Retention) bool { return max(k.Writes, k.Reads, k.Refusals) > 0 }
	for tenant := range r.Tenants {
		if some(r.Of(tenant)) {
			return true
		}
	}
	return some(r)
}

func (r Retention) validate() Faults {
	var faults Faults
	check := func(path string, kept Duration) {
		if kept > 0 && kept < 24*time.Hour { // 90 is a minute and a half, and was meant as days
			faults = faults.add(path, "write days or years, such as 90d or 7y, or 0 for ever", "is less than a day")
		}
	}
	check("writes", r.Writes)
	check("reads", r.Reads)
	check("refusals", r.Refusals)
	for _, tenant := range slices.Sorted(maps.Keys(r.Tenants)) {
		own, path := r.Tenants[tenant], join("tenants", tenant)
		if tenant == "" {
			faults = faults.add("tenants", "write the name of a tenant", "has an empty name")
		}
		if own == (TenantRetention{}) {
			faults = faults.add(path, "write writes, reads or refusals, or take it away", "says nothing")
		}
		kept := r.Of(tenant)
		for _, k := range []struct {
			key  string
			own  *Duration
			kept Duration
		}{{"writes", own.Writes, kept.Writes}, {"reads", own.Reads, kept.Reads}, {"refusals", own.Refusals, kept.Refusals}} {
			if k.own != nil {
				check(join(path, k.key), k.kept)
			}
		}
	}
	return faults
}

// Where entries are sent.
const (
	ExportStdout  = "stdout"  // JSON lines
	ExportSyslog  = "syslog"  // RFC 5424
	ExportWebhook = "webhook" // JSON lines by POST
)

// AuditExport is a destination that is fed while serving.
type AuditExport struct {
	To      string `config:"to"`
	Address string `config:"address"` // of syslog: udp://host:port, tcp://… or tls://…
	URL     Secret `config:"url"`     // of a webhook; many carry a token in their path
	Token   Secret `config:"token"`   // of a webhook: sent as a bearer token
}

// Validate checks the section. Whether the attributes of Sensitive exist is for whoever knows the mappings.
func (a Audit) Validate() Faults {
	faults := oneOf("reads", a.Reads, []string{ReadsNone, ReadsList, ReadsAll})
	for _, f := range a.Retention.validate() {
		f.Path = join("retention", f.Path)
		faults = append(faults, f)
	}
	faults = append(faults, checkNames("sensitive", a.Sensitive)...)
	if a.MaxRefusals < 0 {
		faults = faults.add("max_refusals", "write how many of one address are journaled in a minute, or 0 for none", "is negative")
	}
	for i, e := range a.Export {
		for _, f := range e.Validate() {
			f.Path = join(index("export", i), f.Path)
			faults = append(faults, f)
		}
		if e.To == ExportStdout && slices.ContainsFunc(a.Export[:i], func(before AuditExport) bool { return before.To == ExportStdout }) {
			faults = faults.add(index("export", i), "keep one of the two", "every entry would be printed twice")
		}
	}
	return faults
}

// checkNames wants each name of a list once.
func checkNames(path string, names []string) Faults {
	var faults Faults
	for i, name := range names {
		same := func(before string) bool { return strings.EqualFold(before, name) }
		switch {
		case name == "" || strings.TrimSpace(name) != name:
			faults = faults.add(index(path, i), "write the name of an attribute", "is empty or has blanks around it")
		case slices.ContainsFunc(names[:i], same):
			faults = faults.add(index(path, i), "keep one of the two", "is in the list already")
		}
	}
	return faults
}

// Validate checks one destination. No message repeats its URL or token.
func (e AuditExport) Validate() Faults {
	faults := oneOf("to", e.To, []string{ExportStdout, ExportSyslog, ExportWebhook})
	if len(faults) > 0 {
		return faults
	}
	for _, key := range []struct {
		name, of string
		set      bool
	}{
		{"address", ExportSyslog, e.Address != ""},
		{"url", ExportWebhook, !e.URL.IsZero()},
		{"token", ExportWebhook, !e.Token.IsZero()},
	} {
		if key.set && e.To != key.of {
			faults = faults.add(key.name, "take it away, or write to: "+key.of, "means nothing to %s", e.To)
		}
	}
	switch {
	case e.To == ExportSyslog && !syslogAddress(e.Address):
		faults = faults.add("address", "write tls://host:6514, tcp://host:601 or udp://host:514", "is not the address of a syslog server")
	case e.To == ExportWebhook:
		u, err := url.Parse(e.URL.Reveal())
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
			faults = faults.add("url", "write https:// and where entries are posted to, and the token as token", "is not the URL of a webhook")
		}
		if strings.ContainsFunc(e.Token.Reveal(), unprintable) {
			faults = faults.add("token", "use letters, digits and punctuation of ASCII", "the token holds a blank or a character that cannot stand in a header")
		}
	}
	return faults
}

func syslogAddress(text string) bool {
	scheme, rest, _ := strings.Cut(text, "://")
	host, digits, err := net.SplitHostPort(rest)
	port, bad := strconv.Atoi(digits)
	return slices.Contains([]string{"udp", "tcp", "tls"}, scheme) && err == nil && bad == nil && host != "" && port > 0 && port <= 65535
}

// What becomes of secrets in a backup.
const (
	SecretsOmit      = "omit"
	SecretsEncrypted = "encrypted"
)

// Backup is when snapshots are made and what stands in them.
type Backup struct {
	Schedule string `config:"schedule"` // of cron, in UTC; "": none
	Secrets  string `config:"secrets"`
	Key      Secret `config:"key"` // 32 bytes, of AES-256-GCM
	// FormerKeys are keys with which secrets were encrypted before: nothing is any more, and what was can be restored.
	FormerKeys []Secret `config:"former_keys"`
	Rate       int      `config:"rate"` // records read a second at most; 0: no limit
	Keep       int      `config:"keep"` // snapshots of the schedule that are kept; 0: all
}

// Validate checks the section.
func (b Backup) Validate() Faults {
	var faults Faults
	if b.Schedule != "" && !cronFires(b.Schedule) {
		faults = faults.add("schedule", "write minute, hour, day, month and day of the week, such as 30 2 * * *", "is not a time of cron in five fields, or one that never comes")
	}
	faults = append(faults, oneOf("secrets", b.Secrets, []string{SecretsOmit, SecretsEncrypted})...)
	faults = append(faults, checkKey("key", b.Key)...)
	for i, key := range b.FormerKeys {
		faults = append(faults, checkKey(index("former_keys", i), key)...)
	}
	if b.Secrets == SecretsEncrypted && b.Key.IsZero() {
		faults = faults.add("key", "write ${file:/path} with the output of openssl rand -hex 32", "is missing: secrets cannot be encrypted without it")
	}
	if b.Rate < 0 {
		faults = faults.add("rate", "write how many records may be read in a second, or 0 for no limit", "is negative")
	}
	if b.Keep < 0 {
		faults = faults.add("keep", "write how many snapshots are kept, or 0 for all", "is negative")
	}
	return faults
}

// cronFires says whether an expression of five fields is one, and comes true some day: 30 February is well written. The day that it is held against has
// nothing to do with the day on which it is asked.
func cronFires(expression string) bool {
	if len(strings.Fields(expression)) != 5 || !gronx.IsValid(expression) {
		return false
	}
	_, err := gronx.NextTickAfter(expression, time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), true)
	return err == nil
}
