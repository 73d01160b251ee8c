#!/usr/bin/env bash
# packages.sh COMMAND=PACKAGE …   make sure that each command (or /file) is there; where it is not, install its Debian package.
# Says what it installs. Without apt, or without the rights, it says what is missing and how to go on, and exits 3.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"

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
  case " ${missing[*]} " in
  *" slapd "* | *" ldap-utils "*) ;;
  *)
    echo "Install them with your own package manager and start again." >&2
    exit 3
    ;;
  esac
  cat >&2 <<EOF
Either install OpenLDAP (slapd and its client tools) with your own package manager and start again,
or point the tests at OpenLDAP servers of your own that they may write to, and start again:
  SCIM_TEST_LDAP_URL=ldap://host:port         with the memberof, refint, unique and ppolicy overlays
  SCIM_TEST_LDAP_PLAIN_URL=ldap://host:port   without overlays
  SCIM_TEST_LDAP_BARE_URL=ldap://host:port    with no overlay's module loaded; its tests are skipped without it
all with suffix dc=example,dc=org and cn=admin,dc=example,dc=org / secret; scripts/servers.sh shows their configuration.
Or run only the tests that need no server: make unit
EOF
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
# A freshly installed slapd must not start as a service of this machine: the tests start their own.
if [ ! -e /usr/sbin/policy-rc.d ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
  "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
  trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
fi
log=$(mktemp)
if ! { "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}" ||
       { "${as_root[@]}" apt-get update && "${as_root[@]}" apt-get install -y --no-install-recommends "${missing[@]}"; }; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "packages.sh: installing ${missing[*]} failed; the lines above say why" >&2
  exit 3
fi
rm -f "$log"
