#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Runs test_api_faults and adds up what it made fail: injection.sh PROGRAM. The table has a line for each public
# function: in how many runs a call of which kind failed.

set -u
out=$("$1" 2>&1)
status=$?
echo "$out" | grep -v '^injected under' >&2
echo "$out" | grep '^injected under' | sort
echo "$out" | awk '
    /^injected under/ {
        functions[$3] = 1
        failures += $4
        n = split($0, part, "[][]")
        for (i = 2; i <= n; i += 2) { sub(/ [0-9]+$/, "", part[i]); kinds[part[i]] = 1 }
    }
    END {
        for (k in kinds) calls++
        for (f in functions) { n_functions++ }
        printf "RESULT injection calls=%d functions=%d failures=%d\n", calls, n_functions, failures
    }'
exit $status
