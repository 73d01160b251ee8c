#!/usr/bin/env bash
# fuzz.sh [DURATION [PATTERN]]   run every native fuzz target for DURATION each (30s), or those whose names match PATTERN,
# of which there must be one.
# One target after another with one worker each, so that it can run beside other work. An input that fails is kept by go test
# under testdata/fuzz of its package, where every later `go test` runs it again: commit it with what mends it.
set -euo pipefail
cd "$(dirname "$0")/.."
duration=${1:-30s}
pattern=${2:-.}
export SCIM_TEST_SERVERS=none
[ ! -w /dev/shm ] || export TMPDIR=/dev/shm # a journal is synced to disk with every write, which is not what is tested here

ran=0
failed=()
while IFS=: read -r file target; do
  [[ $target =~ $pattern ]] || continue
  package=./$(dirname "$file")
  ran=$((ran + 1))
  echo "== $package $target, $duration"
  go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$duration" -fuzzminimizetime 1s -parallel 1 -timeout 0 || failed+=("$package $target")
done < <(git ls-files -co --exclude-standard '*_test.go' | xargs grep -HoE '^func Fuzz[A-Za-z0-9]+' | sed 's/func //' | sort)

if [ "$ran" -eq 0 ]; then
  echo "fuzz.sh: no fuzz target matches $pattern; docs/conformance.md lists them" >&2
  exit 2
fi
if [ ${#failed[@]} -gt 0 ]; then
  printf 'fuzz.sh: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
