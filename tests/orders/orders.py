#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Makes each access that is not relaxed relaxed, one after the other, in the explorer, and compares what it
finds with docs/ordering.md: what its table says the explorer shows must be caught, and what it says is not
needed must not be. What it says must be seq_cst is tried as acquire and release, too. SCALE=n looks n times as
long at what is not needed, SEED=n begins elsewhere, ONLY=text takes the accesses whose names contain it."""

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import accesses
import table

EXPLORE = pathlib.Path(__file__).resolve().parents[2] / "build" / "explore" / "explore"
BATCH = 256            # schedules that the explorer does of one scenario before it goes on to the next
ROUNDS = 2
SCENARIOS = 8          # of those that reach an access most often
CAUGHT_WITHIN = 200000 # schedules for what must be caught
SCALE = max(1, int(os.environ.get("SCALE", "1")))
SEED = os.environ.get("SEED", "1")


def explore(*options):
    run = subprocess.run([EXPLORE, *options, "--seed", SEED], capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        sys.exit(f"explore {' '.join(options)}: {run.stdout}{run.stderr}")
    return run.stdout


def reached_by(scenario):
    text = explore("--scenario", scenario, "--schedules", "400", "--sites")
    return {m.group(1): int(m.group(2)) for m in re.finditer(r"^([a-z_]+\.[ch]:\d+:\w+) (\d+)$", text, re.M)
            if int(m.group(2)) > 0}


def place(access):
    return f"{access.file}:{access.first_line}:{access.site}"


def look(scenarios, mode, schedules, places):
    text = explore("--scenario", ",".join(scenarios), "--mode", mode, "--schedules", str(schedules), "--weaken",
                   ",".join(places))
    if not (match := re.search(r"^VIOLATION scenario=(\S+) .*? schedule=(\d+): (.*)$", text, re.M)):
        return None
    return f"{match.group(1)} {mode}, schedule {match.group(2)}: {match.group(3)[:50]}"


def try_one(row, by_name, reach):
    """What happens when it is relaxed: (was it possible, what was found)."""
    names = [row.name] + ([row.together] if row.together else [])
    places = [place(by_name[name]) for name in names]
    if row.scenario:
        found = look([row.scenario], row.mode, CAUGHT_WITHIN, places)
        if found and row.acq_rel:
            also = look([row.acq_rel], "relaxed", CAUGHT_WITHIN, [places[0] + ":acq_rel"])
            found = also and f"{found}; as acq_rel: {also}"
        return True, found
    often = sorted((s for s in reach if places[0] in reach[s]), key=lambda s: -reach[s][places[0]])[:SCENARIOS]
    if not often:
        return False, None
    modes = ["relaxed"] + (["tso"] if by_name[row.name].operation in ("gy_store_seq", "gy_fence_seq") else [])
    for mode in modes:
        if found := look(often, mode, BATCH * ROUNDS * len(often) * SCALE, places):
            return True, found
    return True, None


def main():
    by_name = {a.name: a for a in accesses.all_accesses() if not a.relaxed}
    rows = [r for r in table.rows() if os.environ.get("ONLY", "") in r.name and r.name in by_name]
    if disagreements := list(table.disagreements()):
        sys.exit("\n".join(disagreements))
    scenarios = [line.split()[0] for line in explore("--list").splitlines()]
    failed = weakened = caught = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        reach = dict(zip(scenarios, pool.map(reached_by, scenarios)))
        for row, (possible, found) in zip(rows, pool.map(lambda r: try_one(r, by_name, reach), rows)):
            weakened += possible
            caught += found is not None
            wrong = (row.scenario and not found) or (row.not_needed and found)
            failed += bool(wrong)
            says = found or ("NOT CAUGHT" if row.scenario else row.shown[:60])
            reached = "" if possible else " (not reached)"
            print(f"{'WRONG ' if wrong else ''}{row.name:<82} {says}{reached}", flush=True)
    print(f"seed {SEED}; {failed} rows of docs/ordering.md are wrong" if failed else f"seed {SEED}")
    print(f"RESULT orders accesses={len(rows)} weakened={weakened} caught={caught} argued={len(rows) - caught}")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
