# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""docs/hit-ratio.md and its pictures."""

import itertools
import statistics

import curves
import data
import regrets
import tables
from table import as_markdown

HEAD = """# Hit ratio

Written by `make hit-ratio`, with its pictures: do not edit. How gyre chooses what to keep, and where it loses, is in
[policy.md](policy.md); what the traces are and how the reference was taken, in
[bench/traces/](../bench/traces/README.md).

Every number of gyre's is of `gyre replay`, the library itself: one thread on one processor (but for the
table of threads), no maintenance thread, `max_entries` at the size of the point, sizes of objects ignored; or, where it
says *with sizes*, the point's bytes as capacity, which for gyre is index and headers too, while the reference charges
objects alone. The cache starts empty, and every request counts. gyre's are means of {seeds} seeds of its hash, with
sizes of {sized_seeds}; between {seeds} seeds the miss ratio of a point differs by {spread:.4f} at most ({spread_at}).

*Best* is the least miss ratio of eleven algorithms in the reference at that point, *regret* the miss ratio above it.
The *real* traces are {real}: {real_points} of the {unit_points} points.
"""
REGRETS = "hit-ratio-regret.svg"
CURVES = "hit-ratio.svg"
SIZED = "hit-ratio-sized.svg"


def picture(name, words):
    return f"![{words}](images/{name})"


def reference_curves(measured):
    """Of the points of one trace: the reference's, and gyre's."""
    found = {name: [(float(one.point.share), one.point.reference[name]) for one in measured]
             for name in curves.KINDS if name != "gyre"}
    found["gyre"] = [(float(one.point.share), one.misses) for one in measured]
    return found


def panels(unit):
    for _, measured in itertools.groupby(unit, key=lambda one: one.point.trace):
        measured = list(measured)
        trace = measured[0].point.trace
        regret = statistics.fmean(one.regret for one in measured)
        note = f"{trace.requests:,} requests, {trace.unique:,} keys"
        aside = f"regret {tables.signed(regret)}"
        yield trace.real, curves.Panel(trace.name, aside, note, reference_curves(measured))


def write_curves(folder, unit):
    found = list(panels(unit))
    groups = [("Real traces", [panel for real, panel in found if real]),
              ("Classic test traces, and made-up ones", [panel for real, panel in found if not real])]
    curves.write(folder / CURVES, "Miss ratio of gyre and of other algorithms, by the size of the cache",
                 "Lower is better. Each picture has a vertical scale of its own. Regret: gyre's, mean over the sizes.",
                 groups,
                 "Across: entries in the cache, in percent of the different keys (logarithmic).")


def write_sized(folder, sized):
    requests = reference_curves([one.gyre for one in sized])
    in_bytes = {"gyre": [(float(one.gyre.point.share), one.gyre.byte_misses) for one in sized],
                "LRU": [(float(one.gyre.point.share), one.lru_bytes) for one in sized]}
    name = sized[0].gyre.point.trace.name
    curves.write(folder / SIZED, f"Objects of different sizes: {name}, by the bytes of the cache",
                 "Lower is better. gyre's bytes hold its index and headers too, the others' objects alone.",
                 [("", [curves.Panel("Requests missed", "", "of all requests", requests),
                        curves.Panel("Bytes missed", "", "of all bytes asked for; LRU's simulated", in_bytes)])],
                 "Across: capacity, in percent of the bytes of all objects (logarithmic).")


def write(folder, shown, measured, summaries, figures, seeds):
    """`seeds`: how many, how many with sizes, the largest spread between the former, and where that is."""
    unit, sized, _ = measured
    images = folder / "images"
    write_curves(images, unit)
    write_sized(images, sized)
    musts = {figure.key: figure.must for figure in figures}
    regrets.write(images / REGRETS, summaries, (musts["mean_regret"], musts["worst_regret"]),
                  ["Miss ratio less that of the best of the eleven at the same point.",
                   f"{len(unit)} points: {len({one.point.trace for one in unit})} traces at up to six sizes."])
    by_title = {table.title: as_markdown(table) for table in shown}
    head = HEAD.format(seeds=seeds[0], sized_seeds=seeds[1], spread=seeds[2], spread_at=seeds[3], real=", ".join(data.REAL),
                       real_points=data.REAL_POINTS, unit_points=data.UNIT_POINTS)
    text = "\n\n".join([
        head.rstrip(), by_title["What must be"],
        picture(REGRETS, "Bars: mean and worst regret of gyre and of the eleven algorithms"), by_title["Algorithms"],
        picture(CURVES, "Curves of the miss ratio over the cache size, a picture for each trace"), by_title["Points"],
        by_title["With sizes"], picture(SIZED, "Curves of requests and of bytes missed over the capacity"),
        by_title["Threads"] + "\n\nMeans over seeds, the same for each number of threads; as many as it takes to tell what "
        "threads do from what a seed does (± two standard errors of the difference). Each thread makes the requests for "
        "its share of the keys, in step with the others, so neighbouring requests change places, differently each time: "
        "that alone moves the miss ratio of the smallest caches."])
    (folder / "hit-ratio.md").write_text(text + "\n")
