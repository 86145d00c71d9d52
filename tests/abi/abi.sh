#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# The ABI of the shared library against that of the last release with the same soname (abigail-tools):
#
#     abi.sh check LIBRARY     status 0: programs linked with that release run with this library
#     abi.sh record LIBRARY    writes gyre-VERSION.abi and .constants: part of a release
#
# What abidiff calls a change fails, but for new functions and for fields behind the last one of a struct
# that says its own size. Constants, which no function's type names, are compared by name and value.

set -eu
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.."
here=tests/abi
mode=$1 lib=$2
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
sized='gyre_options gyre_put_options gyre_lease_options gyre_stats' # have struct_size: callers of any age are served

say() { echo "abi: $*"; }

# dump LIBRARY > FILE: what is public, without the places in the sources
dump() {
    readelf -S "$1" | grep -q '\.debug_info' || {
        say "$1 has no debug information: CFLAGS needs -g" >&2
        exit 2
    }
    abidw --headers-dir include --drop-private-types --suppressions $here/public.ini --no-show-locs \
        --no-corpus-path --no-comp-dir-path --no-elf-needed --no-write-default-sizes \
        --type-id-style hash "$1"
}

# constants > FILE: every number that gyre.h gives a name, but the version
constants() {
    names=$(sed -e 's|/\*.*\*/||g' -e 's|/\*.*||' -e '/^ \*/d' include/gyre.h |
        grep -oE '\bGYRE_[A-Z0-9_]+' | sort -u | grep -vE '^GYRE_(H|API|VERSION(_[A-Z]*)?|.*_INIT)$')
    {
        printf '#include <stdio.h>\n#include "gyre.h"\nint main(void)\n{\n'
        for name in $names; do
            printf '    printf("%s %%lld\\n", (long long)%s);\n' "$name" "$name"
        done
        printf '    return 0;\n}\n'
    } > "$tmp/constants.c"
    ${CC:-gcc} -Iinclude "$tmp/constants.c" -o "$tmp/constants"
    "$tmp/constants"
}

soname_of() { sed -n "s/.*<abi-corpus .*soname='\([^']*\)'.*/\1/p" "$1"; }

# without_new_fields OLD NEW > FILE: NEW, less what its sized structs have behind their size in OLD
without_new_fields() {
    awk -v sized=" $sized " '
        function value(name, n) {
            n = length(name)
            return match($0, name "=\047[^\047]*\047") ? substr($0, RSTART + n + 2, RLENGTH - n - 3) : ""
        }
        /<class-decl / && index(sized, " " value("name") " ") {
            bits = value("size-in-bits")
            if (NR == FNR) old[value("name")] = bits
            else if (value("name") in old && bits + 0 > old[value("name")] + 0) {
                most = old[value("name")]
                sub("size-in-bits=\047" bits, "size-in-bits=\047" most)
            }
        }
        NR == FNR { next }
        /<\/class-decl>/ { most = "" }
        most != "" && /<data-member / && value("layout-offset-in-bits") + 0 >= most + 0 { dropping = 1 }
        !dropping { print }
        /<\/data-member>/ { dropping = 0 }' "$1" "$2"
}

