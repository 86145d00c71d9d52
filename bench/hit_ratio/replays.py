# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Runs of `gyre replay`, a process each."""

import concurrent.futures
import json
import os
import queue
import statistics
import subprocess
import sys
from typing import NamedTuple

import data

AT_A_TIME = 2


class Run(NamedTuple):
    point: data.Point
    seed: int
    threads: int


class Result(NamedTuple):
    misses: float  # ratios
    byte_misses: float


def replay(gyre, *arguments):
    command = [gyre, "replay", "--json", "--quiet", "--no-thread", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise data.Wrong(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stderr.strip()}")
    return json.loads(done.stdout)


def make(gyre, run):
    point = run.point
    limit = ("--capacity",) if point.sized else ("--unit", "--max-entries")
    found = replay(gyre, "--seed", run.seed, "--threads", run.threads, *limit, point.size, point.trace.path)
    expected = {"requests": point.trace.requests, "unique_keys": point.trace.unique, "threads": run.threads,
                "capacity_bytes" if point.sized else "max_entries": point.size}
    for field, value in expected.items():
        if found[field] != value:
            raise data.Wrong(f"{point.name}: {field} is {found[field]}, and was to be {value}")
    if found["hits"] + found["misses"] != found["requests"]:
        raise data.Wrong(f"{point.name}: hits and misses are not the requests")
    return Result(found["misses"] / found["requests"], found["missed_bytes"] / found["requested_bytes"])


class Progress:
    """A bar on standard error, where that is a terminal."""

    WIDTH = 30

    def __init__(self, total):
        self.done, self.total, self.on = 0, total, sys.stderr.isatty()

    def step(self, name):
        self.done += 1
        if self.on:
            full = self.WIDTH * self.done // self.total
            bar = "#" * full + "." * (self.WIDTH - full)
            line = f"\rreplay [{bar}] {self.done} of {self.total}  {name[:28]}\033[K"
            print(line, end="", file=sys.stderr, flush=True)

    def end(self):
        if self.on:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def stay_on(processors):
    """A cache keeps what the processors put apart. A run with one thread, which would be moved at times, gives the same
    result each time when it stays where it is. Child processes inherit this from the thread that starts them."""
    os.sched_setaffinity(0, {processors.get()})


def pools():
    """For runs of one thread; for those of several, which have the machine to themselves."""
    processors = queue.SimpleQueue()
    mine = sorted(os.sched_getaffinity(0))[:AT_A_TIME]
    for processor in mine:
        processors.put(processor)
    yield concurrent.futures.ThreadPoolExecutor(len(mine), initializer=stay_on, initargs=(processors,))
    yield concurrent.futures.ThreadPoolExecutor(1)


def make_all(gyre, runs):
    """The result of each run, long ones first."""
    runs = sorted(runs, key=lambda run: -run.point.trace.requests)
    progress, found = Progress(len(runs)), {}

    def step(run):
        found[run] = make(gyre, run)
        progress.step(run.point.name)

    try:
        for pool, several in zip(pools(), (False, True)):
            with pool:
                pending = [pool.submit(step, run) for run in runs if (run.threads > 1) == several]
                try:
                    for one in concurrent.futures.as_completed(pending):
                        one.result()
                finally:
                    pool.shutdown(cancel_futures=True)
    finally:
        progress.end()
    return found


class Measured(NamedTuple):
    """What gyre does at a point."""
    point: data.Point
    misses: float  # mean over the seeds
    byte_misses: float
    spread: float  # of the miss ratio: largest less smallest

    @property
    def regret(self):
        return self.misses - self.point.best[1]


def measured(found, point, threads, seeds):
    results = [found[Run(point, seed, threads)] for seed in seeds]
    ratios = [result.misses for result in results]
    return Measured(point, statistics.fmean(ratios), statistics.fmean(result.byte_misses for result in results),
                    max(ratios) - min(ratios))
