#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Records sqlite-orders.trace.zst anew: record.sh [OUTPUT]. Needs gcc, libsqlite3-dev and zstd
# (tools/deps.sh trace), 110 MB in TMPDIR and half a minute.

set -eu
here=$(cd -- "$(dirname -- "$0")" && pwd)
output=${1:-$here/sqlite-orders.trace.zst}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-gcc} -O2 -Wall -Wextra -o "$work/record" "$here/record_sqlite.c" -lsqlite3 -lm
"$work/record" "$work/shop.db" > "$work/trace"
# The window is within what every zstd decoder accepts without being asked.
zstd -q -f -19 --long=27 "$work/trace" -o "$output"
echo "$output: $(($(wc -c < "$work/trace") / 16)) requests, $(wc -c < "$output") bytes"
