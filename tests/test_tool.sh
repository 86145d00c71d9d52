#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# The program gyre from outside: formats, bad input, JSON, plots, threads, exit statuses.
# usage: test_tool.sh PROGRAM

[ $# -eq 1 ] && [ -x "$1" ] || { echo "usage: $0 PROGRAM" >&2; exit 2; }
gyre=$(realpath "$1")
. "$(dirname "$0")/checks.sh"
cd "$work" || exit 1

# field NAME: the number or string of the first such field of out.json.
field()
{
    grep -o "\"$1\":[^],}]*" out.json | head -n 1 | sed 's/^[^:]*://; s/"//g'
}

# replays ARGUMENTS...: the replay succeeds in silence, and its JSON is in out.json.
replays()
{
    "$gyre" replay --json "$@" > out.json 2> err
    [ $? -eq 0 ] && [ ! -s err ]
    ok $? "gyre replay --json $* succeeds in silence; it said: $(head -c 300 err)"
}

# is NAME VALUE: the field has that value.
is()
{
    [ "$(field "$1")" = "$2" ]
    ok $? "$1 is '$(field "$1")' and should be '$2'"
}

# JSON by its grammar, on one line; numbers and strings as this program writes them.
cat > json.awk << 'END'
function fail(why) { print why " at " at ": " substr(text, at, 20); bad = 1; exit 1 }
function eat(c) { if (substr(text, at, length(c)) != c) fail("expected " c); at += length(c) }
function string() {
    if (!match(substr(text, at), /^"([^"\\]|\\["\\])*"/)) fail("no string")
    at += RLENGTH
}
function value(c) {
    c = substr(text, at, 1)
    if (c == "{") members()
    else if (c == "[") elements()
    else if (c == "\"") string()
    else if (match(substr(text, at), /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)/)) at += RLENGTH
    else fail("no value")
}
function members() {
    eat("{")
    if (substr(text, at, 1) != "}")
        for (;;) { string(); eat(":"); value(); if (substr(text, at, 1) != ",") break; eat(",") }
    eat("}")
}
function elements() {
    eat("[")
    if (substr(text, at, 1) != "]")
        for (;;) { value(); if (substr(text, at, 1) != ",") break; eat(",") }
    eat("]")
}
{ text = $0; at = 1; lines++; value(); if (at != length(text) + 1) fail("something follows") }
END { exit bad || lines != 1 }
END
json_valid()
{
    LC_ALL=C awk -f json.awk out.json
}
printf '{"a":1,"b":[1,2,]}\n' > out.json
! json_valid > /dev/null
ok $? "the JSON check refuses what is not JSON"

