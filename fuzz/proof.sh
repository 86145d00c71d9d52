#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Ten million executions of the fuzz targets: proof.sh FOLDER, where the targets were built. SCALE=n makes
# it n times as many. As many at once as there are processors; each starts from the corpus with a seed of
# its own, which its log in FOLDER/proof names. What fails is kept beside the logs.

set -u
cd "$(dirname "$0")/.."
B=$1 scale=${SCALE:-1} proof=$1/proof
rm -rf "$proof"
mkdir -p "$proof"

# TARGET EXECUTIONS LENGTH ENTROPIC: short inputs, for many of them, and some as long as calls can be useful;
# in some the next input is drawn by what is rare in it, which costs a quarter of the time.
jobs="\
fuzz_ops 490000 64 1
fuzz_ops 490000 64 0
fuzz_ops 490000 48 0
fuzz_ops 490000 48 0
fuzz_ops 40000 1024 0
fuzz_options 500000 192 1
fuzz_options 500000 192 0
fuzz_layout 3500000 96 1
fuzz_layout 3500000 96 0
fuzz_image 40000 400 0
fuzz_image 40000 160 0"

one() { # number, target, executions, length, entropic
    local name=$proof/$2-$1
    mkdir "$name"
    "$B/$2" -close_fd_mask=1 -timeout=60 -rss_limit_mb=3000 -max_len="$4" -entropic="$5" -runs=$(($3 * scale)) \
        -print_final_stats=1 -artifact_prefix="$name-" "$name" "fuzz/corpus/$2" >"$name.log" 2>&1 && return
    echo "FAILED: $2, seed $(sed -n 's/^INFO: Seed: //p' "$name.log"), log $name.log"
    grep -v '#[0-9]' "$name.log" | tail -n 40
    return 1
}
export -f one
export B proof scale

started=$SECONDS
echo "$jobs" | nl -w1 -s' ' | xargs -P "$(nproc)" -L1 bash -c 'one "$@"' one
status=$?

# The corpus and all that was found, once more and together, in the build for coverage: what of the library
# they reach. (libFuzzer's own edges include those to the sanitizers' reports, which nothing may reach.)
make --no-print-directory FLAVOR=cover fuzz-replay-build >"$proof/build" 2>&1 || { cat "$proof/build"; exit 2; }
C=build/cover
export GCOV_PREFIX=$PWD/$proof/gcov
GCOV_PREFIX_STRIP=$(pwd | tr -cd / | wc -c)
export GCOV_PREFIX_STRIP
sum=0 targets=0
for target in $(echo "$jobs" | cut -d' ' -f1 | sort -u); do
    n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$proof/$target"-*.log | awk '{ n += $1 } END { print n + 0 }')
    sum=$((sum + n)) targets=$((targets + 1))
    printf '%s: %d executions; what they found and the corpus: ' "$target" "$n"
    "$C/fuzz/$target" "$proof/$target"-*/ "fuzz/corpus/$target" || status=1
done
(cd $C && find . -name '*.gcno' -exec cp --parents {} "$GCOV_PREFIX/$C" \;)
reached=$(tests/coverage/report.py "$proof/gcov/$C" -s) || status=1
echo "$((SECONDS - started)) s"
[ "$sum" -ge $((10000000 * scale)) ] || status=1
echo "RESULT fuzz executions=$sum targets=$targets $reached"
[ "$status" = 0 ]
