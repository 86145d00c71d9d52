#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Breaks the library on purpose and looks who notices.

    mutants.py run [FIRST-LAST ...]  all mutants (or those numbers), a line each
    mutants.py show NUMBER           one of them: its diff, who caught it, how to run that again
    mutants.py list

A mutant is a tree in build/mutants/NUMBER: links to everything, a copy of src/ with the bug, and the objects of
build/mutants/base, so that make compiles what includes the changed file and nothing else. The layers of a mutant
are run until one fails. First of all, each of those commands is run on the tree without a bug: it must pass.
"""

import concurrent.futures
import os
import pathlib
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
import layers  # noqa: E402
import table  # noqa: E402

TREES = table.ROOT / "build" / "mutants"
JOBS = int(os.environ.get("JOBS", os.cpu_count() or 1))
base_built = threading.Lock()


def layers_of(mutant):
    return [layers.Layer(kind, args, mutant.number) for kind, args in mutant.layers]


def plant(name, copy_src):
    """A tree that is this one but for build/ and, when wanted, a src/ of its own."""
    tree = TREES / name
    shutil.rmtree(tree / "src", ignore_errors=True) if (tree / "src").is_dir() and not (tree / "src").is_symlink() else None
    tree.mkdir(parents=True, exist_ok=True)
    for entry in sorted(table.ROOT.iterdir()):
        link = tree / entry.name
        if entry.name.startswith(".") or entry.name == "build" or (copy_src and entry.name == "src"):
            continue
        if not link.is_symlink():
            link.symlink_to(os.path.relpath(entry, tree))
    if copy_src:
        shutil.copytree(table.ROOT / "src", tree / "src")
    return tree


def base_tree(wanted):
    """The tree without a bug, with all programs that will be asked for."""
    tree = plant("base", copy_src=False)
    for flags in (layers.POINTS, layers.RELEASE, layers.EXPLORE):
        targets = sorted({layer.target for layer in wanted if layer.flags is flags})
        if targets:
            layers.make(tree, flags, targets, JOBS)
    return tree


def mutant_tree(mutant):
    changed = table.apply(mutant)
    discard(mutant)
    tree = plant(str(mutant.number), copy_src=True)
    for file, (_, after) in changed.items():
        (tree / file).write_text(after)
    return tree


def discard(mutant):
    shutil.rmtree(TREES / str(mutant.number), ignore_errors=True)


def inherit(tree, flavor):
    """The objects of the tree without a bug; programs are linked anew."""
    to, given = tree / "build" / flavor, TREES / "base" / "build" / flavor
    if not to.exists():
        programs = lambda _, names: [n for n in names if "." not in n and not (pathlib.Path(_) / n).is_dir()]
        shutil.copytree(given, to, ignore=programs)


class Outcome:
    def __init__(self, mutant):
        self.mutant, self.layer, self.seconds, self.built, self.output = mutant, None, 0.0, 0.0, ""
        self.tried, self.error = [], ""


def examine(mutant):
    """Builds a mutant and runs its layers until one catches it."""
    outcome = Outcome(mutant)
    try:
        tree = mutant_tree(mutant)
        for layer in layers_of(mutant):
            start = time.monotonic()
            inherit(tree, layer.target.split("/")[1])
            layer.build(tree)
            outcome.built += time.monotonic() - start
            caught, seconds, output = layer.run(tree)
            outcome.tried.append((layer, caught, seconds))
            if caught:
                outcome.layer, outcome.seconds, outcome.output = layer, seconds, output
                break
    except (RuntimeError, table.TableError) as error:
        outcome.error = str(error)
    return outcome


def control(wanted, tree):
    """Every command that is going to judge mutants passes where there is no bug. (The explorer for two seconds:
    its own proof is longer.)"""
    once = {layer.command: layer for layer in wanted}
    for layer in once.values():
        layer.shorten()
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        results = list(pool.map(lambda layer: (layer, *layer.run(tree)), once.values()))
    for layer, failed, _, output in results:
        if failed:
            print(f"without any bug, this fails: {layer.command}\n{output[-3000:]}")
    return len(once), sum(failed for _, failed, _, _ in results)


def line_of(outcome):
    mutant, layer = outcome.mutant, outcome.layer
    if outcome.error:
        who = "ERROR"
    elif layer:
        found = layers.schedules(outcome.output)
        who = f"{layer.title:<22}{outcome.seconds:7.2f} s  {found if found is not None else '':>9}"
    else:
        who = "argued" if mutant.argued else "SURVIVED"
    return f"{mutant.number:>4}  {mutant.name:<66} {who}"


def run(mutants):
    start = time.monotonic()
    wanted = [layer for m in mutants for layer in layers_of(m)]
    base = base_tree(wanted)
    commands, failed = control(wanted, base)
    print(f"{commands} commands on the library without a bug: {failed} failed; {time.monotonic() - start:.0f} s")
    if failed:
        return 1
    caught = argued = 0
    print(f"{'':>4}  {'what is wrong':<66} {'caught by':<22}{'after':>9}  {'schedules':>9}")
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for outcome in pool.map(examine, mutants):
            print(line_of(outcome), flush=True)
            if outcome.error:
                print(outcome.error)
            caught += outcome.layer is not None
            argued += bool(outcome.mutant.argued)
            discard(outcome.mutant)
    print(f"{time.monotonic() - start:.0f} s")
    print(f"RESULT mutants total={len(mutants)} caught={caught} argued={argued}")
    return 0 if caught + argued == len(mutants) else 1


def show(mutant):
    print(f"mutant {mutant.number}: {mutant.name}\n\n{table.diff(mutant)}")
    if mutant.argued:
        print(mutant.argued)
        return 0
    base_tree(layers_of(mutant))
    outcome = examine(mutant)
    for layer, caught, seconds in outcome.tried:
        print(f"{'caught by' if caught else 'not noticed by'}: {layer.command}  ({seconds:.2f} s)")
    if outcome.error:
        print(outcome.error)
    elif outcome.layer is None:
        print("it SURVIVED")
    else:
        print("\n" + "\n".join("    " + line for line in outcome.output.strip().splitlines()[-12:]))
        print(f"\nagain: cd {os.path.relpath(TREES / str(mutant.number), table.ROOT)} && {outcome.layer.command}")
    return 0 if outcome.layer else 1


def main(argv):
    try:
        return command(argv)
    except (RuntimeError, table.TableError) as error:
        print(error)
        return 1


def command(argv):
    mutants = table.read_all()
    found = list(table.complaints(mutants))
    if found:
        print("\n".join(found))
        return 1
    what, words = (argv + ["list"])[0], argv[1:]
    if what == "list":
        for m in mutants:
            print(f"{m.number:>4}  {m.name}")
        return 0
    numbers = set()
    for word in words:
        first, _, last = word.partition("-")
        numbers |= set(range(int(first), int(last or first) + 1))
    chosen = [m for m in mutants if not numbers or m.number in numbers]
    if not chosen:
        print("no such mutant: make mutants-list shows them")
        return 1
    return show(chosen[0]) if what == "show" else run(chosen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
