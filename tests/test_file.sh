#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Caches in files from outside: an example, run again after it was closed or killed, and what the program gyre says of a file.
# usage: test_file.sh BUILD_FOLDER (with gyre, shared_load and examples/)

[ $# -eq 1 ] && [ -x "$1/gyre" ] && [ -x "$1/examples/file_cache" ] && [ -x "$1/shared_load" ] || { echo "usage: $0 BUILD_FOLDER" >&2; exit 2; }
build=$(realpath "$1")
gyre=$build/gyre
damage=$(realpath "$(dirname "$0")")/damage.py
. "$(dirname "$0")/checks.sh"
running=
tidy()
{
    # shellcheck disable=SC2086
    [ -n "$running" ] && kill -9 $running
    rm -rf "$work"
} 2> /dev/null
cd "$work" || exit 1
mkfifo questions
file=./primes.cache

# ask NUMBER...: by one run of the example, whose answers are in the file out.
ask()
{
    says 'the cache is' "$build/examples/file_cache" $file <<< "$*"
}
answers()
{
    grep -q -e "$1" out
    ok $? "the example says: $1; it said: $(cat out)"
}

# start NUMBER: a run of the example that has answered, and waits for more.
start()
{
    "$build/examples/file_cache" $file < questions > answers &
    running=$!
    exec 3> questions
    echo "$1" >&3
    for ((i = 0; i < 100; i++)); do grep -q "below $1" answers && break; sleep 0.1; done
}
kill_it()
{
    # shellcheck disable=SC2086
    kill -9 $running
    # shellcheck disable=SC2086
    wait $running
    running=
    exec 3>&-
} 2> /dev/null

# ---- one run after the other -----------------------------------------------------------------------------------

ask 1000 100000
answers 'the cache is new: 0 entries'
answers '^168 primes below 1000, computed'
ask 1000 100000 10
answers 'the cache is warm: 2 entries'
answers '^9592 primes below 100000, remembered'
answers '^4 primes below 10, computed'

# ---- looking ---------------------------------------------------------------------------------------------------

says '^file *found *warm *closed by all' "$gyre" stat $file
says '^ *pending *0 bytes' "$gyre" stat $file
says '^ *last sync *\(none\|[0-9.]* s ago\)' "$gyre" stat "$work/primes.cache"
says '"file":true,"start":"warm","clean":true,"checksums":true,"syncs":[0-9]*,"sync_errors":0,"sync_age_ms":[0-9]*,"pending_bytes":0,"recovered_entries":0,"recovering_bytes":0,"dropped_unproved":0,"dropped_unproved_bytes":0,"dropped_older":0,"dropped_older_bytes":0,"dropped_no_room":0,"dropped_no_room_bytes":0,"entries":3,' \
    "$gyre" stat --json $file
says '^./primes.cache is whole: 0 faults' "$gyre" check $file
says 'lookups/s' "$gyre" top -n 1 -i 0.1 $file
says '  ./primes.cache$' "$gyre" ls primes.cache
says "  $work/primes.cache\$" "$gyre" ls "$work/primes.cache"
cp primes.cache before
"$gyre" stat $file > /dev/null && "$gyre" check $file > /dev/null && "$gyre" ls $file > /dev/null
cmp -s before primes.cache
ok $? "who looks changes no byte"
echo 'something else' > text
ends 1 'no such file' "$gyre" stat ./nothing
ends 1 'no such file' "$gyre" rm ./nothing
ends 3 'no such file' "$gyre" check ./nothing
ends 1 'no such file' "$gyre" expel ./nothing 1
ends 1 'no name of a file' "$gyre" stat ./
ends 1 'no plain file' "$gyre" stat ./questions
ends 1 'no cache' "$gyre" stat ./text
ends 1 'no cache' "$gyre" rm ./text
ends 1 'text: no cache' "$gyre" ls text primes.cache
grep -q ' ./primes.cache$' out && [ -f text ]
ok $? "ls goes on after what is no cache, and rm leaves it: $(cat out)"

copied_and_damaged()
{
    cp before other
    chmod 600 other
    python3 "$damage" ./other "$1"
}
# found FILE LINE: check says LINE of it.
found()
{
    "$gyre" check "$1" > out
    [ $? -eq 1 ] && grep -q "^FAULT *$2" out
    ok $? "check finds in $1: $2; it said: $(tail -n 3 out)"
}
copied_and_damaged arenas
says '  ./other (damaged' "$gyre" ls other
found ./other 'head: its numbers are not those that were signed'
while IFS='|' read -r what line; do
    copied_and_damaged "$what"
    found ./other "$line"
done << 'END'
value|shard 0, bucket [0-9]*, slot .: its entry does not prove itself
check|shard 0, bucket [0-9]*, slot .: its entry does not prove itself
proof's sequence|shard 0, bucket [0-9]*, slot .: its entry does not prove itself
head|head: it is damaged, or its copy: the next program that opens it for writing mends it
disowned|tables: not those that were signed when it was closed
owned|tables: not those that were signed when it was closed
END
ends 1 'was open when the machine stopped, or is damaged: the next' "$gyre" stat ./other
while IFS='|' read -r what line; do
    copied_and_damaged "$what"
    ends 3 "$line" "$gyre" check ./other
    says "  ./other ($line)" "$gyre" ls other
done << 'END'
byte order|of a machine of the other byte order
format|of format 73.[0-9], and this build reads 9.0 to 9.[0-9]
minor|of format 9.6[45], and this build reads 9.0 to 9.[0-9]
stamp|of format 9.[0-9], but of another build of gyre: this build reads 9.0 to 9.[0-9]
END

# ---- killed ----------------------------------------------------------------------------------------------------

start 2000
says '^file *found *warm *not closed by all: recovered if the machine stops' "$gyre" stat $file
says '"clean":false,' "$gyre" stat --json $file
says 'processes *1 ' "$gyre" stat $file
says '^./primes.cache is whole: 0 faults' "$gyre" check $file
python3 "$damage" $file clean
found $file "head, a file's life: it is clean, and 1 processes have not closed it"
python3 "$damage" $file 'clean a lot'
found $file "head, a file's life: whether it is clean is 5"
ask 2000
answers '^303 primes below 2000, remembered'
kill_it
says '^file *found *warm *not closed by all' "$gyre" stat $file
ask 2000
answers 'the cache is warm: 4 entries'
answers '^303 primes below 2000, remembered'
says '^file *found *warm *closed by all' "$gyre" stat $file

# ---- giving up on a process ------------------------------------------------------------------------------------

start 3000
ends 1 'no such process has it open' "$gyre" expel $file $$
kill -STOP $running
says '' "$gyre" expel $file $running
says 'expelled *1' "$gyre" stat $file
kill_it
ask 3000
answers '^430 primes below 3000, remembered'
says '"clean":true,.*"expelled":0,' "$gyre" stat --json $file

# ---- the machine stops -----------------------------------------------------------------------------------------

python3 "$damage" $file boot
says '^file *found *warm *closed by all' "$gyre" stat $file
ask 3000
answers 'the cache is warm: 5 entries'
start 4000
rm -f other
cp primes.cache other
kill_it
python3 "$damage" $file boot
cp primes.cache before
for which in $file ./other; do # stopped; copied while it was open
    ends 1 'was open when the machine stopped, or is damaged: the next program that opens it for writing recovers it' "$gyre" stat $which
    ends 1 'was open when the machine stopped' "$gyre" top $which
    ends 1 'was open when the machine stopped' "$gyre" expel $which $$
    ends 3 'was open when the machine stopped' "$gyre" check $which
    says '^ *- *- *- *- *./[a-z.]* (.*was open when the machine stopped' "$gyre" ls $which
done
cmp -s before primes.cache
ok $? "what is to be recovered is not recovered by looking"
for which in $file ./other; do # all was on the disk
    file=$which ask 4000
    answers 'the cache is recovered, since the machine stopped: 6 entries'
    answers '^550 primes below 4000, remembered'
    file=$which ask 4000
    answers 'the cache is warm: 6 entries'
    says '"clean":true,' "$gyre" stat --json $which
    says "^$which is whole: 0 faults" "$gyre" check $which
done

# And not all was: an entry of which a byte is another is absent, and the others are there.
start 5000
kill_it
python3 "$damage" $file boot
python3 "$damage" $file value
ask 1000 10 2000 3000 4000 5000 100000
answers 'the cache is recovered, since the machine stopped: 6 entries'
[ "$(grep -c ', computed$' out)" -eq 1 ]
ok $? "one is computed anew: $(grep -c ', computed$' out) are"
grep -v 'the cache is' out | sed 's/, .*//' | sort > answered
sort > right << 'END'
168 primes below 1000
4 primes below 10
303 primes below 2000
430 primes below 3000
550 primes below 4000
669 primes below 5000
9592 primes below 100000
END
cmp -s answered right
ok $? "all answers are right: $(cat answered)"
says '^./primes.cache is whole: 0 faults' "$gyre" check $file

# ---- in use ----------------------------------------------------------------------------------------------------

# Three processes write; they are killed; the machine stops.
for round in 1 2 3; do
    for seed in 1 2 3; do
        "$build/shared_load" ./load 1000000000 $round$seed &
        running="$running $!"
    done
    for ((i = 0; i < 100; i++)); do [ -s load ] && break; sleep 0.1; done
    for ((i = 0; i < 3; i++)); do says '^./load is whole: 0 faults' "$gyre" check ./load; done
    kill_it
    says '^./load is whole: 0 faults' "$gyre" check ./load
    python3 "$damage" ./load boot
    says '' "$build/shared_load" ./load 1 1
    says '^./load is whole: 0 faults' "$gyre" check ./load
    says '"entries":[1-9]' "$gyre" stat --json ./load
done

# Whatever the tables say: recovery makes them anew.
for ((seed = 1; seed <= 12; seed++)); do
    rm -f other
    cp load other
    chmod 600 other
    python3 "$damage" ./other $seed
    python3 "$damage" ./other stopped
    says '' "$build/shared_load" ./other 1 1
    says '^./other is whole: 0 faults' "$gyre" check ./other
done
says '' "$gyre" rm $file ./other ./load
[ ! -e primes.cache ] && [ ! -e other ]
ok $? "rm removes files"

finish
