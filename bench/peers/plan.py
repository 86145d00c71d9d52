# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What is measured: steps, in each of which the peers hold the same entries and take turns."""

from typing import NamedTuple

from results import LIMITS, SAME, Cell

HITS, KIBIBYTE, BIG, DELETES, EXPIRY = "64 B", "1 KiB", "6 KiB", "deletes", "expiring"
INSERT, INSERT_KIBIBYTE, LATENCY = "insert 64 B", "insert 1 KiB", "latency"
EVICTING = {0.99: "evicting, zipf 0.99", 0.8: "evicting, zipf 0.8"}
EVICT = {0.99: "evict-99", 0.8: "evict-80"}
KEY_BYTES, SMALL_BYTES = 16, 64
BATCHES = 4, 8, 16, 32, 64
COUNTED_REQUESTS = 50_000_000
ROUNDS, QUICK_ROUNDS = 5, 2
MILLION = 1_000_000


class Step(NamedTuple):
    name: str
    kind: str  # as peer.hpp has them; growing is for peers that evict nothing: the others are opened as evicting
    value_bytes: int
    entries: int
    cells: tuple  # pairs of a cell and of the seconds of a run
    touch: float = 0.0  # seconds before each run, so that its lines are where they are in use
    warm: int = 0  # requests of an evicting peer after it was opened
    equal_bytes: bool = False  # all take as many resident bytes as gyre
    fresh: bool = False  # opened anew for each run, and with an index that has to grow
    requests: int = 0  # of a run, where its seconds are a guess alone

    @property
    def payload_bytes(self):
        return KEY_BYTES + self.value_bytes


class Plan(NamedTuple):
    rounds: int
    steps: tuple
    counted_requests: int  # 0: hit ratios are not counted


# What decides something, and is measured of the least, too: workloads, and with how many threads at most.
DECIDING = {"hits-uniform": 2, "hits-zipf": 2, "many-16-uniform": 1, "mix-95-5": 4, "mix-50-50": 4, "hot-key": 2,
            "hot-key-written": 2, "insert": 2, "evict-99": 2, "evict-80": 2, "latency": 2}


def takes_part(peer, cell):
    """Whether it is measured, if it is one of the least; that with gyre's instructions in hits and mixes alone."""
    return peer not in LIMITS or (cell.threads <= DECIDING.get(cell.workload, 0) and cell.step != KIBIBYTE
                                  and (peer != SAME or cell.step in (HITS, BIG)))


def cells(step, names, threads, seconds):
    return [(Cell(step, name, n), seconds) for name in names for n in threads]


def hits_cells(several, seconds, quick):
    found = cells(HITS, ["two-lines"], [1, 2], seconds)
    found += cells(HITS, ["two-lines-busy", "two-lines-overlapped", "dependent-load"], [1], seconds)
    found += cells(HITS, ["to-and-fro"], [2], seconds / 4)
    found += cells(HITS, ["hits-uniform", "hits-zipf"], [1, 2] if quick else several, seconds)
    found += cells(HITS, [f"many-{n}-uniform" for n in ((16,) if quick else BATCHES)], [1], seconds)
    found += cells(HITS, ["mix-95-5", "mix-50-50"], [2, 4] if quick else several, seconds)
    found += cells(HITS, ["hot-key"], [1, 2], seconds)
    found += cells(HITS, ["hot-key-written"], [2], seconds)
    if not quick:
        found += cells(HITS, ["hits-uniform-copied", "hits-zipf-copied"], [1, 2], seconds)
    return found


def plan(processors, quick):
    several = [1, 2, 4, 8] + ([16] if processors >= 16 else [])
    some, seconds = ([2], 0.2) if quick else ([1, 2], 0.4)
    reads = ["hits-uniform", "hits-zipf"]
    if not quick:
        reads += ["hits-uniform-copied", "hits-zipf-copied"]
    steps = [Step(HITS, "resident", 64, MILLION, hits_cells(several, seconds, quick), touch=0.05),
             Step(BIG, "resident", 6144, MILLION // 10, cells(BIG, reads, some, seconds), touch=0.05)]
    if not quick:
        steps += [Step(KIBIBYTE, "resident", 1024, MILLION // 4, cells(KIBIBYTE, reads, some, seconds), touch=0.05),
                  Step(DELETES, "resident", 64, MILLION, cells(DELETES, ["delete"], some, seconds), touch=0.05),
                  Step(EXPIRY, "expiring", 64, MILLION, cells(EXPIRY, ["expiry"], some, seconds), touch=0.05)]
    steps += [Step(INSERT, "growing", 64, MILLION, cells(INSERT, ["insert"], some, seconds) + cells(INSERT, ["to-and-fro"], [2], seconds / 4),
                   warm=2 * MILLION),
              Step(INSERT_KIBIBYTE, "growing", 1024, MILLION // 4,
                   cells(INSERT_KIBIBYTE, ["insert", "copy-1k"], some, seconds), warm=MILLION // 2)]
    steps += [Step(EVICTING[theta], "evicting", 64, MILLION, cells(EVICTING[theta], [EVICT[theta]], some, 2 * seconds),
                   warm=(4 if quick else 20) * MILLION, equal_bytes=True) for theta in EVICTING]
    steps.append(Step(LATENCY, "evicting", 64, MILLION, cells(LATENCY, ["latency"], [2], 4), fresh=True,
                      requests=12 * MILLION))  # full after a third of them
    return Plan(QUICK_ROUNDS if quick else ROUNDS, tuple(steps), 0 if quick else COUNTED_REQUESTS)
