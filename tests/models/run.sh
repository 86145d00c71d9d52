#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Checks the protocols of gyre with Spin: docs/protocols.md says what the models and rows mean.
#   run.sh quick     the rows that are done in a second or two (for make check)
#   run.sh proof     these and the most telling of the others, three minutes on two cores; SCALE=10: all
#   run.sh           all rows: about half an hour of one core, 3 GB of memory a row
#   run.sh all WORD  only rows whose model or variant contains WORD
# JOBS rows at a time; unless it is set, as many as there are processors and 3 GB of memory for. KEEP=1 leaves
# the working folders with the trails and says where they are.
mode=${1:-all} word=${2:-}
[ "$mode" = proof ] && [ "${SCALE:-1}" -ge 10 ] && mode=all
home=$(cd "$(dirname "$0")" && pwd) || exit 2
if ! command -v spin >/dev/null 2>&1; then
    echo "run.sh: spin is not installed (Debian: apt-get install spin); no model was checked" >&2
    exit 1
fi
tmp=$(mktemp -d) || exit 2
if [ -n "${KEEP:-}" ]; then echo "working folders: $tmp"; else trap 'rm -rf "$tmp"' EXIT; fi
rows=0

row() {                                # size expected model variant options...: see rows.sh
    case $mode:$1 in quick:proof|quick:all|proof:all) return ;; esac
    case "$3 $4" in *"$word"*) ;; *) return ;; esac
    rows=$((rows + 1))
    mkdir "$tmp/$rows" && printf '%s\n' "$@" >"$tmp/$rows/row" || exit 2
}
# shellcheck source=tests/models/rows.sh
. "$home/rows.sh"

jobs() {
    awk -v n="$(nproc)" -v mode="$mode" '
        /^MemAvailable/ { fit = int($2 / 3000000); if (mode == "quick" || fit > n) fit = n; print fit < 1 ? 1 : fit }
    ' /proc/meminfo
}

printf '%-8s %-58s %-8s %-10s %10s %5s\n' model variant expected found states sec
seq "$rows" | xargs -P "${JOBS:-$(jobs)}" -I {} sh "$home/one.sh" "$home" "$tmp/{}"

cat "$tmp"/*/result 2>/dev/null | awk -v rows="$rows" '
    { passed += $1 == $2; states += $3; caught += $1 == $2 && ($1 == "bad" || $1 == "cycle" || $1 == "starve") }
    END {
        print passed + 0 " passed, " rows - passed " failed"
        printf "RESULT models rows=%d states=%d failing_variants_caught=%d\n", rows, states, caught
        exit !(rows > 0 && passed == rows)
    }'
