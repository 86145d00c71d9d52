# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What the checks of the sources share. Each begins with: . "$(dirname "$0")/lib.sh"
# They run anywhere below the folder that holds include/ and src/.

set -u
LC_ALL=C
export LC_ALL
cd "$(dirname "$0")/../.." || exit 2
failed=0
scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
head -c 1000000 /dev/zero > "$scratch/room" || exit 2 # a list that is cut off would hide what it lacks
rm "$scratch/room"

# complain TEXT...: one finding
complain() {
    printf '%s\n' "$*"
    failed=1
}

# complain_lines TITLE: every line of standard input is a finding
complain_lines() {
    while IFS= read -r line; do
        complain "$1: $line"
    done
    return 0
}

# own_sources: all C and shell files that are ours, tracked or not yet
own_sources() {
    find include src tools tests stress bench fuzz examples -type f \
        \( -name '*.[ch]' -o -name '*.cc' -o -name '*.hpp' -o -name '*.sh' -o -name '*.mk' -o -name '*.pml' \) 2>/dev/null
    ls Makefile install.mk 2>/dev/null
}
