#!/usr/bin/env bash
# bench.sh [PEOPLE]   measure the plain SCIM service over Postgres against the same queries made directly with pgx, on PEOPLE users (1000000).
# And PATCH by 32 clients at once with the journal in Postgres against none. Starts a Postgres of its own, as the tests do, and says on what machine the numbers were got.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/packages.sh /usr/lib/postgresql=postgresql curl=curl
dir=$(mktemp -d)
trap 'scripts/servers.sh stop "$dir"; rm -rf "$dir"' EXIT
env=$(scripts/servers.sh start "$dir" postgres)
eval "$env"
export SCIM_TEST_SERVERS=required SCIM_BENCH_PEOPLE=${1:-1000000}
echo "load $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) cores, $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2- | xargs), $(go version), $SCIM_BENCH_PEOPLE people"
go test ./cmd/scim-adapter -run '^$' -bench 'PlainService|Journal' -benchtime 3s -timeout 0
