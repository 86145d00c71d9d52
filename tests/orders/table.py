#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The tables of docs/ordering.md. Run alone it says where they and the code disagree."""

import collections
import pathlib
import re
import sys
from typing import NamedTuple, Optional

sys.dont_write_bytecode = True
from accesses import all_accesses

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "ordering.md"
ACQ_REL = re.compile(r"; as acq_rel: (\S+)(?:;|$)")
EXPLORER = re.compile(r"explorer(?:, with `([^`]+)`)?: (\S+) (relaxed|tso|sc)\b")
LEAST_TEXT = 10


class Row(NamedTuple):
    name: str
    line: int
    reason: str  # why it is needed, or not
    shown: str
    scenario: Optional[str]  # the explorer's, which catches it when it is relaxed
    mode: Optional[str]
    together: Optional[str]  # it takes this one to be relaxed, too
    acq_rel: Optional[str]  # the scenario that also shows, in mode relaxed, that it has to be seq_cst

    @property
    def not_needed(self):
        return self.shown.startswith("argued: not needed")


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def rows():
    """Of the accesses that are not relaxed."""
    found = []
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        match = re.match(r"\| `([a-z_]+\.[ch]:[a-z_0-9]+ [^`]+)` \|", line)
        if not match:
            continue
        _, orders, without, shown = (cells(line) + [""] * 4)[:4]
        how, also = EXPLORER.match(shown), ACQ_REL.search(shown)
        found.append(Row(match.group(1), number, orders + without, shown, how and how.group(2), how and how.group(3),
                         how and how.group(1), also and also.group(1)))
    return found


def relaxed_rows():
    """file:function, number of relaxed accesses, reason, line."""
    for number, line in enumerate(PAGE.read_text().splitlines(), 1):
        match = re.match(r"\| `([a-z_]+\.[ch]:[a-z_0-9]+)` \| (\d+) \| (.+) \|", line)
        if match:
            yield match.group(1), int(match.group(2)), match.group(3), number


def disagreements():
    accesses = all_accesses()
    ordered = {a.name for a in accesses if not a.relaxed}
    seen = set()
    for row in rows():
        at = f"docs/ordering.md:{row.line}: {row.name}"
        if row.name not in ordered:
            yield f"{at}: no such access"
        if row.name in seen:
            yield f"{at}: a second row"
        if not (row.scenario or row.shown.startswith("argued")):
            yield f"{at}: neither shown by the explorer nor argued"
        if row.scenario and len(row.reason) < LEAST_TEXT or row.shown in ("argued", "argued: not needed"):
            yield f"{at}: no reason"
        if row.together and row.together not in ordered:
            yield f"{at}: no access {row.together}"
        seen.add(row.name)
    for access in accesses:
        if not access.relaxed and access.name not in seen:
            yield f"docs/ordering.md lacks {access.name} ({access.file}:{access.first_line})"
    count = collections.Counter(f"{a.file}:{a.function}" for a in accesses if a.relaxed)
    for function, number, reason, line in relaxed_rows():
        if number != count.pop(function, 0):
            yield f"docs/ordering.md:{line}: {function} has another number of relaxed accesses, or has two rows"
        if len(reason) < LEAST_TEXT:
            yield f"docs/ordering.md:{line}: {function}: no reason"
    for function, number in count.items():
        yield f"docs/ordering.md lacks the relaxed accesses of {function} ({number})"


def main():
    found = list(disagreements())
    print("\n".join(found), end="\n" if found else "")
    accesses = all_accesses()
    relaxed = sum(a.relaxed for a in accesses)
    print(f"{len(accesses)} accesses, {relaxed} of them relaxed; {'FAILED' if found else 'OK'}")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
