#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# One row of rows.sh, for run.sh: one.sh MODELS FOLDER, where FOLDER/row holds the row, a word a line. Prints its
# line and leaves FOLDER/result: the verdicts expected and found, and the states.
home=$1 folder=$2
cd "$folder" || exit 2
set --
while IFS= read -r argument; do set -- "$@" "$argument"; done <row
size=$1 expected=$2 model=$3 variant=$4
shift 4
options="$*"
case $size in quick) optimise=-O0 table='-m300000 -w21' ;; *) optimise=-O2 table='-m4000000 -w25' ;; esac

search() {                             # model options...: leaves the verifier's words in out
    cp "$home"/*.pml . || return 1
    case $expected in
    live|cycle)
        echo 'never { accept_all: do :: true od }' >anycycle.nvr
        set -- "$@" -DLIVE -DGHOSTOFF -N anycycle.nvr; flags=-DNOSTUTTER mode=-a ;;
    fair|starve)
        set -- "$@" -DLIVE -DFAIR; flags=-DNFAIR=3 mode='-a -f' ;;
    *)  flags=-DSAFETY mode=-E ;;
    esac
    spin "$@" -a "$model.pml" >spin.out 2>&1 || return 1
    # shellcheck disable=SC2086
    ${CC:-gcc} $optimise -w $flags -DCOLLAPSE -DVECTORSZ=4096 -DMEMLIM=2600 -o pan pan.c 2>gcc.out || return 1
    # shellcheck disable=SC2086
    timeout "${LIMIT:-900}" ./pan $mode $table >out 2>&1
}

verdict() {
    if grep -q 'assertion violated' out; then echo bad
    elif grep -q 'acceptance cycle (at' out; then
        case $expected in fair|starve) echo starve ;; *) echo cycle ;; esac
    elif grep -q 'errors: 0' out && ! grep -q 'not completed\|depth too small' out; then
        case $expected in live|cycle) echo live ;; fair|starve) echo fair ;; *) echo ok ;; esac
    else echo incomplete
    fi
}

start=$(date +%s)
search "$@"
found=$(verdict 2>/dev/null)
states=$(awk '/states, stored/ { print $1; exit }' out 2>/dev/null)
echo "$expected $found ${states:-0}" >result
mark=
[ "$expected" = "$found" ] || mark="  FAILED; options: $options"
printf '%-8s %-58s %-8s %-10s %10s %5d%s\n' "$model" "$variant" "$expected" "$found" "${states:--}" \
    $(($(date +%s) - start)) "$mark"
[ -n "${KEEP:-}" ] || rm -f pan* ./*.pml
