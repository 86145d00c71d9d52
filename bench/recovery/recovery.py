#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""How soon what was in a file is there again: gyre beside RocksDB and LMDB after a kill -9, and gyre after a power cut.

Exit status: 0; 1 when a figure is not what it must be; 2 when the run is void, or there is no result."""

import argparse
import json
import os
import pathlib
import statistics
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path += [str(ROOT / "bench/peers"), str(ROOT / "bench/report")]
import machine
import page
import programs
import stores
import tables
from comparison import ended, figures_table
from judge import Must, missed, worst
from results import spread
from stores import GYRE, NAME, PEERS
from table import Table, as_markdown, as_text

TITLES = {"gyre": "gyre", "rocksdb": "RocksDB", "lmdb": "LMDB"}
GIB, MILLION = 1 << 30, 1_000_000
ENTRIES, BYTES, ROUNDS = 30 * MILLION, 4 * GIB, 5
QUICK, QUICK_ROUNDS = 30, 2  # so many times less
ENTRIES_A_SECOND = 5 * MILLION  # or a GiB
FOUND = 0.95  # of the keys, at least: what is overwritten all the while evicts some
FOLDER_ROOM = 2.5  # times the capacity: LMDB's pages are half full
MEMORY_FOLDER = pathlib.Path("/dev/shm")


def median(values):
    return statistics.median(values) if values else None


def of(whole, peer):
    return [turn for turn in whole["reopens"] if turn["peer"] == peer]


def entries_rate(turn):
    return turn["recovered_entries"] / turn["open_cpu_seconds"]


def bytes_rate(turn):
    return turn["read_bytes"] / turn["open_cpu_seconds"]


def reached(turn):
    """Of what a core must do."""
    return max(entries_rate(turn) / ENTRIES_A_SECOND, bytes_rate(turn) / GIB)


def found(turns):
    return min((turn["found"] / turn["sample"] for turn in turns), default=None)


def figures(whole):
    killed, cut = of(whole, GYRE), whole["power"]
    return [
        worst(Must("reopen", "after a kill -9: seconds to the first hit, median", "<", 1),
              [(median([turn["ready_seconds"] for turn in killed]), "")]),
        worst(Must("killed_found", "after a kill -9: of the keys, found", "≥", FOUND), [(found(killed), "")]),
        worst(Must("rate", "after a power cut: GiB, or 5 million entries, a second of one processor, median", "≥", 1),
              [(median([reached(turn) for turn in cut]), "")]),
        worst(Must("cut_found", "after a power cut: of the keys, found", "≥", FOUND), [(found(cut), "")]),
    ]


def void(whole, judged):
    reasons = [f"a program failed: {one}" for one in whole["failures"]]
    turns = [*whole["reopens"], *whole["power"], *({**fill, "peer": peer} for peer, fill in whole["fills"].items())]
    reasons += sorted({f"{turn['peer']} gave wrong values" for turn in turns if turn["wrong"] > 0})
    reasons += [f"{peer} was not opened {whole['rounds']} times" for peer in PEERS if len(of(whole, peer)) != whole["rounds"]]
    if len(whole["power"]) != whole["rounds"]:
        reasons.append(f"{GYRE} was not recovered {whole['rounds']} times")
    reasons += sorted({f"{GYRE} was not warm after a kill -9" for turn in of(whole, GYRE) if not turn["warm"]})
    reasons += sorted({f"{GYRE} was not recovered after a power cut" for turn in whole["power"] if not turn["recovered"]})
    return reasons + [f"not measured: {figure.must.title}" for figure in judged if figure.value is None]


def shown_spread(values, digits, scale=1.0):
    return tables.spread(spread(list(values)), digits, scale)


def shown(whole):
    rows = []
    for peer in PEERS:
        turns, fill = of(whole, peer), whole["fills"].get(peer, {})
        if turns and fill:
            rows.append([TITLES[peer], shown_spread([turn["ready_seconds"] for turn in turns], 3),
                         shown_spread([turn["open_seconds"] for turn in turns], 3), f"{100 * found(turns):.2f}",
                         f"{fill['seconds']:.0f}", f"{fill['disk_bytes'] / GIB:.2f}"])
    killed = Table("After a kill -9", ["<", "first hit, s", "of it opening, s", "of the keys found, %", "filled in, s", "files, GiB"], rows)
    cut = whole["power"]
    if not cut:
        return [killed]
    rows = [["first hit, s", shown_spread([turn["ready_seconds"] for turn in cut], 2)],
            ["opening, s", shown_spread([turn["open_seconds"] for turn in cut], 2)],
            ["opening, s of a processor", shown_spread([turn["open_cpu_seconds"] for turn in cut], 2)],
            ["entries found, million", shown_spread([turn["recovered_entries"] for turn in cut], 2, 1e-6)],
            ["million entries a second of a processor", shown_spread(map(entries_rate, cut), 2, 1e-6)],
            ["GiB a second of a processor", shown_spread(map(bytes_rate, cut), 2, 1 / GIB)],
            ["of the keys found, %", f"{100 * found(cut):.2f}"]]
    return [killed, Table("gyre after a power cut", ["<", "gyre"], rows)]


def versions(whole):
    commit = whole["machine"]["commit"]
    found = [about["version"] + (f" ({commit})" if name == GYRE and commit else "") for name, about in whole["peers"].items()]
    compilers = sorted({f"gcc {about['compiler']}" for about in whole["peers"].values()})
    return f"{', '.join(found)}; compiled by {', '.join(compilers)}"


def write_page(docs, whole):
    judged = figures(whole)
    known = {table.title: as_markdown(table, 2).split("\n\n", 1)[1] for table in shown(whole)}
    known.update({
        "figures": as_markdown(figures_table(judged)).split("\n\n", 1)[1],
        "void": "".join(f"\n**This run is void**: {reason}.\n" for reason in void(whole, judged)),
        "machine": machine.words(whole["machine"]),
        "versions": versions(whole),
        "folder": whole["folder"],
        "rounds": str(whole["rounds"]),
        "entries": f"{whole['entries'] / MILLION:.3g} million",
        "bytes": f"{whole['bytes'] / GIB:.3g} GiB",
    })
    text = (HERE / "recovery.md.in").read_text()
    (docs / "benchmarks-recovery.md").write_text(page.PLACE.sub(lambda at: known.get(at.group(1), page.ABSENT), text))


def show(whole):
    """Prints everything; the exit status."""
    judged = figures(whole)
    reasons, failed = void(whole, judged), missed(judged)
    print("\n\n".join(map(as_text, [*shown(whole), figures_table(judged)])), end="\n\n")
    for figure in failed:
        print(f"MISSED: {figure.must.title}: {figure.value:.3f}, must be {figure.must.sign} {figure.must.must:g}")
    for reason in reasons:
        print(f"VOID: {reason}")
    values = " ".join(f"{figure.must.key}={figure.value:.4f}" for figure in judged if figure.value is not None)
    names = ",".join(figure.must.key for figure in failed) or "none"
    print(f"RESULT {NAME} entries={whole['entries']} bytes={whole['bytes']} rounds={whole['rounds']} {values} missed={names} "
          f"void={'yes' if reasons else 'no'}")
    return 2 if reasons else 1 if failed else 0


def free_bytes(folder):
    try:
        about = os.statvfs(folder)
    except OSError:
        return 0
    return about.f_bavail * about.f_frsize


def folder_for(wanted):
    """Memory, where there is room for the files; else where everything is built."""
    room = min(free_bytes(MEMORY_FOLDER), programs.memory_available() / 2)
    if room > FOLDER_ROOM * wanted:
        return MEMORY_FOLDER
    (ROOT / "build").mkdir(exist_ok=True)
    return ROOT / "build"


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=pathlib.Path, default=ROOT / "build/release/bench/recovery")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / f"build/{NAME}.json", help="the results")
    parser.add_argument("--docs", type=pathlib.Path, default=ROOT / "docs", help="where the page is")
    parser.add_argument("--dir", type=pathlib.Path, help="where files are made; else memory where there is room, or build/")
    parser.add_argument("--entries", type=int)
    parser.add_argument("--bytes", type=int)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter; the page in docs/ stays as it is")
    parser.add_argument("--page", action="store_true", help="measures nothing: the page of the last results")
    asked = parser.parse_args(arguments)
    whole = not (asked.quick or asked.entries or asked.bytes)
    asked.rounds = QUICK_ROUNDS if asked.quick else ROUNDS
    asked.entries = asked.entries or ENTRIES // (QUICK if asked.quick else 1)
    asked.bytes = asked.bytes or BYTES // (QUICK if asked.quick else 1)
    asked.dir = (asked.dir or folder_for(asked.bytes)).resolve()
    return asked, whole


def main(arguments=None):
    asked, as_promised = parse(arguments)
    if asked.page:
        whole = json.loads(asked.out.read_text())
    else:
        whole = stores.measured(asked)
        asked.out.parent.mkdir(exist_ok=True)
        asked.out.write_text(json.dumps(whole, indent=1) + "\n")
    status = show(whole)
    if as_promised and status != 2:
        write_page(asked.docs, whole)
    return status


if __name__ == "__main__":
    ended(main)