# XML: tags nest and are closed, attributes are quoted, no stray & or <.
xml_valid()
{
    LC_ALL=C awk '
        { text = text $0 "\n" }
        END {
            sub(/^<\?xml[^>]*\?>\n/, "", text)
            while (match(text, /<[^>]*>/)) {
                before = substr(text, 1, RSTART - 1); tag = substr(text, RSTART + 1, RLENGTH - 2)
                text = substr(text, RSTART + RLENGTH)
                gsub(/&(amp|lt|gt|quot);/, "", before)
                if (before ~ /[&<]/ || (depth == 0 && before ~ /[^ \n]/)) exit 1
                name = tag; sub(/^\//, "", name); sub(/[ \n\/].*/, "", name)
                if (name !~ /^[a-z]+$/) exit 1
                if (tag ~ /^\//) { if (depth == 0 || open[depth--] != name) exit 1; continue }
                rest = substr(tag, length(name) + 1); sub(/\/$/, "", rest)
                gsub(/ [a-zA-Z0-9:-]+="[^"<]*"/, "", rest)
                if (rest != "") exit 1
                if (tag !~ /\/$/) { if (depth == 0 && roots++) exit 1; open[++depth] = name }
            }
            exit depth != 0 || roots != 1 || text ~ /[^ \n]/
        }' "$1" && { ! command -v xmllint > /dev/null || xmllint --noout "$1"; }
}
printf '<?xml version="1.0"?>\n<svg><a></svg></a>\n' > bad.svg
! xml_valid bad.svg 2> /dev/null
ok $? "the XML check refuses what is not XML"

# little SIZE NUMBER: the number's bytes, the lowest first, as escapes of printf.
little()
{
    local i n=$2
    for ((i = 0; i < $1; i++)); do
        printf '\\%03o' $((n & 255))
        n=$((n >> 8))
    done
}
record()
{
    printf "$(little 8 "$1")$(little 4 "$2")$(little 4 "${3:-0}")"
}

# A zstd frame with its content in one raw block, made by hand: the zstd program may not be there.
frame()
{
    local bytes
    bytes=$(wc -c < "$1")
    printf '\050\265\057\375\000\130'"$(little 3 $((bytes << 3 | 1)))"
    cat "$1"
}

# ---- the program ---------------------------------------------------------------------------------

"$gyre" --version | grep -Eqx 'gyre [0-9]+\.[0-9]+\.[0-9]+'
ok $? "--version"
"$gyre" --help | grep -q '^  replay '
ok $? "--help lists replay"
says '--capacity' "$gyre" help replay
for command in replay stat top check expel ls rm; do
    says "^usage: gyre $command" "$gyre" $command --help
    cp out one
    "$gyre" $command -h > two 2> err && [ ! -s err ] && cmp -s one two && "$gyre" help $command | cmp -s - one
    ok $? "$command --help, $command -h and help $command are the same"
done
says '^usage: gyre top' "$gyre" top -n 2 --help
ends 2 usage "$gyre"
ends 2 "no command 'nonsense'" "$gyre" nonsense
ends 2 "no command 'nonsense'" "$gyre" help nonsense
"$gyre" --version > /dev/full 2> err
[ $? -eq 1 ] && grep -q 'standard output' err
ok $? "a full disk under standard output is noticed"

# ---- formats -----------------------------------------------------------------------------------------

# 200 keys, 5 times: more capacity than they need leaves 800 hits.
for i in 1 2 3 4 5; do seq -f 'key/%g' 200; done > lines
sed 's/$/\r/' lines > crlf
awk '{ print $0 "," NR % 200 + 100 }' lines > sized.csv
{ echo key,size; cat sized.csv; } > header.csv
for i in 1 2 3 4 5; do for ((k = 0; k < 200; k++)); do record $((k * 7919)) 1; done; done > unit.trace
for i in 1 2 3 4 5; do for ((k = 0; k < 200; k++)); do record "$k" $((k + 100)); done; done > sized.trace
frame unit.trace > unit.trace.zst
{ frame lines; frame lines; } > twice.zst

check_counts()
{
    is requests "$1"
    is unique_keys 200
    is hits "$2"
    is misses 200
    is wrong_values 0
}
while read -r file format unit requests hits; do
    replays "$file" --capacity 8M
    json_valid
    ok $? "the JSON of $file is valid"
    is format "$format"
    is unit "$unit"
    check_counts "$requests" "$hits"
    if [ "${file##*.}" != zst ]; then
        replays - --capacity 8M < "$file"
        is trace "standard input"
        check_counts "$requests" "$hits"
    fi
done << 'END'
lines lines true 1000 800
crlf lines true 1000 800
sized.csv csv false 1000 800
header.csv csv false 1000 800
unit.trace trace true 1000 800
sized.trace trace false 1000 800
unit.trace.zst trace true 1000 800
twice.zst lines true 2000 1800
END
cat unit.trace.zst | "$gyre" replay --json --capacity 8M - > out.json
check_counts 1000 800
if command -v zstd > /dev/null; then
    zstd -q --long=27 sized.trace -o long.zst
    replays long.zst --capacity 8M
    check_counts 1000 800
fi

replays --capacity 8M -f lines sized.csv
is format lines
is unit true
is unique_keys 200
replays --capacity 8M --format csv sized.csv
is format csv
# 7 + 8 bytes of key each in numbers; keys of 5 to 7 bytes in text.
replays unit.trace
is footprint_bytes $((200 * (8 + 64)))
replays unit.trace --value-bytes 100
is footprint_bytes $((200 * (8 + 100)))
replays sized.trace
is footprint_bytes $((200 * 8 + 200 * 100 + 199 * 100))
replays sized.trace --unit --value-bytes 10
is unit true
is footprint_bytes $((200 * (8 + 10)))
printf 'a\n\n\nb' > unfinished
replays unfinished
is requests 2
printf 'a,5\nb,-\na,9\n' > growing.csv
replays growing.csv
is footprint_bytes $((1 + 9 + 1 + 64))
# Of 30 bytes asked for, the first 9 and 1 are missed, and the keys count for nothing.
printf 'aa,9\nb,1\naa,9\nb,1\naa,9\nb,1\n' > bytes.csv
replays bytes.csv
is requested_bytes 30
is missed_bytes 10
is byte_miss_ratio 0.333333
printf 'x,1,2\nx,1,3\nx y,2\n' > commas.csv
replays commas.csv
is unique_keys 2
printf 'k,99999999999999999999\nk,1\n' > huge.csv
replays huge.csv
is too_large 2
{ head -c 60000 /dev/zero | tr '\0' k; echo; } > longest
replays longest --capacity 256M
is requests 1
{ cat longest longest; echo end; } > longest3
replays longest3 --capacity 256M
is hits 1
replays lines --value-bytes 0 --capacity 8M
check_counts 1000 800
replays lines --value-bytes 3 --capacity 8M
check_counts 1000 800
cp lines 'na"me\<&>'
replays 'na"me\<&>' --plot 'odd.svg' --sizes 2
json_valid
ok $? "a file name with quotes is escaped in JSON"
xml_valid odd.svg
ok $? "a file name with markup is escaped in SVG"

# ---- bad input -----------------------------------------------------------------------------------------

ends 2 'one FILE' "$gyre" replay
ends 2 'one FILE' "$gyre" replay lines lines
ends 2 'unrecognized option' "$gyre" replay --nonsense lines
for option in --capacity=1 --capacity=5X --capacity=99999999T --capacity=0% --max-entries=0 --max-entries=x% \
    --threads=0 --threads=99999 --threads= --value-bytes=-1 --ttl=0 --format=xml --sizes=1 --sizes=201 \
    --sample=0 --seed=one --seed=18446744073709551616; do
    ends 2 'expected' "$gyre" replay "$option" lines
done
ends 1 'No such file' "$gyre" replay missing
ends 1 'directory' "$gyre" replay .
: > empty
ends 1 'empty' "$gyre" replay empty
ends 1 'empty' "$gyre" replay - < /dev/null
printf '\n\r\n\n' > blank
ends 1 'empty' "$gyre" replay blank
ends 1 'empty' "$gyre" replay --format trace empty
head -c 15990 unit.trace > cut.trace
ends 1 'truncated.*record 1000' "$gyre" replay cut.trace
{ head -c 1600 unit.trace; record 1 1 7; cat unit.trace; } > corrupt.trace
ends 1 'corrupt.*record 101' "$gyre" replay corrupt.trace
for n in 1 5 7 1000 16008; do
    head -c $n unit.trace.zst > cut.zst
    "$gyre" replay cut.zst > out 2> err
    [ $? -eq 1 ] || [ "$n" -lt 4 ]
    ok $? "a zstd file cut at $n bytes fails"
done
ends 1 'truncated' "$gyre" replay cut.zst
{ head -c 8 unit.trace.zst; printf '\377\377\377\377'; tail -c +13 unit.trace.zst; } > broken.zst
head -c 6 unit.trace.zst > broken.zst
printf '\007\000\000xyz' >> broken.zst
ends 1 'corrupt' "$gyre" replay broken.zst
printf '\037\213\010\000' > some.gz
ends 1 'gzip' "$gyre" replay some.gz
{ head -n 40 sized.csv; echo nonsense; } > bad.csv
ends 1 'line 41' "$gyre" replay bad.csv
printf 'a,1\n,5\n' > nokey.csv
ends 1 'line 2 has no key' "$gyre" replay nokey.csv
{ echo first; head -c 60001 /dev/zero | tr '\0' k; } > toolong
ends 1 'line 2.*longer' "$gyre" replay toolong
{ echo first; head -c 600000 /dev/zero | tr '\0' k; } > muchtoolong
ends 1 'line 2.*longer' "$gyre" replay muchtoolong
ends 1 'nowhere' "$gyre" replay --quiet --plot nowhere/out.svg --sizes 2 lines
"$gyre" replay --json lines > /dev/full 2> err
[ $? -eq 1 ] && grep -q 'standard output' err
ok $? "a full disk under the report is noticed"

# ---- options ---------------------------------------------------------------------------------------------

"$gyre" replay lines > table 2> err
ok $? "a table is printed"
[ ! -s err ]
ok $? "there is no progress bar where there is no terminal"
for word in requests 'unique keys' footprint capacity 'hit ratio' 'miss ratio' requests/s p99.9 live garbage \
    index 'an entry' removed; do
    grep -q -e "$word" table
    ok $? "the table has $word"
done
[ -z "$("$gyre" replay --quiet lines 2>&1)" ]
ok $? "--quiet prints nothing"

replays lines --max-entries 50
is max_entries 50
[ "$(field entries)" -le 50 ] && [ "$(field entries)" -gt 0 ]
ok $? "--max-entries is held: $(field entries)"
replays lines --max-entries 10%
is max_entries 20
[ "$(field entries)" -le 20 ]
ok $? "--max-entries in percent is held: $(field entries)"
replays lines --capacity 1M
is capacity_bytes 1048576
replays lines
is capacity_bytes 65536
replays sized.trace --value-bytes 9 --capacity 1000%
[ "$(field capacity_bytes)" -ge 400000 ]
ok $? "--capacity in percent of the footprint"
replays lines --capacity 1M --seed 42
is seed 42
replays lines --capacity 1M --ttl 3600000
is ttl_ms 3600000
for flag in --no-thread --hugepages --liburcu; do
    replays lines --capacity 8M $flag
    check_counts 1000 800
done
replays lines --sample 1 --capacity 8M
is measured 1000

# Every request is made once whatever the number of threads, and cache and program agree on the hits.
seq 1 20000 | awk '{ print $1 * $1 % 3001 }' > many
for threads in 1 2 3 8; do
    replays many --threads $threads --max-entries 10%
    is requests 20000
    is threads $threads
    is wrong_values 0
    [ $(($(field hits) + $(field misses))) -eq 20000 ]
    ok $? "hits and misses of $threads threads are the requests"
    stats=$(sed 's/.*"stats":/"stats":/' out.json)
    [[ $stats == "\"stats\":{\"hits\":$(field hits),\"misses\":$(field misses),"* ]]
    ok $? "the cache counts as the program does with $threads threads: ${stats:0:60}"
done
[ $(($(field live_bytes) + $(field garbage_bytes) + $(field open_bytes) + $(field free_bytes) + \
    $(field index_bytes))) -eq "$(field capacity_bytes)" ]
ok $? "the parts of the memory add up to the capacity"

# ---- plots -------------------------------------------------------------------------------------------------

# points CURVE: "size miss_ratio" lines of out.json.
points()
{
    grep -o "\"$1\":\[\[[^a-z]*\]\]" out.json | sed 's/^[^[]*\[\[//; s/\]\]$//; s/\],\[/\n/g; s/,/ /g; $a\'
}

# LRU on a loop misses always until the loop fits.
replays lines --plot loop.svg --sizes 9
json_valid
ok $? "JSON with a curve is valid"
xml_valid loop.svg
ok $? "the plot is well-formed XML"
[ "$(points gyre | wc -l)" -eq 9 ]
ok $? "--sizes 9 replays nine sizes"
[ "$(points lru | awk '$1 < 200 && $2 != 1 || $1 == 200 && $2 != 0.2' | wc -l)" -eq 0 ] &&
    [ "$(points lru | awk '$1 == 200' | wc -l)" -eq 1 ]
ok $? "LRU on a loop of 200 keys is as it must be"
points gyre | awk '$2 < 0.2 - 1e-6 || $2 > 1 { exit 1 }'
ok $? "no replay misses less than the first requests"
for part in '<title>Miss ratio of lines</title>' 'class="gyre"' 'class="lru"' 'miss ratio' 'cache size (entries' \
    prefers-color-scheme; do
    grep -q -F -e "$part" loop.svg
    ok $? "the plot has $part"
done
[ "$(grep -c '<circle class="dot" .*<title>' loop.svg)" -eq 9 ]
ok $? "the plot has a dot for each replay"

replays lines --sizes 5
[ "$(points gyre | wc -l)" -eq 5 ]
ok $? "--sizes makes a curve without a plot"
ends 1 'No space' "$gyre" replay --quiet --plot /dev/full --sizes 2 lines

# An object larger than an LRU cache passes by it: the small ones go on hitting.
for ((i = 0; i < 50; i++)); do printf 'small,1000\nbig,900000\n'; done > mixed.csv
replays mixed.csv --plot mixed.svg --sizes 4
xml_valid mixed.svg
ok $? "a plot in bytes is well-formed XML"
points lru | awk 'NR == 1 { first = $2 } END { exit !(first == 0.51 && $2 == 0.02) }'
ok $? "LRU lets objects pass by that are too large: $(points lru | head -n 1)"
grep -q 'cache size (bytes' mixed.svg
ok $? "the plot of a trace with sizes is in bytes"

finish
