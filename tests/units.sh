#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Runs unit test programs, several at a time, and prints what each said, one after the other, those that failed last.
# usage: units.sh FLAVOR JOBS PROGRAM...    (TEST_ARGS: arguments of each)

set -u
[ $# -ge 3 ] || { echo "usage: $0 FLAVOR JOBS PROGRAM..." >&2; exit 2; }
flavor=$1 jobs=$2
shift 2
said=$(mktemp -d)
trap 'rm -rf "$said"' EXIT
export UBSAN_OPTIONS=print_stacktrace=1:${UBSAN_OPTIONS:-} said

# Those that look at all of /dev/shm, or lock it, and those that have caches there: one after the other.
alone() { printf '%s\n' "$@" | grep -E '/test_(region|members)'; }
others() { printf '%s\n' "$@" | grep -vE '/test_(region|members)'; }
# shellcheck disable=SC2016
run() { xargs -r -P "$1" -I{} sh -c 'n=$(basename {}); {} $TEST_ARGS > "$said/$n" 2>&1; echo $? > "$said/$n.status"'; }

export TEST_ARGS=${TEST_ARGS:-}
if [ "$jobs" -gt 1 ]; then # beside the others, which have nothing there
    alone "$@" | run 1 &
    others "$@" | run "$jobs"
    wait
else
    printf '%s\n' "$@" | run 1
fi

show() { printf '== %s\n' "$1"; cat "$said/$(basename "$1")"; }
failed=
for program in "$@"; do
    if [ "$(cat "$said/$(basename "$program").status")" = 0 ]; then
        show "$program"
    else
        failed="$failed $program"
    fi
done
for program in $failed; do
    show "$program"
done
n_failed=$(wc -w <<< "$failed")
echo "$flavor: $# programs, $n_failed failed${failed:+:$failed}"
[ "$n_failed" -eq 0 ]
