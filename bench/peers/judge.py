# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The figures that decide: what each must be, and when a run is no run."""

from typing import NamedTuple, Optional

import plan
from results import BARE, CACHES, LIMIT, LIMITS, MACHINE, MAPS, OTHERS, PEERS, Cell, title

HERE, ABSENT = "not measured here", "not measured"
MANY_PROCESSORS = 16
ALL_HIT = "hits-", "many-", "mix-", "hot-key"  # workloads whose gets find their keys
LOST = 0.001  # of the gets, at most: there is room enough, and to miss is fast
SIDES = {"get_ns": "get", "put_ns": "put"}
PARTS = {"p50": "p50", "p99": "p99", "p99_9": "p99.9"}


class Must(NamedTuple):
    key: str
    title: str
    sign: str  # ≥, ≤, or < : how the value has to stand to what it must be
    must: float
    aim: Optional[float] = None


class Figure(NamedTuple):
    must: Must
    value: Optional[float]  # None: there is none, and `where` says why
    where: str
    places: dict = {}  # its values, by where they are
    limit: Optional[float] = None  # at the same place that of a cache that does the least
    bare: Optional[float] = None  # and of one that has no instructions beside that

    @property
    def met(self):
        return self.value is None or self.reaches(self.must.must)

    @property
    def at_aim(self):
        return self.value is not None and self.must.aim is not None and self.reaches(self.must.aim)

    def reaches(self, goal, value=None):
        value = self.value if value is None else value
        return {"≥": value >= goal, "≤": value <= goal, "<": value < goal, ">": value > goal}[self.must.sign]

    @property
    def verdict(self):
        if self.value is None:
            return self.where
        if not self.met:
            least_reaches = self.limit is None or self.reaches(self.must.must, self.limit)
            return "MISSED" if least_reaches else "MISSED, as by the least"
        return "aim reached" if self.at_aim else "met"


def worst(must, found):
    """The figure at its worst place. `found`: pairs of a value and of where it is; a None among the values is one that
    should be there."""
    places = {where: value for value, where in found}
    if not places or None in places.values():
        return Figure(must, None, ABSENT, places)
    where = (min if must.sign in "≥>" else max)(places, key=places.get)
    return Figure(must, places[where], where, places)


def rates(results, cells, others, inverse=False):
    """gyre's rate by that of each of the others; inverse: gyre's time. Others that do not offer the workload are left
    out, and None stands for all of them absent."""
    for cell in cells:
        there = [peer for peer in others if results.has(cell, peer)]
        if not there:
            yield None, str(cell)
        for peer in there:
            ratio = results.ratio(cell, peer, "gyre") if inverse else results.ratio(cell, "gyre", peer)
            yield ratio and ratio.median, f"{cell.workload}, {threads(cell)}, {title(peer)}"


def threads(cell):
    return "1 thread" if cell.threads == 1 else f"{cell.threads} threads"


def grid(step, workloads, numbers):
    return [Cell(step, workload, n) for workload in workloads for n in numbers]


def middle(spread):
    return spread and spread.median


def hits(results):
    for step, key, words, (to_ideal, aim, to_map, to_cache) in (
            (plan.HITS, "hits", "hits, 64 B", (1.4, 1.25, 1.3, 2.5)),
            (plan.BIG, "big", "hits, 6 KiB in place", (1.5, 1.3, 1.5, 2.0))):
        cells = [cell for cell in grid(step, ["hits-uniform", "hits-zipf"], [1, 2]) if cell in results.cells]
        yield worst(Must(f"{key}_ideal", f"{words}: time by *ideal*'s", "≤", to_ideal, aim),
                    rates(results, cells, ["ideal"], inverse=True))
        yield worst(Must(f"{key}_map", f"{words}: rate by the fastest map's", "≥", to_map),
                    rates(results, cells, MAPS))
        yield worst(Must(f"{key}_cache", f"{words}: rate by the fastest cache's", "≥", to_cache),
                    rates(results, cells, CACHES))


def batches(results):
    single, batch = Cell(plan.HITS, "hits-uniform", 1), Cell(plan.HITS, "many-16-uniform", 1)
    limit = Cell(plan.HITS, "two-lines-overlapped", 1)
    yield worst(Must("many_single", "get_many(16), uniform: rate by that of single gets", "≥", 4),
                [(middle(results.ratio(batch, "gyre", "gyre", single)), "")])
    yield worst(Must("many_limit", "get_many(16), uniform: time by that of two lines, overlapped", "≤", 1.6),
                [(middle(results.ratio(limit, MACHINE, "gyre", batch)), "")])


