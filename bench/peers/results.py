# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What was measured, as build/peers.json has it, and ratios of it.

A cell is what all peers do in turn: a step of the plan, a workload and a number of threads. A round is one turn of all.
Ratios are taken within a round and then have their median taken, so that an hour in which the machine is slow is slow
for both."""

import collections
import statistics
from typing import NamedTuple

MAPS = "libcuckoo", "tbb", "lfht", "ck"  # these evict nothing
CACHES = "hcc", "rocksdb_lru", "in_house"
STORES = "lmdb",
YARDSTICKS = "ideal",
OTHERS = *MAPS, *CACHES, *STORES
PEERS = "gyre", *YARDSTICKS, *OTHERS
MACHINE = "machine"
LIMIT, BARE, SAME = LIMITS = "least", "least_bare", "least_same"  # what gyre's contract asks for at least
TITLES = {"ideal": "*ideal*", "in_house": "*in-house*", "hcc": "HyperClockCache", "rocksdb_lru": "RocksDB LRUCache",
          "tbb": "TBB concurrent_hash_map", "lfht": "liburcu lfht", "ck": "Concurrency Kit", "lmdb": "LMDB",
          LIMIT: "the least, a hit of 130 instructions", BARE: "the least, bare",
          SAME: "the least, with gyre's instructions", "gyre_shared": "gyre, processes",
          "lmdb_shared": "LMDB, processes", "in_house_shared": "*in-house*, processes",
          "gyre_plain": "gyre, private", "gyre_file": "gyre, file", "gyre_file_bare": "gyre, file, no checksums",
          "lmdb_batch": "LMDB, batches", "sqlite": "SQLite"}


def title(peer):
    return TITLES.get(peer, peer)


def plain(peer):
    return title(peer).replace("*", "")


class Cell(NamedTuple):
    step: str
    workload: str
    threads: int

    def __str__(self):
        return f"{self.step}, {self.workload}, {self.threads} thread{'s' if self.threads > 1 else ''}"


class Spread(NamedTuple):
    median: float
    least: float
    most: float


def spread(values):
    return Spread(statistics.median(values), min(values), max(values)) if values else None


class Results:
    def __init__(self, whole):
        self.whole = whole
        self.processors = whole["machine"]["processors"]
        self.cells = collections.defaultdict(lambda: collections.defaultdict(dict))
        for run in whole["runs"]:
            cell = Cell(run["step"], run["workload"], run["threads"])
            self.cells[cell][run["peer"]][run["round"]] = run

    def with_gyre_as(self, peer):
        """What there would be if gyre were this peer."""
        runs = [{**run, "peer": "gyre" if run["peer"] == peer else run["peer"]} for run in self.whole["runs"]
                if run["peer"] != "gyre"]
        return Results({**self.whole, "runs": runs, "counted": [], "instructions": None})

    def has(self, cell, peer):
        return cell in self.cells and peer in self.cells[cell]

    def threads(self, step, workload):
        """The numbers of threads that it was measured with."""
        return sorted(cell.threads for cell in self.cells if (cell.step, cell.workload) == (step, workload))

    def runs(self, cell, peer):
        """By their round."""
        return self.cells[cell][peer] if self.has(cell, peer) else {}

    def values(self, cell, peer, field="rate"):
        return {number: run[field] for number, run in self.runs(cell, peer).items()}

    def spread(self, cell, peer, field="rate"):
        return spread(list(self.values(cell, peer, field).values()))

    def latency(self, cell, peer, side, part):
        return {number: run[side][part] for number, run in self.runs(cell, peer).items() if side in run}

    def latency_spread(self, cell, peer, side, part):
        return spread(list(self.latency(cell, peer, side, part).values()))

    def ratio(self, cell, peer, to, to_cell=None):
        """Of the rates of two in the same round, or None. The second may be of another cell of the same step."""
        return quotient(self.values(cell, peer), self.values(to_cell or cell, to))

    def latency_ratio(self, cell, peer, to, side, part):
        return quotient(self.latency(cell, peer, side, part), self.latency(cell, to, side, part))

    def hit_ratio(self, cell, peer):
        runs = self.runs(cell, peer).values()
        requests = sum(run["requests"] for run in runs)
        return sum(run["hits"] for run in runs) / requests if requests else None

    def counted(self, theta):
        """Hit ratios with an equal number of entries, by peer."""
        return {one["peer"]: one["hits"] / one["requests"] for one in self.whole["counted"] if one["theta"] == theta}

    def last(self, cell, peer):
        """Its last run, or nothing."""
        runs = self.runs(cell, peer)
        return runs[max(runs)] if runs else {}

    def bytes_an_entry(self, cell, peer):
        """Resident, after its last run."""
        last = self.last(cell, peer)
        return last["resident_bytes"] / last["entries"] if last.get("entries") else None


def quotient(first, second):
    return spread([value / second[number] for number, value in first.items() if second.get(number)])
