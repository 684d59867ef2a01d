# shellcheck shell=bash
# The few expectations that the tests of the scripts share. A test sources it, plants a tree in $work, runs the script
# under test with run(), says what it expects, and ends with finish.
set -uo pipefail

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
failures=0

# run COMMAND…: leaves its exit code in $status, what it printed to either stream in $output.
run() {
  status=0
  output=$("$@" 2>&1 </dev/null) || status=$?
}

fail() {
  failures=$((failures + 1))
  printf 'FAILED: %s\n  exit code: %s\n  output:\n%s\n' "$*" "$status" "${output//$'\n'/$'\n'    }"
}

expect_status() { [[ $status == "$1" ]] || fail "exit code $1, $2"; }
expect_output() { [[ $output == *"$1"* ]] || fail "says '$1', $2"; }
expect_no_output() { [[ $output != *"$1"* ]] || fail "does not say '$1', $2"; }

finish() {
  ((failures == 0)) || exit 1
  echo "all as expected"
}
