# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Fills stores, kills who has them open, opens them again."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import machine
import programs
from progress import Progress

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "bench-recovery"
GYRE, PEERS = "gyre", ("gyre", "rocksdb", "lmdb")
SAMPLE = 200_000
WRITING = 0.3, 0.05, 0.17, 0.4, 0.23  # seconds until it is killed: by round
FILLING = {"gyre": 1.5, "rocksdb": 5.0, "lmdb": 4.0}  # millionths of a second an entry: a guess, for the time left
A_TURN = 2.0
PATIENCE = 3600


class Store:
    """A folder, and the program that has it open."""

    def __init__(self, name, asked, folder):
        self.name, self.path, self.folder, self.asked = name, asked.programs / f"store-{name}", folder, asked
        self.program, self.looked_at = None, 0

    def open(self, make=False):
        started = time.monotonic_ns()
        self.program = programs.Program(self.name, self.path)
        how = "make=1" if make else f"started={started}"
        return self.ask(f"open {self.folder} entries={self.asked.entries} bytes={self.asked.bytes} {how}")

    def ask(self, command):
        return self.program.ask(command, PATIENCE)

    def verify(self):
        """Of keys that were not looked at before: what is read often, a cache keeps."""
        self.looked_at += SAMPLE
        return self.ask(f"run verify sample={SAMPLE} from={self.looked_at}")

    def kill(self):
        if self.program is not None:
            self.program.process.kill()
            self.program.close()
            self.program = None

    def killed_while_writing(self, number):
        self.ask("run write")
        time.sleep(WRITING[number % len(WRITING)])
        if self.program.process.poll() is not None:
            raise self.program.failure("run write", "ended by itself", ending=True)
        self.kill()

    def stop_machine(self):
        """It will find that it was open in another life of the machine: as after a power cut when the disk had everything."""
        try:
            subprocess.run([sys.executable, ROOT / "tests/damage.py", self.folder / "cache", "boot"], check=True)
        except (OSError, subprocess.CalledProcessError) as failed:
            raise programs.Failed(f"{self.name}: {failed}") from None


def bytes_in(folder):
    return sum(512 * path.stat().st_blocks for path in folder.rglob("*") if path.is_file())


class Run:
    def __init__(self, asked):
        self.asked, self.peers, self.fills = asked, {}, {}
        self.reopens, self.power, self.failures = [], [], []
        filling = sum(FILLING[name] * asked.entries / 1e6 for name in PEERS)
        self.progress = Progress(filling + A_TURN * asked.rounds * (len(PEERS) + 1), NAME)

    def measure(self):
        for name in PEERS:
            folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{NAME}-", dir=self.asked.dir))
            store = Store(name, self.asked, folder)
            try:
                self.measure_store(store)
            except (programs.Failed, programs.Refused, OSError) as failed:
                self.failures.append(str(failed))
                self.progress.say(self.failures[-1])
            finally:
                store.kill()
                shutil.rmtree(folder, ignore_errors=True)
        self.progress.end()

    def measure_store(self, store):
        self.progress.say(f"{store.name}: {self.asked.entries / 1e6:.3g} million entries, in {store.folder}")
        store.open(make=True)
        self.peers[store.name] = store.ask("describe")
        filled = store.ask("run fill")
        self.fills[store.name] = {**filled, **store.verify(), "disk_bytes": bytes_in(store.folder)}
        self.progress.step(FILLING[store.name] * self.asked.entries / 1e6, f"{store.name}: filled")
        store.killed_while_writing(0)
        for number in range(self.asked.rounds):
            self.reopens.append(self.turn(store, number, "opened"))
        for number in range(self.asked.rounds if store.name == GYRE else 0):
            store.stop_machine()
            self.power.append(self.turn(store, number, "recovered"))

    def turn(self, store, number, words):
        """It is opened, looked at, and killed while it is written to."""
        found = store.open()
        found.update(store.verify(), peer=store.name, round=number)
        store.killed_while_writing(number + 1)
        self.progress.step(A_TURN, f"{store.name}: {words}")
        return found


def measured(asked):
    """All of it, for build/bench-recovery.json."""
    run, about = Run(asked), machine.describe(ROOT)
    run.measure()
    return {"quick": asked.quick, "entries": asked.entries, "bytes": asked.bytes, "folder": str(asked.dir), "rounds": asked.rounds,
            "machine": about, "peers": run.peers, "fills": run.fills, "reopens": run.reopens, "power": run.power,
            "failures": run.failures}
