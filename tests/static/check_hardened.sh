#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# How the shared library and the program are linked: SECURITY.md. Usage: check_hardened.sh [libgyre.a]
. "$(dirname "$0")/lib.sh"

folder=$(dirname "${1:-build/release/libgyre.a}")
shared=$(ls "$folder"/libgyre.so.* 2>/dev/null | head -1)
program=$folder/gyre
if [ ! -f "$shared" ] || [ ! -f "$program" ]; then
    echo "$folder has no shared library or no program: make all"
    exit 2
fi

for file in "$shared" "$program"; do
    readelf -lW "$file" | grep -q GNU_RELRO || complain "$file: no RELRO"
    readelf -dW "$file" | grep -qE 'BIND_NOW|FLAGS_1.*NOW' || complain "$file: symbols are bound late"
    readelf -lW "$file" | grep -qE 'GNU_STACK.* RW +0x' || complain "$file: the stack is executable"
    readelf -dW "$file" | grep -q TEXTREL && complain "$file: relocations in the code"
    readelf -lW "$file" | grep -qE 'LOAD.* (RWE|WE) ' && complain "$file: writable code"
done
nm -D "$program" | grep -q '__stack_chk_fail' || complain "$program: the stack is not checked"
nm -D "$program" | grep -q '_chk@' || complain "$program: copies are not checked"
exit $failed
