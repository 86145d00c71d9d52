# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""How far gyre and each of the eleven are from the best of the eleven: a bar each."""

import svg

LABELS, ROOM, APART, TOP, ROW = 104, 330, 70, 116, 26


def column(picture, x, summaries, field, must, title):
    values = [getattr(one, field) for one in summaries]
    least, most = min(0.0, *values), max(*values, must)

    def across(value):
        return x + (ROOM - 60) * (value - least) / (most - least)

    bottom = TOP + ROW * len(summaries)
    picture.text(x, TOP - 16, title, "title strong")
    for row, (one, value) in enumerate(zip(summaries, values)):
        y, ink = TOP + ROW * row, "gyre" if one.name == "gyre" else "axis"
        picture.bar(across(0), across(value), y + 5, 15, ink, f"{one.name}: {value:+.4f}")
        beside = across(max(value, 0, must if value < must else 0)) + 7  # not on the line of the must
        picture.text(beside, y + 17, f"{value:.4f}", "title strong" if one.name == "gyre" else "text")
    picture.line(across(0), TOP, across(0), bottom, "axis", 1.2)
    picture.line(across(must), TOP, across(must), bottom + 6, "must", 1.4, "4 3")
    picture.text(across(must), bottom + 20, f"gyre must: {must:g}", "must small",
                 "middle" if across(must) > x + 40 else "start")


def write(path, summaries, musts, subtitle):
    """`musts`: what gyre's mean and worst regret must be."""
    summaries = sorted(summaries, key=lambda one: one.regret)
    title = "How much more is missed than by the best of eleven algorithms"
    picture = svg.Picture(LABELS + 2 * ROOM + APART, TOP + ROW * len(summaries) + 34, title)
    picture.text(20, 30, title, "title large")
    for number, line in enumerate(subtitle):
        picture.text(20, 51 + 17 * number, line)
    for row, one in enumerate(summaries):
        ink = "title strong" if one.name == "gyre" else "text"
        picture.text(LABELS - 10, TOP + ROW * row + 17, one.name, ink, "end")
    column(picture, LABELS, summaries, "regret", musts[0], "mean over all points")
    column(picture, LABELS + ROOM + APART - 30, summaries, "worst", musts[1], "at the worst point")
    picture.write(path)
