#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Shared caches from outside: gyre stat, top, check, expel, ls and rm, and the examples that share a cache.
# usage: test_shared.sh BUILD_FOLDER (with gyre, shared_load and examples/)

[ $# -eq 1 ] && [ -x "$1/gyre" ] && [ -x "$1/shared_load" ] && [ -x "$1/examples/shared_put" ] ||
    { echo "usage: $0 BUILD_FOLDER" >&2; exit 2; }
build=$(realpath "$1")
gyre=$build/gyre
damage=$(realpath "$(dirname "$0")")/damage.py
. "$(dirname "$0")/checks.sh"
name=gyre-example # the examples'
loaded=$name-load
holder=
tidy()
{
    # shellcheck disable=SC2086
    [ -n "$holder" ] && kill $holder 2> /dev/null
    rm -rf "$work" /dev/shm/$name /dev/shm/$name-other /dev/shm/$loaded
}
cd "$work" || exit 1
rm -f "/dev/shm/$name"

# with_copy COMMAND...: of the cache as it was kept, under another name.
with_copy()
{
    cp "$kept" "/dev/shm/$name-other"
    "$@"
    rm -f "/dev/shm/$name-other"
}

# ---- two programs ------------------------------------------------------------------------------------------

ends 1 'no such' "$build/examples/shared_read" greeting
says '' "$build/examples/shared_put" greeting "hello, neighbour"
says '^hello, neighbour$' "$build/examples/shared_read" greeting
ends 1 'no such entry' "$build/examples/shared_read" nothing
says '' "$build/examples/shared_put" greeting "hello again"
says '^hello again$' "$build/examples/shared_read" greeting

# ---- looking -----------------------------------------------------------------------------------------------

says " $name\$" "$gyre" ls
says '^memory *capacity *4 MiB' "$gyre" stat $name
says '^entries *now *1$' "$gyre" stat $name
says 'processes *0$' "$gyre" stat $name
says '"file":false,"entries":1,"hits":2,"misses":1,"puts":2,' "$gyre" stat --json $name
! "$gyre" stat $name | grep -q '^file'
ok $? "what is said of files is not said of shared memory"
says '^entries *now *1$' "$gyre" stat /$name
sum=$("$gyre" stat --json $name | tr ',' '\n' |
    awk -F: '/(live|garbage|open|free|index)_bytes/ { n += $2 } /capacity_bytes/ { c = $2 } END { print n == c }')
[ "$sum" = 1 ]
ok $? "the parts of the memory are the capacity"
says 'lookups/s' "$gyre" top -n 2 -i 0.1 $name
[ "$(wc -l < out)" -eq 3 ]
ok $? "top -n 2 prints a head and two lines: $(cat out)"
kept=before
cp "/dev/shm/$name" $kept
"$gyre" stat $name > /dev/null && "$gyre" top -n 1 -i 0.1 $name > /dev/null && "$gyre" ls > /dev/null
cmp -s before "/dev/shm/$name"
ok $? "who looks changes no byte"

: > rates
"$gyre" top -i 0.1 -n 20 $name >> rates &
holder=$!
for ((i = 0; i < 100; i++)); do [ "$(wc -l < rates)" -ge 2 ] && break; sleep 0.1; done
python3 "$damage" $name hits
wait $holder
holder=
awk 'NR > 1 && !/lookups/ && ($1 != 0 || $2 != "-") { exit 1 }' rates
ok $? "a counter that goes back is no rate: $(cat rates)"
cp before "/dev/shm/$name"

listed_as()
{
    says "^ *- *- *- *- *$name-other ($1" "$gyre" ls
}
damaged()
{
    python3 "$damage" $name-other arenas
    listed_as damaged
    ends 1 'other: damaged' "$gyre" stat $name-other
}
of_another_build()
{
    python3 "$damage" $name-other format
    listed_as 'of format 73.[0-9], and this build reads 9.0'
    ends 1 'other: of format 73' "$gyre" stat $name-other
}
no_cache()
{
    python3 "$damage" $name-other magic
    "$gyre" ls | grep -q $name-other
    [ $? -eq 1 ]
    ok $? "ls passes over what is no cache"
}
with_copy damaged
with_copy of_another_build
with_copy no_cache

# ---- bad input ---------------------------------------------------------------------------------------------

ends 1 'no such cache' "$gyre" stat gyre-nobody
ends 1 'no such cache' "$gyre" top gyre-nobody
ends 1 'no such cache' "$gyre" rm gyre-nobody
ends 1 'no name of a cache' "$gyre" stat '*'
ends 1 'no such file' "$gyre" stat ../etc/passwd
ends 2 'one cache' "$gyre" stat
ends 2 'one cache' "$gyre" stat a b
ends 2 'one cache' "$gyre" top -i 0 $name
ends 2 'one cache' "$gyre" top -n x $name
ends 2 'files, or nothing' "$gyre" ls -l
ends 2 'names of caches' "$gyre" rm
ends 1 'No space' bash -c "'$gyre' stat $name > /dev/full"
echo "something else" > "/dev/shm/$name-other"
chmod 600 "/dev/shm/$name-other"
ends 1 'no cache' "$gyre" stat $name-other
ends 1 'no cache' "$gyre" rm $name-other
[ -f "/dev/shm/$name-other" ]
ok $? "rm leaves what is no cache"

# ---- giving up on a process ---------------------------------------------------------------------------------

ends 2 'name of a cache and the number' "$gyre" expel $name
ends 2 'name of a cache and the number' "$gyre" expel $name 0
ends 2 'name of a cache and the number' "$gyre" expel $name 12x
ends 2 'name of a cache and the number' "$gyre" expel $name -1
ends 1 'no such cache' "$gyre" expel gyre-nobody 1
"$build/shared_load" $loaded 1000000000 1 > load 2>&1 &
holder=$!
for ((i = 0; i < 100; i++)); do "$gyre" stat $loaded 2> /dev/null | grep -q 'processes *1' && break; sleep 0.1; done
ends 1 'no such process has it open' "$gyre" expel $loaded $$
kill -STOP $holder
says '' "$gyre" expel $loaded $holder
says 'expelled *1' "$gyre" stat $loaded
says '"expelled":1,' "$gyre" stat --json $loaded
says 'processes *0$' "$gyre" stat $loaded
kill -KILL $holder
kill -CONT $holder 2> /dev/null
wait $holder 2> /dev/null
holder=
says '' "$build/shared_load" $loaded 1000 1
says '"expelled":0,' "$gyre" stat --json $loaded
says "^$loaded is whole: 0 faults" "$gyre" check $loaded
"$gyre" rm $loaded

# ---- is it whole? ------------------------------------------------------------------------------------------

says "^$name is whole: 0 faults" "$gyre" check $name
says '"whole":true,"numbers_compared":true,"faults":0,"moving":0,"buckets":1024,"words":1,' "$gyre" check --json $name
cp "/dev/shm/$name" after
cmp -s before after
ok $? "check changes no byte"
ends 2 'one cache' "$gyre" check
ends 2 'one cache' "$gyre" check $name $name
ends 3 'no such cache' "$gyre" check gyre-nobody
ends 3 'No space' bash -c "'$gyre' check $name > /dev/full"

says '' "$build/shared_load" $loaded 30000 1
says "^$loaded is whole: 0 faults" "$gyre" check $loaded
says '"lost_bytes":0,' "$gyre" check --json $loaded
kept=kept
cp "/dev/shm/$loaded" $kept

# found_damaged WHAT LINE: of a copy that is damaged so, check says LINE.
found_damaged()
{
    python3 "$damage" $name-other "$1"
    "$gyre" check $name-other > out 2> err
    [ $? -eq 1 ] && [ ! -s err ] && grep -q "^FAULT *$2" out && grep -q 'is damaged: [0-9]* fault' out
    ok $? "check finds what $1 was damaged; it said: $(grep -v '^ ' out | tail -n 5)"
    "$gyre" check --json $name-other > out.json
    [ $? -eq 1 ] && grep -q '"whole":false,.*"first_faults":\[{"place":"' out.json
    ok $? "and says so in JSON: $(tail -c 200 out.json)"
}
not_opened()
{
    python3 "$damage" $name-other "$1"
    ends 3 "$2" "$gyre" check $name-other
}
with_copy not_opened magic 'no cache'
with_copy not_opened format 'of format 73.[0-9], and this build reads 9.0'
with_copy not_opened stamp 'of another build'
while IFS='|' read -r what line; do
    with_copy found_damaged "$what" "$line"
done << 'END'
state|head: its state is 5
arenas|head: its numbers are not those that were signed
size|head: the object has [0-9]* bytes, and the region
shard|head, shard 0: its word of size
mark|head, marks of clear: done up to [0-9]*, begun up to
free|head, free arenas: counts
credit|head, bytes of the index:
hand|head, hand 0: stands at arena 1048575 of
committed|shard 0: counts [0-9]* entries, and its words are
driver|shard 0, driver: is 0x6300000001
tag|shard 0, bucket [0-9]*, slot .: the key of its entry has another tag
ref|shard 0, bucket [0-9]*, slot .: refers to byte 40, which is in no arena
tentative|shard 0: counts
twice|shard 0, bucket [0-9]*, slot .: its key stands in a second slot
bucket|shard 0, bucket [0-9]*, slot .: its key does not belong
key|shard 0, bucket [0-9]*, slot .: the key of its entry has another tag
value length|shard 0, bucket [0-9]*, slot .: its entry of [0-9]* bytes, at
length|arena [0-9]*: what follows its byte
key length|shard 0, bucket [0-9]*, slot .: its entry of [0-9]* bytes, at
generation|shard 0, bucket [0-9]*, slot .: its entry is of another life
arena state|arena [0-9]*: is in no state: 11
arena free|shard 0, bucket [0-9]*, slot .: refers into arena [0-9]*, which is free
arena number|arena [0-9]*: its number [0-9]* was never given out
lanes|arena [0-9]*: is open, and no lane shows it
lane|lane 0, probation: shows arena 1048575
dead|arena [0-9]*: \([0-9]*\) of its \1 bytes are counted as dead, and words refer to
dead a lot|arena [0-9]*: [0-9]* bytes are counted as dead, of
position|arena [0-9]*: what follows its byte
position a lot|arena [0-9]*: is written up to byte
owner|record 0: belongs to 0x6300000001
pin|record 0: pin 0 is on arena 1048575
member|member 1: is process 5, and process
history|history, bucket 0: its oldest cell is 99 of
END

# Whatever it meets, it comes to its end, and says so.
survives()
{
    python3 "$damage" $name-other "$1"
    "$gyre" check $name-other > out 2> err
    local status=$?
    case $status in
    0 | 1) grep -q "^$name-other is" out ;;
    *) [ $status -eq 3 ] && [ -s err ] ;;
    esac
    ok $? "check comes to its end where words are damaged as by seed $1: $status, $(tail -n 1 out err)"
}
for ((seed = 1; seed <= 12; seed++)); do with_copy survives $seed; done

