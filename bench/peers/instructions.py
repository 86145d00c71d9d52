# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""How many instructions a get of a key of 16 bytes and its release are, as callgrind counts them."""

import pathlib
import re
import subprocess
import tempfile

import programs

FUNCTIONS = "gyre_get", "gyre_release"
ENTRIES, REQUESTS = 20_000, (20_480, 61_440)  # the difference is free of what opening and warming call
PATIENCE = 300


def counted(path, requests):
    """Instructions inside the functions in a run of so many requests."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "counts"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}",
                   *(f"--toggle-collect={name}" for name in FUNCTIONS), path]
        asked = (f"open resident value_bytes=64 entries={ENTRIES}\n"
                 f"run hits-uniform threads=1 requests={requests}\nquit\n")
        try:
            done = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=PATIENCE)
        except FileNotFoundError:
            raise programs.Failed("there is no program valgrind: tools/deps.sh peers installs it") from None
        except subprocess.TimeoutExpired:
            raise programs.Failed("callgrind took too long") from None
        if done.returncode != 0 or '"error"' in done.stdout:
            raise programs.Failed(f"callgrind: {(done.stdout + done.stderr)[-300:]}")
        found = re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)
        if not found:
            raise programs.Failed("callgrind counted nothing")
        return int(found.group(1))


def of_a_get(path):
    few, many = (counted(path, requests) for requests in REQUESTS)
    return (many - few) / (REQUESTS[1] - REQUESTS[0])
