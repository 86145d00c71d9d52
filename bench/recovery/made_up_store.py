#!/usr/bin/env -S python3 -S
# (-S: it starts sooner.)
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""A store that is made up, for tests of the driver: it answers at once what a run in which all figures are met would answer. Its
folder has a file `cache` with a head in which tests/damage.py tells another life of the machine. As a program its name says which
store it is, and the file faults.json beside it what is to go wrong: by store, the command's beginning and what happens."""

import json
import os
import pathlib
import signal
import sys

BOOT_AT = 2240 + 8  # as tests/damage.py has it: who moves it there, moves it here
HEAD_BYTES = 8192
READY = {"gyre": 0.01, "rocksdb": 1.2, "lmdb": 0.02}


def opened(store, recovered=False):
    found = {"opened": "there", "entries": 1000, "open_seconds": READY[store] / 2, "open_cpu_seconds": 0.1,
             "ready_seconds": READY[store]}
    if store == "gyre":
        found.update(warm=not recovered, recovered=recovered, recovered_entries=1_000_000 if recovered else 0,
                     read_bytes=100 << 20)
    return found


def verified():
    return {"ran": "verify", "sample": 1000, "found": 1000, "wrong": 0}


def open_store(store, command):
    path = pathlib.Path(command.split()[1]) / "cache"
    recovered = False
    if "make=1" in command:
        path.write_bytes(bytes(HEAD_BYTES))
    elif store == "gyre":
        head = bytearray(path.read_bytes())
        recovered, head[BOOT_AT] = head[BOOT_AT] != 0, 0
        path.write_bytes(head)
    return opened(store, recovered)


def answer(store, command):
    if command.startswith("describe"):
        return {"peer": store, "version": f"{store} 1.0", "compiler": "0.0", "workloads": []}
    if command.startswith("open"):
        return open_store(store, command)
    return verified() if command.startswith("run verify") else {"ran": "", "seconds": 1.0}


def main():
    program = pathlib.Path(sys.argv[0])
    store = program.name.removeprefix("store-")
    begins, happens = json.loads((program.parent / "faults.json").read_text()).get(store, ("", ""))
    for line in sys.stdin:
        command = line.strip()
        found = answer(store, command)
        if happens and command.startswith(begins):
            if happens == "dies":
                os.kill(os.getpid(), signal.SIGABRT)
            found.update(happens)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
