#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What each public path of gyre costs, counted by valgrind, and whether it keeps to its budget.

Exit status: 0; 1 when a budget is exceeded; 2 when there is no result."""

import argparse
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
import budgets
import valgrind

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs/performance.md"
BEGIN, END = "<!-- make counts: begin -->\n", "<!-- make counts: end -->\n"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--paths", type=pathlib.Path, required=True, help="the program of paths.c")
    parser.add_argument("--compiler", default="gcc", help="what compiled the library")
    parser.add_argument("--quick", action="store_true", help="instructions and budgets alone; no page")
    parser.add_argument("--functions", action="store_true", help="which functions the instructions are of, too")
    return parser.parse_args()


def number(value, digits):
    return "" if value is None else f"{value:.{digits}f}"


def row(path, counts, budget):
    aim = f" (aim {budget.aim})" if budget and budget.aim else ""
    cells = [path, f"**{counts.instructions:.1f}**", f"{budget.instructions}{aim}" if budget else "",
             number(counts.locked, 2), number(counts.fences, 2), number(counts.branches, 1),
             number(counts.mispredicted, 2), number(counts.lines, 2)]
    return "| " + " | ".join(cells) + " |"


def table(results):
    head = ("| a call | instructions | budget | locked instructions | fences | conditional branches | mispredicted "
            "| cache lines of its own |")
    return "\n".join([head, "|---|" + "---:|" * 7,
                      *(row(path, counts, budgets.BUDGETS.get(path)) for path, counts in results.items())]) + "\n"


def functions(results):
    return "".join(f"{path}:\n" + "".join(f"    {times:8.1f}  {function}\n" for function, times in counts.functions.items()
                                          if times >= 1) for path, counts in results.items())


def compiler_line(compiler):
    return subprocess.run([compiler, "--version"], text=True, capture_output=True, check=True).stdout.splitlines()[0]


def write_page(text):
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(before + BEGIN + text + END + rest.split(END)[1])


def main():
    args = parse()
    results = valgrind.count(args.paths, simulate=not args.quick)
    text = table(results)
    print(text)
    if args.functions:
        print(functions(results))
    if not args.quick:
        write_page(f"\nCompiler: {compiler_line(args.compiler)}.\n\n{text}\n")
    if not budgets.hold(args.compiler):
        print(f"The budgets are those of gcc {budgets.COMPILER} on {budgets.MACHINE}: not judged here. OK")
        return 0
    for line in budgets.loose(results):
        print(f"to be lowered: {line}")
    missed = list(budgets.exceeded(results))
    for line in missed:
        print(f"over budget: {line}")
    print(f"{len(results)} paths: " + (f"{len(missed)} over budget" if missed else "all within their budgets. OK"))
    return 1 if missed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except valgrind.Failed as failed:
        print(f"counts: {failed}", file=sys.stderr)
        sys.exit(2)
