#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# A room includes rooms of its own floor and of lower ones. The floors, from the ground up.
. "$(dirname "$0")/lib.sh"

floors='base.h atomic.h gyre.h
options.h os.h process.h hash.h policy.h entry.h slot.h arena.h region.h os_object.h region_object.h
rcu/record.h learn.h member.h
rcu/rcu.h layout.h worker.h rebuild.h sync.h file.h mend.h maintain.h
cache.h
registry.h reap.h expel.h credit.h recount.h section.h account.h hand.h choose.h index.h note.h proof.h doubt.h recover.h history.h clear.h grow.h gate.h holder.h space.h stage.h
walk.h limit.h sweep.h find.h insert.h readonly.h move.h displace.h refill.h draft.h lease.h
lookup.h carry.h resize.h
hit.h put.h'

floor_of() {
    printf '%s\n' "$floors" | awk -v want="$1" '{ for (i = 1; i <= NF; i++) if ($i == want) print NR }'
}

for path in $(find src -name '*.h'); do
    file=${path#src/}
    mine=$(floor_of "$file")
    [ -n "$mine" ] || { complain "$file has no floor: give it one here"; continue; }
    for included in $(sed -n 's/^#include "\(.*\)"/\1/p' "$path"); do
        case $file in rcu/*) [ -f "src/rcu/$included" ] && included=rcu/$included ;; esac
        other=$(floor_of "$included")
        [ -n "$other" ] && [ "$other" -le "$mine" ] || complain "$file (floor $mine) includes $included (${other:-none})"
    done
done

# The pure ones know nothing of caches: they are driven by tests alone.
for file in policy.h slot.h entry.h arena.h hash.h; do
    sed -n 's/^#include "\(.*\)"/\1/p' "src/$file" | grep -vxE '(base|atomic|hash)\.h' > "$scratch"/floors
    complain_lines "$file includes" < "$scratch"/floors
done
exit $failed
