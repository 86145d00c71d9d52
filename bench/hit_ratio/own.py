# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Traces of the user's own: no reference, so beside an exact LRU alone."""

import os
import statistics

import replays
import tables
from table import Table, as_text

SIZES = 12


def table(name, found):
    curve = found["curve"]
    lru = dict(map(tuple, curve["lru"]))
    rows = [[f"{size:,}", tables.ratio(misses), tables.ratio(lru[size]), tables.signed(misses - lru[size])]
            for size, misses in curve["gyre"]]
    mean = statistics.fmean(misses - lru[size] for size, misses in curve["gyre"])
    rows.append(["mean", "", "", tables.signed(mean)])
    title = f"{name}: {found['requests']:,} requests, {found['unique_keys']:,} keys"
    return Table(title, [curve["unit"], "gyre", "LRU", "gyre less LRU"], rows)


def show(gyre, paths):
    for path in paths:
        found = replays.replay(gyre, "--seed", 1, "--sizes", SIZES, path)
        print(as_text(table(os.path.basename(path), found)), end="\n\n")
