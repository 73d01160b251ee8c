#!/usr/bin/env bash
# test.sh [go test arguments]   the whole test suite against real servers, which it installs, starts and stops itself.
# Set SCIM_TEST_LDAP_URL, SCIM_TEST_LDAP_PLAIN_URL and SCIM_TEST_LDAP_BARE_URL, or SCIM_TEST_POSTGRES_URL (a superuser's), to use
# servers of your own instead; the tests of outages and of size start their own all the same, and are skipped where slapd or
# PostgreSQL is not installed.
set -euo pipefail
cd "$(dirname "$0")/.."
# Once more by way of gotest.sh, so that the servers have their files where it says.
[ -n "${SCIM_TEST_GOTEST:-}" ] || SCIM_TEST_GOTEST=1 exec scripts/gotest.sh "$0" "$@"

kinds=() need=() packages=()
if [ -z "${SCIM_TEST_LDAP_URL:-}" ] || [ -z "${SCIM_TEST_LDAP_PLAIN_URL:-}" ]; then
  kinds+=(overlays plain bare)
  need+=(slapd ldap-utils curl)
  packages+=(slapd=slapd ldapsearch=ldap-utils curl=curl)
else
  export SCIM_TEST_LDAP_OWN=1
fi
if [ -z "${SCIM_TEST_POSTGRES_URL:-}" ]; then
  kinds+=(postgres)
  need+=(postgresql)
  packages+=(initdb=postgresql)
else
  export SCIM_TEST_POSTGRES_OWN=1
fi

if [ ${#kinds[@]} -gt 0 ]; then
  echo "The tests need these packages: ${need[*]} (installed if missing)."
  scripts/packages.sh "${packages[@]}"
  dir=$(mktemp -d)
  trap 'scripts/servers.sh stop "$dir"; rm -rf "$dir"' EXIT
  env=$(scripts/servers.sh start "$dir" "${kinds[@]}")
  eval "$env"
  case " ${kinds[*]} " in *" plain "*)
    echo "Started three slapd: $SCIM_TEST_LDAP_URL (overlays), $SCIM_TEST_LDAP_PLAIN_URL (plain), $SCIM_TEST_LDAP_BARE_URL (bare)" ;;
  esac
  case " ${kinds[*]} " in *" postgres "*)
    echo "Started PostgreSQL: ${SCIM_TEST_POSTGRES_URL##*@}" ;;
  esac
fi

# A test that finds no server must fail here, not skip: everything it needs has been started.
export SCIM_TEST_SERVERS=required
# The tests of the whole house take longer than go test's ten minutes where the machine is small or busy; they begin first, and the others run beside them.
[ $# -gt 0 ] || set -- -count=1 -timeout 30m ./cmd/... ./...
go test "$@"
