# shellcheck shell=bash
# What the scripts of this folder share: the root of the tree, speaking, stopping, and the help text,
# which is the comment a script opens with.
export LC_ALL=C.UTF-8

# shellcheck disable=SC2034  # its users are the scripts
root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd)

say() { printf '==> %s\n' "$*"; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

usage() { awk 'NR == 1 { next } !/^#/ { exit } { sub(/^# ?/, ""); print }' "$0"; }

# usage_error REASON: exits with 2, as the binaries of this project do.
usage_error() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  usage >&2
  exit 2
}

# Processors that this process may use, not those of the machine.
jobs() { nproc; }
