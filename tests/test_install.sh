#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# What a user gets: installs into a temporary folder, looks at what is there, compiles and runs every
# example and the contract test from the installed copy alone, removes it all. Takes no argument.

. "$(dirname "$0")/checks.sh"
cd "$(dirname "$0")/.." || exit 1
top=$PWD
tidy()
{
    rm -rf "$work" /dev/shm/gyre-example
}
stage=$work/stage
prefix=/opt/gyre
root=$stage$prefix
CC=${CC:-gcc}
CXX=${CXX:-g++}

# check TITLE COMMAND...: runs it; its output is shown when it fails.
check()
{
    local title=$1
    shift
    "$@" > "$work/output" 2>&1 < /dev/null
    ok $? "$title" || sed 's/^/    /' "$work/output" | tail -30
}

quiet_make()
{
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make FLAVOR=release "$@" DESTDIR="$stage" PREFIX="$prefix"
}

header_version()
{
    sed -n "s/^.define GYRE_VERSION_$1 //p" include/gyre.h
}
major=$(header_version MAJOR)
minor=$(header_version MINOR)
version=$major.$minor.$(header_version PATCH)
abi=$major
[ "$major" -ne 0 ] || abi=0.$minor

check "make install" quiet_make install
[ "$failed" -eq 0 ] || finish

# pkg-config as a user of a staged tree calls it.
pkg()
{
    PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$stage pkg-config "$@"
}

# ---- what is there ---------------------------------------------------------------------------------

check "the version of pkg-config is the header's" [ "$(pkg --modversion gyre)" = "$version" ]
check "the soname carries the ABI" \
    [ "$(readelf -d "$root/lib/libgyre.so" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p')" = "libgyre.so.$abi" ]
check "the soname leads to the library" cmp "$root/lib/libgyre.so.$abi" "$root/lib/libgyre.so.$version"
check "the installed header is the header" cmp include/gyre.h "$root/include/gyre.h"
check "the program runs and knows its version" \
    sh -c "'$root/bin/gyre' --version | grep -F '$version'"

nodelete()
{
    readelf -d "$root/lib/libgyre.so" | grep -q 'FLAGS_1.*NODELETE'
}
check "the library stays when it is closed" nodelete

needed_are_few()
{
    ! readelf -d "$root/lib/libgyre.so" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' |
        grep -Ev '^(libc|liburcu-bp|liburcu-common|ld-linux[-a-z0-9_]*)\.so\.[0-9]+$'
}
check "the library needs libc and liburcu alone" needed_are_few

# The header declares them, one GYRE_API each.
tr '\n' ' ' < include/gyre.h | grep -o 'GYRE_API [^#;]*(' | grep -o 'gyre_[a-z_]*(' | tr -d '(' |
    sort -u > "$work/declared"
check "the header declares functions" [ "$(wc -l < "$work/declared")" -gt 10 ]

nm -D --defined-only "$root/lib/libgyre.so" | awk '{print $3}' | sed 's/@.*//' | sort -u > "$work/shared"
check "the shared library exports what the header declares" diff "$work/declared" "$work/shared"
nm -g --defined-only "$root/lib/libgyre.a" | awk 'NF == 3 {print $3}' | sort -u > "$work/archive"
check "the archive shows what the header declares" diff "$work/declared" "$work/archive"

calls_nothing_rude()
{
    nm -u "$root/lib/libgyre.a" | awk '{print $2}' > "$work/undefined"
    [ -s "$work/undefined" ] || return 1
    ! grep -E '^(abort|exit|_exit|_Exit|quick_exit|raise|__assert_fail|(__)?v?f?printf(_chk)?|puts|fputs|putc|putchar|fputc|fwrite|perror|stdout|stderr|signal|sigaction|sigprocmask|pthread_kill|syslog|err|errx|warn|warnx|setlocale|rand|srand|strtok|atexit)$' \
        "$work/undefined"
}
check "the archive never prints, exits or touches signals" calls_nothing_rude

# Every page of the manual that was installed can be read and has no dangling .so.
pages_lead_somewhere()
{
    local page target
    for page in "$root"/share/man/man[13]/*; do
        target=$(sed -n '1s/^\.so //p' "$page")
        [ -z "$target" ] || [ -f "$root/share/man/$target" ] || { echo "$page: $target"; return 1; }
    done
}
check "man pages lead somewhere" pages_lead_somewhere

# The options of the page are those that the program prints.
page_has_the_options()
{
    "$root/bin/gyre" help replay | grep -o '^ \{2,6\}\(-., \)\?--[a-z-]*' | grep -o -- '--[a-z-]*' | sort > "$work/printed"
    sed -n 's/^\.It .*Fl -\([a-z-]*\).*/--\1/p' "$root/share/man/man1/gyre.1" | sort > "$work/paged"
    [ -s "$work/printed" ] && diff "$work/printed" "$work/paged"
}
check "gyre(1) has the program's options" page_has_the_options

