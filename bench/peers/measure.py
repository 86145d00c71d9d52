# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Measures a plan: opens the peers of a step beside each other, and lets them take turns in rotating order."""

import os

import counting
import plan as plans
import programs
from progress import Progress
from results import CACHES, MACHINE

RESERVE = 2 << 30  # bytes of the machine's memory that stay free
OVERHEAD = 200  # bytes an entry that a peer takes at most beyond key and value
OPENING = 3.0  # seconds for a million entries: a guess, for the time left
WARM_RATE = 2_500_000  # requests a second: the same
WARM_THREADS = 2


class Bench:
    def __init__(self, paths, plan):
        """`paths`: of the programs, by name, gyre's first."""
        self.paths, self.plan = paths, plan
        self.peers, self.runs, self.opened, self.failures = {}, [], [], []
        self.programs, self.failed, self.bytes = {}, set(), None
        self.progress = Progress(0)

    def measure(self, save=lambda: None):
        """`save` is called after each step: what goes wrong later loses nothing."""
        for name in self.paths:
            self.guarded(name, self.describe)
        counts = 2 * len(CACHES) + 2
        load = os.getloadavg()[0]
        if load > 0.5:
            self.progress.say(f"the machine has other work: load {load:.1f}")
        self.progress = Progress(sum(map(self.seconds, self.plan.steps))
                                 + counts * counting.seconds(self.plan.counted_requests))
        try:
            for step in self.plan.steps:
                try:
                    self.measure_step(step)
                except (OSError, ValueError, KeyError, TypeError) as failed:
                    self.failures.append(f"step {step.name}: {failed!r}")
                    self.progress.say(self.failures[-1])
                finally:
                    self.close_all()
                save()
        finally:
            self.progress.end()

    def guarded(self, name, what, *arguments):
        """A peer that fails is left out until the next step, and the run is void."""
        try:
            what(name, *arguments)
        except (programs.Refused, programs.Failed) as failed:
            self.failures.append(str(failed))
            self.failed.add(name)
            self.close(name)
            self.progress.say(self.failures[-1])

    def describe(self, name):
        program = programs.Program(name, self.paths[name])
        self.peers[name] = program.describe()
        program.close()

    def offers(self, name, cell):
        return cell.workload in self.peers[name]["workloads"] and plans.takes_part(name, cell)

    def taking_part(self, step):
        return [name for name in self.peers if any(self.offers(name, cell) for cell, _ in step.cells)]

    def opened_anew(self, name, step):
        return step.fresh or self.kind(name, step) == "growing" and name != MACHINE

    def kind(self, name, step):
        return "evicting" if step.kind == "growing" and self.peers[name].get("evicts") else step.kind

    def opening_seconds(self, name, step):
        if self.kind(name, step) == "growing":
            return 0.1
        return OPENING * step.entries / 1e6 + step.warm / WARM_RATE

    def seconds(self, step):
        """A guess."""
        total = 0.0
        for name in self.taking_part(step):
            runs = [step.touch + seconds for cell, seconds in step.cells if self.offers(name, cell)]
            openings = self.plan.rounds * len(runs) if self.opened_anew(name, step) else 1
            total += self.plan.rounds * sum(runs) + openings * self.opening_seconds(name, step)
        return total

    def measure_step(self, step):
        names = self.taking_part(step)
        self.failed.clear()
        self.bytes = None
        each = step.entries * (step.payload_bytes + OVERHEAD)
        room = programs.memory_available() > each * len(names) + RESERVE
        self.progress.say(f"{step.name}: {len(names)} programs{'' if room else ', one at a time: memory is short'}")
        for name in names if room or step.equal_bytes else ():
            self.guarded(name, self.start, step)
        for number in range(self.plan.rounds):
            turn = number % max(1, len(names))
            for cell, seconds in step.cells:
                for name in names[turn:] + names[:turn]:
                    if name not in self.failed and self.offers(name, cell):
                        self.guarded(name, self.take_turn, step, cell, seconds, number)

    def take_turn(self, name, step, cell, seconds, number):
        stays = name in self.programs
        if not stays:
            self.start(name, step)
        if self.opened_anew(name, step):
            self.open(name, step)
        if step.touch and not self.peers[name].get("processes"):  # these begin anew in each run, and touch by themselves
            self.programs[name].run(cell.workload, threads=cell.threads, seconds=step.touch)
        length = {"requests": step.requests} if step.requests else {"seconds": seconds}
        found = self.programs[name].run(cell.workload, threads=cell.threads, **length)
        self.runs.append({**found, "step": cell.step, "workload": cell.workload, "threads": cell.threads,
                          "round": number, "peer": name})
        self.progress.step(step.touch + seconds, f"{name}: {cell}")
        if not stays:
            self.close(name)

    def start(self, name, step):
        self.programs[name] = programs.Program(name, self.paths[name])
        if not self.opened_anew(name, step):
            self.open(name, step)

    def open(self, name, step):
        program, kind = self.programs[name], self.kind(name, step)
        options = {"value_bytes": step.value_bytes, "entries": step.entries}
        if step.fresh:
            options["starts_small"] = 1
        if step.equal_bytes and self.bytes:
            options["bytes"] = int(self.bytes)
        found = program.open(kind, **options)
        if step.warm and kind == "evicting":
            workload = step.cells[0][0].workload
            warmed = program.run(workload, threads=WARM_THREADS, requests=step.warm)
            if name == "gyre":
                self.bytes = warmed.get("resident_bytes")
        self.opened.append({**found, "step": step.name, "peer": name})
        self.progress.step(self.opening_seconds(name, step), f"{name} opened")

    def close(self, name):
        program = self.programs.pop(name, None)
        if program:
            program.close()

    def close_all(self):
        for name in list(self.programs):
            self.close(name)
