# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""A run with a page of its own: programs take turns, figures are judged, a page is written of its template.

Exit status: 0; 1 when a figure is not what it must be; 2 when the run is void, or there is no result."""

import argparse
import json
import pathlib
import sys
from typing import Callable, NamedTuple

import judge
import machine
import measure
import page
import tables
from results import Results
from table import Table, as_markdown, as_text

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def nothing(results):
    return {}


def no_yardsticks(results):
    return []


class Comparison(NamedTuple):
    name: str  # of the target, and of its results in build/
    peers: tuple
    template: str
    page: str
    plan: Callable  # of whether it is a quick one
    figures: Callable  # the rest: of the results
    void: Callable  # and of the figures: sentences
    shown: Callable  # tables
    draw: Callable  # of the folder docs/images, too
    known: Callable = nothing  # what the template has beside what all have
    yardsticks: Callable = no_yardsticks


def figures_table(judged):
    rows = [[one.must.title, tables.number(one, one.value), f"{one.must.sign} {one.must.must:g}", one.verdict, one.where]
            for one in judged]
    return Table("What it must reach", ["<figure", "measured", "must", "<result", "<where it is worst"], rows)


def write_page(of, docs, results):
    judged = of.figures(results)
    known = {table.title: as_markdown(table, 2).split("\n\n", 1)[1] for table in of.shown(results)}
    known.update({
        "figures": as_markdown(figures_table(judged)).split("\n\n", 1)[1],
        "void": "".join(f"\n**This run is void**: {reason}.\n" for reason in of.void(results, judged)),
        "machine": machine.words(results.whole["machine"]),
        "versions": page.versions(results),
        "compiler": page.compilers(results),
        "rounds": str(results.whole["rounds"]),
        **of.known(results),
    })
    text = (HERE / of.template).read_text()
    (docs / of.page).write_text(page.PLACE.sub(lambda at: known.get(at.group(1), page.ABSENT), text))
    of.draw(docs / "images", results)


def show(of, results):
    """Prints everything; the exit status."""
    judged = of.figures(results)
    reasons, missed = of.void(results, judged), judge.missed(judged)
    printed = [*of.shown(results), figures_table([*judged, *of.yardsticks(results)])]
    print("\n\n".join(map(as_text, printed)), end="\n\n")
    for figure in missed:
        print(f"MISSED: {figure.must.title}: {figure.value:.3f}, must be {figure.must.sign} {figure.must.must:g} ({figure.where})")
    for reason in reasons:
        print(f"VOID: {reason}")
    values = " ".join(f"{figure.must.key}={figure.value:.4f}" for figure in judged if figure.value is not None)
    names = ",".join(figure.must.key for figure in missed) or "none"
    print(f"RESULT {of.name} rounds={results.whole['rounds']} {values} missed={names} void={'yes' if reasons else 'no'}")
    return 2 if reasons else 1 if missed else 0


def measured(of, asked, about):
    """All that was measured, for build/NAME.json; and what else is to be known of it."""
    made = of.plan(asked.quick)
    bench = measure.Bench({name: asked.programs / f"peer-{name}" for name in of.peers}, made)
    whole = {"quick": asked.quick, "rounds": made.rounds, "machine": machine.describe(ROOT), "peers": bench.peers,
             "runs": bench.runs, "opened": bench.opened, "failures": bench.failures, "counted": [], "instructions": None,
             **about}
    asked.out.parent.mkdir(exist_ok=True)
    bench.measure(lambda: asked.out.write_text(json.dumps(whole, indent=1) + "\n"))
    return whole


def parser(of, words):
    made = argparse.ArgumentParser(description=words.splitlines()[0])
    made.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bench/peers")
    made.add_argument("--out", type=pathlib.Path, default=ROOT / f"build/{of.name}.json", help="the results")
    made.add_argument("--docs", type=pathlib.Path, default=ROOT / "docs", help="where the page is")
    made.add_argument("--quick", action="store_true", help="fewer and shorter; the page in docs/ stays as it is")
    made.add_argument("--page", action="store_true", help="measures nothing: the page of the last results")
    return made


def run(of, asked, **about):
    whole = json.loads(asked.out.read_text()) if asked.page else measured(of, asked, about)
    results = Results(whole)
    status = show(of, results)
    if not asked.quick and status != 2:
        write_page(of, asked.docs, results)
    return status


def ended(main):
    """The exit status of a program."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
