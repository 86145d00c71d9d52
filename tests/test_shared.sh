#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Shared caches from outside: gyre stat, top, ls and rm, and the examples that share a cache.
# usage: test_shared.sh BUILD_FOLDER (with gyre, and examples/)

set -u
[ $# -eq 1 ] && [ -x "$1/gyre" ] && [ -x "$1/examples/shared_put" ] || { echo "usage: $0 BUILD_FOLDER" >&2; exit 2; }
build=$(realpath "$1")
gyre=$build/gyre
name=gyre-example # the examples'
work=$(mktemp -d)
holder=
trap '[ -n "$holder" ] && kill "$holder" 2> /dev/null; rm -rf "$work" /dev/shm/$name /dev/shm/$name-other' EXIT
cd "$work" || exit 1
rm -f "/dev/shm/$name"
passed=0
failed=0

ok()
{
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
    fi
}

# ends STATUS MESSAGE COMMAND...: it exits with STATUS and says MESSAGE, on either.
ends()
{
    local status=$1 message=$2
    shift 2
    "$@" > out 2> err
    [ $? -eq "$status" ] && { [ -z "$message" ] || cat out err | grep -q -e "$message"; }
    ok $? "$* exits with $status and says: $message; it said: $(cat out err | head -c 300)"
}

# ---- two programs ------------------------------------------------------------------------------------------

ends 1 'no such' "$build/examples/shared_read" greeting
ends 0 '' "$build/examples/shared_put" greeting "hello, neighbour"
ends 0 '^hello, neighbour$' "$build/examples/shared_read" greeting
ends 1 'no such entry' "$build/examples/shared_read" nothing
ends 0 '' "$build/examples/shared_put" greeting "hello again"
ends 0 '^hello again$' "$build/examples/shared_read" greeting

# ---- looking -----------------------------------------------------------------------------------------------

ends 0 " $name\$" "$gyre" ls
ends 0 '^memory *capacity *4 MiB' "$gyre" stat $name
ends 0 '^entries *now *1$' "$gyre" stat $name
ends 0 'processes *0$' "$gyre" stat $name
ends 0 '"entries":1,"hits":2,"misses":1,"puts":2,' "$gyre" stat --json $name
sum=$("$gyre" stat --json $name | tr ',' '\n' |
    awk -F: '/(live|garbage|open|free|index)_bytes/ { n += $2 } /capacity_bytes/ { c = $2 } END { print n == c }')
[ "$sum" = 1 ]
ok $? "the parts of the memory are the capacity"
ends 0 'lookups/s' "$gyre" top -n 2 -i 0.1 $name
[ "$(wc -l < out)" -eq 3 ]
ok $? "top -n 2 prints a head and two lines: $(cat out)"
cp "/dev/shm/$name" before
"$gyre" stat $name > /dev/null && "$gyre" top -n 1 -i 0.1 $name > /dev/null && "$gyre" ls > /dev/null
cmp -s before "/dev/shm/$name"
ok $? "who looks changes no byte"

# ---- bad input ---------------------------------------------------------------------------------------------

ends 1 'no such cache' "$gyre" stat gyre-nobody
ends 1 'no such cache' "$gyre" top gyre-nobody
ends 1 'no such cache' "$gyre" rm gyre-nobody
ends 1 'no name of a cache' "$gyre" stat ../etc/passwd
ends 2 'one cache' "$gyre" stat
ends 2 'one cache' "$gyre" stat a b
ends 2 'one cache' "$gyre" top -i 0 $name
ends 2 'one cache' "$gyre" top -n x $name
ends 2 'no arguments' "$gyre" ls $name
ends 2 'names of caches' "$gyre" rm
ends 1 'No space' bash -c "'$gyre' stat $name > /dev/full"
echo "something else" > "/dev/shm/$name-other"
chmod 600 "/dev/shm/$name-other"
ends 1 'no cache' "$gyre" stat $name-other
ends 1 'no cache' "$gyre" rm $name-other
[ -f "/dev/shm/$name-other" ]
ok $? "rm leaves what is no cache"

# ---- removing ----------------------------------------------------------------------------------------------

"$gyre" top -i 0.1 $name > watched 2>&1 &
holder=$!
for ((i = 0; i < 100; i++)); do [ -s watched ] && break; sleep 0.1; done
ends 0 '' "$gyre" rm $name
for ((i = 0; i < 100; i++)); do kill -0 $holder 2> /dev/null || break; sleep 0.1; done
grep -q 'its name has been removed' watched
ok $? "top ends when the cache's name has gone: $(tail -n 1 watched)"
holder=
! "$gyre" ls | grep -q " $name\$"
ok $? "ls does not list it any more"

# ---- a server that forks -----------------------------------------------------------------------------------

ends 0 '400 requests, 36 children killed: .* made, 0 wrong' "$build/examples/fork_server"

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
