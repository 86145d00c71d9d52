#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Is a commit of gyre slower than another? The same workloads in turns, by the clock, and the instructions of each path.

Exit status: 0; 1 when a workload is slower, or a path has more instructions; 2 when there is no result."""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import typing

sys.dont_write_bytecode = True
import builds
import ratios
import valgrind

FOLDER = builds.ROOT / "build"


class Effort(typing.NamedTuple):
    entries: int
    accesses: int
    processes: int  # started for each build: where a process has its memory makes a difference
    pairs: int      # of each two
    counted: tuple = valgrind.SIZE
    by_cpu: bool = False


FULL = Effort(500_000, 150_000, processes=3, pairs=9)


class Race:
    """One process of a build. Its caches are filled when it is there."""

    def __init__(self, build, effort):
        self.by_cpu = effort.by_cpu
        self.process = subprocess.Popen([build.race, str(effort.entries), str(effort.accesses)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        self.workloads = self.answer().split("\t")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise builds.Failed("race ended early")
        return line.rstrip("\n")

    def run(self, workload):
        self.process.stdin.write(workload + "\n")
        self.process.stdin.flush()
        return float(self.answer().split("\t")[self.by_cpu])


def race(before, after, effort, only=None):
    """Pairs of times by workload. The order alternates."""
    pairs = {}
    for start in range(effort.processes):
        with Race(before, effort) as one, Race(after, effort) as other:
            for workload in [name for name in one.workloads if only is None or name in only]:
                for turn in range(start, start + effort.pairs):
                    times = {}
                    for process in (one, other) if turn % 2 == 0 else (other, one):
                        times[process] = process.run(workload)
                    pairs.setdefault(workload, []).append((times[one], times[other]))
    return {workload: ratios.ratio(found) for workload, found in pairs.items()}


def compare_times(before, after, effort, threshold):
    """Ratios, and the workloads that are slower. What seems so is measured once more, in fresh processes."""
    found = race(before, after, effort)
    slower = [workload for workload, ratio in found.items() if ratios.slower(ratio, threshold)]
    if slower:
        print(f"once more: {'; '.join(slower)}", file=sys.stderr)
        again = race(before, after, effort, slower)
        found.update(again)
        slower = [workload for workload in slower if ratios.slower(again[workload], threshold)]
    return found, slower


def times_table(found, slower):
    lines = ["| workload | time, to before | quartiles of the pairs | |", "|---|---:|---:|---|"]
    lines += [f"| {workload} | {ratio.of_medians:.3f} | {ratio.low:.3f}–{ratio.high:.3f} | "
              f"{'slower' if workload in slower else ''} |" for workload, ratio in found.items()]
    return "\n".join(lines) + "\n"


def instructions_table(before, after):
    lines = ["| instructions | before | after | ratio | |", "|---|---:|---:|---:|---|"]
    lines += [f"| {path} | {one.instructions:.1f} | {after[path].instructions:.1f} | "
              f"{after[path].instructions / one.instructions:.3f} | "
              f"{'more' if ratios.grown(one.instructions, after[path].instructions) else ''} |"
              for path, one in before.items()]
    return "\n".join(lines) + "\n"


def compare(before, after, effort=FULL, threshold=ratios.THRESHOLD):
    """The slower workloads, and the paths with more instructions."""
    print(f"Before: {before.name}. After: {after.name}.\n")
    counted = [valgrind.count(build.paths, simulate=False, size=effort.counted) for build in (before, after)]
    print(instructions_table(*counted), flush=True)
    more = [path for path in counted[0] if ratios.grown(counted[0][path].instructions, counted[1][path].instructions)]
    found, slower = compare_times(before, after, effort, threshold)
    print(times_table(found, slower))
    return slower, more


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threshold", type=float, default=ratios.THRESHOLD, help="percent")
    parser.add_argument("--cpu", action="store_true", help="processor time: for a machine that others use, too")
    parser.add_argument("--compiler", default="gcc")
    parser.add_argument("base", help="a commit")
    parser.add_argument("head", help="another, or . for the working tree")
    return parser.parse_args()


def main():
    args = parse()
    base, head = builds.resolve(args.base), builds.resolve(args.head)
    FOLDER.mkdir(exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="compare.", dir=FOLDER))
    try:
        before = builds.build(base, folder / "before", args.compiler)
        after = builds.build(head, folder / "after", args.compiler)
        slower, more = compare(before, after, FULL._replace(by_cpu=args.cpu), args.threshold)
    finally:
        shutil.rmtree(folder)
    print(f"{len(slower)} workloads slower by more than {args.threshold:g} %, "
          f"{len(more)} paths with more instructions by more than {ratios.INSTRUCTIONS:g} %")
    return 1 if slower or more else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (builds.Failed, valgrind.Failed) as failed:
        print(f"compare: {failed}", file=sys.stderr)
        sys.exit(2)
