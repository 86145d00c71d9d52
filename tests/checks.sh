# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# What the tests of programs have in common: sourced at their beginning. They count checks and have a folder, $work, that
# goes when they end; one that leaves more behind has a `tidy` of its own.

set -u
work=$(mktemp -d)
passed=0
failed=0
tidy()
{
    rm -rf "$work"
}
trap tidy EXIT

# ok STATUS NAME: counts a check whose command ended with STATUS. False when it failed.
ok()
{
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
        return 1
    fi
}

# ends STATUS MESSAGE COMMAND...: it exits with STATUS and says MESSAGE on standard error.
ends()
{
    local status=$1 message=$2
    shift 2
    "$@" > "$work/out" 2> "$work/err"
    [ $? -eq "$status" ] && grep -q -e "$message" "$work/err"
    ok $? "$* exits with $status and says: $message; it said: $(head -c 300 "$work/err")"
}

# says MESSAGE COMMAND...: it succeeds, and says MESSAGE on standard output (in $work/out) and nothing on standard error.
says()
{
    local message=$1
    shift
    "$@" > "$work/out" 2> "$work/err"
    [ $? -eq 0 ] && [ ! -s "$work/err" ] && { [ -z "$message" ] || grep -q -e "$message" "$work/out"; }
    ok $? "$* succeeds and says: $message; it said: $(cat "$work/out" "$work/err" | head -c 300)"
}

# finish: the last line, and the exit status.
finish()
{
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}
