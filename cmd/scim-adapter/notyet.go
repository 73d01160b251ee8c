package main

import "github.com/scim-adapter/scim-adapter/configs"

// notYet are the settings that package configs knows and this version does nothing with. Each is a fault: accepting and ignoring it would be a promise that nobody keeps.
var notYet = []struct {
	section, key, what string
	wanted             func(c *configs.Config) bool
}{
	{"backup", "secrets", "keeping secrets in a snapshot", func(c *configs.Config) bool { return c.Backup.Secrets == configs.SecretsEncrypted }},
}

// refuseNotYet gives a fault for each of them that is asked for.
func refuseNotYet(c *configs.Config) configs.Faults {
	var faults configs.Faults
	for _, n := range notYet {
		if n.wanted(c) {
			faults = append(faults, c.Root.Get(n.section).Get(n.key).Fault("take it away", "%s is not in this version", n.what))
		}
	}
	return faults
}
