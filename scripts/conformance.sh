#!/usr/bin/env bash
# conformance.sh [--if-possible]   hold the adapter to scim2-tester, a SCIM tester of other people (https://pypi.org/project/scim2-tester).
# Installs the tester into a Python environment of its own in a temporary folder, builds the adapter, serves over the LDAP directory that
# the demo brings, and over slapd where it is installed, and runs all checks. Fails when a check does not pass.
# Where Python or PyPI is missing nothing can be said: exit code 3, or 0 with --if-possible, and a sentence why. Where PyPI answers and the
# tester cannot be installed all the same, scripts/conformance.txt is at fault: exit code 1, whatever is possible.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
"") cannot=3 ;;
--if-possible) cannot=0 ;;
*) sed -n '2,6s/^# \{0,1\}//p' scripts/conformance.sh >&2; exit 2 ;;
esac
unable() { echo "conformance was not tested: $*"; exit "$cannot"; }

dir=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # the trap calls it
clean() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  [ ! -d "$dir/slapd" ] || scripts/servers.sh stop "$dir/slapd"
  rm -rf "$dir"
}
trap clean EXIT

command -v python3 >/dev/null 2>&1 || unable "there is no python3 on this machine"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || unable "the tester needs Python 3.10 or newer, and this is $(python3 --version)"
if ! python3 -m venv "$dir/venv" >"$dir/venv.log" 2>&1; then # Debian has ensurepip in a package of its own
  scripts/packages.sh /nonexistent/venv=python3-venv >>"$dir/venv.log" 2>&1 || unable "python3 has no venv (Debian: python3-venv): $(tail -n 1 "$dir/venv.log")"
  rm -rf "$dir/venv"
  python3 -m venv "$dir/venv" >>"$dir/venv.log" 2>&1 || unable "python3 -m venv fails: $(tail -n 1 "$dir/venv.log")"
fi
if ! "$dir/venv/bin/pip" install --quiet --disable-pip-version-check --requirement scripts/conformance.txt >"$dir/pip.log" 2>&1; then
  # Is it PyPI, or what is wanted of it? pip itself is there if anything is.
  "$dir/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$dir/probe" pip >"$dir/probe.log" 2>&1 ||
    unable "PyPI does not answer: $(tail -n 1 "$dir/probe.log")"
  echo "conformance.sh: PyPI answers, but what scripts/conformance.txt wants cannot be installed:" >&2
  tail -n 5 "$dir/pip.log" >&2
  exit 1
fi

CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$dir/scim-adapter" ./cmd/scim-adapter

started() { # started LOG PATTERN: what the pattern's group is in the log, as soon as it is there
  local found
  for _ in $(seq 1 300); do
    found=$(sed -n "s#.*$2.*#\1#p" "$1" | head -n 1)
    [ -z "$found" ] || { echo "$found"; return; }
    sleep 0.05
  done
  echo "conformance.sh: it did not start:" >&2
  tail -n 5 "$1" >&2
  return 1
}

n=0
failed=0
judge() { # judge WHAT CONFIG [GIVES-WAY]
  local address
  n=$((n + 1))
  SCIM_LISTEN=127.0.0.1:0 SCIM_METRICS_PORT=0 SCIM_TOKEN=conformance SCIM_JOURNAL="$dir/journal-$n" \
    "$dir/scim-adapter" serve --config "$2" >"$dir/serve-$n.log" 2>&1 &
  pids+=($!)
  address=$(started "$dir/serve-$n.log" '"serving SCIM","address":"\([^"]*\)"')
  echo "scim2-tester, $2 over $1:"
  "$dir/venv/bin/python" scripts/conformance.py "http://$address/scim/v2" conformance "${@:3}" || failed=1
}

export LDAP_BASE=dc=example,dc=org LDAP_BIND_DN=cn=admin,dc=example,dc=org
"$dir/scim-adapter" demo --listen 127.0.0.1:0 --ldap-listen 127.0.0.1:0 --people 20 >"$dir/demo.log" 2>&1 &
pids+=($!)
LDAP_URL=$(started "$dir/demo.log" 'LDAP directory on \(ldap://[^ ]*\)')
export LDAP_URL LDAP_BIND_PASSWORD=demo
judge "the embedded directory" configs/examples/openldap-verbatim.yaml
judge "the embedded directory" configs/examples/openldap.yaml scripts/conformance.gives-way.txt

export PATH="$PATH:/usr/sbin:/usr/libexec"
if command -v slapd >/dev/null 2>&1 && command -v ldapwhoami >/dev/null 2>&1; then
  env=$(scripts/servers.sh start "$dir/slapd" overlays)
  eval "$env"
  export LDAP_URL="$SCIM_TEST_LDAP_URL" LDAP_BIND_PASSWORD=secret
  judge "slapd" configs/examples/openldap-verbatim.yaml
  judge "slapd" configs/examples/openldap.yaml scripts/conformance.gives-way.txt
else
  echo "slapd is not installed: only the embedded directory was tried"
fi
exit $failed
