#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""gyre beside its peers: the programs build/release/bench/peers/peer-NAME, in turns.

Exit status: 0; 1 when a figure is not what it must be; 2 when the run is void, or there is no result."""

import argparse
import json
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "report"))
import counting
import instructions
import judge
import machine
import measure
import page
import plan as plans
import programs
import tables
from results import CACHES, LIMITS, MACHINE, PEERS, Results
from table import as_text

ROOT = pathlib.Path(__file__).resolve().parents[2]


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bench/peers")
    parser.add_argument("--paths", type=pathlib.Path, default=ROOT / "build/release/bench/counts/paths",
                        help="the program whose instructions are counted")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/peers.json", help="the results")
    parser.add_argument("--docs", type=pathlib.Path, default=ROOT / "docs", help="where the page is")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter; the page in docs/ stays as it is")
    return parser.parse_args(arguments)


def measured(paths, plan, asked):
    """All that was measured, for build/peers.json, which has after each step what there is."""
    bench = measure.Bench(paths, plan)
    whole = {"quick": asked.quick, "rounds": plan.rounds, "machine": machine.describe(ROOT), "peers": bench.peers,
             "runs": bench.runs, "opened": bench.opened, "failures": bench.failures, "counted": [],
             "instructions": None}

    def save():
        asked.out.write_text(json.dumps(whole, indent=1) + "\n")

    asked.out.parent.mkdir(exist_ok=True)
    bench.measure(save)
    if plan.counted_requests:
        caches = {name: paths[name] for name in ("gyre", *CACHES) if name in bench.peers}
        whole["counted"], failures = counting.count_all(caches, plan.counted_requests, bench.progress)
        whole["failures"] += failures
    try:
        whole["instructions"] = instructions.of_a_get(asked.paths)
    except programs.Failed as failed:
        whole["failures"].append(str(failed))
    save()
    return whole


def show(results):
    """Prints everything; the exit status."""
    figures = judge.figures(results)
    reasons, missed = judge.void(results, figures), judge.missed(figures)
    shown = [*tables.of(results), tables.figures_table(judge.yardsticks(results), "Yardsticks"),
             tables.figures_table(figures, "What it must reach")]
    print("\n\n".join(map(as_text, shown)), end="\n\n")
    for figure in missed:
        print(f"{figure.verdict}: {figure.must.title}: {figure.value:.3f}, must be {figure.must.sign} "
              f"{figure.must.must:g}"
              f"{'' if figure.limit is None else f', the limit here is {figure.limit:.3f}'}"
              f"{f' ({figure.where})' if figure.where else ''}")
    for reason in reasons:
        print(f"VOID: {reason}")
    values = " ".join(f"{figure.must.key}={figure.value:.4f}" for figure in figures if figure.value is not None)
    names = ",".join(figure.must.key for figure in missed) or "none"
    print(f"RESULT peers rounds={results.whole['rounds']} {values} missed={names} void={'yes' if reasons else 'no'}")
    return 2 if reasons else 1 if missed else 0


def main(arguments=None):
    asked = parse(arguments)
    paths = {name: asked.programs / f"peer-{name}" for name in (*PEERS, *LIMITS, MACHINE)}
    plan = plans.plan(len(os.sched_getaffinity(0)), asked.quick)
    results = Results(measured(paths, plan, asked))
    status = show(results)
    if not asked.quick and status != 2:
        page.write(asked.docs, results)
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
