#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Damages a cache that nobody uses, as a stray write would: damage.py NAME WHAT. NAME is one in shared memory, or, with a
slash, a file's path. WHAT is one of KINDS; or a number, for places by chance.

Knows places within structs of src/: when those move, tests of damage fail."""

import mmap
import random
import struct
import sys

LINE = 64
OFFSETS = ("capacity_bytes region_bytes geometries_at counts_at members_at records_at words_at books_at lanes_at history_at"
           " index_at arenas_at shard_bytes_most max_value_bytes max_entries").split()
COUNTS = ("n_members n_records n_arenas n_lanes n_shards log2_buckets_first log2_buckets_most arena_shift n_history"
          " value_align default_ttl_ms flags reserve_arenas proof_bytes").split()
# In the superblock: after magic, format, stamp, state, fences, generation, seed, clock and what was before; lines; then shards.
GEOMETRY_AT, MARK_AT, FREE_AT, CREDIT_AT, HAND_AT, LIFE_AT, COPY_AT, SHARDS_AT = 56, 256, 328, 344, 384, 2240, 4096, 4352
BOOT_AT = 8                                           # in a file's life
COMMITTED_AT, DRIVER_AT = 0, LINE                      # in a shard
PINS_AT, COUNTS_AT = LINE, LINE + 256         # in a record
POSITION_AT, DEAD_AT, PROVED_AT, BOOK_BYTES = 0, 8, 56, LINE # in an arena's book
KEY_AT = 8                                            # in an entry
GENERATION_SHIFT, FLAGS_SHIFT, KEY_SHIFT, OPTIONAL = 56, 48, 32, 7 # in its header
REF, TENTATIVE, TAG_ONE = (1 << 40) - 1, 1 << 43, 1 << 44
PARKED = 5


class Region:
    def __init__(self, name):
        with open(name if "/" in name else f"/dev/shm/{name}", "r+b") as file:
            self.bytes = mmap.mmap(file.fileno(), 0)
        values = struct.unpack_from(f"<{len(OFFSETS)}Q{len(COUNTS)}I", self.bytes, GEOMETRY_AT)
        for field, value in zip(OFFSETS + COUNTS, values, strict=True):
            setattr(self, field, value)

    def get(self, at):
        return struct.unpack_from("<Q", self.bytes, at)[0]

    def set(self, at, value):
        struct.pack_into("<Q", self.bytes, at, value & (1 << 64) - 1)

    def flip(self, at, bits):
        self.set(at, self.get(at) ^ bits)

    def flip_head(self, at, bits):
        """In the copy of the head as well, from which it would be mended."""
        self.flip(at, bits)
        self.flip(at + COPY_AT, bits)

    def add(self, at, n):
        self.set(at, self.get(at) + n)

    def slots(self):
        """Places of the first size of the first shard."""
        return range(self.index_at, self.index_at + (LINE << self.log2_buckets_first), 8)

    def slot(self):
        """One with a committed word of an entry without optional words; its bucket has an empty slot above it."""
        return next(at for at in self.slots() if self.get(at) and not self.get(at) & TENTATIVE and self.empty(at)
                    and not self.get(self.entry(at)) >> FLAGS_SHIFT & OPTIONAL)

    def empty(self, above):
        """An empty slot of the same bucket."""
        return next((at for at in range(above + 8, above // LINE * LINE + LINE, 8) if not self.get(at)), None)

    def elsewhere(self):
        """An empty slot in the last bucket that has one."""
        return next(at for at in reversed(self.slots()) if not self.get(at))

    def entry(self, slot=None):
        return (self.get(slot or self.slot()) & REF) * 8

    def value(self):
        """Of that entry, where values are aligned to 8."""
        return self.entry() + KEY_AT + (self.get(self.entry()) >> KEY_SHIFT & 0xffff) + 7 & ~7

    def proof(self):
        return self.value() + (self.get(self.entry()) & 0xffffffff) + 7 & ~7

    def arena(self):
        return (self.entry() - self.arenas_at) >> self.arena_shift

    def word(self):
        """Of the arena of that entry."""
        return self.words_at + 8 * self.arena()

    def book(self):
        return self.books_at + BOOK_BYTES * self.arena()


def anywhere(region, seed):
    """Some words, few or many, in all parts of the region."""
    chance = random.Random(seed)
    index_end = region.index_at + (LINE << region.log2_buckets_first)
    ends = [MARK_AT, COPY_AT, SHARDS_AT, region.members_at, region.records_at, region.words_at, region.books_at, region.lanes_at,
            region.history_at, region.index_at, index_end, region.arenas_at, region.region_bytes]
    for _ in range(chance.choice([1, 10, 1000])):
        part = chance.randrange(len(ends) - 1)
        at = chance.randrange(ends[part], ends[part + 1]) // 8 * 8
        word = region.get(at)
        region.set(at, chance.choice([0, (1 << 64) - 1, chance.getrandbits(64), word ^ 1 << chance.randrange(64), word + 8]))


KINDS = {
    "magic": lambda r: r.flip_head(0, 1),
    "byte order": lambda r: r.flip_head(0, r.get(0) ^ int.from_bytes(r.get(0).to_bytes(8, "little"), "big")),
    "format": lambda r: r.flip_head(8, 0x40),
    "minor": lambda r: r.flip_head(8, 0x40 << 16),
    "stamp": lambda r: r.flip_head(8, 1 << 40),
    "state": lambda r: r.flip_head(16, 4),
    "head": lambda r: r.flip(GEOMETRY_AT, 1 << 30),
    "arenas": lambda r: r.flip_head(GEOMETRY_AT + 8 * len(OFFSETS) + 4 * COUNTS.index("n_arenas"), 1),
    "size": lambda r: r.bytes.resize(r.region_bytes - 4096),
    "shard": lambda r: r.flip(r.geometries_at, 1 << 50),
    "mark": lambda r: r.flip(MARK_AT, 1 << 40),
    "free": lambda r: r.add(FREE_AT, 1),
    "credit": lambda r: r.add(CREDIT_AT, 4096),
    "hand": lambda r: r.set(HAND_AT, 1 << 20),
    "clean": lambda r: r.set(LIFE_AT, 1),
    "clean a lot": lambda r: r.set(LIFE_AT, 5),
    "boot": lambda r: r.flip(LIFE_AT + BOOT_AT, 1),  # no damage: the machine has stopped since
    "stopped": lambda r: (r.set(LIFE_AT, 0), r.set(LIFE_AT + BOOT_AT, 1)),  # nor this: and it was open
    "committed": lambda r: r.add(SHARDS_AT + COMMITTED_AT, 1),
    "driver": lambda r: r.set(SHARDS_AT + DRIVER_AT, 99 << 32 | 1),
    "tag": lambda r: r.flip(r.slot(), TAG_ONE),
    "ref": lambda r: r.set(r.slot(), r.get(r.slot()) & ~REF | 5),
    "tentative": lambda r: r.flip(r.slot(), TENTATIVE),
    "twice": lambda r: r.set(r.empty(r.slot()), r.get(r.slot())),
    "bucket": lambda r: (r.set(r.elsewhere(), r.get(r.slot())), r.set(r.slot(), 0)),
    "key": lambda r: r.flip(r.entry() + KEY_AT, 1),
    "value length": lambda r: r.flip(r.entry(), 1 << 20),
    "length": lambda r: r.flip(r.entry(), 8),
    "key length": lambda r: r.flip(r.entry(), 1 << KEY_SHIFT + 14),
    "generation": lambda r: r.flip(r.entry(), 1 << GENERATION_SHIFT),
    "value": lambda r: r.flip(r.value(), 1),          # of a file, whose entries prove themselves
    "check": lambda r: r.flip(r.proof(), 1 << 40),
    "proof's sequence": lambda r: r.flip(r.proof() + 8, 1),
    "disowned": lambda r: r.set(r.book() + PROVED_AT, 0),
    "owned": lambda r: r.set(r.word(), r.get(r.word()) & ~15 | PARKED),
    "arena state": lambda r: r.flip(r.word(), 8),
    "arena free": lambda r: r.set(r.word(), r.get(r.word()) & ~15),
    "arena number": lambda r: r.flip(r.word(), 1 << 62),
    "lanes": lambda r: [r.set(r.lanes_at + LINE * lane + 8 * ring, 0) for lane in range(r.n_lanes) for ring in range(2)],
    "lane": lambda r: r.set(r.lanes_at, 1 << 20),
    "dead": lambda r: r.set(r.book() + DEAD_AT, r.get(r.book() + POSITION_AT) & (1 << 40) - 1),
    "dead a lot": lambda r: r.flip(r.book() + DEAD_AT, 1 << 40),
    "position": lambda r: r.add(r.book() + POSITION_AT, -8),
    "position a lot": lambda r: r.flip(r.book() + POSITION_AT, 1 << 30),
    "owner": lambda r: r.set(r.records_at, 99 << 32 | 1),
    "pin": lambda r: r.set(r.records_at + PINS_AT, 1 << 20),
    "hits": lambda r: r.set(r.records_at + COUNTS_AT, 0),
    "member": lambda r: r.set(r.members_at, 2 | 7 << 3 | 5 << 19),
    "history": lambda r: r.set(r.history_at, 99),
}

if __name__ == "__main__":
    if sys.argv[2].isdigit():
        anywhere(Region(sys.argv[1]), int(sys.argv[2]))
    else:
        KINDS[sys.argv[2]](Region(sys.argv[1]))
