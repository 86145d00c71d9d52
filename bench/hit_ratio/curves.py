# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Miss ratio over the cache size: small pictures side by side, each with a vertical scale of its own."""

import math
from typing import NamedTuple

import svg

# Of a panel: what stands left of and above its lines, their width, and from one to the next.
LEFT, TOP, ROOM, GAP = 56, 44, 232, 318
HEIGHT, ROW = 180, 274
TICKS_AT_MOST = 5


class Kind(NamedTuple):
    ink: str
    width: float
    dash: str
    mark: str  # "": none


# The first is drawn first, and wide: where another is on it, both are seen.
KINDS = {
    "gyre": Kind("gyre", 4, "", "disc"),
    "S3-FIFO": Kind("orange", 1.4, "", "square"),
    "LIRS": Kind("green", 1.4, "", "triangle"),
    "W-TinyLFU": Kind("purple", 1.4, "", "diamond"),
    "LRU": Kind("brown", 1.4, "6 4", ""),
    "Belady": Kind("grey", 1.4, "1.5 3", ""),
}
NAMES = {"Belady": "Belady (knows the future)"}


class Panel(NamedTuple):
    title: str
    aside: str  # at the right of the title
    note: str
    curves: dict  # by name: pairs of share and miss ratio, by share


def scale(least, most):
    """Round numbers around both, and how far apart they are."""
    for step in (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25):
        low, high = math.floor(least / step + 1e-9), math.ceil(most / step - 1e-9)
        if high - low <= TICKS_AT_MOST:
            break
    return [tick * step for tick in range(low, high + 1)]


def legend(picture, x, y, names):
    for name in names:
        kind, label = KINDS[name], NAMES.get(name, name)
        picture.line(x, y - 4, x + 28, y - 4, kind.ink, kind.width, kind.dash)
        if kind.mark:
            picture.mark(x + 14, y - 4, kind.mark, kind.ink)
        picture.text(x + 35, y, label, "title strong" if name == "gyre" else "text")
        x += 64 + 7 * len(label)


def draw(picture, x, y, panel, shares):
    """`x`, `y`: the panel's corner; `shares`: all that the horizontal axis names."""
    left, top, bottom = x + LEFT, y + TOP, y + TOP + HEIGHT
    ratios = [ratio for curve in panel.curves.values() for _, ratio in curve]
    ticks = scale(min(ratios), max(ratios))

    def across(share):
        return left + ROOM * math.log(share / shares[0]) / math.log(shares[-1] / shares[0])

    def up(ratio):
        return bottom - HEIGHT * (ratio - ticks[0]) / (ticks[-1] - ticks[0])

    picture.text(left, y + 16, panel.title, "title strong")
    picture.text(left + ROOM, y + 16, panel.aside, "text small", "end")
    picture.text(left, y + 31, panel.note, "text small")
    for tick in ticks:
        picture.line(left, up(tick), left + ROOM, up(tick), "grid")
        picture.text(left - 7, up(tick) + 4, f"{100 * tick:.3g} %", "text small", "end")
    for share in shares:
        picture.line(across(share), bottom, across(share), bottom + 4, "axis")
        label = f"{100 * share:g}{' %' if share == shares[-1] else ''}"
        picture.text(across(share), bottom + 17, label, "text small", "middle")
    picture.line(left, bottom, left + ROOM, bottom, "axis")
    for name, kind in KINDS.items():
        places = [(across(share), up(ratio)) for share, ratio in panel.curves.get(name, ())]
        if not places:
            continue
        picture.path(places, kind.ink, kind.width, kind.dash)
        for (share, ratio), place in zip(panel.curves[name], places):
            if kind.mark:
                picture.mark(*place, kind.mark, kind.ink, f"{name}, {100 * share:g} %: {100 * ratio:.2f} %")


def write(path, title, subtitle, groups, across_text):
    """`groups`: pairs of a heading and of its panels, which stand three in a row."""
    shares = sorted({share for _, panels in groups for panel in panels for curve in panel.curves.values()
                     for share, _ in curve})
    columns = min(3, max(len(panels) for _, panels in groups))
    rows = sum(-(-len(panels) // 3) for _, panels in groups)
    height = 122 + 30 * sum(heading != "" for heading, _ in groups) + ROW * rows
    picture = svg.Picture(max(760, 6 + GAP * columns), height, title)
    picture.text(20, 30, title, "title large")
    picture.text(20, 51, subtitle)
    legend(picture, 20, 82, KINDS)
    y = 100
    for heading, panels in groups:
        if heading:
            picture.text(20, y + 20, heading, "title strong")
            y += 30
        for number, panel in enumerate(panels):
            draw(picture, 2 + GAP * (number % 3), y + ROW * (number // 3), panel, shares)
        y += ROW * -(-len(panels) // 3)
    picture.text(20, height - 12, across_text, "text small")
    picture.write(path)