# in_use COMMAND...: four processes use a fresh cache meanwhile; then they are killed.
in_use()
{
    rm -f "/dev/shm/$loaded"
    holder=
    for ((i = 1; i <= 4; i++)); do
        "$build/shared_load" $loaded 1000000000 "$i" "${limit:-0}" &
        holder="$holder $!"
    done
    for ((i = 0; i < 100; i++)); do [ -s "/dev/shm/$loaded" ] && break; sleep 0.1; done
    "$@"
    # shellcheck disable=SC2086
    killed $holder
    holder=
}
# killed PROCESS...: and seen to be dead. All at once: one that lives clears up after the others.
killed()
{
    kill -STOP "$@"
    kill -9 "$@"
    wait "$@"
} 2> /dev/null
checked_often()
{
    local alarms=0 compared=0
    : > alarm
    for ((round = 0; round < 10; round++)); do
        "$gyre" check $loaded > out 2>&1 || { alarms=$((alarms + 1)); cp out alarm; }
        grep -q 'not compared' out || compared=$((compared + 1))
    done
    [ $alarms -eq 0 ] && [ $compared -lt 10 ]
    ok $? "check has no false alarm while it is written to: $alarms of 10 ($compared quiet): $(grep FAULT alarm | head -n 3)"
}
in_use checked_often
# (One may have been between two openings.)
says '[1-4] dead, to be cleared up after' "$gyre" check $loaded
says '^processes have died: some numbers' "$gyre" check $loaded
says "^$loaded is whole" "$gyre" check $loaded
says '' "$build/shared_load" $loaded 1000 1
says '"processes":0,"processes_dead":0,"records":0,"pins":0,' "$gyre" check --json $loaded
limit=5000
in_use checked_often
says '"whole":true' "$gyre" check --json $loaded
all_stopped()
{
    for ((stop = 0; stop < 5; stop++)); do
        # shellcheck disable=SC2086
        kill -STOP $holder
        says "^$loaded is whole" "$gyre" check $loaded
        # shellcheck disable=SC2086
        kill -CONT $holder
        sleep 0.05
    done
}
in_use all_stopped
two_killed()
{
    # shellcheck disable=SC2086
    killed ${holder% * *}
    checked_often
}
in_use two_killed
says '"whole":true' "$gyre" check --json $loaded

# ---- removing ----------------------------------------------------------------------------------------------

"$gyre" top -i 0.1 $name > watched 2>&1 &
holder=$!
for ((i = 0; i < 100; i++)); do [ -s watched ] && break; sleep 0.1; done
says '' "$gyre" rm $name
for ((i = 0; i < 100; i++)); do kill -0 $holder 2> /dev/null || break; sleep 0.1; done
grep -q 'its name has been removed' watched
ok $? "top ends when the cache's name has gone: $(tail -n 1 watched)"
holder=
! "$gyre" ls | grep -q " $name\$"
ok $? "ls does not list it any more"

# ---- a server that forks -----------------------------------------------------------------------------------

says '400 requests, 36 children killed: .* made, 0 wrong' "$build/examples/fork_server"

finish