# same OLD NEW [OLD-CONSTANTS NEW-CONSTANTS]: says what is not
same() {
    without_new_fields "$1" "$2" > "$tmp/comparable"
    status=0
    abidiff --no-added-syms "$1" "$tmp/comparable" || status=$?
    [ $((status & 3)) -eq 0 ] || { say "abidiff could not compare"; exit 2; }
    if [ $# -eq 4 ] && [ -n "$(comm -23 "$3" "$4")" ]; then
        comm -23 "$3" "$4" | sed 's/^/constant changed or removed, was: /'
        status=8
    fi
    return $status
}

# The comparison itself is tried on changed copies of today's ABI: expect same|differs WHAT SED-SCRIPT
expect() {
    sed -e "$3" "$tmp/new" > "$tmp/changed"
    cmp -s "$tmp/new" "$tmp/changed" && { say "self-test: '$2' changed nothing"; exit 2; }
    found=same
    same "$tmp/new" "$tmp/changed" > "$tmp/out" 2>&1 || found=differs
    [ $found = "$1" ] || { say "self-test: $2: expected $1, found $found"; cat "$tmp/out"; exit 2; }
}

self_test() {
    uint64=$(sed -n "s/.*<typedef-decl name='uint64_t'.* id='\([^']*\)'.*/\1/p" "$tmp/new")
    field="<data-member access='public' layout-offset-in-bits='99968'>"
    field="$field<var-decl name='more' type-id='$uint64' visibility='default'/></data-member>"
    inside() { echo "/class-decl name='$1'/,/<.class-decl>/"; }
    grow() {
        printf "%s{s/size-in-bits='[0-9]*'/size-in-bits='100032'/\n/<.class-decl>/i %s\n}" \
            "$(inside "$1")" "$field"
    }
    expect differs "a field moves" \
        "$(inside gyre_view)s/layout-offset-in-bits='64'/layout-offset-in-bits='96'/"
    expect differs "a field moves in a struct with a size" \
        "$(inside gyre_stats)s/layout-offset-in-bits='64'/layout-offset-in-bits='32'/"
    expect differs "a struct without a size grows" "$(grow gyre_view)"
    expect same "a struct with a size grows" "$(grow gyre_stats)"
    expect differs "an argument's type changes" \
        "/function-decl name='gyre_touch'/,/<.function-decl>/s/'[0-9a-f]*' name='ttl_ms'/'$uint64' name='ttl_ms'/"
    expect differs "a function goes" \
        "/elf-symbol name='gyre_touch'/d;/function-decl name='gyre_touch'/,/<.function-decl>/d"
    cp "$tmp/constants.new" "$tmp/c1"
    sed 's/^GYRE_MISS 1$/GYRE_MISS 2/' "$tmp/c1" > "$tmp/c2"
    if same "$tmp/new" "$tmp/new" "$tmp/c1" "$tmp/c2" > "$tmp/out"; then
        say "self-test: a constant changes unseen"
        exit 2
    fi
    echo "GYRE_ZERO 0" | sort - "$tmp/c1" > "$tmp/c2"
    same "$tmp/new" "$tmp/new" "$tmp/c1" "$tmp/c2"
    say "self-test: what breaks programs is refused, what does not is accepted"
}

command -v abidiff > /dev/null || { say "abidiff is not there: tools/deps.sh check"; exit 2; }
dump "$lib" > "$tmp/new"
constants | sort > "$tmp/constants.new"
soname=$(soname_of "$tmp/new")

if [ "$mode" = record ]; then
    version=${lib##*.so.}
    cp "$tmp/new" "$here/gyre-$version.abi"
    cp "$tmp/constants.new" "$here/gyre-$version.constants"
    say "recorded $here/gyre-$version.abi and .constants"
    exit
fi

last=
for recorded in $(ls $here/gyre-*.abi | sort -V); do
    [ "$(soname_of "$recorded")" != "$soname" ] || last=$recorded
done
if [ -z "$last" ]; then
    say "$soname is new: no release has it, so there is nothing to compare with"
elif [ "$(sed -n "s/.*<abi-corpus .*architecture='\([^']*\)'.*/\1/p" "$last")" != \
       "$(sed -n "s/.*<abi-corpus .*architecture='\([^']*\)'.*/\1/p" "$tmp/new")" ]; then
    say "$last is of another architecture: not compared"
elif same "$last" "$tmp/new" "${last%.abi}.constants" "$tmp/constants.new"; then
    say "OK: $soname as in $last"
else
    say "programs linked with ${last##*/} would break: undo the change, or give the library a new soname"
    exit 1
fi
self_test
