#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""gyre shared by processes beside gyre in one process, and beside what else processes share; in turns, as make peers.

Exit status: 0; 1 when a figure is not what it must be; 2 when the run is void, or there is no result."""

import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "report"))
import charts
import comparison
import judge
import plan as plans
import tables
from comparison import Comparison
from judge import Must, middle, worst
from plan import Plan, Step
from results import Cell
from table import Table

SHARED = "gyre_shared"
OTHERS = "lmdb_shared", "in_house_shared"
PEERS = "gyre", SHARED, *OTHERS, "in_house"
HITS, EVICTING = "shared", "shared, evicting"
WORKLOADS = {"hits-uniform": "hits, uniform", "hits-zipf": "hits, zipf 0.99", "mix-95-5": "95/5"}
STOPPED = {"evict-99-stopped-view": "with a view", "evict-99-stopped-section": "in a put"}
NUMBERS = 1, 2, 8
PEACE = Cell(EVICTING, "evict-99", 2)


def plan(quick):
    seconds = 0.2 if quick else 0.5
    beside = [(Cell(EVICTING, workload, 2), 4 * seconds) for workload in (PEACE.workload, *STOPPED)]
    entries = plans.MILLION // 5 if quick else plans.MILLION
    return Plan(2 if quick else plans.ROUNDS,
                (Step(HITS, "resident", 64, entries, tuple(plans.cells(HITS, WORKLOADS, NUMBERS, seconds)), touch=0.05),
                 Step(EVICTING, "evicting", 64, entries, tuple(beside), warm=20 * entries)), 0)


def place(cell):
    return f"{WORKLOADS[cell.workload]}, {cell.threads}"


def beside_private(results, workloads):
    cells = judge.grid(HITS, workloads, [1, 2])
    return [(middle(results.ratio(cell, SHARED, "gyre")), place(cell)) for cell in cells]


def kept(results):
    cells = judge.grid(HITS, WORKLOADS, [8])
    return [(middle(results.ratio(cell, SHARED, SHARED, cell._replace(threads=2))), place(cell)) for cell in cells]


def hits_lost(results, cell):
    peace, beside = results.hit_ratio(PEACE, SHARED), results.hit_ratio(cell, SHARED)
    return None if peace is None or beside is None else peace - beside


def named(results, cell):
    """The share of the runs after which gyre_stats told who it was that had stopped."""
    runs = results.runs(cell, SHARED).values()
    return sum(run.get("stopped_named") is True for run in runs) / len(runs) if runs else None


def figures(results):
    cells = [(PEACE._replace(workload=workload), words) for workload, words in STOPPED.items()]
    return [
        worst(Must("hits", "hits, 1 and 2 processes: rate by that of as many threads of one", "≥", 0.9),
              beside_private(results, ["hits-uniform", "hits-zipf"])),
        worst(Must("mix", "95/5, 1 and 2 processes: rate by that of as many threads of one", "≥", 0.9),
              beside_private(results, ["mix-95-5"])),
        worst(Must("keep", "8 processes: rate by that of 2", "≥", 0.9), kept(results)),
        worst(Must("stopped_rate", "evicting, beside a stopped process: rate by that without", "≥", 0.8),
              [(middle(results.ratio(cell, SHARED, SHARED, PEACE)), words) for cell, words in cells]),
        worst(Must("stopped_hits", "evicting, beside a stopped process: hit ratio lost", "≤", 0.02),
              [(hits_lost(results, cell), words) for cell, words in cells]),
        worst(Must("stopped_named", "gyre_stats names the process and the thread: of the runs", "≥", 1),
              [(named(results, cell), words) for cell, words in cells]),
    ]


def yardstick(results):
    """What is beside gyre must be good itself."""
    cells = judge.grid(HITS, ["hits-uniform", "hits-zipf"], [1, 2])
    return worst(Must("in_house", "*in-house*, processes: hits: rate by that of as many threads of one", "≥", 0.8),
                 [(middle(results.ratio(cell, "in_house_shared", "in_house")), place(cell)) for cell in cells])


def void(results, judged):
    found = judge.faults(results)
    first = Cell(HITS, "hits-uniform", 1)
    found += [f"a peer was not measured: {peer}" for peer in PEERS if not results.has(first, peer)]
    found += [f"not measured: {figure.must.title}" for figure in judged if figure.value is None]
    good = yardstick(results)
    if not good.met:
        found.append(f"a yardstick is not good: {good.must.title} is {good.value:.2f} ({good.where})")
    return found


def stopped_table(results):
    rows = []
    for workload, words in {PEACE.workload: "nobody", **STOPPED}.items():
        cell = PEACE._replace(workload=workload)
        ratio = results.hit_ratio(cell, SHARED)
        rows.append([words, tables.million(results, cell, SHARED),
                     tables.spread(results.ratio(cell, SHARED, SHARED, PEACE)),
                     tables.NONE if ratio is None else f"{ratio:.4f}"])
    return Table("Evicting, 2 processes, and a third one that is stopped",
                 ["<stopped", "M/s", "by that of nobody", "hit ratio"], rows)


def shown(results):
    columns = [(place(cell), cell) for cell in judge.grid(HITS, WORKLOADS, NUMBERS)]
    return [tables.ratios(results, "Hits, and gets and puts of the same keys", columns, PEERS[1:]), stopped_table(results)]


def draw(images, results):
    columns = []
    for cell in judge.grid(HITS, WORKLOADS, [1, 2]):
        values = {peer: results.ratio(cell, peer, "gyre") for peer in PEERS if results.has(cell, peer)}
        columns.append(charts.Bars(place(cell), values, lambda value: f"{value:.2f}"))
    charts.bars(images / "peers-processes.svg", "Shared by processes: a million entries of 64 bytes",
                "Rate by that of gyre in one process, in the same round: median, and from the least to the most. Across: "
                "workload, and how many processes or threads.", list(PEERS), [columns[:3], columns[3:]], one_scale=True)


def known(results):
    return {"yardstick": f"{yardstick(results).value:.2f}"}


THIS = Comparison("peers-processes", PEERS, "processes.md.in", "benchmarks-processes.md", plan, figures, void, shown, draw, known,
                  lambda results: [yardstick(results)])


def main(arguments=None):
    return comparison.run(THIS, comparison.parser(THIS, __doc__).parse_args(arguments))


if __name__ == "__main__":
    comparison.ended(main)