def mixes(results):
    names = ["mix-95-5", "mix-50-50"]
    cells = [cell for cell in grid(plan.HITS, names, [1, 2, 4]) if cell in results.cells]
    yield worst(Must("mix_cache", "95/5 and 50/50: rate by the fastest cache's", "≥", 1.5),
                rates(results, cells, CACHES))
    yield worst(Must("mix_map", "95/5 and 50/50: rate by the fastest map's", "≥", 1), rates(results, cells, MAPS))
    kept = [cell for cell in grid(plan.HITS, names, [4, 8]) if cell in results.cells]
    yield worst(Must("mix_keep", "95/5 and 50/50, 4 and 8 threads: rate by that of 2 threads", "≥", 0.9),
                [(middle(results.ratio(cell, "gyre", "gyre", cell._replace(threads=2))),
                  f"{cell.workload}, {threads(cell)}") for cell in kept])


def lead(ratios):
    """How far gyre's hit ratio is above the best of the caches'."""
    others = [ratios[peer] for peer in CACHES if ratios.get(peer) is not None]
    return ratios["gyre"] - max(others) if others and ratios.get("gyre") is not None else None


def evict_cells(results, theta):
    cells = grid(plan.EVICTING[theta], [plan.EVICT[theta]], [1, 2])
    return [cell for cell in cells if cell in results.cells]


def leads(results):
    """By theta: with an equal number of entries, with equal bytes."""
    found = {}
    for theta in plan.EVICT:
        by_bytes = [lead({peer: results.hit_ratio(cell, peer) for peer in ("gyre", *CACHES)})
                    for cell in evict_cells(results, theta)]
        found[theta] = lead(results.counted(theta)), None if not by_bytes or None in by_bytes else min(by_bytes)
    return found


def evicting(results):
    cells = [cell for theta in plan.EVICT for cell in evict_cells(results, theta)]
    found = leads(results)
    yield worst(Must("evict_rate", "evicting: rate by the fastest cache's", "≥", 1.4), rates(results, cells, CACHES))
    yield worst(Must("evict_lead", "evicting, equal entries: hit ratio less the best cache's", ">", 0),
                [(entries, f"zipf {theta}") for theta, (entries, _) in found.items()])
    for theta, goal in ((0.99, 0.83), (0.8, 0.58)):
        must = Must(f"evict_{theta * 100:.0f}", f"evicting, equal entries: hit ratio at zipf {theta}", "≥", goal)
        yield worst(must, [(results.counted(theta).get("gyre"), "")])
    yield worst(Must("evict_bytes", "evicting, equal bytes: lead in hit ratio less that with equal entries", ">", 0),
                [(None if None in pair else pair[1] - pair[0], f"zipf {theta}") for theta, pair in found.items()])


def hot_key(results):
    one, written = Cell(plan.HITS, "hot-key", 1), Cell(plan.HITS, "hot-key-written", 2)
    ratio = middle(results.ratio(one._replace(threads=2), "gyre", "gyre", one))
    yield worst(Must("hot_linear", "one hot key, 2 threads: rate by twice that of 1 thread", "≥", 0.9),
                [(ratio and ratio / 2, "")])
    yield worst(Must("hot_written", "one hot key, read while it is overwritten: rate by every peer's", "≥", 3),
                rates(results, [written], OTHERS))


def insertion(results):
    cells = [cell for cell in grid(plan.INSERT, ["insert"], [1, 2]) if cell in results.cells]
    yield worst(Must("insert_cache", "insertion, 64 B: rate by the fastest cache's", "≥", 2),
                rates(results, cells, CACHES))
    pairs = [(cell, cell._replace(workload="copy-1k")) for cell in grid(plan.INSERT_KIBIBYTE, ["insert"], [1, 2])
             if cell in results.cells]
    yield worst(Must("insert_copy", "insertion, 1 KiB: bytes by those that the machine copies", "≥", 0.25),
                [(middle(results.ratio(cell, "gyre", MACHINE, copied)), threads(cell)) for cell, copied in pairs])


def latency(results):
    cell = Cell(plan.LATENCY, "latency", 2)
    there = [peer for peer in CACHES if results.has(cell, peer)]
    for side, side_words in SIDES.items():
        for part, part_words in PARTS.items():
            found = [(middle(results.latency_ratio(cell, "gyre", peer, side, part)), title(peer)) for peer in there]
            yield worst(Must(f"latency_{side_words}_{part}", f"{side_words} {part_words}, by the lowest cache's", "≤",
                             1), found)
    for part, must in (("p99", 0.65), ("p99_9", 0.5)):
        found = [(middle(results.latency_ratio(cell, "gyre", "hcc", "get_ns", part)), "")]
        yield worst(Must(f"latency_hcc_{part}", f"get {PARTS[part]}, by HyperClockCache's", "≤", must), found)


def memory(results):
    cell = Cell(plan.EVICTING[0.99], plan.EVICT[0.99], 2)
    sizes = {peer: results.bytes_an_entry(cell, peer) for peer in ("gyre", *CACHES)}
    own, others = sizes.pop("gyre"), [(size, title(peer)) for peer, size in sizes.items() if size is not None]
    least, where = min(others, default=(None, ""))
    yield worst(Must("memory", "bytes an entry above key and value, evicting", "≤", 30),
                [(own and own - plan.KEY_BYTES - plan.SMALL_BYTES, "")])
    yield worst(Must("memory_least", "bytes an entry by those of the smallest cache, evicting", "<", 1),
                [(own / least if own and least else None, where)])


