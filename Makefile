# The targets a person needs. Everything real is in scripts/, so that it can be read and run without make.
GO ?= go
BIN := bin/scim-adapter
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

.DEFAULT_GOAL := help
.PHONY: help run build test bench unit lint race fuzz conformance generate clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build, start an in-process LDAP directory and serve SCIM on http://127.0.0.1:8080/scim/v2
	$(BIN) demo

build: ## build bin/scim-adapter
	CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=$(VERSION)" -o $(BIN) ./cmd/scim-adapter

test: ## install and start what the tests need (Debian: slapd, ldap-utils, curl, postgresql), run them all, clean up
	scripts/test.sh

bench: ## measure the adapter over Postgres against plain pgx, and what the journal costs; PEOPLE=10000 for fewer than a million
	scripts/bench.sh $(PEOPLE)

unit: ## the tests that need no server
	SCIM_TEST_SERVERS=none $(GO) test -timeout 30m ./...

race: ## the unit tests under the race detector (needs gcc)
	SCIM_TEST_SERVERS=none CGO_ENABLED=1 scripts/gotest.sh $(GO) test -race -timeout 30m ./cmd/... ./...

fuzz: ## every fuzz target for half a minute; DURATION=10m for longer
	scripts/fuzz.sh $(DURATION)

conformance: ## hold the adapter to scim2-tester, which it installs from PyPI (needs Python)
	scripts/conformance.sh

lint: ## gofumpt, go vet, golangci-lint, govulncheck
	scripts/lint.sh

generate: ## rewrite what is generated: docs/lenses.md, docs/metrics.md, configs/schema.json
	$(GO) generate ./...

clean: ## remove what building made
	rm -rf bin
