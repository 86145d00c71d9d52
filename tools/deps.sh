#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Installs what is missing to build gyre on Debian 12 and its like: deps.sh [GROUP ...]
#
#     demo    to build the library and the program, and to run make demo (the default)
#     check   demo, and what the tests, sanitizers, fuzzers, models and benchmarks take
#     peers   demo, and the caches and maps that make peers compares gyre with
#     trace   demo, and what recording the bundled trace anew takes
#
# Each thing is looked for by itself (a command, a header), not by the name of a package: where nothing
# is missing, no package manager is called, and on other systems than Debian the script says what is.

set -u

# PACKAGE KIND WHAT: kind is cmd (in PATH), hdr (a C header), hxx (a C++ header) or rt (of clang's).
demo="\
gcc cmd gcc
libc6-dev hdr stdio.h
make cmd make
pkg-config cmd pkg-config
liburcu-dev hdr urcu/urcu-bp.h
libxxhash-dev hdr xxhash.h
libzstd-dev hdr zstd.h
libjemalloc-dev hdr jemalloc/jemalloc.h"
check="\
g++ cmd g++
clang cmd clang
libclang-rt-14-dev rt fuzzer
libcriterion-dev hdr criterion/criterion.h
libbenchmark-dev hxx benchmark/benchmark.h
spin cmd spin
cmake cmd cmake
abigail-tools cmd abidiff
python3 cmd python3
zstd cmd zstd
mandoc cmd mandoc
valgrind cmd valgrind"
peers="\
g++ cmd g++
librocksdb-dev hdr rocksdb/c.h
libcuckoo-dev hxx libcuckoo/cuckoohash_map.hh
libtbb-dev hxx tbb/concurrent_hash_map.h
libck-dev hdr ck_rhs.h
liblmdb-dev hdr lmdb.h
libsqlite3-dev hdr sqlite3.h
valgrind cmd valgrind
python3 cmd python3"
trace="\
libsqlite3-dev hdr sqlite3.h
zstd cmd zstd"

say()
{
    echo "deps: $*" >&2
}

there()
{
    case $1 in
    cmd) command -v "$2" ;;
    hdr) echo "#include <$2>" | gcc -E -x c - ;;
    hxx) echo "#include <$2>" | g++ -E -x c++ - ;;
    rt) ls "$(clang -print-resource-dir)"/lib/*/libclang_rt."$2"*.a ;;
    esac > /dev/null 2>&1
}

wanted=
for group in "${@:-demo}"; do
    case $group in
    demo) wanted="$wanted
$demo" ;;
    check) wanted="$wanted
$demo
$check" ;;
    peers) wanted="$wanted
$demo
$peers" ;;
    trace) wanted="$wanted
$demo
$trace" ;;
    *)
        say "no group '$group': demo, check, peers, trace"
        exit 2
        ;;
    esac
done

missing=$(echo "$wanted" | sort -u | while read -r package kind what; do
    [ -z "$package" ] || there "$kind" "$what" || echo "$package"
done | tr '\n' ' ')
missing=${missing% }
[ -n "$missing" ] || exit 0

if ! command -v apt-get > /dev/null 2>&1; then
    say "missing: $missing (Debian's names)"
    say "there is no apt-get here: install what they stand for, and run this again"
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo > /dev/null 2>&1; then
        say "missing: $missing"
        say "neither root nor sudo: have somebody run  apt-get install $missing"
        exit 1
    fi
    as_root=sudo
fi

say "installing $missing"
# The lists of packages may be absent or old: they are brought up to date first.
apt()
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q "$@" >&2
}
# shellcheck disable=SC2086
apt update && apt install -y --no-install-recommends $missing
status=$?
[ $status -eq 0 ] || say "apt-get failed ($status); missing: $missing"
exit $status
