#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# What hardening flags cost in the library: instructions of a replay of the bundled trace by one thread, counted by
# valgrind's callgrind (not timed, so that a busy machine does not matter), beside a build without them.

set -eu
cd "$(dirname "$0")/.."
command -v valgrind > /dev/null || { echo "valgrind is not there"; exit 2; }
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

instructions() { # FLAGS...
    ${CC:-gcc} -std=c11 -O2 -g -fvisibility=hidden -fPIC -pthread -D_GNU_SOURCE -Iinclude -Isrc "$@" \
        src/*.c src/rcu/*.c tools/*.c -lurcu-bp -lurcu-common -lzstd -lm -o "$tmp/gyre"
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$tmp/gyre" replay --quiet --seed 1 --no-thread \
        --sample 1000000 examples/traces/sqlite-orders.trace.zst 2>&1 | sed -n 's/.*Collected : //p'
}

plain=$(instructions)
for flags in -fstack-protector-strong -D_FORTIFY_SOURCE=2 "-D_FORTIFY_SOURCE=2 -fstack-protector-strong"; do
    # shellcheck disable=SC2086
    echo "$flags $(instructions $flags) $plain" |
        awk '{ printf "%s: %+.2f %% instructions\n", substr($0, 1, index($0, " " $(NF - 1)) - 1), ($(NF - 1) / $NF - 1) * 100 }'
done
