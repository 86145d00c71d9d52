#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Makes tests/golden anew: make_golden.sh PROGRAM (build/release/format/golden). Of each kind a compressed file, and what is in it.

set -eu
golden=$(realpath "$1")
cd "$(dirname "$0")/../golden"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for kind in clean plain aligned swept growing sparse killed; do
    "$golden" make "$kind" "$work/$kind" | LC_ALL=C sort > "$kind.txt"
    zstd -q -f -19 --long=27 "$work/$kind" -o "$kind.gyre.zst"
done
ls -l -- *.zst
