# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""How far the run is: a bar on standard error where that is a terminal, and else a line for each step."""

import sys
import time

WIDTH = 30


class Progress:
    def __init__(self, total, name="peers"):
        """`total`: seconds, as the plan guesses them."""
        self.name = name
        self.done, self.total, self.from_ = 0.0, max(total, 1e-9), time.monotonic()
        self.on = sys.stderr.isatty()

    def left(self):
        """Seconds, by what was done so far and how long it took."""
        share = min(self.done / self.total, 1.0)
        return (time.monotonic() - self.from_) * (1 - share) / share if share > 0 else self.total

    def step(self, seconds, name):
        self.done += seconds
        if self.on:
            share = min(self.done / self.total, 1.0)
            full = int(WIDTH * share)
            bar = "#" * full + "." * (WIDTH - full)
            left = int(self.left())
            line = f"\r{self.name} [{bar}] {100 * share:3.0f} %  {left // 60}:{left % 60:02} left  {name[:40]}\033[K"
            print(line, end="", file=sys.stderr, flush=True)

    def say(self, words):
        self.end()
        print(f"{self.name}: {words}", file=sys.stderr, flush=True)

    def end(self):
        if self.on:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
