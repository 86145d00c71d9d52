#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Runs the tests in FLAVOR=cover and reports what of src/ they ran: run.sh [-v]. SCALE=n stresses n times
# as long. Exit status 1 below the goals, or when docs/coverage.md does not list what is not covered.

set -u
cd "$(dirname "$0")/../.."
B=build/cover logs=build/cover/logs
jobs=$(nproc)
stress=$((3 * ${SCALE:-1}))
mkdir -p "$logs"

make --no-print-directory -j"$jobs" FLAVOR=cover cover-programs >"$logs/build" 2>&1 ||
    { tail -n 30 "$logs/build"; exit 2; }
find $B -name '*.gcda' -delete

# Threads of one program cover races only when they run at once: as many programs as processors, no more.
run() { # name, command...
    local name=$1 status
    shift
    "$@" >"$logs/$name" 2>&1
    status=$?
    [ $status = 0 ] && ! grep -q 'profiling error' "$logs/$name" && return
    echo "FAILED ($status): $*"
    tail -n 20 "$logs/$name"
    return 1
}
names() { basename -s .c "$@"; }
export -f run
export B logs

{
    for name in $(names tests/test_*.c); do echo "run $name $B/tests/$name"; done
    for name in $(names fuzz/fuzz_*.c); do echo "run $name $B/fuzz/$name fuzz/corpus/$name"; done
    # steps leaves out what it kills: the same calls are run by the others.
    for name in $(names stress/*.c | grep -vx steps); do echo "run stress-$name env T=$stress $B/stress/$name"; done
    echo "run contract $B/contract 2"
} | xargs -P "$jobs" -I{} bash -c '{}'
failed=$?

tests/coverage/report.py $B "$@" && [ $failed = 0 ]
