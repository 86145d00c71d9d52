#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# gyre dump, load and compact: what goes out comes in again, what is damaged is told, and a file that is made anew is whole.
# usage: test_dump.sh BUILD_FOLDER (with gyre, shared_load and examples/)

[ $# -eq 1 ] && [ -x "$1/gyre" ] && [ -x "$1/examples/file_cache" ] && [ -x "$1/shared_load" ] || { echo "usage: $0 BUILD_FOLDER" >&2; exit 2; }
build=$(realpath "$1")
gyre=$build/gyre
damage=$(realpath "$(dirname "$0")")/damage.py
. "$(dirname "$0")/checks.sh"
name=gyre-test-dump-$$
running=
tidy()
{
    # shellcheck disable=SC2086
    [ -n "$running" ] && kill -9 $running
    "$gyre" rm $name
    rm -rf "$work"
} > /dev/null 2>&1
cd "$work" || exit 1
mkfifo questions
file=./primes.cache

# lines FILE > OUT: all entries of a cache as sorted lines.
lines()
{
    "$gyre" dump --text "$1" | sort
}
# same A B: they hold the same entries.
same()
{
    lines "$1" > a && lines "$2" > b && [ -s a ] && cmp -s a b
    ok $? "$1 and $2 hold the same: $(diff a b | head -n 4)"
}
# python COMMANDS: writes a stream of records that the format allows.
cat > records.py << 'END'
import struct, subprocess, sys, time
def xxh(data, seed=0):
    import ctypes, ctypes.util
    lib = ctypes.CDLL(ctypes.util.find_library("xxhash"))
    f = lib.XXH3_64bits_withSeed
    f.restype, f.argtypes = ctypes.c_uint64, [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    return f(data, len(data), seed)
END

# ---- there and back --------------------------------------------------------------------------------------------

echo "1000 100000 10 2000" | "$build/examples/file_cache" $file > /dev/null
says '' "$gyre" dump -o out.dump $file
[ "$(head -c 8 out.dump)" = gyredump ] && [ "$(stat -c %a out.dump)" = 600 ]
ok $? "a dump begins with its name, and is its owner's: $(stat -c %a out.dump)"
"$gyre" dump $file > piped.dump
cmp -s <(tail -c +33 out.dump) <(tail -c +33 piped.dump)
ok $? "standard output gets the same, but for the time in the head"
says '^loaded *entries *4$' "$gyre" load --capacity=1M ./new out.dump
same $file ./new
says '^loaded *entries *4$' "$gyre" load -c 1M ./new2 < out.dump
"$gyre" dump $file | "$gyre" load --capacity 2M ./new3 - > /dev/null
ok $? "a pipe will do"
same $file ./new3
[ "$(stat -c %a new)" = 600 ]
ok $? "what load makes is its owner's"
says '^loaded *entries *4$' "$gyre" load ./new out.dump # over what is there
says '^cache *entries *4$' "$gyre" load ./new out.dump
says '"clean":true,' "$gyre" stat --json ./new
says 'is whole: 0 faults' "$gyre" check ./new
says '^loaded *entries *4$' "$gyre" load -c 3M ./new out.dump # of another size
says '"capacity_bytes":3145728,' "$gyre" stat --json ./new
says '^loaded *entries *4$' "$gyre" load -c 1M $name out.dump # in shared memory
same $file $name
says '^{"key_hex":"e8030000","value_hex":"a8000000"}$' "$gyre" dump --text $name
lines $file > before
echo "1000 100000 10 2000" | "$build/examples/file_cache" ./new > answers
[ "$(grep -c remembered answers)" -eq 4 ]
ok $? "what was loaded is found: $(cat answers)"

# ---- many ------------------------------------------------------------------------------------------------------

"$build/shared_load" ./load 20000 1 > /dev/null 2>&1
sleep 0.1 # what is to expire has
"$gyre" dump ./load > many.dump
n=$("$gyre" dump --text ./load | wc -l)
[ "$n" -gt 100 ]
ok $? "there are $n"
says "^loaded *entries *$(printf "%'d" "$n" | tr -d "'" | sed ':a;s/\B[0-9]\{3\}\>/,&/;ta')" "$gyre" load -c 64M ./copy many.dump
says 'is whole: 0 faults' "$gyre" check ./copy
same ./load ./copy
says 'others were evicted' "$gyre" load -c 128K ./small many.dump
says 'is whole: 0 faults' "$gyre" check ./small

# ---- damage ----------------------------------------------------------------------------------------------------

size=$(stat -c %s out.dump)
for ((at = 0; at < size; at += 7)); do
    head -c $at out.dump > cut.dump
    rm -f cut
    "$gyre" load -c 1M ./cut cut.dump > out 2> err
    status=$?
    [ $status -eq 1 ] && grep -q -e 'ends too early' err || break
done
[ $at -ge "$size" ]
ok $? "a dump that is cut is told, wherever it is: at $at: $(cat err)"
for ((at = 0; at < size; at += 5)); do
    cp out.dump bad.dump
    byte=$(od -An -tu1 -j $at -N 1 out.dump)
    printf "\\x$(printf %x $((byte ^ 64)))" | dd of=bad.dump bs=1 seek=$at conv=notrunc status=none
    rm -f cut
    "$gyre" load -c 1M ./cut bad.dump > out 2> err
    [ $? -eq 1 ] && grep -q -e 'damaged' -e 'no dump' -e 'another format' -e 'ends too early' err || break
done
[ $at -ge "$size" ]
ok $? "a dump of which a bit is another is told, wherever it is: at $at: $(cat err)"
head -c $((size - 20)) out.dump > cut.dump
rm -f cut
ends 1 '4 records before that were read, 4 loaded' "$gyre" load -c 1M ./cut cut.dump
says '^cache *entries *4$' "$gyre" load ./cut out.dump
(cat out.dump; echo more) > more.dump
ends 1 'something follows its end' "$gyre" load ./cut more.dump
ends 1 'no dump of gyre; nothing was loaded' "$gyre" load ./cut "$gyre"
ends 1 'it ends too early' "$gyre" load ./cut /dev/null
ends 1 'No such file' "$gyre" load ./cut ./nothing

# ---- time ------------------------------------------------------------------------------------------------------

cat >> records.py << 'END'
def head(made_ms, flags=0):
    h = struct.pack("<8sIIQ", b"gyredump", 1, flags, made_ms)
    return h + struct.pack("<Q", xxh(h))
def entry(key, value, ttl=0, flags=0, version=0):
    r = struct.pack("<IIIIQQ", 1, len(key), len(value), flags, ttl, version)
    return r + key + value + struct.pack("<Q", xxh(r, xxh(value, xxh(key))))
def end(n):
    r = struct.pack("<IIIIQQ", 2, 0, 0, 0, 0, n)
    return r + struct.pack("<Q", xxh(r, xxh(b"", xxh(b""))))
now = int(time.time() * 1000)
out = sys.stdout.buffer
out.write(head(now - 3600000, 1))
out.write(entry(b"over", b"v", 3000000) + entry(b"timed", b"v", 7200000, 5, 9) + entry(b"bytes\0\xff", b"\0\1", 0, 0, 10))
out.write(entry(b"large", b"x" * 300000) + entry(b"quote\"d", b"a\nb", 1 << 60) + end(5))
END
if python3 records.py > made.dump 2> /dev/null; then # another program's
    says '^loaded *entries *3$' "$gyre" load -c 1M ./made made.dump
    grep -q '^refused *too large *1' out && grep -q 'expired *1' out
    ok $? "it says what was refused: $(cat out)"
    lines ./made > out
    grep -q '^{"key":"timed","ttl_left_ms":3[56][0-9]\{5\},"user_flags":5,"version":[0-9]*,"value":"v"}$' out
    ok $? "time that has passed is over: $(grep timed out)"
    grep -q '^{"key_hex":"627974657300ff","version":[0-9]*,"value_hex":"0001"}$' out
    ok $? "what is no text is told in digits: $(grep hex out)"
    grep -q '^{"key":"quote\\"d","ttl_left_ms":[0-9]*,"version":[0-9]*,"value_hex":"610a62"}$' out
    ok $? "text is JSON: $(grep quote out)"
    python3 -c 'import json, sys; [json.loads(l) for l in sys.stdin]' < out
    ok $? "every line is JSON"
    "$gyre" dump ./made | "$gyre" load -c 1M ./again > /dev/null
    for which in made again; do # versions are the cache's own
        lines ./$which | sed 's/"ttl_left_ms":[0-9]*,//; s/"version":[0-9]*,//' > $which.lines
    done
    [ -s made.lines ] && cmp -s made.lines again.lines
    ok $? "flags and values come in again: $(diff made.lines again.lines)"
fi

# ---- with others -----------------------------------------------------------------------------------------------

"$build/examples/file_cache" $file < questions > answers &
running=$!
exec 3> questions
echo 1000 >&3
for ((i = 0; i < 100; i++)); do grep -q 'below 1000' answers && break; sleep 0.1; done
lines $file > now
cmp -s before now
ok $? "what others have open is dumped, too"
ends 1 'somebody has it open' "$gyre" compact $file
ends 1 'somebody has it open' "$gyre" compact -c 8M $file
ends 1 'somebody has it open' "$gyre" load -c 8M $file out.dump
says '^loaded *entries *4$' "$gyre" load $file out.dump
{
    kill -9 $running
    wait $running
} 2> /dev/null
running=
exec 3>&-
lines $file > now
cmp -s before now
ok $? "all of it is there"

# ---- compact ---------------------------------------------------------------------------------------------------

says '^entries *kept *4$' "$gyre" compact $file
grep -q '^memory *capacity *4 MiB *before: 4 MiB' out
ok $? "it says what changed: $(cat out)"
lines $file > now
cmp -s before now
ok $? "what is made anew holds the same"
says '"start":"warm","clean":true,' "$gyre" stat --json $file
says 'is whole: 0 faults' "$gyre" check $file
says '^memory *capacity *1 MiB *before: 4 MiB' "$gyre" compact --capacity=1M $file
says '"capacity_bytes":1048576,' "$gyre" stat --json $file
lines $file > now
cmp -s before now
ok $? "in a smaller one, too"
says 'did not fit' "$gyre" compact -c 128K ./load
says 'is whole: 0 faults' "$gyre" check ./load
ends 1 'no such capacity' "$gyre" compact -c 1K $file
python3 "$damage" $file stopped
says '^entries *kept *4$' "$gyre" compact $file
lines $file > now
cmp -s before now
ok $? "what is to be recovered is, and is made anew then"
[ -z "$(find . -name '.gyre*')" ]
ok $? "nothing is left beside"
ends 1 'no such file' "$gyre" compact ./nothing
ends 1 'no cache' "$gyre" compact ./out.dump

# Three processes write and are killed; what they left gets another size.
for round in 1 2 3; do
    for seed in 1 2 3; do
        "$build/shared_load" ./load 1000000000 $round$seed > /dev/null 2>&1 &
        running="$running $!"
    done
    for ((i = 0; i < 100; i++)); do [ -s load ] && break; sleep 0.1; done
    sleep 0.2
    {
        # shellcheck disable=SC2086
        kill -9 $running
        # shellcheck disable=SC2086
        wait $running
    } 2> /dev/null
    running=
    for size in 900K 3M $((round * 7))M; do
        says '^entries *kept *[1-9]' "$gyre" compact -c $size ./load
        says '^./load is whole: 0 faults' "$gyre" check ./load
    done
    rm load
done

# ---- called wrongly --------------------------------------------------------------------------------------------

ends 2 'path of one file' "$gyre" compact $name
ends 2 'path of one file' "$gyre" compact
ends 2 'path of one file' "$gyre" compact -c 0 $file
ends 2 'name of one cache' "$gyre" dump
ends 2 'name of one cache' "$gyre" dump $file $file
ends 2 'name of one cache' "$gyre" load
ends 2 'name of one cache' "$gyre" load -c nothing $file
ends 1 'there is none: --capacity=SIZE' "$gyre" load ./none out.dump
ends 1 'no such file' "$gyre" dump ./none
ends 1 'no such capacity' "$gyre" load -c 1K ./none out.dump
ends 1 'cannot\|No such file\|Is a directory' "$gyre" dump -o . $file
if [ -e /dev/full ]; then
    "$gyre" dump $file > /dev/full 2> err
    [ $? -eq 1 ] && grep -q 'No space left' err
    ok $? "a full disk is told: $(cat err)"
fi
ln -s $file link
for out in $file link; do
    ends 1 'a cache, which is not written over' "$gyre" dump -o $out $file
done
"$gyre" dump $file >&- 2> err
[ $? -eq 1 ] && grep -q 'Bad file descriptor' err
ok $? "a standard output that is closed is told: $(cat err)"
says '^./primes.cache is whole: 0 faults' "$gyre" check $file # and nothing was written to the cache instead
for command in dump load compact; do
    says "^usage: gyre $command" "$gyre" help $command
    "$gyre" --help | grep -q "^  $command "
    ok $? "$command is listed"
done

finish
