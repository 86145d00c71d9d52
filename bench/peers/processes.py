#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""gyre shared by processes beside gyre in one process, and beside what else processes share; in turns, as make peers.

Exit status: 0; 1 when a figure is not what it must be; 2 when the run is void, or there is no result."""

import argparse
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.append(str(ROOT / "bench/report"))
import charts
import judge
import machine
import measure
import page
import plan as plans
import tables
from judge import Must, middle, worst
from plan import Plan, Step
from results import Cell, Results
from table import Table, as_markdown, as_text

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


def draw(path, results):
    columns = []
    for cell in judge.grid(HITS, WORKLOADS, [1, 2]):
        values = {peer: results.ratio(cell, peer, "gyre") for peer in PEERS if results.has(cell, peer)}
        columns.append(charts.Bars(place(cell), values, lambda value: f"{value:.2f}"))
    charts.bars(path, "Shared by processes: a million entries of 64 bytes",
                "Rate by that of gyre in one process, in the same round: median, and from the least to the most. Across: "
                "workload, and how many processes or threads.", list(PEERS), [columns[:3], columns[3:]], one_scale=True)


def write_page(docs, results):
    judged = figures(results)
    known = {table.title: as_markdown(table, 2).split("\n\n", 1)[1] for table in shown(results)}
    known.update({
        "figures": as_markdown(figures_table(judged)).split("\n\n", 1)[1],
        "yardstick": f"{yardstick(results).value:.2f}",
        "void": "".join(f"\n**This run is void**: {reason}.\n" for reason in void(results, judged)),
        "machine": machine.words(results.whole["machine"]),
        "versions": page.versions(results),
        "compiler": page.compilers(results),
        "rounds": str(results.whole["rounds"]),
    })
    text = (HERE / "processes.md.in").read_text()
    (docs / "benchmarks-processes.md").write_text(page.PLACE.sub(lambda at: known.get(at.group(1), page.ABSENT), text))
    draw(docs / "images/peers-processes.svg", results)


def figures_table(judged):
    rows = [[one.must.title, tables.number(one, one.value), f"{one.must.sign} {one.must.must:g}", one.verdict, one.where]
            for one in judged]
    return Table("What it must reach", ["<figure", "measured", "must", "<result", "<where it is worst"], rows)


def show(results):
    """Prints everything; the exit status."""
    judged = figures(results)
    reasons, missed = void(results, judged), judge.missed(judged)
    print("\n\n".join(map(as_text, [*shown(results), figures_table([*judged, yardstick(results)])])), end="\n\n")
    for figure in missed:
        print(f"MISSED: {figure.must.title}: {figure.value:.3f}, must be {figure.must.sign} {figure.must.must:g} ({figure.where})")
    for reason in reasons:
        print(f"VOID: {reason}")
    values = " ".join(f"{figure.must.key}={figure.value:.4f}" for figure in judged if figure.value is not None)
    names = ",".join(figure.must.key for figure in missed) or "none"
    print(f"RESULT peers-processes rounds={results.whole['rounds']} {values} missed={names} void={'yes' if reasons else 'no'}")
    return 2 if reasons else 1 if missed else 0


def measured(programs, out, quick):
    """All that was measured, for build/peers-processes.json."""
    made = plan(quick)
    bench = measure.Bench({name: programs / f"peer-{name}" for name in PEERS}, made)
    whole = {"quick": quick, "rounds": made.rounds, "machine": machine.describe(ROOT), "peers": bench.peers,
             "runs": bench.runs, "opened": bench.opened, "failures": bench.failures, "counted": [], "instructions": None}
    out.parent.mkdir(exist_ok=True)
    bench.measure(lambda: out.write_text(json.dumps(whole, indent=1) + "\n"))
    return whole


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bench/peers")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/peers-processes.json", help="the results")
    parser.add_argument("--docs", type=pathlib.Path, default=ROOT / "docs", help="where the page is")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter; the page in docs/ stays as it is")
    parser.add_argument("--page", action="store_true", help="measures nothing: the page of the last results")
    asked = parser.parse_args(arguments)
    whole = json.loads(asked.out.read_text()) if asked.page else measured(asked.programs, asked.out, asked.quick)
    results = Results(whole)
    status = show(results)
    if not asked.quick and status != 2:
        write_page(asked.docs, results)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
