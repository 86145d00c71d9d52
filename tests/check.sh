#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# All tests, one line each with its time; at the end what those that failed said. What each is: docs/testing.md.

set -u
cd "$(dirname "$0")/.." || exit
logs=build/check
mkdir -p "$logs"
jobs=$(nproc)
started=$SECONDS
results=$logs/results
: > "$results"

run() { # name, command...
    local name=$1 log=$logs/${1//[^A-Za-z0-9]/-}.log from=$SECONDS
    shift
    printf '%-44s' "$name"
    if "$@" >"$log" 2>&1; then
        echo ok >> "$results"
        printf 'ok     %4d s   %s\n' $((SECONDS - from)) "$(grep -aE 'passed|OK|Tested|programs|Done|RESULT explore' "$log" | tail -n 1 | cut -c1-70)"
    else
        echo "FAILED $log" >> "$results"
        printf 'FAILED %4d s\n' $((SECONDS - from))
    fi
}
build() { make --no-print-directory -j"$jobs" "$@"; }

run "compiles without a warning: gcc" build WERROR=1 all
run "compiles without a warning: clang" build WERROR=1 CC=clang FLAVOR=debug lib
# What takes one processor and builds nothing goes on beside the others.
beside()
{
    run "benchmarks: driver and judge" build peers-driver-check bench-recovery-check
    run "protocol models" build models-quick JOBS=1
}
trap 'trap "" TERM; kill 0; exit 130' INT TERM
beside > "$logs/beside" &
run "static checks" tests/static/run.sh
run "ABI" build abi
run "mutants fit the code" build mutants-check
run "unit tests" build unit
run "a stranger's program" build contract
run "the program gyre" tests/test_tool.sh build/release/gyre
shared() { build examples shared-load && tests/test_shared.sh build/release; }
run "shared caches: program and examples" shared
run "caches in files: program and example" tests/test_file.sh build/release
run "caches in files: dump, load, compact" tests/test_dump.sh build/release
run "caches in files: format" build format-check
run "caches in files: damage" build damage-quick
run "documents" build docs-check
run "policy" build policies-quick
run "hit ratio: data and judge" build hit-ratio-check
run "instructions of each call" build counts-check
run "man pages" tests/test_man.sh
run "installation and examples" tests/test_install.sh
run "schedules" build explore T=20
run "fuzz: corpus and a short run" build fuzz-quick
wait
cat "$logs/beside"
for flavor in asan tsan; do
    run "unit tests, $flavor" build FLAVOR=$flavor unit
done
for flavor in points asan tsan; do
    run "stress, $flavor" build FLAVOR=$flavor stress-quick
done
run "deaths at each instruction" build steps-quick
run "benchmarks compile" build bench-build

sed -n 's/^FAILED //p' "$results" | while read -r log; do
    printf '\n%s:\n' "$log"
    tail -n 60 "$log" | sed 's/^/    /'
done
echo "$((SECONDS - started)) s in all; the logs are in $logs"
echo "$(grep -c ^ok "$results") passed, $(grep -c ^FAILED "$results") failed"
! grep -q ^FAILED "$results"
