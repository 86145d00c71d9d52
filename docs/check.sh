#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What documents say of the code, as far as a script can tell.

set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.." || exit 2
failed=0 tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# Every access to shared memory has its row in ordering.md, and the other way round.
tests/orders/table.py > "$tmp/orders" || head -n -1 "$tmp/orders" >> "$tmp/found"

# Places and sizes in format.md are those of the structs.
python3 tests/format/check.py >> "$tmp/found" || echo "format.md does not fit the code" >> "$tmp/found"

# Files of src/ that architecture.md does not name, and the other way round.
find src -name '*.[ch]' -exec basename {} \; | sort -u | while read -r file; do
    grep -q "\`$file\`\|\`rcu/$file\`" docs/architecture.md || echo "architecture.md lacks $file"
done >> "$tmp/found"

# Links between documents.
for page in README.md CONTRIBUTING.md docs/*.md docs/decisions/*.md; do
    [ -f "$page" ] || continue
    grep -oE '\]\([^)#: ]+' "$page" | sed 's/^](//' | while read -r to; do
        [ -e "$(dirname "$page")/$to" ] || echo "$page: no $to"
    done
done >> "$tmp/found"

if [ -s "$tmp/found" ]; then
    cat "$tmp/found"
    failed=1
fi
echo "$(tail -n 1 "$tmp/orders" | sed 's/;.*//'); $([ $failed = 0 ] && echo OK || echo FAILED)"
exit $failed
