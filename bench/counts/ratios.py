# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What pairs of measurements say: a time before and a time after, taken one after the other."""

import statistics
import typing

THRESHOLD = 5.0     # percent by which a workload may be slower
INSTRUCTIONS = 2.0  # percent by which a path may grow
LEAST_PAIRS = 7


class Ratio(typing.NamedTuple):
    """Above 1: slower than before."""
    of_medians: float
    low: float  # quartiles of the pairs' ratios
    high: float


def ratio(pairs):
    if len(pairs) < LEAST_PAIRS:
        raise ValueError(f"{len(pairs)} pairs: at least {LEAST_PAIRS}")
    before, after = zip(*pairs)
    low, _, high = statistics.quantiles([b / a for a, b in pairs], n=4)
    return Ratio(statistics.median(after) / statistics.median(before), low, high)


def slower(found, threshold):
    """By more than the threshold, and nearly always. The time of one run alone says little: others use the machine."""
    return found.of_medians > 1 + threshold / 100 and found.low > 1


def grown(before, after):
    return after > before * (1 + INSTRUCTIONS / 100)
