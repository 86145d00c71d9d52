# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""A table, for a terminal and in Markdown."""

from typing import NamedTuple


class Table(NamedTuple):
    title: str
    head: list  # names of columns; those of words begin with a <
    rows: list  # of texts


def words(head):
    return [name.startswith("<") for name in head]


def as_text(table):
    names = [name.lstrip("<") for name in table.head]
    widths = [max(map(len, column)) for column in zip(names, *table.rows)]
    lines = [table.title]
    for row in (names, *table.rows):
        cells = (cell.ljust(width) if word else cell.rjust(width)
                 for cell, width, word in zip(row, widths, words(table.head)))
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(table, level=2):
    def line(cells):
        return "| " + " | ".join(cells) + " |"

    rule = ["---" if word else "---:" for word in words(table.head)]
    rows = [line([name.lstrip("<") for name in table.head]), "|" + "|".join(rule) + "|", *map(line, table.rows)]
    return "\n".join([f"{'#' * level} {table.title}", "", *rows])
