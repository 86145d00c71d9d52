# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The layers that may catch a mutant: what to build for each and what to run.

    unit NAME [WORD ...]      build/points/tests/test_NAME, of it the tests whose names hold a word
    release NAME [WORD ...]   the same in the build that is installed, for code that builds with points lack
    fuzz [TARGET]             the corpus of fuzz_TARGET, replayed; fuzz_ops unless given
    stress NAME [VAR=x ...]   build/points/stress/NAME; T=3 seconds and SEED=<the mutant's number> unless given
    contract                  the stranger's program
    explore ARGUMENT ...      the deterministic scheduler, seed 1, 40 seconds at most

Each is caught by its exit status, or because it does not end. Times are multiplied by SCALE.
"""

import os
import re
import shlex
import signal
import subprocess
import time

SCALE = float(os.environ.get("SCALE", "1"))
# One library with points serves most layers; Criterion would fork servers for each test.
POINTS = ["FLAVOR=points", "CPPFLAGS=-DGY_PLAIN_RUNNER", "TEST_RUNNER_LIBS=", "CFLAGS=-O2"]
RELEASE = ["FLAVOR=release", "CPPFLAGS=-DGY_PLAIN_RUNNER", "TEST_RUNNER_LIBS=", "CFLAGS=-O2"]
EXPLORE = ["FLAVOR=explore", "CFLAGS=-O1"]
REASON = re.compile(r"VIOLATION|check failed|FAIL|HANG|CRASH|assert|differs|wrong", re.IGNORECASE)


class Layer:
    def __init__(self, kind, args, number):
        self.kind, self.settings, self.flags, self.limit = kind, {}, POINTS, 20.0
        program, self.args = {
            "unit": lambda: (f"points/tests/test_{args[0]}", args[1:]),
            "release": lambda: (f"release/tests/test_{args[0]}", args[1:]),
            "fuzz": lambda: (f"points/fuzz/fuzz_{(args or ['ops'])[0]}", [f"fuzz/corpus/fuzz_{(args or ['ops'])[0]}"]),
            "stress": lambda: (f"points/stress/{args[0]}", []),
            "contract": lambda: ("points/contract", [str(max(1, int(SCALE)))]),
            "explore": lambda: ("explore/explore", args),
        }[kind]()
        self.target = "build/" + program
        if kind == "stress":
            given = dict(a.split("=", 1) for a in args[1:])
            seconds = float(given.get("T", 3)) * SCALE
            self.settings = {"SEED": str(number), **given, "T": f"{seconds:g}"}
            self.limit = seconds + 20
        elif kind == "explore":
            seconds = 40 * SCALE
            self.args = [*args, "--seed", "1", "--jobs", "1", "--seconds", f"{seconds:g}"]
            self.flags, self.limit = EXPLORE, seconds + 90
        elif kind == "release":
            self.flags = RELEASE
        elif kind == "contract":
            self.limit = 60 + 4 * SCALE

    def shorten(self):
        if self.kind == "explore":
            self.args[-1] = "2"

    @property
    def title(self):
        """The word in the table."""
        return f"{self.kind} {os.path.basename(self.target).removeprefix('test_')}" if self.kind in ("unit", "release", "stress") \
            else self.kind

    @property
    def command(self):
        """As a reader would type it."""
        settings = "".join(f"{name}={value} " for name, value in self.settings.items())
        return settings + shlex.join([self.target, *self.args])

    def build(self, tree):
        make(tree, self.flags, [self.target])

    def run(self, tree):
        """(caught, seconds, output)"""
        start = time.monotonic()
        status, output = call([os.path.abspath(tree / self.target), *self.args], tree, self.limit, self.settings)
        seconds = time.monotonic() - start
        if status is None:
            output += f"\nHANG: it did not end within {self.limit:g} seconds\n"
        elif status in (2, 126, 127) and self.kind == "explore":
            raise RuntimeError(f"{self.command}: status {status}\n{output}")
        return status != 0, seconds, output


def call(command, folder, limit=None, settings=None):
    """Status (None: it ran out of time) and output. All that it started has ended afterwards."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS", "N", "SEED", "T")}
    process = subprocess.Popen(command, cwd=folder, env={**environment, **(settings or {})}, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        output, _ = process.communicate(timeout=limit)
        status = process.returncode
    except subprocess.TimeoutExpired:
        status = None
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if status is None:
        output, _ = process.communicate()
    return status, output.decode(errors="replace")


def make(tree, flags, targets, jobs=1):
    status, output = call(["make", "--no-print-directory", f"-j{jobs}", *flags, *targets], tree)
    if status != 0:
        raise RuntimeError(f"make {shlex.join([*flags, *targets])} failed in {tree}\n{output}")


def reason(output):
    """The line that says what was wrong."""
    lines = output.strip().splitlines()
    return next((line for line in lines if REASON.search(line)), lines[-1] if lines else "").strip()


def schedules(output):
    """How many schedules the explorer took, or None."""
    found = re.search(r"VIOLATION.*?\bschedule=(\d+)", output)
    return int(found[1]) if found else None
