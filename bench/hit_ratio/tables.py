# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What the tables show."""

from table import Table

SHOWN = ("LRU", "S3-FIFO", "LIRS", "W-TinyLFU", "Belady")


def ratio(value):
    return f"{value:.4f}"


def signed(value):
    """A difference; 0 where it is printed as 0."""
    return f"{value:+.4f}".replace("-0.0000", "0.0000").replace("+0.0000", "0.0000")


def percent(share):
    return f"{100 * float(share):g} %"


def verdict(figure):
    if not figure.met:
        return "MISSED"
    return "aim reached" if figure.aim is not None and figure.value <= figure.aim else "met"


def figures_table(figures):
    rows = [[figure.title, f"{figure.value:.4f}" + (f" ± {figure.error:.4f}" if figure.error else ""), f"{'<' if figure.below else '≤'} {figure.must:g}",
             "" if figure.aim is None else f"≤ {figure.aim:g}", verdict(figure), figure.where] for figure in figures]
    return Table("What must be", ["<figure", "gyre", "must", "aim", "<result", "<where"], rows)


def algorithms_table(summaries):
    rows = [[one.name, ratio(one.mean), signed(one.regret), signed(one.worst), one.where, ratio(one.real)]
            for one in summaries]
    return Table("Algorithms", ["<algorithm", "mean", "mean regret", "worst regret", "<where", "mean, real"], rows)


def points_table(unit):
    rows = []
    for one in unit:
        point = one.point
        algorithm, best = point.best
        rows.append([point.trace.name, percent(point.share), f"{point.size:,}", ratio(one.misses), ratio(best),
                     algorithm, signed(one.regret), *(ratio(point.reference[name]) for name in SHOWN)])
    return Table("Points", ["<trace", "share", "entries", "gyre", "best", "<of the eleven", "regret", *SHOWN], rows)


def sized_table(sized):
    rows = []
    for one in sized:
        point, reference = one.gyre.point, one.gyre.point.reference
        rows.append([point.trace.name, percent(point.share), f"{point.size:,}", ratio(one.gyre.misses),
                     *(ratio(reference[name]) for name in SHOWN), ratio(one.gyre.byte_misses), ratio(one.lru_bytes)])
    return Table("With sizes", ["<trace", "share", "bytes", "gyre", *SHOWN, "gyre, bytes", "LRU, bytes"], rows)


def threads_table(threads):
    numbers = sorted(threads[0].several)
    rows = [[one.point.trace.name, percent(one.point.share), f"{one.point.size:,}", ratio(one.one),
             *(ratio(one.several[number][0]) for number in numbers), "{:.4f} ± {:.4f}".format(*one.apart),
             str(one.seeds)] for one in threads]
    head = ["<trace", "share", "entries", "1 thread", *(f"{number} threads" for number in numbers), "apart", "seeds"]
    return Table("Threads", head, rows)
