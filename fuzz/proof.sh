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

# TARGET EXECUTIONS LENGTH: short inputs, for many of them; and some as long as calls can be useful.
jobs="\
fuzz_ops 490000 48
fuzz_ops 490000 48
fuzz_ops 490000 64
fuzz_ops 490000 64
fuzz_ops 40000 1024
fuzz_options 1000000 192
fuzz_options 1000000 192
fuzz_layout 3000000 96
fuzz_layout 3000000 96"

one() { # number, target, executions, length
    local name=$proof/$2-$1
    mkdir "$name"
    "$B/$2" -close_fd_mask=1 -timeout=60 -rss_limit_mb=3000 -max_len="$4" -runs=$(($3 * scale)) \
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

# The corpus and all that was found, once more and together: what of the library they reach.
sum=0 targets=0
for target in $(echo "$jobs" | cut -d' ' -f1 | sort -u); do
    n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$proof/$target"-*.log | awk '{ n += $1 } END { print n + 0 }')
    "$B/$target" -close_fd_mask=1 -rss_limit_mb=3000 -runs=0 "$proof/$target"-*/ "fuzz/corpus/$target" \
        >"$proof/$target.log" 2>&1 || status=1
    edges=$(sed -n 's/.*DONE *cov: \([0-9]*\) ft: \([0-9]*\).*/\1/p' "$proof/$target.log")
    all=$(sed -n 's/.*modules *(\([0-9]*\) inline.*/\1/p' "$proof/$target.log")
    features=$(sed -n 's/.*DONE *cov: \([0-9]*\) ft: \([0-9]*\).*/\2/p' "$proof/$target.log")
    echo "$target: ${n:-0} executions, ${edges:-0} of ${all:-0} edges of the library, ${features:-0} features"
    sum=$((sum + ${n:-0})) targets=$((targets + 1))
    [ "$target" != fuzz_ops ] || reached=${edges:-0}/${all:-0}
done
echo "$((SECONDS - started)) s; edges below are those that fuzz_ops reached"
[ "$sum" -ge $((10000000 * scale)) ] || status=1
echo "RESULT fuzz executions=$sum targets=$targets edges=$reached"
[ "$status" = 0 ]
