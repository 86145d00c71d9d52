#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# All checks of the sources: N passed, N failed. Usage: run.sh [libgyre.a]

here=$(dirname "$0")
passed=0 failed=0
for check in "$here"/check_*.sh; do
    if sh "$check" "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $check"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
