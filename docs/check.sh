#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What documents say of the code, as far as a script can tell. check.sh list: the ordered accesses of src/.

set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/.." || exit 2
failed=0 tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# file:function and operation, of every access that is not relaxed.
list() {
    # shellcheck disable=SC2046
    awk '
        FNR == 1 { file = FILENAME; sub(/.*\//, "", file); name = "-" }
        /^[a-z_0-9]+\(/ { name = $0; sub(/\(.*/, "", name) }
        /^ *\*|^\/\*/ { next }
        {
            line = $0
            sub(/\/\*.*/, "", line)
            while (match(line, /(gy_(load_acq|load_seq|store_rel|store_seq|add_seq|swap_seq|cas_seq|compiler_barrier|os_membarrier)|atomic_thread_fence)\(/)) {
                op = substr(line, RSTART, RLENGTH - 1)
                if (line !~ /^(bool )?gy_(os_membarrier|compiler_barrier)\(/) print file ":" name, op
                line = substr(line, RSTART + RLENGTH)
            }
        }' $(find src -name '*.[ch]' ! -name atomic.h) | sort
}

if [ "${1:-}" = list ]; then
    list
    exit
fi

# Both ways: what the code does is in the table, and what the table names is in the code.
list | sed 's/ .*//' | sort -u > "$tmp/code"
grep -oE '[a-z_]+\.[ch]:[a-z_0-9]+' docs/ordering.md | sort -u > "$tmp/named"
sed '/^## The relaxed/,$d' docs/ordering.md | grep -oE '[a-z_]+\.[ch]:[a-z_0-9]+' | sort -u > "$tmp/table"
comm -23 "$tmp/code" "$tmp/table" | sed 's/^/ordering.md lacks /' > "$tmp/found"
comm -13 "$tmp/code" "$tmp/table" | sed 's/^/ordering.md: no ordered access in /' >> "$tmp/found"
while IFS=: read -r file name; do
    path=$(find src -name "$file")
    { [ -n "$path" ] && grep -q "^$name(" "$path"; } || echo "ordering.md: no function $file:$name" >> "$tmp/found"
done < "$tmp/named"

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
echo "$(wc -l < "$tmp/code") functions with ordered accesses; $([ $failed = 0 ] && echo OK || echo FAILED)"
exit $failed
