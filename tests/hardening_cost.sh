#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# What hardening flags cost in the library: instructions of a replay of the bundled trace by one thread,
# counted by valgrind's callgrind (not timed: a busy machine does not matter), beside a build without them.

set -eu
cd "$(dirname "$0")/.."
command -v valgrind > /dev/null || { echo "valgrind is not there"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

instructions() { # FLAGS...
    ${CC:-gcc} -std=c11 -O2 -g -fvisibility=hidden -fPIC -pthread -D_GNU_SOURCE -Iinclude -Isrc "$@" \
        src/*.c src/rcu/*.c tools/*.c -lurcu-bp -lurcu-common -lzstd -lm -o "$tmp/gyre"
    valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$tmp/gyre" replay --quiet --seed 1 --no-thread --sample 1000000 examples/traces/sqlite-orders.trace.zst 2>&1 | sed -n 's/.*Collected : //p'
}

plain=$(instructions)
for flag in -fstack-protector-strong -D_FORTIFY_SOURCE=2; do
    echo "$flag $(instructions $flag) $plain" |
        awk '{ printf "%s: %+.2f %% instructions\n", $1, ($2 / $3 - 1) * 100 }'
done
