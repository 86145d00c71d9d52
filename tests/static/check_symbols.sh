#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What the archive shows to the linker, and what it asks of it. Usage: check_symbols.sh [libgyre.a]
. "$(dirname "$0")/lib.sh"

lib=${1:-build/release/libgyre.a}
[ -f "$lib" ] || { echo "$lib is not there: make lib"; exit 2; }

# A static library's names share the program's one space of names.
nm -g --defined-only "$lib" 2>/dev/null | awk 'NF == 3 && $3 !~ /^(gyre|gy)_/ { print $3 }' > "$scratch"/symbols
complain_lines 'an external name that is not ours' < "$scratch"/symbols

# Every function of the header is there, and nothing else is visible from outside a shared object.
sed -n 's/^GYRE_API .*[ *]\(gyre_[a-z_]*\)(.*/\1/p' include/gyre.h | sort > "$scratch"/promised
readelf -sW "$lib" | awk '$4 == "FUNC" || $4 == "OBJECT" { if ($5 == "GLOBAL" && $6 == "DEFAULT" && $7 != "UND") print $8 }' |
    sort > "$scratch"/visible
[ -s "$scratch"/promised ] || complain 'no function was found in include/gyre.h'
comm -23 "$scratch"/promised "$scratch"/visible > "$scratch"/symbols
complain_lines 'declared in gyre.h, not in the archive' < "$scratch"/symbols
comm -13 "$scratch"/promised "$scratch"/visible > "$scratch"/symbols
complain_lines 'visible, not declared in gyre.h' < "$scratch"/symbols

# A library does not end the program, speak for it, or take its signals.
nm -u "$lib" | awk 'NF == 2 && $1 == "U" { print $2 }' | sed 's/@.*//' | sort -u |
    grep -xE '(abort|_?exit|_Exit|quick_exit|__assert_fail|v?f?printf|__v?f?printf_chk|puts|fputs|putchar|putc|fputc|fwrite|perror|psignal|warnx?|errx?|syslog|signal|sigaction|raise|kill|setjmp|longjmp|system|setenv|putenv)' > "$scratch"/symbols
complain_lines 'called by the library' < "$scratch"/symbols
exit $failed
