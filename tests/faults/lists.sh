#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# The public functions of a header, and what a library imports, as lists in C. lists.sh LIBRARY HEADER

set -eu
lib=$1 header=$2

in_quotes() { # NAME, lines of standard input
    printf 'static const char *const %s[] = {\n' "$1"
    sed 's/.*/    "&",/'
    printf '};\n'
}

sed -n 's/^GYRE_API .*[ *]\(gyre_[a-z_]*\)(.*/\1/p' "$header" | in_quotes public_functions
defined=$(nm --defined-only "$lib" | awk 'NF == 3 && $2 != "U" { print $3 }' | sort -u)
nm -u "$lib" | awk 'NF == 2 { sub(/@.*/, "", $2); print $2 }' | sort -u |
    grep -vxF "$defined" | in_quotes imported_symbols
