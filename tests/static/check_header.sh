#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What comments and documents say must exist, and what must stand in every file does.
. "$(dirname "$0")/lib.sh"

# Every GYRE_ and gyre_ name in a comment or a document is one of the header's.
texts=$(find README.md CHANGELOG.md docs include src tools examples -type f \
    \( -name '*.md' -o -name '*.[ch]' -o -name '*.cc' -o -name '*.[1-9]' \) 2>/dev/null)
grep -v '^ \*\|^/\*' include/gyre.h | sed 's|/\*.*||' | grep -oE '\b(GYRE|gyre)_[A-Za-z0-9_]+' | sort -u > "$scratch"/known
# Variables of tests, of the Makefile and the tool, and functions of own programs, by their definitions.
cat Makefile install.mk */*.mk tests/*.c tools/*.c tools/*.sh tests/*.sh 2>/dev/null |
    grep -oE '\b(GYRE|gyre)_[A-Za-z0-9_]+' | sort -u >> "$scratch"/known
sort -u -o "$scratch"/known "$scratch"/known
for file in $texts; do
    sed 's/\\-/-/g; /^\.Dt /d' "$file" | grep -oE '\b(GYRE|gyre)_[A-Za-z0-9_]+' |
        grep -vE '_$|^GYRE_E$' | sort -u |
        comm -23 - "$scratch"/known | sed "s|^|$file: |"
done > "$scratch"/header
complain_lines 'a name that does not exist' < "$scratch"/header

# The defaults in the comments of gyre_options are those of the code.
for field in expected_entry_bytes value_align; do
    number=$(sed -n "s/.*uint32_t $field;.*[ *]0: \([0-9]*\)\..*/\1/p" include/gyre.h)
    [ -n "$number" ] || complain "gyre.h does not say what 0 means for $field"
    grep -hE "= $number[,;]" src/options.c src/layout.c | grep -qi "${field%%_*}" || complain "$field is not $number in the code"
done

# Every function is documented: a comment ends in the line above its declaration.
awk '/^GYRE_API/ { if (above !~ /\*\/$/) print FNR ": " $0 } { above = $0 }' include/gyre.h > "$scratch"/header
complain_lines 'gyre.h: no comment' < "$scratch"/header

for file in $(own_sources); do
    head -6 "$file" | grep -q 'SPDX-License-Identifier: MIT' || complain "$file: no SPDX line"
done

# No paths of somebody's machine, and no tab where four spaces are meant.
own_sources | xargs grep -nE '(^|[^a-zA-Z0-9_.])/(home|work|root|Users)/[a-z]' > "$scratch"/header
complain_lines 'a path of one machine' < "$scratch"/header
own_sources | grep '\.[ch]$' | xargs grep -nP '\t|[ \t]+$' > "$scratch"/header
complain_lines 'a tab, or blanks at the end of a line' < "$scratch"/header
exit $failed
