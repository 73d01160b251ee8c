#!/usr/bin/env bash
# servers.sh start DIR [KIND...]   start the directories that the tests talk to, with their data in DIR; prints `export` lines
# servers.sh stop DIR              stop them
#
# A server of each kind, or of those that are named, on a free loopback port. Three are slapd, suffix dc=example,dc=org,
# cn=admin,dc=example,dc=org / secret:
#   overlays  SCIM_TEST_LDAP_URL        memberof, refint, unique, ppolicy, syncprov and sssvlv (sorting) overlays
#   plain     SCIM_TEST_LDAP_PLAIN_URL  the same schema, no overlay at all
#   bare      SCIM_TEST_LDAP_BARE_URL   no overlay's module is loaded: neither memberOf nor pwdAccountLockedTime exists
#   postgres  SCIM_TEST_POSTGRES_URL    PostgreSQL; the URL is its superuser's. Root runs it as the user postgres, with its data outside of DIR
# Where DIR/KIND.ldif exists it is loaded behind the usual, empty tree.
set -euo pipefail

suffix='dc=example,dc=org'
admin="cn=admin,$suffix"

# A server may be configured anywhere; Debian and Red Hat put modules and schema in different places.
first_dir() { local d; for d in "$@"; do [ -d "$d" ] && { echo "$d"; return; }; done; echo "servers.sh: none of these folders exists: $*" >&2; return 1; }

free_port() { # a port nobody listens on, outside the ephemeral range's busy half
  local p
  for _ in $(seq 1 200); do
    p=$((20000 + RANDOM % 10000))
    (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null || { echo "$p"; return; }
  done
  echo "servers.sh: no free port between 20000 and 30000" >&2
  return 1
}

config() { # config DIR overlays|plain|bare
  local dir=$1 kind=$2 schema modules
  schema=$(first_dir /etc/ldap/schema /etc/openldap/schema /opt/homebrew/etc/openldap/schema)
  modules=$(first_dir /usr/lib/ldap /usr/lib64/openldap /usr/lib/openldap /usr/libexec/openldap)
  mkdir -p "$dir/db"
  cat <<EOF
include $schema/core.schema
include $schema/cosine.schema
include $schema/nis.schema
include $schema/inetorgperson.schema
include $schema/java.schema
modulepath $modules
moduleload back_mdb
EOF
  [ "$kind" = bare ] || printf 'moduleload %s\n' memberof refint syncprov unique ppolicy sssvlv
  cat <<EOF
pidfile $dir/slapd.pid
argsfile $dir/slapd.args
loglevel none
threads 4
database mdb
suffix $suffix
rootdn $admin
rootpw secret
directory $dir/db
maxsize 4294967296
dbnosync
index objectClass,entryUUID,entryCSN eq
index uid,cn,mail,sn,employeeNumber,displayName eq,pres,sub
index member,manager eq
limits dn.exact="$admin" size=unlimited time=unlimited
access to attrs=userPassword by self write by anonymous auth by * none
access to * by users read by anonymous auth
EOF
  [ "$kind" = overlays ] || return 0
  cat <<EOF
index memberOf eq
overlay syncprov
syncprov-checkpoint 100 10
overlay memberof
memberof-group-oc groupOfNames
memberof-member-ad member
memberof-memberof-ad memberOf
memberof-refint TRUE
overlay refint
refint_attributes member manager owner seeAlso
overlay unique
unique_uri ldap:///ou=people,$suffix?uid?sub?(objectClass=inetOrgPerson)
unique_uri ldap:///ou=people,$suffix?mail?sub?(objectClass=inetOrgPerson)
overlay ppolicy
ppolicy_default cn=default,ou=policies,$suffix
ppolicy_hash_cleartext
overlay sssvlv
EOF
}

tree() {
  cat <<EOF
dn: $suffix
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,$suffix
objectClass: organizationalUnit
ou: people

dn: ou=groups,$suffix
objectClass: organizationalUnit
ou: groups

dn: ou=policies,$suffix
objectClass: organizationalUnit
ou: policies

dn: cn=default,ou=policies,$suffix
objectClass: device
objectClass: pwdPolicy
cn: default
pwdAttribute: userPassword
pwdMinLength: 6
pwdCheckQuality: 1
pwdLockout: TRUE
EOF
}

start_one() { # start_one DIR KIND
  local dir=$1/$2 kind=$2 name port try
  case $kind in
  overlays) name=SCIM_TEST_LDAP_URL ;;
  plain) name=SCIM_TEST_LDAP_PLAIN_URL ;;
  bare) name=SCIM_TEST_LDAP_BARE_URL ;;
  postgres) start_postgres "$1"; return ;;
  *) echo "servers.sh: there is no kind $kind: overlays, plain, bare, postgres" >&2; return 2 ;;
  esac
  mkdir -p "$dir"
  config "$dir" "$kind" >"$dir.conf"
  {
    if [ "$kind" = overlays ]; then tree; else tree | sed '/^dn: cn=default/,$d'; fi
    if [ -f "$dir.ldif" ]; then echo; cat "$dir.ldif"; fi
  } | slapadd -q -f "$dir.conf" -b "$suffix"
  for try in 1 2 3; do
    port=$(free_port)
    slapd -d 0 -h "ldap://127.0.0.1:$port/" -f "$dir.conf" >"$dir.log" 2>&1 &
    echo $! >"$dir.pid"
    for _ in $(seq 1 250); do
      ldapwhoami -x -H "ldap://127.0.0.1:$port/" -D "$admin" -w secret >/dev/null 2>&1 && { echo "export $name=ldap://127.0.0.1:$port"; return; }
      kill -0 "$(cat "$dir.pid")" 2>/dev/null || break
      sleep 0.02
    done
    echo "servers.sh: slapd ($kind) did not start on port $port, try $try:" >&2
    tail -n 5 "$dir.log" >&2
  done
  return 1
}

