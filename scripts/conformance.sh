#!/usr/bin/env bash
# conformance.sh [--if-possible]   hold the adapter to scim2-tester, a SCIM tester of other people (https://pypi.org/project/scim2-tester).
# Installs the tester into a Python environment of its own in a temporary folder, builds the adapter, serves over the LDAP directory that
# the demo brings, and over slapd and PostgreSQL where they are installed, and runs all checks. Fails when a check does not pass that
# scripts/conformance.EXAMPLE.txt does not excuse.
# Where Python or PyPI is missing nothing can be said: exit code 3, or 0 with --if-possible, and a sentence why. Where PyPI answers and the
# tester cannot be installed all the same, scripts/conformance.txt is at fault: exit code 1, whatever is possible.
set -euo pipefail
cd "$(dirname "$0")/.."

case "${1:-}" in
"") cannot=3 ;;
--if-possible) cannot=0 ;;
*) sed -n '2,7s/^# \{0,1\}//p' scripts/conformance.sh >&2; exit 2 ;;
esac
unable() { echo "conformance was not tested: $*"; exit "$cannot"; }

dir=$(mktemp -d)
pids=()
# shellcheck disable=SC2317 # the trap calls it
clean() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait
  [ ! -d "$dir/servers" ] || scripts/servers.sh stop "$dir/servers"
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

openldap() { # openldap WHAT: both examples over the directory that LDAP_URL says
  judge "$1" configs/examples/openldap-verbatim.yaml
  judge "$1" configs/examples/openldap.yaml scripts/conformance.openldap.txt
}

export LDAP_BASE=dc=example,dc=org LDAP_BIND_DN=cn=admin,dc=example,dc=org
"$dir/scim-adapter" demo --listen 127.0.0.1:0 --ldap-listen 127.0.0.1:0 --people 20 >"$dir/demo.log" 2>&1 &
pids+=($!)
LDAP_URL=$(started "$dir/demo.log" 'LDAP directory on \(ldap://[^ ]*\)')
export LDAP_URL LDAP_BIND_PASSWORD=demo
openldap "the embedded directory"

export PATH="$PATH:/usr/sbin:/usr/libexec"
if command -v slapd >/dev/null 2>&1 && command -v ldapwhoami >/dev/null 2>&1; then
  env=$(scripts/servers.sh start "$dir/servers" overlays)
  eval "$env"
  export LDAP_URL="$SCIM_TEST_LDAP_URL" LDAP_BIND_PASSWORD=secret
  openldap "slapd"
else
  echo "slapd is not installed: of LDAP only the embedded directory was tried"
fi

for folder in /usr/lib/postgresql/*/bin; do PATH="$PATH:$folder"; done # where Debian keeps initdb
database() { # database NAME WHAT…: makes one, what psql is told to in it, and a role of that name to serve with
  local sql=(psql --no-psqlrc --quiet --set ON_ERROR_STOP=1)
  {
    "${sql[@]}" "$SCIM_TEST_POSTGRES_URL" -c "CREATE DATABASE $1 TEMPLATE template0 ENCODING 'UTF8'" -c "CREATE ROLE $1 LOGIN PASSWORD 'conformance'" &&
      "${sql[@]}" "${SCIM_TEST_POSTGRES_URL%/*}/$1" "${@:2}"
  } >"$dir/psql.log" 2>&1 || { tail -n 5 "$dir/psql.log" >&2; return 1; }
}
if command -v initdb >/dev/null 2>&1 && command -v psql >/dev/null 2>&1; then
  env=$(scripts/servers.sh start "$dir/servers" postgres)
  eval "$env"
  at=${SCIM_TEST_POSTGRES_URL#*@} at=${at%%/*}
  database scim -f deploy/scripts/init-db.sql -c "GRANT scim_app TO scim"
  export DATABASE_URL="postgres://scim:conformance@$at/scim?sslmode=disable"
  judge "PostgreSQL" configs/examples/postgres-scim.yaml scripts/conformance.postgres-scim.txt
  database hr -f configs/examples/hr-tables/schema.sql -f configs/examples/hr-tables/sample.sql -c "GRANT USAGE ON SCHEMA hr TO hr" \
    -c "GRANT SELECT, INSERT, UPDATE, DELETE ON hr.person, hr.person_email, hr.phone, hr.team, hr.team_member TO hr" -c "GRANT SELECT ON hr.person_role TO hr"
  export HR_DATABASE_URL="postgres://hr:conformance@$at/hr?sslmode=disable"
  judge "PostgreSQL" configs/examples/hr-tables.yaml scripts/conformance.hr-tables.txt
else
  echo "PostgreSQL is not installed: the examples over tables were not tried"
fi
exit $failed
