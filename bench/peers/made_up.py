#!/usr/bin/env -S python3 -S
# (-S: it starts sooner.)
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""A peer that is made up, for tests of the driver: it measures nothing, and answers at once what a run in which all
figures are met would answer. As a program its name says which peer it is, and the file faults.json beside it what is to
go wrong: by peer, the command's beginning and what happens (dies, hangs up, says nonsense, refuses, is wrong)."""

import json
import os
import pathlib
import signal
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import plan
from results import CACHES, LIMITS, MACHINE, MAPS

READS = ["hits-uniform", "hits-zipf", "hits-uniform-copied", "hits-zipf-copied", "hot-key"]
WRITES = ["mix-95-5", "mix-50-50", "overwrite", "delete", "hot-key-written", "insert"]
EVICTS = ["evict-99", "evict-80", "latency"]
WALKS = ["two-lines", "two-lines-busy", "two-lines-overlapped", "dependent-load", "copy-1k", "to-and-fro"]
MANY = [f"many-{n}-uniform" for n in plan.BATCHES]
# Million operations a second of one thread.
RATES = {"gyre": 9.0, "ideal": 11.0, "hcc": 2.0, "rocksdb_lru": 1.0, "in_house": 2.2, "lmdb": 0.8,
         **dict.fromkeys(MAPS, 4.0), **dict.fromkeys(LIMITS, 10.0)}
SHARED_RATES = {"gyre_shared": 9.0, "in_house_shared": 2.0, "lmdb_shared": 0.8}
FILE_RATES = {"gyre_plain": 9.0, "gyre_file": 8.5, "gyre_file_bare": 8.8, "lmdb_batch": 0.9, "sqlite": 0.2}
MACHINE_RATES = {"two-lines": 12.0, "two-lines-busy": 6.0, "two-lines-overlapped": 55.0, "dependent-load": 5.0, "copy-1k": 12.0,
                 "to-and-fro": 15.0}
NS = {"gyre": 100.0, "hcc": 250.0, "rocksdb_lru": 300.0, "in_house": 260.0, **dict.fromkeys(LIMITS, 90.0)}
BYTES = {"gyre": 105, "hcc": 200, "rocksdb_lru": 172, "in_house": 150}
HITS = {("evict-99", True): 0.84, ("evict-80", True): 0.60, ("evict-99", False): 0.80, ("evict-80", False): 0.57}
TIGHT = 0.95  # of the hits of the others, where they have gyre's bytes alone
ENTRIES = 1_000_000


def workloads(peer):
    if peer == MACHINE:
        return WALKS
    if peer == "ideal":
        return [*READS, *MANY]
    if peer in SHARED_RATES:
        beside = ["evict-99-stopped-view", "evict-99-stopped-section"] if peer == "gyre_shared" else []
        return [*READS, *WRITES, *([] if peer == "lmdb_shared" else ["evict-99", "evict-80"]), *beside]
    return [*READS, *WRITES, *(EVICTS if peer in ("gyre", *CACHES, *LIMITS) else ()),
            *([*MANY, "expiry"] if peer == "gyre" else MANY if peer in LIMITS else ())]


def rate(peer, workload, threads):
    """A second."""
    if peer == MACHINE:
        return 1e6 * MACHINE_RATES[workload] * min(threads, 2)
    one = (RATES | SHARED_RATES | FILE_RATES)[peer]
    if workload.startswith("many-"):
        one *= 4.5
    if workload == "insert":
        one *= 0.6
    if workload == "hot-key-written" and peer == "gyre":
        one *= 2
    return 1e6 * one * min(threads, 2)


def hit_ratio(peer, workload, equal_bytes):
    if not workload.startswith("evict"):
        return 1.0
    return HITS[workload[:len("evict-99")], peer.startswith("gyre")] * (TIGHT if equal_bytes and peer != "gyre" else 1)


def quantiles(ns):
    return {"p50": ns, "p99": 4 * ns, "p99_9": 6 * ns, "max": 1e5 * ns, "n": 1000}