# ---- programs compiled from the installed copy -------------------------------------------------------

warnings="-Wall -Wextra -Wshadow -Werror -O2 -pthread"

# build HOW OUTPUT SOURCE: HOW is shared, static (everything), or archive (libgyre.a, the rest shared).
build()
{
    local how=$1 output=$2 source=$3 compiler flags
    case $source in
    *.cc) compiler="$CXX -std=c++17" ;;
    *) compiler="$CC -std=c11" ;;
    esac
    # shellcheck disable=SC2046
    case $how in
    shared) flags=$(pkg --cflags --libs gyre) ;;
    static) flags="-static $(pkg --static --cflags --libs gyre)" ;;
    archive) flags=$(pkg --static --cflags --libs gyre | sed 's/-lgyre/-l:libgyre.a/') ;;
    esac
    # shellcheck disable=SC2086
    (cd "$work" && $compiler $warnings "$source" $flags -o "$output")
}

# run HOW PROGRAM ARGUMENTS: only the shared build is told where the library is.
run()
{
    local how=$1
    shift
    if [ "$how" = shared ]; then
        LD_LIBRARY_PATH=$root/lib timeout 600 "$@" > "$work/said" || return 1
    else
        timeout 600 "$@" > "$work/said" || return 1
    fi
}

uses_the_shared_library()
{
    readelf -d "$1" | grep -q "NEEDED.*libgyre.so.$abi"
}

example_arguments()
{
    case $1 in
    reserve_commit) echo "$top/include/gyre.h $top/LICENSE" ;;
    contract) echo 2 ;; # seconds
    file_cache) echo "$work/file.cache" ;;
    shared_put) echo "greeting hello" ;;
    shared_read) echo "greeting" ;; # after it, by the order of their names
    esac
}

for source in "$top"/examples/*.c "$top"/examples/*.cc "$top/tests/contract.c"; do
    [ -f "$source" ] || continue
    name=$(basename "${source%.*}")
    read -r -a arguments <<< "$(example_arguments "$name")"
    for how in shared archive static; do
        program=$work/$name-$how
        check "$name compiles, $how" build $how "$program" "$source"
        [ -x "$program" ] || continue
        check "$name runs, $how" run $how "$program" "${arguments[@]}"
    done
    check "$name, shared, needs the soname" uses_the_shared_library "$work/$name-shared"
done

hello_answers()
{
    LD_LIBRARY_PATH=$root/lib "$work/hello-shared" | grep -qx 'the answer is 42'
}
check "hello gets what it put" hello_answers

files_come_out()
{
    LD_LIBRARY_PATH=$root/lib "$work/reserve_commit-shared" include/gyre.h > "$work/twice" &&
        cat include/gyre.h include/gyre.h | cmp - "$work/twice"
}
check "reserve_commit sends what the files hold" files_come_out

# ---- CMake -----------------------------------------------------------------------------------------

mkdir "$work/cmake"
cat > "$work/cmake/CMakeLists.txt" << END
cmake_minimum_required(VERSION 3.16)
project(user C CXX)
find_package(gyre \${WANTED} REQUIRED)
set(CMAKE_C_STANDARD 11)
set(CMAKE_CXX_STANDARD 17)
add_executable(hello_shared $top/examples/hello.c)
target_link_libraries(hello_shared gyre::gyre)
add_executable(hello_static $top/examples/hello.c)
target_link_libraries(hello_static gyre::gyre_static)
add_executable(cpp_shared $top/examples/cpp17.cc)
target_link_libraries(cpp_shared gyre::gyre)
add_executable(cpp_static $top/examples/cpp17.cc)
target_link_libraries(cpp_static gyre::gyre_static)
END
configure()
{
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL CC="$CC" CXX="$CXX" \
        cmake -S "$work/cmake" -B "$work/cmake/$1" -DCMAKE_PREFIX_PATH="$root" -DWANTED="$2"
}
not()
{
    ! "$@"
}
# Moved away from where it was installed, the package must still find itself.
check "CMake finds $major.$minor" configure build "$major.$minor"
check "CMake builds" env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL cmake --build "$work/cmake/build"
for program in hello_shared hello_static cpp_shared cpp_static; do
    check "CMake's $program runs" "$work/cmake/build/$program"
done
check "CMake's hello_static holds the library" not uses_the_shared_library "$work/cmake/build/hello_static"
check "CMake does not find a later minor version" not configure later "$major.$((minor + 1))"
[ "$major" -ne 0 ] || [ "$minor" -eq 0 ] ||
    check "CMake does not take another 0.x for this one" not configure earlier "$major.$((minor - 1))"

# ---- and away ----------------------------------------------------------------------------------------

check "make uninstall" quiet_make uninstall
left=$(find "$stage" -type f -o -type l)
check "nothing is left: $left" [ -z "$left" ]
finish
