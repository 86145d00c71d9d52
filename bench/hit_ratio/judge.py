# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The figures that decide: what each must be, and what it aims at."""

import statistics
from typing import NamedTuple, Optional

import data


class Figure(NamedTuple):
    key: str
    title: str
    value: float
    must: float  # at most
    aim: Optional[float]
    where: str = ""
    below: bool = False  # it must be less than that
    error: float = 0  # two standard errors of the value, where it is a mean of runs that differ by chance

    @property
    def met(self):
        least = self.value - self.error
        return least < self.must if self.below else least <= self.must


class Summary(NamedTuple):
    """Of an algorithm at the unit points."""
    name: str
    mean: float
    regret: float
    worst: float
    where: str
    real: float


def summary(name, points, misses):
    """`misses`: the algorithm's miss ratio at each of the points."""
    regrets = [(ratio - point.best[1], point.name) for point, ratio in zip(points, misses)]
    worst, where = max(regrets)
    real = [ratio for point, ratio in zip(points, misses) if point.trace.real]
    return Summary(name, statistics.fmean(misses), statistics.fmean(regret for regret, _ in regrets), worst, where,
                   statistics.fmean(real))


def summaries(unit):
    """gyre's first, then those of the eleven, the best mean regret first."""
    points = [one.point for one in unit]
    eleven = [summary(name, points, [point.reference[name] for point in points]) for name in data.ELEVEN]
    return [summary("gyre", points, [one.misses for one in unit]), *sorted(eleven, key=lambda one: one.regret)]


class Sized(NamedTuple):
    """A point with sizes, beside what gyre has to be better than."""
    gyre: NamedTuple
    lru_bytes: float

    @property
    def requests_over(self):
        reference = self.gyre.point.reference
        return self.gyre.misses - min(reference["LRU"], reference["S3-FIFO"])

    @property
    def bytes_over(self):
        return self.gyre.byte_misses - self.lru_bytes


class Threads(NamedTuple):
    """A point with several threads: means over seeds."""
    point: data.Point
    one: float
    several: dict  # by the number of threads: the mean, and two standard errors of its difference from one thread's
    seeds: int

    @property
    def apart(self):
        """The largest difference that is not chance: how large, and how much of it chance may be."""
        return max(((abs(ratio - self.one), error) for ratio, error in self.several.values()),
                   key=lambda pair: pair[0] - pair[1])


def threads(point, misses):
    """`misses`: by the number of threads, the miss ratios with the same seeds."""
    one, several = misses[1], {}
    for number, ratios in misses.items():
        if number > 1:
            differences = [ratio - alone for ratio, alone in zip(ratios, one)]
            error = 2 * statistics.stdev(differences) / len(one) ** 0.5 if len(one) > 1 else 0
            several[number] = statistics.fmean(ratios), error
    return Threads(point, statistics.fmean(one), several, len(one))


def largest(values):
    """`values`: pairs of a value and of where it is."""
    return max(values, key=lambda pair: pair[0])


def figures(gyre, sized, threads):
    over, over_at = largest((one.requests_over, one.gyre.point.name) for one in sized)
    bytes_over, bytes_at = largest((one.bytes_over, one.gyre.point.name) for one in sized)
    apart = max(threads, key=lambda one: one.apart[0] - one.apart[1])
    return [
        Figure("mean", "mean miss ratio", gyre.mean, 0.495, 0.4911),
        Figure("mean_regret", "mean regret", gyre.regret, 0.004, 0),
        Figure("worst_regret", "worst regret", gyre.worst, 0.065, 0.03, gyre.where),
        Figure("real_mean", "mean miss ratio on the six real traces", gyre.real, 0.390, 0.383),
        Figure("sized", "with sizes: miss ratio less that of the better of LRU and S3-FIFO, largest", over, 0, None,
               over_at, below=True),
        Figure("sized_bytes", "with sizes: byte miss ratio less an exact LRU's, largest", bytes_over, 0, None,
               bytes_at),
        Figure("threads", "2 and 4 threads: miss ratio apart from one thread's, largest", apart.apart[0], 0.003, None,
               apart.point.name, error=apart.apart[1]),
    ]


def missed(judged):
    return [figure for figure in judged if not figure.met]
