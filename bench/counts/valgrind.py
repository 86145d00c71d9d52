# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What valgrind counts on the paths of paths.c, a unit of work: only inside gyre's public functions, and what they call."""

import collections
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import typing

SIZE = 16384, 4096  # entries, operations
# (Linkage stubs apart: else callgrind adds what ran before the counts were zeroed to the first call through one.)
COMMAND = ["valgrind", "--tool=callgrind", "--collect-atstart=no", "--toggle-collect=gyre_*", "--dump-instr=yes",
           "--dump-line=no", "--compress-pos=no", "--compress-strings=no", "--skip-plt=no"]
# What 128 lines hold, replaced in the order of use, no call leaves for a later one with another key.
SIMULATED = ["--branch-sim=yes", "--cache-sim=yes", "--D1=8192,128,64"]
LOCKED = re.compile(r"\s*([0-9a-f]+):\s+(?:lock |xchg .*\()")
FENCE = re.compile(r"\s*([0-9a-f]+):\s+(?:[mls]fence|cpuid|serialize)\b")


class Failed(Exception):
    pass


class Counts(typing.NamedTuple):
    """Each a unit of work; None where nothing was simulated."""
    instructions: float
    locked: float
    fences: float
    branches: float | None
    mispredicted: float | None
    lines: float | None  # of data, that other calls do not use
    functions: dict  # instructions, most first


class Dump(typing.NamedTuple):
    path: str
    events: collections.Counter
    executed: collections.Counter  # (object, address): how often
    functions: collections.Counter  # instructions


def on_one_processor():
    """A thread that changes processors would change lanes."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def read_dump(text):
    """None for what no client request asked for."""
    trigger = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.M)
    if trigger is None:
        return None
    names = re.search(r"^events: (.*)$", text, re.M)[1].split()
    events, executed, functions = collections.Counter(), collections.Counter(), collections.Counter()
    binary, function, of_a_call = "", "", False
    for line in text.splitlines():
        if line.startswith("ob="):
            binary = line[3:]
        elif line.startswith("fn="):
            function = line[3:]
        elif line.startswith("calls="):
            of_a_call = True  # the next line is what the callee cost, which stands under its own name, too
        elif line.startswith("0x"):
            if not of_a_call:
                address, *costs = line.split()
                costs = [int(cost) for cost in costs]
                events.update(dict(zip(names, costs)))
                executed[binary, int(address, 16)] += costs[0]
                functions[function] += costs[0]
            of_a_call = False
    return Dump(trigger[1], events, executed, functions)


def special(binary, folder):
    """Addresses of locked instructions, and of fences."""
    binary = pathlib.Path(folder, binary)
    if not binary.is_file():
        return frozenset(), frozenset()
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return (frozenset(int(found[1], 16) for found in map(LOCKED.match, code.splitlines()) if found),
            frozenset(int(found[1], 16) for found in map(FENCE.match, code.splitlines()) if found))


def dumps(program, simulate, size):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(program, f"{folder}/paths")
        command = [*COMMAND, *(SIMULATED if simulate else []), "--callgrind-out-file=out", "./paths", *map(str, size)]
        # Name and environment lie on the stack, and would move what is compared there.
        run = subprocess.run(command, text=True, capture_output=True, preexec_fn=on_one_processor, cwd=folder,
                             env={"PATH": os.environ["PATH"], "PWD": "/", "LC_ALL": "C"}, check=False)
        if run.returncode != 0:
            raise Failed(f"{' '.join(map(str, command))}\n{run.stderr}")
        units = collections.Counter()
        for line in run.stdout.splitlines():
            path, n = line.split("\t")
            units[path] += int(n)
        texts = [file.read_text() for file in pathlib.Path(folder).glob("out*")]
        found = [dump for dump in map(read_dump, texts) if dump is not None]
        known = {binary: special(binary, folder) for binary in {binary for dump in found for binary, _ in dump.executed}}
        return units, found, known


def summed(found, n, known, simulated):
    """The dumps of a path."""
    events, functions, special_ones = collections.Counter(), collections.Counter(), [0, 0]
    for dump in found:
        events += dump.events
        functions += dump.functions
        for (binary, address), times in dump.executed.items():
            for kind in 0, 1:
                special_ones[kind] += times * (address in known[binary][kind])

    def of(*names):
        return sum(events[name] for name in names) / n if simulated else None

    return Counts(events["Ir"] / n, special_ones[0] / n, special_ones[1] / n, of("Bc"), of("Bcm"), of("D1mr", "D1mw"),
                  {function: times / n for function, times in functions.most_common()})


def count(program, simulate=True, size=SIZE):
    """Counts by path, in the order of the program."""
    units, found, known = dumps(program, simulate, size)
    results = {}
    for path, n in units.items():
        of_path = [dump for dump in found if dump.path == path]
        if n == 0 or not any(dump.events["Ir"] for dump in of_path):
            raise Failed(f"nothing was counted of: {path}")
        results[path] = summed(of_path, n, known, simulate)
    return results
