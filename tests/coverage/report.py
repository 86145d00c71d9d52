#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

"""Line and branch coverage of src/ from what gcov kept in a build folder: report.py build/cover [-v | -s]

A line counts when gcc made code for it, and is covered when that code ran in any program. A branch is
one way out of a conditional jump, as gcov counts them at -O0; it is covered when it was taken in any
program. A function in a header is compiled into many objects: its lines and branches are added up over
them. Nothing is excluded. Lines that did not run must stand in docs/coverage.md, and only those.

-v names each branch that was not taken. -s prints the shares alone and compares nothing."""

import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

LINES_GOAL, BRANCHES_GOAL = 99.0, 95.0
LISTED = re.compile(r"^\* `(src/[^`]+)` `(\w+)` `([^`]+)` (never|sometimes): \S")


class Source:
    """What is known of one file of src/."""

    def __init__(self, name):
        self.name = name
        self.lines = defaultdict(int)  # line: times
        self.branches = {}  # line: [times of each way out]
        self.functions = {}  # first line: (last line, name)
        with open(name, encoding="utf-8") as f:
            self.text = [line.strip() for line in f]

    def add(self, found):
        for function in found["functions"]:
            self.functions[function["start_line"]] = (function["end_line"], function["name"])
        for line in found["lines"]:
            number = line["line_number"]
            self.lines[number] += line["count"]
        for number, counts in branches_by_line(found["lines"]).items():
            known = self.branches.setdefault(number, [0] * len(counts))
            if len(known) != len(counts):
                sys.exit(f"{self.name}:{number}: {len(counts)} branches in one object, {len(known)} in another")
            self.branches[number] = [a + b for a, b in zip(known, counts)]

    def function_of(self, number):
        return next((name for first, (last, name) in self.functions.items() if first <= number <= last), "?")

    def uncovered(self):
        return [n for n in sorted(self.lines) if self.lines[n] == 0]

    def half_covered(self):
        """Lines that ran, with the numbers of the branches that were not taken."""
        missing = {n: [i for i, times in enumerate(b) if times == 0] for n, b in sorted(self.branches.items())}
        return {n: m for n, m in missing.items() if m and self.lines[n] > 0}

    def totals(self):
        branches = [times for counts in self.branches.values() for times in counts]
        return (len(self.lines), sum(times > 0 for times in self.lines.values()),
                len(branches), sum(times > 0 for times in branches))


def branches_by_line(lines):
    found = defaultdict(list)
    for line in lines:
        found[line["line_number"]] += [branch["count"] for branch in line["branches"]]
    return {number: counts for number, counts in found.items() if counts}


def measure(folder):
    """Every object counts, also one that no program has run: its lines are uncovered."""
    root, sources = os.getcwd(), {}
    notes = [os.path.join(where, name) for where, _, names in os.walk(folder) for name in names
             if name.endswith(".gcno")]
    if not notes:
        sys.exit(f"{folder}: nothing was compiled for coverage")
    for at in range(0, len(notes), 16):
        gcov = subprocess.run(["gcov", "--branch-probabilities", "--json-format", "--stdout", *notes[at:at + 16]],
                              capture_output=True, text=True, check=False)
        if "mismatch" in gcov.stderr:
            sys.exit(f"compiled anew since it ran:\n{gcov.stderr}")
        for document in gcov.stdout.splitlines():
            for found in json.loads(document)["files"] if document.strip() else []:
                name = os.path.relpath(os.path.join(root, found["file"]), root)
                if name.startswith("src/"):
                    sources.setdefault(name, Source(name)).add(found)
    return [sources[name] for name in sorted(sources)]


def read_list(path):
    """How often each line may be missing: at most so often, and at least as often as it never runs."""
    most, least = Counter(), Counter()
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            match = LISTED.match(line)
            if match:
                most[match.group(1, 2, 3)] += 1
                least[match.group(1, 2, 3)] += match.group(4) == "never"
            elif line.startswith("* `src/"):
                sys.exit(f"{path}:{number}: not of the form * `file` `function` `line` never: reason")
    return most, least


def compare(sources, most, least):
    """Complaints about the list and the measurement."""
    missing, there = Counter(), set()
    for source in sources:
        for n, times in source.lines.items():
            key = (source.name, source.function_of(n), source.text[n - 1])
            there.add(key)
            missing[key] += times == 0
    complaints = []
    for key in sorted(there | set(most)):
        where = f"{key[0]}: {key[1]}: {key[2]}"
        if key not in there:
            complaints.append(f"listed, but there is no such line: {where}")
        elif missing[key] > most[key]:
            complaints.append(f"not run {missing[key]} times, listed {most[key]} times: {where}")
        elif missing[key] < least[key]:
            complaints.append(f"listed as never run, but it ran: {where}")
    return complaints


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


def print_table(sources, sums):
    print(f"{'file':<24}{'lines':>7}{'run':>7}{'%':>7}{'branches':>10}{'taken':>7}{'%':>7}")
    for name, (lines, run, branches, taken) in [(s.name, s.totals()) for s in sources] + [("all", sums)]:
        print(f"{name:<24}{lines:>7}{run:>7}{share(run, lines):>7.1f}{branches:>10}{taken:>7}"
              f"{share(taken, branches):>7.1f}")


def print_branches(sources):
    for source in sources:
        for n, ways in source.half_covered().items():
            print(f"{source.name}:{n}: {source.function_of(n)}: of {len(source.branches[n])} branches "
                  f"{ways} not taken: {source.text[n - 1]}")


def main():
    folder, how = sys.argv[1], sys.argv[2:]
    sources = measure(folder)
    sums = [sum(column) for column in zip(*(source.totals() for source in sources))]
    lines, branches = share(sums[1], sums[0]), share(sums[3], sums[2])
    shares = f"lines={lines:.2f} branches={branches:.2f}"
    if "-s" in how:
        print(shares)
        return 0
    print_table(sources, sums)
    if "-v" in how:
        print_branches(sources)
    for source in sources:
        for n in source.uncovered():
            print(f"not run: {source.name}:{n}: {source.function_of(n)}: {source.text[n - 1]}")
    complaints = compare(sources, *read_list("docs/coverage.md"))
    for complaint in complaints:
        print(complaint)
    print(f"RESULT coverage {shares} uncovered_lines={sums[0] - sums[1]}")
    return int(lines < LINES_GOAL or branches < BRANCHES_GOAL or bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