def ran(peer, workload, threads, equal_bytes=False):
    """The answer to a run."""
    speed, requests = rate(peer, workload, threads), 1_000_000
    found = {"workload": workload, "threads": threads, "ops": requests, "seconds": requests / speed, "rate": speed,
             "ns_per_op": 1e9 * threads / speed, "requests": requests, "wrong": 0, "puts": 0, "cpu_seconds": 1.0,
             "hits": round(requests * hit_ratio(peer, workload, equal_bytes)),
             "entries": ENTRIES, "resident_bytes": ENTRIES * BYTES.get(peer, 120)}
    if workload == "latency":
        found.update(get_ns=quantiles(NS[peer]), put_ns=quantiles(2 * NS[peer]))
    if "stopped" in workload:
        found.update(stopped=workload.rpartition("-")[2], stopped_named=True)
    return found


def described(peer):
    return {"peer": peer, "version": f"{peer} 1.0", "evicts": peer in ("gyre", *CACHES, *LIMITS), "workloads": workloads(peer),
            "processes": peer in SHARED_RATES, "compiler": "0.0"}


def opened(kind):
    return {"opened": kind, "entries": ENTRIES, "resident_bytes_per_entry": 110.0 if kind == "resident" else 0}


def takes_part(peer, cell):
    return cell.workload in workloads(peer) and plan.takes_part(peer, cell)


def measured(made, peers, processors=2, quick=False):
    """What there is of such a run after it was measured, by a plan, without programs."""
    runs, first = [], []
    for step in made.steps:
        for peer in peers:
            first.append({**opened(step.kind), "step": step.name, "peer": peer})
            runs += [{**ran(peer, cell.workload, cell.threads, step.equal_bytes), "step": step.name, "round": number,
                      "peer": peer} for cell, _ in step.cells if takes_part(peer, cell) for number in range(made.rounds)]
    about = {"processor": "made up", "virtual": False, "processors": processors, "cache": "1K", "memory_bytes": 2**30,
             "kernel": "none", "huge_pages": "none", "load_before": 0.0, "commit": ""}
    return {"quick": quick, "rounds": made.rounds, "machine": about, "runs": runs, "opened": first, "failures": [],
            "peers": {peer: described(peer) for peer in peers}, "counted": [], "instructions": None}


def whole(processors=2, quick=False):
    """The results of make peers."""
    counted = [{"peer": peer, "theta": theta, "requests": 10**6, "wrong": 0, "entries": ENTRIES,
                "hits": round(10**6 * hit_ratio(peer, workload, False))}
               for theta, workload in plan.EVICT.items() for peer in ("gyre", *CACHES)]
    return {**measured(plan.plan(processors, quick), (*RATES, MACHINE), processors, quick),
            "counted": [] if quick else counted, "instructions": 120.0}


def fault(folder, peer, command):
    path = folder / "faults.json"
    faults = json.loads(path.read_text()) if path.exists() else {}
    begins, happens = faults.get(peer, ("", ""))
    return happens if happens and command.startswith(begins) else ""


def answer(peer, command, options, equal_bytes):
    verb, name = (command.split() + [""])[:2]
    if verb == "describe":
        return described(peer)
    if verb == "open":
        return opened(name)
    return ran(peer, name, int(options.get("threads", 1)), equal_bytes)


def main():
    program = pathlib.Path(sys.argv[0])
    peer, equal_bytes = program.name.removeprefix("peer-"), False
    for line in sys.stdin:
        command = line.strip()
        options = dict(word.split("=") for word in command.split() if "=" in word)
        happens = fault(program.parent, peer, command)
        if command.startswith("open"):
            equal_bytes = "bytes" in options
        if command == "quit" or happens == "hangs up":
            return
        if happens == "dies":
            print("an assertion does not hold", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGABRT)
        found = {"error": "not today"} if happens == "refuses" else answer(peer, command, options, equal_bytes)
        if happens == "is wrong":
            found["wrong"] = 1
        if happens == "says no rate":
            found["rate"] = None
        print("[nonsense" if happens == "says nonsense" else json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