postgres_bin() { # the folder of its programs, which Debian keeps out of the PATH; the newest of several
  local d
  if d=$(command -v initdb); then dirname "$(readlink -f "$d")"; return; fi
  d=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
  [ -n "$d" ] || { echo "servers.sh: PostgreSQL's initdb is neither in the PATH nor in /usr/lib/postgresql/*/bin" >&2; return 1; }
  echo "$d"
}

start_postgres() { # start_postgres DIR
  local dir=$1/postgres bin data password port try as=()
  bin=$(postgres_bin)
  # PostgreSQL refuses to be root. Its own user cannot look into a folder of root's, and so gets one elsewhere.
  if [ "$(id -u)" -eq 0 ]; then
    as=(setpriv --reuid=postgres --regid=postgres --clear-groups --)
    data=$(mktemp -d)
    echo "$data" >"$dir.data"
  else
    data=$dir
    mkdir -p "$data"
  fi
  password=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
  (umask 077 && echo "$password" >"$data/password")
  [ "$(id -u)" -ne 0 ] || chown -R postgres "$data"
  (cd "$data" && "${as[@]}" "$bin/initdb" -D "$data/db" --no-sync --username=postgres --pwfile="$data/password" --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8) >"$dir.log" 2>&1 </dev/null || { tail -n 5 "$dir.log" >&2; return 1; }
  for try in 1 2 3; do
    port=$(free_port)
    # It must not hold on to our output: whoever reads that would wait for the server's end.
    (cd "$data" && exec "${as[@]}" "$bin/postgres" -D "$data/db" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
      -c max_connections=200 -c fsync=off -c full_page_writes=off -c synchronous_commit=off) >"$dir.log" 2>&1 </dev/null &
    echo $! >"$dir.pid"
    for _ in $(seq 1 500); do
      "$bin/pg_isready" -q -h 127.0.0.1 -p "$port" 2>/dev/null && { echo "export SCIM_TEST_POSTGRES_URL=postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable"; return; }
      kill -0 "$(cat "$dir.pid")" 2>/dev/null || break
      sleep 0.02
    done
    echo "servers.sh: PostgreSQL did not start on port $port, try $try:" >&2
    tail -n 5 "$dir.log" >&2
  done
  return 1
}

stop_all() { # stop_all DIR
  local pid signal
  for pid in "$1"/*.pid; do
    [ -f "$pid" ] || continue
    # At TERM PostgreSQL would wait until everybody has left.
    signal=TERM
    [ "${pid##*/}" != postgres.pid ] || signal=INT
    kill -s "$signal" "$(cat "$pid")" 2>/dev/null || true
  done
  for pid in "$1"/*.pid; do # wait, so that the folder can be removed behind us
    [ -f "$pid" ] || continue
    for _ in $(seq 1 500); do kill -0 "$(cat "$pid")" 2>/dev/null || break; sleep 0.02; done
  done
  [ ! -f "$1/postgres.data" ] || rm -rf "$(cat "$1/postgres.data")"
}

case "${1:-}" in
start)
  dir=$(mkdir -p "$2" && cd "$2" && pwd)
  export PATH="$PATH:/usr/sbin:/usr/libexec:/usr/local/libexec"
  shift 2
  [ $# -gt 0 ] || set -- overlays plain bare postgres
  for kind in "$@"; do start_one "$dir" "$kind"; done
  ;;
stop) stop_all "$2" ;;
*)
  sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
  exit 2
  ;;
esac
