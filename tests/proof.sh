#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Everything that is to show that gyre is right, in the size of a nightly run: about an hour on two
# cores. SCALE=10 does ten times as much; SEED=n replays what is drawn, but for the fuzzers. docs/testing.md describes the layers.

set -u
cd "$(dirname "$0")/.." || exit
scale=${SCALE:-1}
case $scale in '' | *[!0-9]* | 0) echo "SCALE is a number from 1 on" >&2; exit 2 ;; esac
export SCALE=$scale
logs=build/proof
mkdir -p "$logs"
started=$SECONDS failed=0 table=()

build() { make --no-print-directory "$@"; }

# Eight minutes of processor time, and longer until there are three million.
schedules() {
    local jobs
    jobs=$(nproc)
    [ "$jobs" -le 64 ] || jobs=64
    build/explore/explore --jobs "$jobs" --seconds $((480 * scale / jobs)) --least $((3000000 * scale)) \
        ${SEED:+--seed "$SEED"}
}

# Sums up the lines of all stress programs.
stress() {
    build FLAVOR=points stress T=$((4 * scale)) || return
    build stress T=$((4 * scale)) && build stress-growth || return
}

# The numbers of RESULT lines, added up by name; fractions and percentages as they are.
numbers() {
    grep -ah '^RESULT ' "$1" | awk '
        function commas(x,   s) {
            while (length(x) > 3) { s = "," substr(x, length(x) - 2) s; x = substr(x, 1, length(x) - 3) }
            return x s
        }
        { for (i = 3; i <= NF; i++) {
            split($i, pair, "=")
            if (!(pair[1] in value)) order[++n] = pair[1]
            if (pair[2] ~ /^[0-9]+$/) whole[pair[1]] = 1
            value[pair[1]] = pair[1] in whole ? value[pair[1]] + pair[2] : pair[2]
        } }
        END { for (i = 1; i <= n; i++) {
            name = order[i]
            shown = name in whole ? commas(sprintf("%.0f", value[name])) : value[name]
            gsub("_", " ", name)
            printf "%s%s %s", (i > 1 ? ", " : ""), shown, name
        } }'
}

layer() { # name, what it is, command...
    local name=$1 what=$2 log=$logs/$1.log from=$SECONDS status
    shift 2
    "$@" >"$log" 2>&1 &
    local pid=$!
    while kill -0 $pid 2>/dev/null; do
        [ -t 1 ] && printf '\r\033[K%-11s %4d s   %s' "$name" $((SECONDS - from)) "$(tail -n 1 "$log" | tr '\r' '\n' | tail -n 1 | cut -c1-60)"
        sleep 0.5
    done
    wait $pid
    status=$?
    [ -t 1 ] && printf '\r\033[K'
    local line
    line=$(numbers "$log")
    if [ $status = 0 ] && [ -n "$line" ]; then
        table+=("$(printf '%-11s %5d s   %s' "$name" $((SECONDS - from)) "$line")")
        printf '%-11s ok     %4d s   %s\n' "$name" $((SECONDS - from)) "$what"
    else
        failed=$((failed + 1))
        table+=("$(printf '%-11s %5d s   FAILED: %s' "$name" $((SECONDS - from)) "$log")")
        printf '%-11s FAILED %4d s   %s\n' "$name" $((SECONDS - from)) "$what"
        tail -n 40 "$log" | sed 's/^/    /'
    fi
}

build -j"$(nproc)" lib explore-build >"$logs/build.log" 2>&1 || { cat "$logs/build.log"; exit 1; }
layer schedules "the real code, one access at a time" schedules
layer bounded "all schedules with two preemptions" build/explore/explore --strategy bounded --mode sc --seconds 100000
layer mutants "bugs put in on purpose, and what catches them" build mutants
layer orders "each memory order weakened" build orders
layer models "the protocols, all interleavings (Spin)" tests/models/run.sh proof
layer stress "real threads, histories checked" stress
layer steps "processes killed at every instruction, twice" build steps
layer kills "processes killed at any instant" build kills N=$((20000 * scale))
layer creation "processes that race to create, killed" build creations N=$((2000 * scale))
layer fuzz "operations, options and layouts from random bytes" build fuzz-proof
layer injection "each system call and allocation fails" build injection
layer coverage "lines and branches of src/ that the tests run" build coverage

echo
printf '%-11s %7s   %s\n' layer time results
printf '%s\n' "${table[@]}"
echo
echo "$((SECONDS - started)) s in all; the logs are in $logs"
[ $failed = 0 ] && echo "proof: OK" || echo "proof: $failed layers FAILED"
[ $failed = 0 ]
