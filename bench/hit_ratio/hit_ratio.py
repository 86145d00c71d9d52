#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""gyre's hit ratio at all points of bench/traces/reference.csv, beside the reference.

Exit status: 0; 1 when a figure is not what it must be; 2 when there is no result."""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "report"))
import data
import judge
import lru
import own
import page
import replays
import tables
from table import as_text

ROOT = pathlib.Path(__file__).resolve().parents[2]
SEEDS = 1, 2, 3
SIZED_SEEDS = 32  # with sizes, where bytes missed are compared with an exact LRU's to a ten-thousandth
THREADS = 2, 4
THREADS_AT = "0.01", "0.1", "0.4"
THREAD_SEEDS = 8, 16, 32, 64, 128  # as many as tell what threads do from what the seed does
THREAD_ERROR = 0.0012  # two standard errors


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gyre", type=pathlib.Path, default=ROOT / "build/release/gyre", help="the program")
    parser.add_argument("--quick", action="store_true", help="one seed; the page in docs/ stays as it is")
    parser.add_argument("traces", nargs="*", metavar="TRACE", help="replay these instead, beside an LRU")
    return parser.parse_args()


def several_threads(point):
    return point.trace.real and not point.sized and point.share in THREADS_AT


def measure_threads(gyre, points, quick):
    """With more and more seeds at the points where the differences may still be chance; or with one."""
    found, open_points, results = {}, points, {}
    for n_seeds in (1,) if quick else THREAD_SEEDS:
        runs = [replays.Run(point, seed, n) for point in open_points for seed in range(1, n_seeds + 1)
                for n in (1, *THREADS)]
        found.update(replays.make_all(gyre, [run for run in runs if run not in found]))
        for point in open_points:
            results[point] = judge.threads(point, {n: [found[replays.Run(point, seed, n)].misses
                                                       for seed in range(1, n_seeds + 1)] for n in (1, *THREADS)})
        open_points = [point for point in open_points
                       if max(error for _, error in results[point].several.values()) > THREAD_ERROR]
    return [results[point] for point in points]


def measure(gyre, seeds):
    points = data.points()
    for trace in data.traces().values():
        data.records(trace)
    of = {point: range(1, SIZED_SEEDS + 1) if point.sized and len(seeds) > 1 else seeds for point in points}
    found = replays.make_all(gyre, [replays.Run(point, seed, 1) for point in points for seed in of[point]])
    unit, sized = [], []
    for point in points:
        one = replays.measured(found, point, 1, of[point])
        if point.sized:
            sized.append(judge.Sized(one, lru.byte_miss_ratio(point, data.records(point.trace))))
        else:
            unit.append(one)
    return unit, sized, measure_threads(gyre, list(filter(several_threads, points)), len(seeds) == 1)


def write_json(path, seeds, measured, figures):
    unit, sized, threads = measured
    whole = {
        "seeds": seeds,
        "figures": {figure.key: {"value": figure.value, "must": figure.must, "aim": figure.aim, "met": figure.met,
                                 "where": figure.where} for figure in figures},
        "points": [{"trace": one.point.trace.name, "share": float(one.point.share), "entries": one.point.size,
                    "gyre": one.misses, "spread": one.spread, "regret": one.regret, **one.point.reference}
                   for one in unit],
        "sized": [{"trace": one.gyre.point.trace.name, "share": float(one.gyre.point.share),
                   "bytes": one.gyre.point.size, "gyre": one.gyre.misses, "gyre_bytes": one.gyre.byte_misses,
                   "lru_bytes": one.lru_bytes, **one.gyre.point.reference} for one in sized],
        "threads": [{"trace": one.point.trace.name, "share": float(one.point.share), "entries": one.point.size,
                     "seeds": one.seeds, "1": one.one, **{str(n): ratio for n, (ratio, _) in one.several.items()},
                     **{f"error_{n}": error for n, (_, error) in one.several.items()}} for one in threads],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n")


def print_result(figures, seeds, spread):
    """Everything on one line, for programs."""
    values = " ".join(f"{figure.key}={figure.value:.6f}" for figure in figures)
    missed = ",".join(figure.key for figure in judge.missed(figures)) or "none"
    print(f"RESULT hit-ratio points={data.UNIT_POINTS} seeds={len(seeds)} spread={spread:.6f} {values} missed={missed}")


def main():
    arguments = parse()
    if arguments.traces:
        own.show(arguments.gyre, arguments.traces)
        return 0
    seeds = SEEDS[:1] if arguments.quick else SEEDS
    unit, sized, threads = measured = measure(arguments.gyre, seeds)
    summaries = judge.summaries(unit)
    figures = judge.figures(summaries[0], sized, threads)
    spread, spread_at = judge.largest((one.spread, one.point.name) for one in unit)
    shown = [tables.points_table(unit), tables.sized_table(sized), tables.threads_table(threads),
             tables.algorithms_table(summaries), tables.figures_table(figures)]
    print("\n\n".join(map(as_text, shown)), end="\n\n")
    if not arguments.quick:
        print(f"largest spread between {len(seeds)} seeds: {spread:.4f}, {spread_at}")
        page.write(ROOT / "docs", shown, measured, summaries, figures, (len(seeds), SIZED_SEEDS, spread, spread_at))
    write_json(ROOT / "build/hit-ratio.json", seeds, measured, figures)
    for figure in judge.missed(figures):
        print(f"MISSED: {figure.title}: {figure.value:.4f}, must be {'<' if figure.below else '<='} {figure.must:g}")
    print_result(figures, seeds, spread)
    return 1 if judge.missed(figures) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except data.Wrong as wrong:
        print(f"hit_ratio: {wrong}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
