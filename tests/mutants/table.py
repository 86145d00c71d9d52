# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The tables of deliberate bugs: reading them, and applying one to the sources.

    [17] a put makes no second scan            number and what is wrong
    file src/publish.c                         the file that the lines below change
     context                                   as in a diff: ' ' stays, '-' goes, '+' comes
    -text that is there exactly once
    +text that takes its place
    ...                                        another place of the same file
    unit index rivals                          who catches it, in the order of cost: see layers.py
    explore --scenario races
    argued No test can see this, because ...   or why nobody does
    | which may go on here

Comments and white space of the sources are not compared: they may change without the tables.
"""

import difflib
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LAYERS = ("unit", "release", "fuzz", "stress", "contract", "explore")


class TableError(Exception):
    pass


def bare(text):
    """The text without comments and white space, and where in it each character that is left stands."""
    kept, places = [], []
    for found in re.finditer(r"/\*.*?\*/|\S", text, re.DOTALL):
        if not found[0].startswith("/*"):
            kept.append(found[0])
            places.append(found.start())
    return "".join(kept), places


def end_of_line(text, at):
    """The end of the line, a comment that begins in it included."""
    return at + re.match(r"(?:[ \t]|/\*.*?\*/)*\n?", text[at:], re.DOTALL).end()


class Hunk:
    def __init__(self, file):
        self.file, self.lines = file, []

    def joined(self, tags, lines):
        return "".join(line for tag, line in lines if tag in tags)

    def apply(self, text):
        """The text with the change; what is not changed keeps its comments."""
        old, _ = bare(self.joined(" -", self.lines))
        kept, places = bare(text)
        times = kept.count(old)
        if times != 1:
            raise TableError(f"its text is {times} times in {self.file}:\n{self.joined(' -', self.lines)}")
        changed = [n for n, (tag, _) in enumerate(self.lines) if tag != " "]
        middle = self.lines[changed[0]:changed[-1] + 1]
        first = kept.index(old) + len(bare(self.joined(" ", self.lines[:changed[0]]))[0])
        last = first + len(bare(self.joined(" -", middle))[0]) - 1
        if last < first:  # nothing goes: it comes behind the line before, or before the line behind
            start = end = end_of_line(text, places[first - 1] + 1) if changed[0] > 0 else text.rindex("\n", 0, places[first]) + 1
        else:
            start, end = text.rindex("\n", 0, places[first]) + 1, end_of_line(text, places[last] + 1)
            if bare(text[start:places[first]])[0]:
                raise TableError(f"what goes begins in the middle of a line of {self.file}:\n{self.joined('-', middle)}")
        return text[:start] + self.joined(" +", middle) + text[end:]


class Mutant:
    def __init__(self, number, name, where):
        self.number, self.name, self.where = number, name, where
        self.hunks = []
        self.layers = []  # (layer, arguments)
        self.argued = ""


class Reader:
    """One table file, line by line."""

    def __init__(self, path):
        self.path, self.mutants, self.file, self.hunk = path, [], None, None

    def change(self, line):
        if self.file is None:
            raise TableError("a change without a file")
        if self.hunk is None:
            self.hunk = Hunk(self.file)
            self.mutants[-1].hunks.append(self.hunk)
        self.hunk.lines.append((line[0], line[1:] + "\n"))

    def statement(self, line, where):
        word, _, rest = line.partition(" ")
        title = re.fullmatch(r"\[(\d+)\] (.+)", line)
        if title:
            self.mutants.append(Mutant(int(title[1]), title[2], where))
            self.file = None
        elif not self.mutants:
            raise TableError("no [number] yet")
        elif word == "file":
            self.file = rest
        elif word in LAYERS:
            self.mutants[-1].layers.append((word, rest.split()))
        elif word == "argued":
            self.mutants[-1].argued = rest
        elif word == "|":
            self.mutants[-1].argued += " " + rest
        elif word != "...":
            raise TableError(f"what is '{word}'?")

    def read(self):
        for n, line in enumerate(self.path.read_text().splitlines(), 1):
            where = f"{self.path.relative_to(ROOT)}:{n}"
            if line.startswith("#"):
                continue
            try:
                if line == "" and self.hunk is None:
                    continue
                if line[:1] in ("", " ", "-", "+"):
                    self.change(line or " ")  # an empty line in the middle of a change is one of the file
                else:
                    self.hunk = None
                    self.statement(line, where)
            except TableError as error:
                raise TableError(f"{where}: {error}") from None
        return self.mutants


def read_all():
    mutants = [m for path in sorted(HERE.glob("*.mutants")) for m in Reader(path).read()]
    return sorted(mutants, key=lambda m: m.number)


def apply(mutant, root=ROOT):
    """The mutant's files with its change: {file: (text before, text after)}."""
    texts = {}
    for hunk in mutant.hunks:
        if hunk.file not in texts:
            texts[hunk.file] = [(root / hunk.file).read_text()] * 2
        try:
            texts[hunk.file][1] = hunk.apply(texts[hunk.file][1])
        except TableError as error:
            raise TableError(f"{mutant.where}: [{mutant.number}] {error}") from None
    return {file: tuple(text) for file, text in texts.items()}


def diff(mutant):
    lines = []
    for file, (before, after) in apply(mutant).items():
        lines += difflib.unified_diff(before.splitlines(True), after.splitlines(True), file, f"{file} (mutant)")
    return "".join(lines)


def strangers(mutant):
    """Words of its layers that no test of theirs has in its name: nobody would run."""
    for kind, args in mutant.layers:
        if kind in ("unit", "release"):
            tests = re.findall(r"^\w*TEST\w*\(\s*\w+,\s*(\w+)", (ROOT / f"tests/test_{args[0]}.c").read_text(), re.MULTILINE)
            yield from (f"{kind} {args[0]} {word}" for word in args[1:] if not any(word in test for test in tests))


def complaints(mutants):
    numbers = set()
    for m in mutants:
        if m.number in numbers:
            yield f"{m.where}: [{m.number}] is there twice"
        numbers.add(m.number)
        if not m.hunks:
            yield f"{m.where}: [{m.number}] changes nothing"
        if bool(m.layers) == bool(m.argued):
            yield f"{m.where}: [{m.number}] needs either layers or a reason why there is none"
        try:
            yield from (f"{m.where}: [{m.number}] no such test: {stranger}" for stranger in strangers(m))
            apply(m)
        except (TableError, OSError) as error:
            yield str(error).rstrip()


def main():
    try:
        mutants = read_all()
        found = list(complaints(mutants))
    except TableError as error:
        mutants, found = [], [str(error)]
    for line in found:
        print(line)
    print(f"{len(mutants)} mutants in the tables; {'FAILED' if found else 'OK'}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
