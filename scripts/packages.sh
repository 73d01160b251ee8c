#!/usr/bin/env bash
# packages.sh COMMAND=PACKAGE …   make sure that each command (or /file) is there; where it is not, install its Debian package.
# Says what it installs. Without apt, or without the rights, it says what is missing and how to go on, and exits 3.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done # where Debian keeps initdb

missing=()
for pair in "$@"; do
  case $pair in
  /*) [ -e "${pair%%=*}" ] || missing+=("${pair#*=}") ;;
  *) command -v "${pair%%=*}" >/dev/null 2>&1 || missing+=("${pair#*=}") ;;
  esac
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "Missing: ${missing[*]} (names of Debian's packages), and this system has no apt-get." >&2
  hint=
  case " ${missing[*]} " in *" slapd "* | *" ldap-utils "*)
    hint=1
    cat >&2 <<EOF
Either install OpenLDAP (slapd and its client tools) with your own package manager and start again,
or point the tests at OpenLDAP servers of your own that they may write to, and start again:
  SCIM_TEST_LDAP_URL=ldap://host:port         with the memberof, refint, unique and ppolicy overlays
  SCIM_TEST_LDAP_PLAIN_URL=ldap://host:port   without overlays
  SCIM_TEST_LDAP_BARE_URL=ldap://host:port    with no overlay's module loaded; its tests are skipped without it
all with suffix dc=example,dc=org and cn=admin,dc=example,dc=org / secret; scripts/servers.sh shows their configuration.
EOF
    ;;
  esac
  case " ${missing[*]} " in *" postgresql "*)
    hint=1
    cat >&2 <<EOF
Either install PostgreSQL (15 or later, the server with its contrib modules) with your own package manager and start again,
or point the tests at a server of your own, as a superuser who may make databases and roles there, and start again:
  SCIM_TEST_POSTGRES_URL=postgres://user:password@host:port/postgres
EOF
    ;;
  esac
  if [ -n "$hint" ]; then
    echo "Or run only the tests that need no server: make unit" >&2
  else
    echo "Install them with your own package manager and start again." >&2
  fi
  exit 3
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if sudo -n true 2>/dev/null; then as_root=(sudo); else
    echo "Missing: ${missing[*]}. Installing them needs root: run  sudo apt-get install -y ${missing[*]}  and start again." >&2
    exit 3
  fi
fi

echo "Installing Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# A freshly installed slapd or PostgreSQL must not start as a service of this machine: the tests start their own.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
  "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
  trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
fi
# Nor is PostgreSQL to make the database cluster that a new installation gets. ucf keeps a file that is already there.
case " ${missing[*]} " in *" postgresql "*)
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    "${as_root[@]}" mkdir -p /etc/postgresql-common
    echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
  fi
  ;;
esac
log=$(mktemp)
if ! { "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" ||
       { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; }; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "packages.sh: installing ${missing[*]} failed; the lines above say why" >&2
  exit 3
fi
rm -f "$log"
