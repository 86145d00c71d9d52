#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What `make bench-files` is built on, without measuring, as driver_check.py does it for `make peers`."""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import files
import made_up
from driver_check import scaled
from judge import missed
from page import ABSENT, PLACE
from results import Results


def judged(change=None, quick=False):
    """The keys of figures missed, and why the run is void."""
    whole = made_up.measured(files.plan(quick), files.PEERS, quick=quick)
    if change:
        change(whole)
    results = Results(whole)
    figures = files.figures(results)
    return {figure.must.key for figure in missed(figures)}, files.void(results, figures)


class Judge(unittest.TestCase):
    def missed(self, change, *keys):
        self.assertEqual(judged(change), (set(keys), []))

    def test_the_made_up_run_meets_everything(self):
        for quick in (False, True):
            self.assertEqual(judged(quick=quick), (set(), []))

    def test_each_figure_can_be_missed(self):
        keys = {"hits-uniform": "reads", "hits-zipf": "reads", "mix-95-5": "mixed", "overwrite": "writes", "insert": "new"}
        self.assertEqual(set(keys), set(files.NAMES))
        for workload, key in keys.items():
            for n in files.NUMBERS:
                self.missed(scaled(0.89, files.FILE, workload, threads=n), key)  # of 0.94
                self.missed(scaled(0.91, files.FILE, workload, threads=n))
        self.missed(scaled(2, files.HUGE, "hits"))


class Void(unittest.TestCase):
    def test_what_peers_may_not_do(self):
        def wrong(whole):
            whole["runs"][-1].update(wrong=1)
        for change, beginning in ((wrong, "sqlite gave wrong values"),
                                  (scaled(0.998, files.FILE, "mix-95-5", "hits"), "gyre_file lost entries"),
                                  (lambda whole: whole["failures"].append("sqlite: it ended"), "a peer failed: sqlite")):
            _, found = judged(change)
            self.assertEqual([reason.startswith(beginning) for reason in found], [True], found)

    def test_what_was_not_measured(self):
        def without(keep):
            return lambda whole: whole.update(runs=[run for run in whole["runs"] if keep(run)])
        for peer in files.PEERS:
            self.assertNotEqual(judged(without(lambda run, peer=peer: run["peer"] != peer))[1], [], peer)
        for workload in files.NAMES:
            self.assertNotEqual(judged(without(lambda run, workload=workload: run["workload"] != workload))[1], [], workload)


class Driver(unittest.TestCase):
    def drive(self, faults=None, arguments=()):
        """Exit status, what it printed, and the files it wrote."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for peer in files.PEERS:
                os.symlink(pathlib.Path(made_up.__file__), folder / f"peer-{peer}")
            (folder / "faults.json").write_text(json.dumps(faults or {}))
            (folder / "images").mkdir()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                status = files.main(["--programs", name, "--out", str(folder / "found.json"), "--docs", name,
                                     "--dir", name, *arguments])
            return status, printed.getvalue(), {path.name: path.read_text()
                                                for path in (*folder.glob("*.md"), *folder.glob("images/*"))}

    def test_a_whole_run_writes_the_page(self):
        status, printed, docs = self.drive()
        self.assertEqual(status, 0, printed)
        self.assertEqual(set(docs), {"benchmarks-files.md", "bench-files.svg"})
        self.assertNotIn(ABSENT, docs["benchmarks-files.md"])
        self.assertIsNone(PLACE.search(docs["benchmarks-files.md"]))

    def test_a_quick_run_leaves_the_page(self):
        status, printed, docs = self.drive(arguments=["--quick"])
        self.assertEqual((status, docs), (0, {}), printed)

    def test_a_peer_that_dies_makes_the_run_void(self):
        status, printed, docs = self.drive({"sqlite": ["run mix", "dies"]})
        self.assertEqual((status, docs), (2, {}))
        self.assertIn("VOID: a peer failed: sqlite: run mix-95-5", printed)


if __name__ == "__main__":
    unittest.main()
