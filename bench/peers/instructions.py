# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""How many instructions a get of a key of 16 bytes and its release are: what `make counts` counts."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "counts"))
import programs
import valgrind

PATH = "get and release, hit"


def of_a_get(program):
    """`program`: that of bench/counts/paths.c."""
    try:
        return valgrind.count(program, simulate=False)[PATH].instructions
    except (OSError, valgrind.Failed, KeyError) as failed:
        raise programs.Failed(f"callgrind: {failed}") from None
