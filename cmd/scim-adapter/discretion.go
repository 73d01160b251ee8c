package main

import (
	"fmt"

	"github.com/scim-adapter/scim-adapter/adapter"
	"github.com/scim-adapter/scim-adapter/configs"
	"github.com/scim-adapter/scim-adapter/mapping"
)

// discretion is what is not to be written down, by audit.sensitive and section backup. A key opens what was sealed with it also where nothing is sealed any more.
func discretion(config *configs.Config, mappings *mapping.Set) *adapter.Discretion {
	var keys [][]byte
	for _, secret := range append([]configs.Secret{config.Backup.Key}, config.Backup.FormerKeys...) {
		if key, err := secret.Key(); err == nil { // what is there was checked by package configs
			keys = append(keys, key)
		}
	}
	vault, err := adapter.NewVault(keys...)
	if err != nil {
		panic(fmt.Sprintf("a key that was checked: %v", err))
	}
	if vault != nil {
		vault.Closed = config.Backup.Secrets != configs.SecretsEncrypted
	}
	return adapter.NewDiscretion(mappings, config.Audit.Sensitive, vault)
}

// warn says what is accepted and should be known.
func (p *plan) warn() {
	for _, warning := range p.config.Warnings() {
		p.log.Warn(warning)
	}
	for _, name := range p.discretion.Unknown() {
		p.log.Warn(fmt.Sprintf("audit.sensitive: no mapping has an attribute %q, under a SCIM name or a native one, and no known schema has it: if it is misspelt, what was meant is written down", name))
	}
}
