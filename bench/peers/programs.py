# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""A peer's program: commands go to it a line each, and each is answered by a line of JSON."""

import contextlib
import json
import os
import select
import signal
import subprocess
import tempfile
import time

PATIENCE = 300  # seconds that an answer may take beyond what was asked for
ENDING = 30  # that a program may take to end, which says nothing more
NUMBERS = {"opened": ("entries",), "ran": ("ops", "seconds", "rate", "hits", "requests", "wrong")}


class Failed(Exception):
    """The program ended, or what it said is no answer."""


class Refused(Exception):
    """The program said that it cannot do this."""


class Program:
    def __init__(self, name, path):
        self.name, self.rest = name, b""
        self.errors = tempfile.TemporaryFile()
        try:
            self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.errors)
        except OSError as wrong:
            raise Failed(f"{name}: {wrong}") from None
        os.set_blocking(self.process.stdout.fileno(), False)

    def describe(self):
        found = self.ask("describe")
        if not isinstance(found.get("workloads"), list):
            raise self.failure("describe", "names no workloads")
        return found

    def open(self, kind, **options):
        return self.checked("opened", "open", kind, options)

    def run(self, workload, **options):
        return self.checked("ran", "run", workload, options, patience=float(options.get("seconds", 600)))

    def checked(self, what, verb, name, options, patience=0.0):
        """The answer, if it has the numbers that it must have."""
        command = " ".join([verb, name, *(f"{option}={value}" for option, value in options.items())])
        found = self.ask(command, patience)
        for field in NUMBERS[what]:
            value = found.get(field)
            if not isinstance(value, (int, float)) or value != value or value < 0:
                raise self.failure(command, f"{field} is {value!r}")
        if what == "ran" and (found["ops"] <= 0 or found["rate"] <= 0):
            raise self.failure(command, "no operation was made")
        return found

    def ask(self, command, patience=0.0):
        until = time.monotonic() + patience + PATIENCE
        try:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
        except OSError:
            raise self.failure(command, "takes no commands", ending=True) from None
        line = self.line(command, until)
        try:
            found = json.loads(line)
        except ValueError:
            raise self.failure(command, f"answered {line[:80]!r}") from None
        if not isinstance(found, dict):
            raise self.failure(command, f"answered {line[:80]!r}")
        if "error" in found:
            raise Refused(f"{self.name}: {command}: {found['error']}")
        return found

    def line(self, command, until):
        while b"\n" not in self.rest:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise self.failure(command, "gave no answer in time")
            read = os.read(self.process.stdout.fileno(), 1 << 16)
            if not read:
                raise self.failure(command, "gave no answer", ending=True)
            self.rest += read
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def failure(self, command, what, ending=False):
        """Ends the program; to be raised. `ending`: it is about to end by itself, and how is worth telling."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(ENDING if ending else 0)
        status = self.process.poll()
        if status is not None:
            ended = signal.Signals(-status).name if status < 0 else f"exit status {status}"
            what += f" ({ended})"
        self.close()
        self.errors.seek(0)
        last = self.errors.read()[-300:].decode(errors="replace").strip()
        return Failed(f"{self.name}: {command}: {what}{': ' + last if last else ''}")

    def close(self):
        """Its memory is free when this returns."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(0.5 if self.process.poll() is None else 0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def memory_available():
    """Bytes."""
    with open("/proc/meminfo") as file:
        for line in file:
            if line.startswith("MemAvailable:"):
                return 1024 * int(line.split()[1])
    return 0
