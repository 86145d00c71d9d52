# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The pictures of the page."""

import math
from typing import NamedTuple

import plan
import svg
from judge import PARTS, SIDES, evict_cells
from results import CACHES, MAPS, PEERS, Cell, plain

LEFT = 20
BAR, ROW = 15, 26


class Kind(NamedTuple):
    """What a peer is drawn as: a hue for each sort of peers, and within it a mark."""
    ink: str
    width: float
    dash: str
    mark: str


KINDS = {
    "gyre": Kind("gyre", 3.2, "", "disc"),
    "ideal": Kind("grey", 1.6, "4 3", "disc"),
    "libcuckoo": Kind("green", 1.4, "", "disc"),
    "tbb": Kind("green", 1.4, "", "square"),
    "lfht": Kind("green", 1.4, "", "triangle"),
    "ck": Kind("green", 1.4, "", "diamond"),
    "hcc": Kind("orange", 1.4, "", "square"),
    "rocksdb_lru": Kind("orange", 1.4, "", "triangle"),
    "in_house": Kind("orange", 1.4, "", "diamond"),
    "lmdb": Kind("purple", 1.4, "", "square"),
    "gyre_shared": Kind("gyre", 3.2, "", "disc"),
    "lmdb_shared": Kind("purple", 1.4, "", "square"),
    "in_house_shared": Kind("orange", 1.4, "", "diamond"),
    "gyre_plain": Kind("grey", 1.6, "", "disc"),
    "gyre_file": Kind("gyre", 3.2, "", "disc"),
    "gyre_file_bare": Kind("gyre", 1.4, "", "square"),
    "lmdb_batch": Kind("purple", 1.4, "", "triangle"),
    "sqlite": Kind("orange", 1.4, "", "disc"),
}


def ink_of_words(peer):
    return "title strong" if peer in ("gyre", "gyre_shared", "gyre_file") else "text"


def ticks(most, at_most=5):
    """Round numbers from 0 to at least `most`."""
    for step in (10.0 ** power * digit for power in range(-3, 10) for digit in (1, 2, 5)):
        if math.ceil(most / step - 1e-9) <= at_most:
            return [step * i for i in range(math.ceil(most / step - 1e-9) + 1)]
    raise ValueError(most)


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def heading(picture, title, subtitle):
    picture.text(LEFT, 30, title, "title large")
    picture.text(LEFT, 51, subtitle)


class Bars(NamedTuple):
    """A column of bars, one for each row of the picture."""
    title: str
    values: dict  # by peer: a spread; absent: no bar
    shown: object  # value to text

    @property
    def most(self):
        return max((found.most for found in self.values.values()), default=1.0)


def bars(path, title, subtitle, peers, groups, one_scale):
    """`groups`: lists of columns, one list below the other."""
    labels, room, apart, top, below = 190, 180, 76, 100, 58
    height = ROW * len(peers)
    width = labels + max(map(len, groups)) * (room + apart) + LEFT
    picture = svg.Picture(width, top + len(groups) * (height + below) - below + 24, title)
    heading(picture, title, subtitle)
    for row_of_columns, columns in enumerate(groups):
        y = top + row_of_columns * (height + below)
        for row, peer in enumerate(peers):
            picture.text(labels - 10, y + ROW * row + 17, plain(peer), ink_of_words(peer), "end")
        for place, column in enumerate(columns):
            scale = max(one.most for one in columns) if one_scale else column.most
            draw_bars(picture, labels + place * (room + apart), y, room / scale, peers, column)
    picture.write(path)


def draw_bars(picture, x, y, scale, peers, column):
    picture.text(x, y - 10, column.title, "title strong")
    for row, peer in enumerate(peers):
        found = column.values.get(peer)
        if found is None:
            continue
        at, most = y + ROW * row + 5, x + scale * found.most
        median, *ends = map(column.shown, found)
        words = f"{plain(peer)}: {median} ({'–'.join(ends)})"
        picture.bar(x, x + scale * found.median, at, BAR, KINDS[peer].ink, words)
        picture.line(x + scale * found.least, at + BAR / 2, most, at + BAR / 2, "axis", 1.6)
        picture.text(most + 6, at + 12, median, ink_of_words(peer))
    picture.line(x, y, x, y + ROW * len(peers), "axis", 1.2)


def hits(path, results):
    wanted = {"hits-uniform": "uniform", "hits-zipf": "zipf 0.99"}
    columns, there = [], set()
    for workload, law in wanted.items():
        for n in (1, 2):
            cell = Cell(plan.HITS, workload, n)
            values = {peer: results.ratio(cell, peer, "gyre") for peer in PEERS if results.has(cell, peer)}
            values = {peer: value for peer, value in values.items() if value}
            there |= set(values)
            columns.append(Bars(f"{law}, {n} thread{'s' if n > 1 else ''}", values, lambda value: f"{value:.2f}"))
    peers = [peer for peer in PEERS if peer in there]
    bars(path, "Hits: a million entries of 64 bytes", "Rate by gyre's, in the same round: median, and from the least "
         "to the most. Higher is better.", peers, [columns], one_scale=True)


