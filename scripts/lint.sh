#!/usr/bin/env bash
# lint.sh   gofumpt, go vet, golangci-lint, shellcheck of the scripts, govulncheck. Tools are pinned and installed with go install on first use.
set -euo pipefail
cd "$(dirname "$0")/.."
tools=$(go env GOPATH)/bin
export PATH="$tools:$PATH"

want() { # want COMMAND MODULE@VERSION
  "$1" "${3:---version}" 2>/dev/null | grep -qF "${2##*@v}" || { echo "Installing ${2}"; GOBIN=$tools go install "$2"; }
}
want gofumpt mvdan.cc/gofumpt@v0.12.0
want golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

unformatted=$(gofumpt -l .)
[ -z "$unformatted" ] || { echo "not formatted (run gofumpt -w):"; echo "$unformatted"; exit 1; }
go vet ./...
golangci-lint run ./...
if command -v shellcheck >/dev/null 2>&1; then shellcheck -x scripts/*.sh .ci/run; fi

want govulncheck golang.org/x/vuln/cmd/govulncheck@v1.9.0 -version
# The vulnerability data is fetched from the network; where it cannot be had, that is said and is no failure. A finding is one.
if out=$(govulncheck ./... 2>&1); then
  echo "govulncheck: nothing found"
elif grep -q 'Vulnerability #' <<<"$out"; then
  echo "$out"
  exit 1
else
  echo "govulncheck: its data could not be had here: $(tail -n 1 <<<"$out")"
fi
