# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What a path may cost: a few percent above what it does. Who makes one cheaper lowers its budget."""

import math
import platform
import subprocess
import typing

COMPILER = "12"  # gcc's major version, with which the budgets were taken, at -O2
MACHINE = "x86_64"
MARGIN = 1.03


class Budget(typing.NamedTuple):
    instructions: int
    locked: float  # and fences
    aim: int | None = None  # instructions, in the end


BUDGETS = {
    "get and release, hit": Budget(128, 0, aim=130),
    "get and release, hit where misses are expected": Budget(182, 0),
    "get and release, first hit": Budget(133, 1.1),
    "get, miss": Budget(239, 0),
    "read, hit copied": Budget(171, 0),
    "get_many of 16 and releases, a key": Budget(154, 0),
    "put, new key": Budget(535, 5.3),
    "reserve and commit, new key": Budget(1300, 7.4),
    "get_or_lease and release, hit": Budget(223, 0),
    "get_or_lease and commit, new key": Budget(2775, 9.5),
    "put, overwrites": Budget(562, 4.3),
    "delete": Budget(455, 3.1),
    "touch": Budget(1186, 4.3),
    "put, evicts for max_entries": Budget(3060, 17.2),
    "put, evicts for bytes": Budget(2140, 11.2),
    "maintain, an entry swept": Budget(760, 2.9),
}


def hold(compiler):
    """Whether the budgets are this compiler's."""
    version = subprocess.run([compiler, "-dumpversion"], text=True, capture_output=True, check=False).stdout
    name = subprocess.run([compiler, "--version"], text=True, capture_output=True, check=False).stdout
    return version.split(".")[0].strip() == COMPILER and "Free Software" in name and platform.machine() == MACHINE


def exceeded(results):
    """A line each."""
    for path, budget in BUDGETS.items():
        if path not in results:
            yield f"{path}: it was not counted"
            continue
        counts = results[path]
        if counts.instructions > budget.instructions:
            yield f"{path}: {counts.instructions:.1f} instructions, the budget is {budget.instructions}"
        if counts.locked + counts.fences > budget.locked:
            yield f"{path}: {counts.locked + counts.fences:.2f} locked instructions and fences, the budget is {budget.locked}"
    for path in results:
        if path not in BUDGETS:
            yield f"{path}: it has no budget"


def loose(results):
    """Those that a path has left far behind."""
    for path, budget in BUDGETS.items():
        now = results[path].instructions if path in results else budget.instructions
        if now < 0.9 * budget.instructions:
            yield f"{path}: {now:.1f} instructions, the budget is {budget.instructions}; {math.ceil(now * MARGIN)} will do"
