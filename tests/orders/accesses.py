#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Every access of src/ to shared memory, by a name that survives changes of lines.

A name is `file:function operation(location)`, with #2, #3 ... when a function has the same text again:
`arena.c:stage_in gy_load_seq(&cache->words[arena])`. Run alone it prints line and name of each."""

import pathlib
import re
from typing import NamedTuple

SRC = pathlib.Path(__file__).resolve().parents[2] / "src"
OPERATION = re.compile(
    r"\b(gy_(?:load|store|add|sub|swap|cas)_(?:rlx|acq|rel|seq)|gy_cas_unasked|gy_count|gy_fence_seq|gy_compiler_barrier|"
    r"gy_os_membarrier|atomic_[a-z_]+)\(")
# What the explorer calls them.
SITE = {"load": "load", "store": "store", "add": "fetch_add", "sub": "fetch_sub", "swap": "exchange", "cas": "cas",
        "fence": "fence", "os": "membarrier", "compiler": "barrier"}


class Access(NamedTuple):
    name: str
    file: str
    function: str
    operation: str
    first_line: int
    last_line: int

    @property
    def relaxed(self):
        return self.operation.endswith("_rlx") or self.operation == "gy_count"

    @property
    def site(self):
        """Its operation in the explorer; None: the explorer does not see it."""
        return SITE.get(self.operation.split("_")[1])


def without_comments(text):
    """The same text with comments and strings blank, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', blank, text, flags=re.S)


def arguments_end(text, start):
    """Where the argument list that begins at start ends, and where its first argument does."""
    depth, first = 0, None
    for at in range(start, len(text)):
        c = text[at]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            if depth == 0:
                return at, at if first is None else first
            depth -= 1
        elif c == "," and depth == 0 and first is None:
            first = at
    raise ValueError("a call without an end")


def accesses_of(path):
    text = without_comments(path.read_text())
    functions = [(m.start(), m.group(1)) for m in re.finditer(r"^([a-z_0-9]+)\(", text, re.M)]
    seen = {}
    for match in OPERATION.finditer(text):
        start = text.rfind("\n", 0, match.start()) + 1
        if re.fullmatch(r"(bool |void )?", text[start:match.start()]):
            continue  # its own definition or declaration
        function = [name for at, name in functions if at < match.start()][-1]
        end, first = arguments_end(text, match.end())
        location = " ".join(text[match.end():first].split())
        name = f"{path.name}:{function} {match.group(1)}({location})"
        seen[name] = seen.get(name, 0) + 1
        yield Access(name if seen[name] == 1 else f"{name}#{seen[name]}", path.name, function, match.group(1),
                     text.count("\n", 0, match.start()) + 1, text.count("\n", 0, end) + 1)


def all_accesses():
    found = []
    for path in sorted(SRC.rglob("*.[ch]")):
        if path.name != "atomic.h":
            found += accesses_of(path)
    return found


if __name__ == "__main__":
    for access in all_accesses():
        print(f"{access.file}:{access.first_line} {access.name}")
