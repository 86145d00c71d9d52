#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Files by docs/format.md: a reader that was written from that page, and the library, find what is in them; in files that are made here, and in
# those of tests/golden. usage: test_format.sh BUILD_FOLDER (with gyre and format/golden)

[ $# -eq 1 ] && [ -x "$1/gyre" ] && [ -x "$1/format/golden" ] || { echo "usage: $0 BUILD_FOLDER" >&2; exit 2; }
build=$(realpath "$1")
gyre=$build/gyre golden=$build/format/golden
here=$(realpath "$(dirname "$0")")
reader=$here/format/reader.py kept=$here/golden damage=$here/damage.py
. "$here/checks.sh"
tidy()
{
    rm -rf "$work"
}
cd "$work" || exit 1

# same WHOSE: what is in the file out is what is said to be in it.
same()
{
    LC_ALL=C sort out | diff - "$1.txt" > differs
    ok $? "$1, $2: $(head -n 3 differs | cut -c1-200)"
}

# agree KIND: on ./KIND, of which the file KIND.txt says what is in it.
agree()
{
    local kind=$1 start=warm
    [ "$kind" = killed ] && start=recovered
    says '' python3 "$reader" "$kind"
    same "$kind" "the reader"
    if [ $start = warm ]; then
        says "is whole: 0 faults" "$gyre" check "./$kind"
        says "^head *format *9\.[0-9]* *this build reads" "$gyre" check "./$kind"
    else
        ends 3 'recovers it' "$gyre" check "./$kind"
    fi
    says '' "$golden" dump $start "$kind"
    same "$kind" "the library"
    says '' python3 "$reader" "$kind" # the library has closed it
    same "$kind" "the reader, after the library"
    says "is whole: 0 faults" "$gyre" check "./$kind"
}

for file in "$kept"/*.zst; do
    kind=$(basename "$file" .gyre.zst)
    says '' zstd -d -q "$file" -o "$kind"
    chmod 600 "$kind"
    cp "$kept/$kind.txt" .
    [ "$(wc -c < "$file")" -lt 102400 ]
    ok $? "$kind is kept in less than 100 KiB"
    agree "$kind"
    rm "$kind"
    says '' "$golden" make "$kind" "$kind" # the same with a file of this build
    LC_ALL=C sort out > "$kind.txt"
    agree "$kind"
done
[ "$(ls -- *.txt | wc -l)" -eq 7 ]
ok $? "there are seven kinds: $(ls -- *.txt)"

# The reader looks: what is damaged it does not take.
for what in value check "proof's sequence" tag bucket key 'key length' arenas format position; do
    cp --sparse=always clean other
    python3 "$damage" ./other "$what"
    ends 1 '^reader: ' python3 "$reader" other
done

finish
