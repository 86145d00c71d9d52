#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""A peer's program, briefly: check.py PROGRAM ...

Opens each with few entries in each way it can be opened, runs all it names, and fails when a value
is wrong or when the hits are not as they must be."""

import sys

sys.dont_write_bytecode = True

import pathlib

import programs

SECONDS = 0.02
ENTRIES, KEYS = 4_000, 40_000
WARM = 100_000  # requests, until an evicting peer is full
VALUES = 64, 1024, 6144
# Hits in a hundred requests, least and most. An evicting cache drops what it likes, but with room
# for a tenth of the keys, of Zipf's law, a cache that works hits this often.
ALL, SOME, EVICTING = (100, 100), (20, 99.9), {"evict-99": (55, 90), "evict-80": (25, 75), "latency": (55, 90),
                                                   "evict-99-stopped-view": (55, 90), "evict-99-stopped-section": (55, 90)}
LIMITS = 5, 100  # for machine


class Check:
    def __init__(self, path):
        self.path, self.name = path, pathlib.Path(path).name.removeprefix("peer-")
        self.failures = []

    def fail(self, what):
        self.failures.append(f"{self.name}: {what}")

    def expect(self, found, least, most):
        what = f"{found['workload']} with {found['threads']} threads"
        if found["wrong"]:
            self.fail(f"{what}: {found['wrong']} wrong")
        hits = 100 * found["hits"] / max(1, found["requests"])
        if not least <= hits <= most:
            self.fail(f"{what}: {hits:.2f} % hits, not {least} to {most}")

    def run(self, program, workload, expected, **options):
        for threads in 2, 1:
            if not (workload == "hot-key-written" and threads == 1):
                found = program.run(workload, threads=threads, **options)
                self.expect(found, *expected)

    def resident(self, program, offered, evicts, value_bytes):
        program.open("resident", entries=ENTRIES, value_bytes=value_bytes)
        # Of two threads that delete and put one key, either may find it gone.
        for workload in sorted(offered - {"insert", "expiry", *EVICTING}, key=lambda name: name == "delete"):
            lost = workload == "delete" or evicts and workload.startswith(("mix", "hot-key-written"))
            self.run(program, workload, (99, 100) if lost else ALL, seconds=SECONDS)

    def evicting(self, program, offered):
        for workload in sorted(offered & set(EVICTING)):
            program.open("evicting", entries=ENTRIES, keys=KEYS)
            program.run(workload, requests=WARM)
            self.run(program, workload, EVICTING[workload], requests=WARM)
        program.open("evicting", bytes=8 << 20, keys=KEYS)
        self.run(program, "insert", (90, 100), seconds=SECONDS)

    def others(self, program, offered):
        if "insert" in offered:
            for value_bytes in VALUES:
                program.open("growing", entries=ENTRIES, value_bytes=value_bytes)
                found = program.run("insert", threads=2, requests=10 * ENTRIES)
                self.expect(found, *ALL)
                if found["ops"] != ENTRIES or found["entries"] != ENTRIES:
                    self.fail(f"insert: {found['ops']} puts made {found['entries']} entries, not {ENTRIES}")
        if "expiry" in offered:
            program.open("expiring", entries=ENTRIES)
            self.run(program, "expiry", SOME, seconds=0.2)

    def all(self):
        program = programs.Program(self.name, self.path)
        try:
            about = program.describe()
            offered, evicts = set(about["workloads"]), about["evicts"]
            if self.name == "machine":
                program.open("resident", entries=ENTRIES)
                for workload in sorted(offered):
                    self.run(program, workload, ALL, seconds=SECONDS)
            else:
                for value_bytes in VALUES:
                    self.resident(program, offered, evicts, value_bytes)
                self.others(program, offered)
                if evicts:
                    self.evicting(program, offered)
        except (programs.Failed, programs.Refused) as wrong:
            self.fail(str(wrong))
        program.close()
        print(f"{self.name}: {about['version']}: {'FAILED' if self.failures else 'as it must be'}")
        return self.failures


def main():
    failures = [failure for path in sys.argv[1:] for failure in Check(path).all()]
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