class Axes(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    across: object  # value to place
    up: object


def axes(picture, x, y, title, x_ticks, y_ticks, across, words):
    """A panel with its grid. `across`: of a value, its share of the width; `words`: of the ticks, by axis."""
    width, height = 290, 200
    at = Axes(x, y, width, height, lambda value: x + width * across(value),
              lambda value: y + height * (1 - (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])))
    picture.text(x, y - 14, title, "title strong")
    for tick in y_ticks:
        picture.line(x, at.up(tick), x + width, at.up(tick), "grid")
        picture.text(x - 7, at.up(tick) + 4, words[1](tick), "text small", "end")
    for tick in x_ticks:
        picture.line(at.across(tick), y + height, at.across(tick), y + height + 4, "axis")
        picture.text(at.across(tick), y + height + 17, words[0](tick), "text small", "middle")
    picture.line(x, y + height, x + width, y + height, "axis")
    return at


def apart(places, least):
    """The same places, in their order, moved so that each is at least so far from the next."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, after in zip(order, order[1:]):
        moved[after] = max(moved[after], moved[before] + least)
    over = max(0.0, (moved[order[-1]] - places[order[-1]]) / 2) if order else 0.0
    return [place - over for place in moved]


def lines(picture, at, curves):
    """`curves`: by peer, pairs of a place across and of a value; names stand at the ends."""
    ends = []
    for peer in reversed(PEERS):
        if peer not in curves:
            continue
        kind, places = KINDS[peer], [(at.across(x), at.up(y)) for x, y in curves[peer]]
        picture.path(places, kind.ink, kind.width, kind.dash)
        for place, (x, y) in zip(places, curves[peer]):
            picture.mark(*place, kind.mark, kind.ink, f"{plain(peer)}, {number(x)}: {y:.1f}")
        ends.append((peer, places[-1]))
    for (peer, (x, y)), moved in zip(ends, apart([y for _, (_, y) in ends], 13.5)):
        picture.line(x + 5, y, x + 14, moved, "grid")
        picture.text(x + 17, moved + 4, plain(peer), ink_of_words(peer) if peer == "gyre" else "text small")


def scaling(path, results):
    names = {"hits-uniform": "hits, uniform", "hits-zipf": "hits, zipf 0.99", "mix-95-5": "95 gets, 5 puts",
             "mix-50-50": "50 gets, 50 puts"}
    picture = svg.Picture(1090, 640, "Threads")
    heading(picture, "From one thread to many",
            f"Million operations a second, medians, on {results.processors} processors; across: threads.")
    for place, (workload, words) in enumerate(names.items()):
        numbers = results.threads(plan.HITS, workload)
        curves = {}
        for peer in PEERS:
            found = [(n, results.spread(Cell(plan.HITS, workload, n), peer)) for n in numbers]
            if any(spread for _, spread in found):
                curves[peer] = [(n, spread.median / 1e6) for n, spread in found if spread]
        if not curves:
            continue
        widest = math.log2(numbers[-1]) or 1.0
        at = axes(picture, 60 + 540 * (place % 2), 110 + 280 * (place // 2), words, numbers,
                  ticks(max(y for curve in curves.values() for _, y in curve)),
                  lambda n, widest=widest: math.log2(n) / widest, (number, number))
        lines(picture, at, curves)
    picture.write(path)


def evicting(path, results):
    picture = svg.Picture(1000, 350, "Evicting: rate and hit ratio")
    heading(picture, "Evicting: how fast, and how much is found",
            "10 million keys, equal resident bytes; a get, and on a miss a put. Across: million requests a second; up: "
            "hit ratio.")
    for place, theta in enumerate(plan.EVICT):
        found = {}
        for cell in evict_cells(results, theta)[-1:]:
            for peer in ("gyre", *CACHES):
                if results.has(cell, peer):
                    found[peer] = results.spread(cell, peer).median / 1e6, results.hit_ratio(cell, peer)
        if not found:
            continue
        rates, ratios = zip(*found.values())
        x_ticks = ticks(max(rates))
        low, high = math.floor(min(ratios) * 50) / 50, math.ceil(max(ratios) * 50) / 50
        step = 0.01 if high - low <= 0.06 else 0.02
        y_ticks = [low + step * i for i in range(round((high - low) / step) + 1)]
        at = axes(picture, 60 + 490 * place, 110, f"zipf {theta}, {cell.threads} threads", x_ticks,
                  y_ticks if len(y_ticks) > 1 else [low, low + step], lambda x, most=x_ticks[-1]: x / most,
                  (number, lambda y: f"{y:.2f}"))
        for peer, (rate, ratio) in found.items():
            kind = KINDS[peer]
            picture.mark(at.across(rate), at.up(ratio), kind.mark, kind.ink, f"{plain(peer)}: {rate:.2f}, {ratio:.4f}")
        above = apart([at.up(ratio) for _, ratio in found.values()], 13.5)
        for (peer, (rate, _)), y in zip(found.items(), above):
            picture.text(at.across(rate) + 9, y + 4, plain(peer), ink_of_words(peer))
    picture.write(path)


def latency(path, results):
    cell = Cell(plan.LATENCY, "latency", 2)
    peers = [peer for peer in ("gyre", *CACHES) if results.has(cell, peer)]

    def column(side, part):
        found = {peer: results.latency_spread(cell, peer, side, part) for peer in peers}
        return Bars(f"{SIDES[side]}, {PARTS[part]}", {peer: value for peer, value in found.items() if value},
                    lambda value: f"{value:,.0f} ns")

    bars(path, "Latency while the cache fills, grows and evicts",
         "2 threads; medians of the rounds, and from the least to the most. Lower is better.", peers,
         [[column(side, part) for part in PARTS] for side in SIDES], one_scale=False)