def scaling(results):
    def grown(workload, peer):
        one = Cell(plan.HITS, workload, 1)
        return middle(results.ratio(one._replace(threads=MANY_PROCESSORS), peer, peer, one))

    musts = (Must("cores_hits", "hits, from 1 to 16 threads on 16 cores: gain by *ideal*'s", "≥", 0.9),
             Must("cores_mix", "95/5, from 1 to 16 threads on 16 cores: gain by *ideal*'s in hits", "≥", 0.75))
    if results.processors < MANY_PROCESSORS:
        return [Figure(must, None, HERE) for must in musts]
    ideal = {workload: grown(workload, "ideal") for workload in ("hits-uniform", "hits-zipf")}
    pairs = [[(grown(workload, "gyre"), by, workload) for workload, by in ideal.items()],
             [(grown("mix-95-5", "gyre"), ideal["hits-zipf"], "")]]
    return [worst(must, [(gain / by if gain and by else None, where) for gain, by, where in found])
            for must, found in zip(musts, pairs)]


def instructions(results):
    yield worst(Must("instructions", "instructions of a get and its release (callgrind)", "≤", 130),
                [(results.whole.get("instructions"), "")])


LIMITED = hits, batches, mixes, evicting, hot_key, insertion, latency  # what the least does, too
WAITS = "latency_put_p99", "latency_put_p99_9"  # the least's puts wait for readers, which gyre's must not


def of(results, parts):
    return [figure for part in parts for figure in part(results)]


def figures(results):
    limit, bare = ({figure.must.key: figure.places for figure in of(results.with_gyre_as(peer), LIMITED)
                    if figure.must.key not in WAITS}
                   for peer in (LIMIT, BARE))
    return [figure._replace(limit=limit.get(figure.must.key, {}).get(figure.where),
                            bare=bare.get(figure.must.key, {}).get(figure.where))
            for figure in of(results, (*LIMITED, memory, scaling, instructions))]


def yardsticks(results):
    """Figures of the yardsticks: they have to be good, or the run says nothing."""
    uniform = grid(plan.HITS, ["hits-uniform"], [1, 2])
    walks = [(Cell(plan.HITS, "hits-uniform", n), Cell(plan.HITS, "two-lines", n)) for n in (1, 2)]
    yield worst(Must("yard_ideal", "*ideal*, hits, uniform: time by that of two lines", "≤", 2),
                [(middle(results.ratio(walk, MACHINE, "ideal", cell)), threads(cell)) for cell, walk in walks])
    yield worst(Must("yard_least", "the least, bare, hits, uniform: time by *ideal*'s", "≤", 2),
                [(middle(results.ratio(cell, "ideal", BARE)), threads(cell)) for cell in uniform])
    cells = grid(plan.HITS, ["hits-uniform", "hits-zipf"], [1, 2])
    yield worst(Must("yard_in_house", "*in-house*, hits: rate by HyperClockCache's", "≥", 0.9),
                [(middle(results.ratio(cell, "in_house", "hcc")), f"{cell.workload}, {threads(cell)}")
                 for cell in cells])


def faults(results):
    """What the peers did that they may not: sentences."""
    found = [f"a peer failed: {one}" for one in results.whole["failures"]]
    found += sorted({f"{run['peer']} gave wrong values: {run['step']}, {run['workload']}"
                     for run in results.whole["runs"] if run["wrong"] > 0})
    found += sorted({f"{run['peer']} lost entries that had room: {run['step']}, {run['workload']}"
                     for run in results.whole["runs"] if run["workload"].startswith(ALL_HIT)
                     and run["hits"] < (1 - LOST) * run["requests"]})
    return found


def void(results, judged):
    """Why the run is no run: sentences."""
    found = faults(results)
    found += [f"{one['peer']} gave wrong values: zipf {one['theta']}" for one in results.whole["counted"]
              if one["wrong"] > 0]
    found += [f"a peer was not measured: {peer}" for peer in (*PEERS, *LIMITS)
              if not results.has(Cell(plan.HITS, "hits-uniform", 1), peer)]
    for figure in yardsticks(results):
        if figure.value is None:
            found.append(f"a yardstick was not measured: {figure.must.title}")
        elif not figure.met:
            found.append(f"a yardstick is not good: {figure.must.title} is {figure.value:.2f} ({figure.where}), "
                         f"and must be {figure.must.sign} {figure.must.must:g}")
    if not results.whole["quick"]:
        found += [f"not measured: {figure.must.title}" for figure in judged
                  if figure.value is None and figure.where != HERE]
    return found


def missed(judged):
    return [figure for figure in judged if not figure.met]
