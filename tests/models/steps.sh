#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# The models follow the code: a step of a model is marked "step NAME", the place in src/ that it stands for
# "model: NAME", and every name is on both sides. steps.sh list: a line for each step, the code and the models.

cd "$(dirname "$0")/../.." || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT

# Lines "name file:line" of the marks after WORD; a mark may hold several names with commas between.
marks() {                               # what stands before the names, files...
    word=$1
    shift
    awk -v word="$word" '
        FNR == 1 { file = FILENAME; sub(/.*\//, "", file) }
        {
            line = $0
            while (match(line, word "[a-z]+[0-9]?[a-z]*(, [a-z]+[0-9]?[a-z]*)*")) {
                names = substr(line, RSTART, RLENGTH)
                sub(".*(step|model:) ", "", names)
                n = split(names, name, ", ")
                for (i = 1; i <= n; i++) print name[i], file ":" FNR
                line = substr(line, RSTART + RLENGTH)
            }
        }' "$@" | sort
}
marks '/[*] step ' tests/models/*.pml >"$tmp/models"
# shellcheck disable=SC2046
marks 'model: ' $(find src -name '*.[ch]') >"$tmp/code"

places() { awk '{ at[$1] = at[$1] " " $2 } END { for (name in at) print name at[name] }' "$1" | sort; }
if [ "${1:-}" = list ]; then
    places "$tmp/models" >"$tmp/of_models"
    places "$tmp/code" | while read -r name code; do
        printf '%-14s %s   <-%s\n' "$name" "$code" "$(sed -n "s/^$name / /p" "$tmp/of_models")"
    done
    exit
fi

cut -d' ' -f1 "$tmp/models" | sort -u >"$tmp/modelled"
cut -d' ' -f1 "$tmp/code" | sort -u >"$tmp/named"
comm -23 "$tmp/modelled" "$tmp/named" | sed 's/^/a step of a model that src\/ does not name: /' >"$tmp/found"
comm -13 "$tmp/modelled" "$tmp/named" | sed 's/^/a step named in src\/ that no model has: /' >>"$tmp/found"
cat "$tmp/found"
echo "$(wc -l <"$tmp/modelled") steps of models, at $(wc -l <"$tmp/code") places of the code"
[ -s "$tmp/modelled" ] && [ ! -s "$tmp/found" ]
