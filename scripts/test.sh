#!/usr/bin/env bash
# test.sh [go test arguments]   the whole test suite against real servers, which it installs, starts and stops itself.
# Set SCIM_TEST_LDAP_URL, SCIM_TEST_LDAP_PLAIN_URL and SCIM_TEST_LDAP_BARE_URL to use servers of your own instead; the tests
# of outages and of size start their own all the same, and are skipped where slapd is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -z "${SCIM_TEST_LDAP_URL:-}" ] || [ -z "${SCIM_TEST_LDAP_PLAIN_URL:-}" ]; then
  echo "The tests need OpenLDAP and curl: slapd, ldap-utils and curl (installed if missing)."
  scripts/packages.sh slapd=slapd ldapsearch=ldap-utils curl=curl
  dir=$(mktemp -d)
  trap 'scripts/servers.sh stop "$dir"; rm -rf "$dir"' EXIT
  env=$(scripts/servers.sh start "$dir")
  eval "$env"
  echo "Started three slapd: $SCIM_TEST_LDAP_URL (overlays), $SCIM_TEST_LDAP_PLAIN_URL (plain), $SCIM_TEST_LDAP_BARE_URL (bare)"
else
  export SCIM_TEST_LDAP_OWN=1
fi

# A test that finds no server must fail here, not skip: everything it needs has been started.
export SCIM_TEST_SERVERS=required
[ $# -gt 0 ] || set -- -count=1 ./...
go test "$@"
