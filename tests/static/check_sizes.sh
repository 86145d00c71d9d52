#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# 500 lines a file, 80 a function.
. "$(dirname "$0")/lib.sh"

files=$(find src include tools stress bench fuzz tests -type f \( -name '*.[ch]' -o -name '*.cc' -o -name '*.hpp' -o -name '*.sh' \))
for file in $files; do
    lines=$(wc -l < "$file")
    [ "$lines" -le 500 ] || complain "$file: $lines lines"
done

# A body starts at a line that is '{' alone and ends at one that is '}' alone; its name stands above.
code=$(printf '%s\n' $files | grep -v '\.sh$')
awk '
    FNR == 1                 { start = 0; name = "" }
    /^[a-zA-Z_].*\(/         { name = $0; sub(/\(.*/, "", name) }
    /^\{$/                   { start = FNR }
    /^\}/ && start           { if (FNR - start - 1 > 80) printf "%s:%d: %s has %d lines\n", FILENAME, start, name, FNR - start - 1
                               start = 0 }
' $code > "$scratch"/sizes
complain_lines 'long function' < "$scratch"/sizes
exit $failed
