#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Atomics only through src/atomic.h, and a reason at every relaxed one.
. "$(dirname "$0")/lib.sh"

files=$(find src -name '*.[ch]' ! -path src/atomic.h)

# Comments are cut off, and the fence, which has no wrapper, may stand with its reason.
awk '
    FNR == 1 { comment = 0; above = "" }
    {
        line = $0
        text = line
        while (1) {
            if (comment) {
                if ((at = index(text, "*/")) == 0) { text = ""; break }
                text = substr(text, at + 2); comment = 0
            }
            if ((at = index(text, "/*")) == 0) break
            head = substr(text, 1, at - 1); rest = substr(text, at + 2)
            if ((end = index(rest, "*/")) > 0) text = head substr(rest, end + 2)
            else { text = head; comment = 1; break }
        }
        if (text ~ /atomic_thread_fence/) next
        if (text ~ /stdatomic\.h/ || text ~ /(^|[^a-z_])atomic_[a-z]/ || text ~ /_Atomic/ || text ~ /memory_order/ ||
            text ~ /__atomic|__sync_/)
            printf "%s:%d: %s\n", FILENAME, FNR, line
    }
' $files > "$scratch"/atomics
complain_lines 'not through atomic.h' < "$scratch"/atomics

# A fence is seq_cst, in place of a membarrier, and says so where it stands or above its function.
grep -n 'atomic_thread_fence' $files | grep -v 'memory_order_seq_cst' > "$scratch"/atomics
complain_lines 'a fence of another order' < "$scratch"/atomics
for file in $(grep -l 'atomic_thread_fence' $files); do
    awk '/reader_fences/ { seen = FNR } /atomic_thread_fence/ && (!seen || FNR - seen > 2) { print FILENAME ":" FNR }' "$file"
done > "$scratch"/atomics
complain_lines 'a fence where no membarrier is replaced' < "$scratch"/atomics

# The reason of a relaxed access is a comment with "elaxed": in its function or just above that, on the field's
# declaration (for all accesses to that field), or for a whole file: "all relaxed", "Relaxed, here and
# below". A
# function whose name ends in _quiet needs none: nobody else is there.
fields=$(grep -hE 'gy_atomic_u(32|64) .*\(Relaxed|gy_atomic_u(32|64) .*elaxed:' $(find src -name '*.h') |
    sed 's|/\*.*||; s/.*gy_atomic_u[0-9]* //; s/[][;,]/ /g' | tr '\n' ' ')
several=$(grep -LE '[Aa]ll( [a-z]+)? relaxed|elaxed, (all|here|below)' $files)
awk -v fields="$fields" '
    function excused(text,   i) {
        for (i = 1; i <= n_fields; i++)
            if (text ~ ("[>.]" field[i] "([^a-z_]|$)")) return 1
        return 0
    }
    function report(   i) {
        if (!reason && name !~ /_quiet$/)
            for (i = 1; i <= n; i++) print where[i]
        n = 0
    }
    BEGIN                                   { n_fields = split(fields, field, " ") }
    FNR == 1                                { reason = 0; body = 0; name = "" }
    /elaxed/                                { reason = 1 }
    /^[a-z].*\(/ && !body                   { name = $0; sub(/\(.*/, "", name) }
    /^\{/                                   { body = 1 }
    /gy_[a-z]+_rlx\(/ && !excused($0)       { where[++n] = FILENAME ":" FNR ": " $0 }
    /^\}/                                   { report(); body = 0; reason = 0 }
' $several > "$scratch"/atomics
complain_lines 'relaxed, and no reason' < "$scratch"/atomics
exit $failed
