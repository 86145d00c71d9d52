# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""The traces of bench/traces/ and the reference beside them, and whether they are what README.md says."""

import csv
import dataclasses
import fractions
import pathlib
import re
import struct
import subprocess
import zlib
from typing import NamedTuple

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "traces"
ELEVEN = ("FIFO", "LRU", "CLOCK", "SIEVE", "S3-FIFO", "ARC", "LIRS", "2Q", "W-TinyLFU", "LeCaR", "CACHEUS")
REAL = ("cloudPhysicsIO", "web12", "orm-busy", "corda-vaultservice", "sprite", "address-gcc")
SIZED = "-sized"
UNIT_POINTS, REAL_POINTS, SIZED_POINTS = 62, 35, 6
RECORD = struct.Struct("<QII")


class Wrong(Exception):
    """The data or a replay is not what it has to be: there is no result."""


class Trace(NamedTuple):
    name: str
    requests: int
    unique: int
    footprint: int  # in bytes; in keys where the trace has no sizes
    crc: int

    @property
    def path(self):
        return FOLDER / f"{self.name}.trace.zst"

    @property
    def real(self):
        return self.name in REAL


@dataclasses.dataclass(frozen=True, eq=False)
class Point:
    trace: Trace
    share: str  # of the footprint, as the reference writes it
    size: int  # entries; bytes where sized
    sized: bool
    reference: dict  # miss ratios by algorithm

    @property
    def name(self):
        return f"{self.trace.name}{SIZED if self.sized else ''} {100 * float(self.share):g} %"

    @property
    def best(self):
        """The best of the eleven, and its miss ratio."""
        algorithm = min(ELEVEN, key=self.reference.__getitem__)
        return algorithm, self.reference[algorithm]


def traces():
    """As the table of README.md has them, by name."""
    found = {}
    for line in (FOLDER / "README.md").read_text().splitlines():
        cells = [cell.strip(" `") for cell in line.strip("|").split("|")]
        if len(cells) == 6 and re.fullmatch("[0-9a-f]{8}", cells[4]):
            requests, unique = (int(cell.replace(",", "")) for cell in cells[1:3])
            footprint = unique if cells[3] == "unit" else int(cells[3].replace(",", ""))
            found[cells[0]] = Trace(cells[0], requests, unique, footprint, int(cells[4], 16))
    return found


def records(trace):
    """The plain bytes of a trace."""
    try:
        plain = subprocess.run(["zstd", "-dcq", trace.path], capture_output=True, check=True).stdout
    except FileNotFoundError:
        raise Wrong("there is no program zstd: tools/deps.sh check installs it") from None
    except subprocess.CalledProcessError as failed:
        raise Wrong(f"{trace.path}: {failed.stderr.decode(errors='replace').strip()}") from None
    if len(plain) != RECORD.size * trace.requests or zlib.crc32(plain) != trace.crc:
        raise Wrong(f"{trace.path} is not the trace that its README.md describes: {len(plain)} bytes, "
                    f"CRC-32 {zlib.crc32(plain):08x}")
    return plain


def points():
    """All points of the reference, those of real traces first, in the order of README.md."""
    known, table = traces(), {}
    with open(FOLDER / "reference.csv", newline="") as file:
        for row in csv.DictReader(file):
            place = row["trace"], row["size_frac"], int(row["size_objects"])
            table.setdefault(place, {})[row["algo"]] = float(row["miss_ratio"])
    found = []
    for (name, share, size), reference in table.items():
        sized = name.endswith(SIZED)
        trace = known[name.removesuffix(SIZED)]
        whole = trace.footprint if sized else trace.unique
        if size != int(fractions.Fraction(share) * whole):
            raise Wrong(f"reference.csv: {name} at {share} is not {size} of {whole}")
        found.append(Point(trace, share, size, sized, reference))
    order = list(known)
    found.sort(key=lambda point: (point.sized, order.index(point.trace.name), point.size))
    counts = tuple(sum(map(test, found)) for test in (
        lambda point: not point.sized, lambda point: not point.sized and point.trace.real, lambda point: point.sized))
    if counts != (UNIT_POINTS, REAL_POINTS, SIZED_POINTS):
        raise Wrong(f"reference.csv has {counts} points (unit, of these real, sized)")
    return found
