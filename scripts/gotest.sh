#!/usr/bin/env bash
# gotest.sh COMMAND [ARGUMENT...]   run a command that ends in `go test …`, with the temporary files of the tests in memory where there is
# room: journals and databases are synced with every write, and how long a disk takes for that is not what is tested. When it
# fails, the last it says is what failed.
set -euo pipefail

room=8388608 # KiB; what go builds is in there, too: t.TempDir follows GOTMPDIR, so that it cannot be elsewhere
said=$(mktemp)
memory=
trap 'rm -rf "$said" ${memory:+"$memory"}' EXIT
free=$(df -k --output=avail /dev/shm 2>/dev/null | tail -n 1 || true)
if [ -w /dev/shm ] && [ "${free:-0}" -ge "$room" ] && ! grep -qs ' /dev/shm .*noexec' /proc/mounts; then
  memory=$(mktemp -d /dev/shm/scim-adapter.XXXXXX)
  chmod 711 "$memory" # PostgreSQL is somebody else where root runs the tests, and has its folders in there
  export TMPDIR=$memory GOTMPDIR=$memory
  export GOGC=${GOGC:-400} # where there is room, a fifth of the time need not go to collecting garbage
fi

code=0
"$@" 2>&1 | tee "$said" || code=$?
if [ "$code" -ne 0 ]; then
  printf '\nFailed:\n'
  grep -E '^ *--- FAIL|^FAIL[[:space:]]|^panic: |^WARNING: DATA RACE' "$said" || true
fi
exit "$code"
