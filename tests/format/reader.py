#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Reads a cache's file, by docs/format.md and nothing else of gyre: reader.py FILE.

Prints its entries that are not over, one a line, in order: key, value, user flags, version, in hexadecimal. Of a clean file they are
those that the index leads to; each is looked for by its key, and has to prove itself; then all arenas are walked, and must have the
same. Of another file they are those that prove themselves. What is not as the page says ends it with a message and status 1."""

import ctypes
import ctypes.util
import struct
import sys
import time

LINE, COPY_AT, SHARDS_AT, MIB = 64, 4096, 4352, 1 << 20
MEMBER, RECORD, SHARD, BOOK, LANE = 128, 704, 128, 64, 64
MAGIC, MAJOR, MINOR = b"gyre1\0\0\0", 9, 1
GEOMETRY = struct.Struct("<15Q15I4x")
NAMES = ("capacity_bytes region_bytes geometries_at counts_at members_at records_at words_at books_at lanes_at history_at index_at"
         " arenas_at shard_bytes_most max_value_bytes max_entries n_members n_records n_arenas n_lanes n_shards log2_buckets_first"
         " log2_buckets_most arena_shift n_history value_align default_ttl_ms flags reserve_arenas proof_bytes unused").split()
LIFE = ("clean boot0 boot1 home start_wall_ms latest_ms start_wall_again marked mark_proved synced synced_ms syncs sync_errors"
        " tables doubted doubted_versions").split()
ALL = (1 << 64) - 1
OPEN, PARKED, WITHDRAWN = 2, 5, 7

library = ctypes.CDLL(ctypes.util.find_library("xxhash") or "libxxhash.so.0")
library.XXH3_64bits_withSeed.restype = ctypes.c_uint64
library.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]


def xxh3(data, seed=0):
    return library.XXH3_64bits_withSeed(data, len(data), seed)


def up(n, multiple):
    return -(-n // multiple) * multiple


def must(holds, what):
    if not holds:
        sys.exit(f"reader: {what}")


class Entry:
    """What begins at a place of an arena."""

    def __init__(self, file, at):
        self.file, self.at = file, at
        self.value_bytes, self.key_bytes, flags, self.generation = struct.unpack_from("<IHBB", file.data, at)
        self.kind, self.optional = flags >> 3, flags & 7
        self.expiry = self.version = self.user_flags = 0
        here = at + 8
        if flags & 1:
            self.expiry, here = file.u64(here), here + 8
        if flags & 2:
            self.version, here = file.u64(here), here + 8
        if flags & 4:
            self.user_flags, here = struct.unpack_from("<I", file.data, here)[0], here + 4
        self.key = file.data[here:here + self.key_bytes]
        self.head = file.data[at + 8:here + self.key_bytes]
        value_at = up(here + self.key_bytes, file.value_align)
        self.value = file.data[value_at:value_at + self.value_bytes]
        self.proof_at = up(value_at + self.value_bytes, 8)
        self.end = self.proof_at + file.proof_bytes

    def is_value(self):
        return self.kind != 31 and not (self.kind == 30 and self.expiry)

    def header(self):
        return self.value_bytes | self.key_bytes << 32 | self.optional << 48

    def proves_its_length(self, opened):
        """As what it is, or before it was void; or as a lease, or what was never published."""
        room = xxh3(struct.pack("<3Q", opened, self.at, self.header()), self.file.seed)
        was = Entry(self.file, self.at)
        was.generation ^= 0xff
        return self.file.u64(self.proof_at) == room or self.proves_itself(opened) or was.proves_itself(opened)

    def proves_itself(self, opened):
        file, header = self.file, self.header()
        check, self.sequence = file.u64(self.proof_at), file.u64(self.proof_at + 8)
        content = xxh3(self.head, xxh3(self.value, file.seed) ^ header)
        return check == content + file.life_of(opened, self.sequence, self.generation) & ALL


class File:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.read_head()
        self.place()
        self.words = [self.u64(self.words_at + 8 * a) for a in range(self.n_arenas)]
        self.opened = [self.u64(self.books_at + BOOK * a + 16) for a in range(self.n_arenas)]

    def u64(self, at):
        return int.from_bytes(self.data[at:at + 8], "little")

    # ---- head ------------------------------------------------------------------------------------------------------

    def read_head(self):
        head = self.data[:256]
        must(head[:8] == MAGIC, "no cache" if head[:8] != MAGIC[::-1] else "of the other byte order")
        major, minor, stamp, state = struct.unpack_from("<HHII", head, 8)
        must(major == MAJOR and minor <= MINOR, f"of format {major}.{minor}, and this reads {MAJOR}.0 to {MAJOR}.{MINOR}")
        parts = struct.pack("<14I", major, LINE, SHARDS_AT, MEMBER, RECORD, SHARD, BOOK, LANE, 8, 40, 44, 8, 0, 8)
        must(stamp == xxh3(parts) & 0xffffffff, "of another build")
        must(state == 1 and self.u64(240) == xxh3(head[20:240], self.u64(8)), "its head is damaged")
        must(self.data[COPY_AT:COPY_AT + 256] == head, "its head's copy is another")
        self.generation, self.seed, self.clock_start_ms, self.clock_before_ms = struct.unpack_from("<4Q", head, 24)
        for name, value in zip(NAMES, GEOMETRY.unpack_from(head, 56), strict=True):
            setattr(self, name, value)
        for name, value in zip(LIFE, struct.unpack_from("<16Q", self.data, 2240), strict=True):
            setattr(self, name, value)
        self.mark = self.u64(256)

    def place(self):
        """Is everything where it follows from the numbers that it is?"""
        line, page = up(self.n_shards, 8), 4096
        at = {"geometries_at": SHARDS_AT + SHARD * self.n_shards}
        at["counts_at"] = at["geometries_at"] + 8 * line
        at["members_at"] = up(at["counts_at"] + LINE * line, page)
        at["records_at"] = at["members_at"] + up(MEMBER * self.n_members, page)
        at["words_at"] = at["records_at"] + up(RECORD * self.n_records, page)
        at["books_at"] = at["words_at"] + up(8 * self.n_arenas, page)
        at["lanes_at"] = at["books_at"] + up(BOOK * self.n_arenas, page)
        end = at["lanes_at"] + up(LANE * self.n_lanes, page)
        at["index_at"] = up(end + LINE * self.n_history, 2 * MIB)
        at["history_at"] = (at["index_at"] - LINE * self.n_history) // page * page
        at["shard_bytes_most"] = LINE << self.log2_buckets_most
        at["arenas_at"] = up(at["index_at"] + at["shard_bytes_most"] * self.n_shards, max(2 * MIB, 1 << self.arena_shift))
        at["region_bytes"] = at["arenas_at"] + (self.n_arenas << self.arena_shift)
        for name, value in at.items():
            must(getattr(self, name) == value, f"{name} is {getattr(self, name)}, and follows to be {value}")
        must(len(self.data) == self.region_bytes, "it is not as long as it says")

    def sum_of_tables(self):
        total = self.generation
        for start, end in ((256, 2240), (2296, 2344), (2368, 4096), (SHARDS_AT, self.members_at),
                           (self.words_at, self.lanes_at + LANE * self.n_lanes)):
            total = xxh3(self.data[start:end], total)
        return total

    def life_of(self, *three):
        return xxh3(struct.pack("<3Q", *three), self.generation)

    def now(self):
        wall, start = int(time.time() * 1000), min(self.start_wall_ms, self.start_wall_again)
        return max(self.latest_ms, wall - start)

    # ---- index -----------------------------------------------------------------------------------------------------

    def shard_size(self, shard):
        """log2 of its buckets, and its phase."""
        word = self.u64(self.geometries_at + 8 * shard)
        phase, log2 = word & 3, word >> 58
        must(word == ((1 << log2) - 1) << 6 | phase | (log2 << 2 | phase) << 56 and phase < 3 and
             self.log2_buckets_first <= log2 <= self.log2_buckets_most, f"the geometry of shard {shard} is damaged")
        return log2, phase

    def bucket(self, shard, number):
        at = self.index_at + shard * self.shard_bytes_most + LINE * number
        return struct.unpack_from("<8Q", self.data, at)

    def window(self, key):
        """The shard and the buckets in which a key may stand, and its tag."""
        h = xxh3(key, self.seed)
        shard = (h << 20 & ALL) * self.n_shards >> 64
        log2, phase = self.shard_size(shard)
        mixed = ((h * 0x9e3779b97f4a7c15 & ALL) >> 32) << 7 | (~h & 64)
        buckets = []
        for place in ((h & 0xffffffff) >> 6, mixed >> 6):
            for bits in (log2, log2 + 1) if phase else (log2,):
                if place & (1 << bits) - 1 not in buckets:
                    buckets.append(place & (1 << bits) - 1)
        return shard, buckets, h >> 44

    def committed(self, word):
        return word != 0 and not word & 1 << 43

    def arena_of(self, at):
        return (at - self.arenas_at) >> self.arena_shift

    def entry_of(self, word):
        """The entry that a slot's word refers to, if it may: in an arena in which entries are."""
        at = (word & (1 << 40) - 1) * 8
        arena = self.arena_of(at)
        must(0 <= arena < self.n_arenas and OPEN <= self.words[arena] & 7 <= PARKED, f"a slot leads to {at}")
        entry = Entry(self, at)
        must(entry.key_bytes > 0 and self.arena_of(entry.end - 1) == arena, f"an entry leads beyond its arena at {at}")
        return entry

    def find(self, key):
        shard, buckets, tag = self.window(key)
        for number in buckets:
            for word in self.bucket(shard, number):
                if self.committed(word) and word >> 44 == tag:
                    entry = self.entry_of(word)
                    if entry.key == key:
                        return entry
        return None

    def by_index(self):
        """All entries that words lead to, by key."""
        found = {}
        for shard in range(self.n_shards):
            log2, phase = self.shard_size(shard)
            for number in range(1 << log2 + (phase > 0)):
                for word in filter(self.committed, self.bucket(shard, number)):
                    entry = self.entry_of(word)
                    if not entry.is_value():
                        continue
                    must(entry.key not in found, f"{entry.key.hex()} stands twice")
                    there = self.find(entry.key)
                    must(there and there.at == entry.at, f"{entry.key.hex()} does not stand where its key is looked for")
                    found[entry.key] = entry
        return found

    # ---- arenas ----------------------------------------------------------------------------------------------------

    def owned(self, arena):
        proved = struct.unpack_from("<I", self.data, self.books_at + BOOK * arena + 56)[0]
        return proved == (self.life_of(self.opened[arena], 0, ALL) & 0xffffffff | 1)

    def walk(self, arena, end, clean):
        at = self.arenas_at + (arena << self.arena_shift)
        last = at + min(end, 1 << self.arena_shift)
        while at + 8 <= last:
            entry = Entry(self, at)
            fits = entry.key_bytes != 0 and entry.end <= last
            if clean and not fits:
                return
            if fits and (clean or entry.proves_its_length(self.opened[arena])):
                yield entry
                at = entry.end
            else:
                at += 8

    def position(self, arena):
        return self.u64(self.books_at + BOOK * arena) & ALL >> 1

    def by_arenas(self, clean):
        """All entries that prove themselves, of each key the newest."""
        found = {}
        if self.mark_proved != self.life_of(self.marked, 1, ALL) or self.sync_errors:
            return found
        for arena in range(self.n_arenas):
            state, holed = self.words[arena] & 7, self.u64(self.books_at + BOOK * arena + 56) >> 32
            if not self.owned(arena) or self.opened[arena] < self.marked or \
               (clean and (not OPEN <= state <= PARKED or holed)):
                continue
            for entry in self.walk(arena, self.position(arena) if clean else 1 << self.arena_shift, clean):
                if entry.is_value() and entry.proves_itself(self.opened[arena]):
                    other = found.get(entry.key)
                    if other is None or other.sequence < entry.sequence:
                        found[entry.key] = entry
        return found

    # ---- both ------------------------------------------------------------------------------------------------------

    def read_clean(self):
        must(self.tables == self.sum_of_tables(), "the sum of its tables is another")
        found = self.by_index()
        found = {key: entry for key, entry in found.items() if self.opened[self.arena_of(entry.at)] >= self.mark}
        if not self.proof_bytes:
            return found
        found = {key: entry for key, entry in found.items()
                 if entry.generation != self.words[self.arena_of(entry.at)] >> 16 & 0xff ^ 0xff}
        walked = self.by_arenas(True)
        for key, entry in found.items():
            arena = self.arena_of(entry.at)
            must(entry.proves_itself(self.opened[arena]), f"{key.hex()} does not prove itself")
            there = walked.get(key)
            must(there is None or there.at == entry.at, f"the index has another {key.hex()} than arena {arena}")
            must(there or not self.owned(arena) or self.u64(self.books_at + BOOK * arena + 56) >> 32,
                 f"{key.hex()} is not met in arena {arena}")
        for key in walked:
            must(key in found, f"{key.hex()} is not in the index")
        return found

    def read(self):
        if self.clean == 1:
            return self.read_clean()
        return self.by_arenas(False) if self.proof_bytes else {}


def main():
    file = File(sys.argv[1])
    now = file.now()
    for key, entry in sorted(file.read().items()):
        if not entry.expiry or now < entry.expiry:
            print(key.hex(), entry.value.hex() or "-", f"{entry.user_flags:x}", f"{entry.version:x}")


if __name__ == "__main__":
    main()
