#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# The man pages say what include/gyre.h says: every function has a page with the header's prototype,
# every constant and field is described, nothing is described that does not exist, and the program in
# gyre(3) compiles. Takes no argument.

. "$(dirname "$0")/checks.sh"
cd "$(dirname "$0")/.." || exit 1
header=include/gyre.h
pages=docs/man

# The header without comments, on one line.
tr '\n' ' ' < $header | sed 's:/\*:\x01:g; s:\*/:\x02:g; s:\x01[^\x02]*\x02::g' > "$work/code"

# ---- functions: "int gyre_get(gyre *cache, …)" from the header and from the pages' synopses -----------

grep -o 'GYRE_API [a-z][^;]*;' "$work/code" | sed 's/GYRE_API //; s/ *;$//; s/  */ /g' |
    grep '(' | sort > "$work/prototypes"
[ "$(wc -l < "$work/prototypes")" -gt 10 ]
ok $? "the header has prototypes"

sed -s -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' $pages/gyre*.3 | tr -d '"' | awk '
    /^\.Ft / { type = substr($0, 5) }
    /^\.Fo / { name = substr($0, 5); arguments = "" }
    /^\.Fa / { arguments = arguments (arguments == "" ? "" : ", ") substr($0, 5) }
    /^\.Fc/  { print type (type ~ /\*$/ ? "" : " ") name "(" arguments ")" }
' | grep -v '^typedef ' | sort > "$work/described"
diff "$work/prototypes" "$work/described"
ok $? "the synopses are the header's prototypes"

while read -r prototype; do
    name=$(echo "${prototype%%(*}" | grep -o 'gyre_[a-z_]*$')
    page=$pages/$name.3
    [ -f "$page" ]
    ok $? "$name has a page"
    target=$(sed -n '1s/^\.so man3\///p' "$page" 2> /dev/null)
    [ -f "$pages/${target:-$name.3}" ] && grep -q "^\.Nm $name\( ,\)\?$" "$pages/${target:-$name.3}"
    ok $? "$name is named by its page"
done < "$work/prototypes"

# ---- constants, both ways ----------------------------------------------------------------------------

# Those of the language and of the platform check are not the API.
grep -ow 'GYRE_[A-Z0-9_]*' "$work/code" | grep -vx 'GYRE_H\|GYRE_API' | sort -u > "$work/constants"
grep -ohw 'GYRE_[A-Z0-9_]*' $pages/*.3 | grep -vx 'GYRE_\(OPEN\|GET\|PUT\|RESERVE\|SCAN\|MAINTAIN\|STATS\|STRERROR\|GET_OR_LEASE\|EXPEL\|SYNC\)' |
    sort -u > "$work/mentioned"
while read -r name; do
    grep -qx "$name" "$work/mentioned"
    ok $? "$name is described"
done < "$work/constants"
while read -r name; do
    grep -qx "$name" "$work/constants"
    ok $? "$name, in a page, exists"
done < "$work/mentioned"

# ---- fields of the public structs ----------------------------------------------------------------------

fields_of()
{
    grep -o "typedef struct $1 {[^}]*}" "$work/code" | sed 's/^[^{]*{//' | tr ';' '\n' |
        sed 's/([^*][^)]*)$//; s/[()*]/ /g; s/\[[^]]*\]//g' |
        awk -F, '{ for (i = 1; i <= NF; i++) { n = split($i, w, " "); if (n) print w[n] } }' | grep -v '}'
}
for pair in options:open view:get key:get put_options:put draft:reserve stats:stats; do
    page=$pages/gyre_${pair#*:}.3
    count=0
    for field in $(fields_of "gyre_${pair%:*}"); do
        count=$((count + 1))
        grep -q "^\.\(It\|Va\).*Va.*\<$field\>\|^\.Va $field\>\|^\.It Va .*\<$field\>" "$page"
        ok $? "$field of gyre_${pair%:*} is described in $page"
    done
    [ "$count" -gt 1 ]
    ok $? "gyre_${pair%:*} has fields"
done

# ---- the program in gyre(3) ------------------------------------------------------------------------------

sed -n '/^\.Bd -literal/,/^\.Ed/p' $pages/gyre.3 | grep -v '^\.' | sed 's/\\e/\\/g' > "$work/example.c"
${CC:-gcc} -std=c11 -Wall -Wextra -Werror -Iinclude -c "$work/example.c" -o "$work/example.o"
ok $? "the program in gyre(3) compiles"

# ---- the pages themselves ----------------------------------------------------------------------------------

if command -v mandoc > /dev/null; then
    for page in "$pages"/*.[13]; do
        grep -q '^\.so ' "$page" && continue
        mandoc -T lint -W warning "$page"
        ok $? "$page is well formed"
    done
fi

finish
