#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""docs/benchmarks.md and its pictures, of the results of `make peers`: without measuring anew, when it is called by
itself."""

import argparse
import json
import pathlib
import re
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "report"))
import charts
import judge
import machine
import plan
import tables
from results import LIMITS, MACHINE, YARDSTICKS, Results
from table import as_markdown

HERE = pathlib.Path(__file__).resolve().parent
ABSENT = "*Not measured.*"
PLACE = re.compile(r"@([^@\n]+)@")


def versions(results):
    commit = results.whole["machine"]["commit"]
    found = [f"{about['version']}{f' ({commit})' if name.startswith('gyre') and commit else ''}"
             for name, about in results.whole["peers"].items() if not name.startswith("in_house") and name not in (*YARDSTICKS, *LIMITS, MACHINE)]
    return ", ".join(dict.fromkeys(found))


def compilers(results):
    return ", ".join(sorted({f"gcc {about['compiler']}" if about["compiler"][0].isdigit() else about["compiler"]
                             for about in results.whole["peers"].values()}))


def short(results):
    rounds = results.whole["rounds"]
    return "" if rounds >= plan.ROUNDS else (f"\n**A short run** (`make peers QUICK=1`): of {rounds} rounds, which tell little of "
                                             "what differs by less than a third, and without what takes long.\n")


def parts(results):
    figures = judge.figures(results)
    reasons = judge.void(results, figures)
    found = {table.title: as_markdown(table, 3) for table in tables.of(results)}
    for name, of in (("figures", figures), ("yardsticks", judge.yardsticks(results))):
        found[name] = as_markdown(tables.figures_table(of, "")).split("\n\n", 1)[1]
    found.update({
        "void": "".join(f"\n**This run is void**: {reason}.\n" for reason in reasons) + short(results),
        "machine": machine.words(results.whole["machine"]),
        "versions": versions(results),
        "compiler": compilers(results),
        "rounds": str(results.whole["rounds"]),
        "counted": str(max((one["requests"] for one in results.whole["counted"]), default=0) // plan.MILLION),
    })
    return found


def write(docs, results):
    known = parts(results)
    text = (HERE / "benchmarks.md.in").read_text()
    (docs / "benchmarks.md").write_text(PLACE.sub(lambda place: known.get(place.group(1), ABSENT), text))
    images = docs / "images"
    charts.hits(images / "peers-hits.svg", results)
    charts.scaling(images / "peers-threads.svg", results)
    charts.evicting(images / "peers-evicting.svg", results)
    charts.latency(images / "peers-latency.svg", results)


def main():
    root = HERE.parents[1]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--from", dest="results", type=pathlib.Path, default=root / "build/peers.json")
    parser.add_argument("--docs", type=pathlib.Path, default=root / "docs", help="where the page is")
    asked = parser.parse_args()
    write(asked.docs, Results(json.loads(asked.results.read_text())))


if __name__ == "__main__":
    main()
