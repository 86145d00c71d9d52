#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Checks the protocols of gyre with Spin: docs/protocols.md says what the models and rows mean.
#   run.sh quick     the rows that are done in a second or two (for make check)
#   run.sh           all rows: about half an hour, 3 GB of memory
#   run.sh all WORD  only rows whose model or variant contains WORD
# An expected verdict is ok (no error, search complete), bad (a mutation: an assertion must fail),
# live (no cycle: every schedule ends) or cycle (a mutation: an endless schedule must be found).
# KEEP=1 leaves the working folders with the trails and says where they are.
mode=${1:-all} word=${2:-}
home=$(cd "$(dirname "$0")" && pwd) || exit 2
if ! command -v spin >/dev/null 2>&1; then
    echo "run.sh: spin is not installed (Debian: apt-get install spin); no model was checked" >&2
    exit 1
fi
tmp=$(mktemp -d) || exit 2
if [ -n "${KEEP:-}" ]; then echo "working folders: $tmp"; else trap 'rm -rf "$tmp"' EXIT; fi
passed=0 failed=0

search() {                             # expected model options...: leaves the verifier's words in out
    expected=$1 model=$2; shift 2
    cp "$home"/*.pml . || return 1
    case $expected in
    live|cycle)
        echo 'never { accept_all: do :: true od }' >anycycle.nvr
        set -- "$@" -DLIVE -DGHOSTOFF -N anycycle.nvr; flags=-DNOSTUTTER options=-a ;;
    *)  flags=-DSAFETY options=-E ;;
    esac
    spin "$@" -a "$model.pml" >spin.out 2>&1 || return 1
    # shellcheck disable=SC2086
    ${CC:-gcc} $optimise -w $flags -DCOLLAPSE -DVECTORSZ=4096 -DMEMLIM=3000 -o pan pan.c 2>gcc.out || return 1
    # shellcheck disable=SC2086
    timeout 300 ./pan $options $table >out 2>&1
}

verdict() {
    if grep -q 'assertion violated' out; then echo bad
    elif grep -q 'acceptance cycle (at' out; then echo cycle
    elif grep -q 'errors: 0' out && ! grep -q 'not completed\|depth too small' out; then
        case $1 in live|cycle) echo live ;; *) echo ok ;; esac
    else echo incomplete
    fi
}

row() {                                # size expected model variant options...
    size=$1 expected=$2 model=$3 variant=$4; shift 4
    case $mode:$size in quick:all) return ;; esac
    case "$model $variant" in *"$word"*) ;; *) return ;; esac
    case $size in quick) optimise=-O0 table='-m300000 -w21' ;; *) optimise=-O2 table='-m4000000 -w25' ;; esac
    folder=$tmp/$((passed + failed)); mkdir "$folder" && cd "$folder" || exit 2
    start=$(date +%s)
    search "$expected" "$model" "$@"
    found=$(verdict "$expected" 2>/dev/null)
    states=$(awk '/states, stored/ { print $1; exit }' out 2>/dev/null)
    if [ "$expected" = "$found" ]; then passed=$((passed + 1)) mark=; else failed=$((failed + 1)) mark='  FAILED'; fi
    printf '%-8s %-58s %-8s %-10s %10s %5d%s\n' "$model" "$variant" "$expected" "$found" "${states:--}" \
        $(($(date +%s) - start)) "$mark"
    [ -z "$mark" ] || echo "    options: $*"
    cd "$tmp" || exit 2
    [ -n "${KEEP:-}" ] || rm -rf "$folder"
}

printf '%-8s %-58s %-8s %-10s %10s %5s\n' model variant expected found states sec
# shellcheck source=tests/models/rows.sh
. "$home/rows.sh"
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
