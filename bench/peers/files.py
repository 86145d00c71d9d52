#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""gyre in a file, which is in the page cache, beside gyre in private memory, LMDB and SQLite; in turns, as make peers.

Exit status: 0; 1 when a figure is not what it must be; 2 when the run is void, or there is no result."""

import os
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

PRIVATE, FILE, HUGE = "gyre_plain", "gyre_file", "gyre"
OTHERS = "lmdb", "lmdb_batch", "sqlite"
PEERS = PRIVATE, FILE, "gyre_file_bare", HUGE, *OTHERS
KEPT, NEW = "kept", "new keys"
READS = {"hits-uniform": "hits, uniform", "hits-zipf": "hits, zipf 0.99"}
WRITES = {"mix-95-5": "95/5", "overwrite": "overwrites"}
INSERT = {"insert": "new keys"}
NAMES = READS | WRITES | INSERT
NUMBERS = 1, 2
MUST = 0.85


def plan(quick):
    seconds = 0.2 if quick else 0.5
    entries = plans.MILLION // 5 if quick else plans.MILLION
    return Plan(2 if quick else plans.ROUNDS,
                (Step(KEPT, "resident", 64, entries, tuple(plans.cells(KEPT, READS | WRITES, NUMBERS, seconds)), touch=0.05),
                 Step(NEW, "growing", 64, entries, tuple(plans.cells(NEW, INSERT, NUMBERS, seconds)), warm=2 * entries)), 0)


def place(cell):
    return f"{NAMES[cell.workload]}, {cell.threads}"


def by_private(results, step, workloads):
    return [(middle(results.ratio(cell, FILE, PRIVATE)), place(cell)) for cell in judge.grid(step, workloads, NUMBERS)]


def figures(results):
    return [
        worst(Must("reads", "hits: rate by that of private memory", "≥", MUST), by_private(results, KEPT, READS)),
        worst(Must("mixed", "95/5: rate by that of private memory", "≥", MUST), by_private(results, KEPT, ["mix-95-5"])),
        worst(Must("writes", "overwrites: rate by that of private memory", "≥", MUST), by_private(results, KEPT, ["overwrite"])),
        worst(Must("new", "new keys: rate by that of private memory", "≥", MUST), by_private(results, NEW, INSERT)),
    ]


def void(results, judged):
    found = judge.faults(results)
    for step, workload in ((KEPT, "hits-uniform"), (NEW, "insert")):
        found += [f"a peer was not measured: {peer}: {workload}" for peer in PEERS
                  if not results.has(Cell(step, workload, 1), peer)]
    return found + [f"not measured: {figure.must.title}" for figure in judged if figure.value is None]


def table(results, name, cells):
    """Rates: of private memory in millions a second, the others' by these."""
    rows = [[tables.title(PRIVATE) + ", M/s", *(tables.million(results, cell, PRIVATE) for cell in cells)]]
    rows += [[tables.title(peer), *(tables.spread(results.ratio(cell, peer, PRIVATE), 3 if peer in OTHERS else 2) for cell in cells)]
             for peer in PEERS[1:]]
    return Table(name, ["<", *map(place, cells)], rows)


def shown(results):
    return [table(results, "Reads", judge.grid(KEPT, READS, NUMBERS)),
            table(results, "Writes", [*judge.grid(KEPT, WRITES, NUMBERS), *judge.grid(NEW, INSERT, NUMBERS)])]


def draw(images, results):
    columns = []
    for cell in (*judge.grid(KEPT, READS | WRITES, [1]), *judge.grid(NEW, INSERT, [1])):
        values = {peer: results.ratio(cell, peer, PRIVATE) for peer in PEERS if results.has(cell, peer)}
        columns.append(charts.Bars(place(cell), values, lambda value: f"{value:.2f}"))
    charts.bars(images / "bench-files.svg", "A cache in a file: entries of 64 bytes, one thread",
                "Rate by that of gyre in private memory, in the same round: median, and from the least to the most.",
                list(PEERS), [columns[:3], columns[3:]], one_scale=True)


def known(results):
    return {"folder": results.whole["folder"]}


THIS = Comparison("bench-files", PEERS, "files.md.in", "benchmarks-files.md", plan, figures, void, shown, draw, known)


def main(arguments=None):
    parser = comparison.parser(THIS, __doc__)
    parser.add_argument("--dir", type=pathlib.Path, default=pathlib.Path("/dev/shm"), help="where files are made")
    asked = parser.parse_args(arguments)
    os.environ["PEERS_DIR"] = str(asked.dir.resolve())
    return comparison.run(THIS, asked, folder=os.environ["PEERS_DIR"])


if __name__ == "__main__":
    comparison.ended(main)
