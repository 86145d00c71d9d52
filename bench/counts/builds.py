# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Programs of this folder, linked with the library of any commit."""

import os
import pathlib
import shutil
import subprocess
import typing

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = "src", "include", "Makefile"  # what the library is built from
WORKING_TREE = "."
LINK = ["-lurcu-bp", "-lurcu-common", "-ljemalloc", "-pthread", "-lm"]


class Failed(Exception):
    pass


class Build(typing.NamedTuple):
    name: str
    race: pathlib.Path
    paths: pathlib.Path


def run(*command, folder=ROOT):
    # Not the flags of the make that runs this: both are built alike.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run([str(word) for word in command], cwd=folder, env=environment, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}\n{done.stderr.decode(errors='replace')}")
    return done.stdout


def resolve(commit):
    """What a name stands for now: a branch may have moved when its turn comes."""
    if commit == WORKING_TREE:
        return commit
    return run("git", "rev-parse", "--short", "--verify", f"{commit}^{{commit}}").decode().strip()


def export(commit, folder):
    folder.mkdir(parents=True)
    if commit == WORKING_TREE:
        for name in SOURCES:
            (shutil.copytree if (ROOT / name).is_dir() else shutil.copy)(ROOT / name, folder / name)
        return
    archive = folder / "archive.tar"
    archive.write_bytes(run("git", "archive", commit, *SOURCES))
    run("tar", "xf", archive.name, folder=folder)


def program(name, folder, compiler):
    """The working tree's harness, a commit's header and library."""
    to = folder / name
    run(compiler, "-std=c11", "-O2", "-g", "-D_GNU_SOURCE", "-pthread", f"-I{folder / 'include'}", f"-I{ROOT / 'bench'}",
        ROOT / f"bench/counts/{name}.c", ROOT / "bench/workload.c", folder / "build/release/libgyre.a", *LINK, "-o", to)
    return to


def build(commit, folder, compiler, change=lambda folder: None):
    """change: what is done to the sources before."""
    export(commit, folder)
    change(folder)
    run("make", f"-j{os.cpu_count()}", "FLAVOR=release", f"CC={compiler}", "lib", folder=folder)
    name = "working tree" if commit == WORKING_TREE else commit
    return Build(name, program("race", folder, compiler), program("paths", folder, compiler))
