#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What `make peers-processes` is built on, without measuring, as driver_check.py does it for `make peers`."""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import made_up
import processes
from driver_check import scaled
from judge import missed
from page import ABSENT, PLACE
from results import Results


def judged(change=None, quick=False):
    """The keys of figures missed, and why the run is void."""
    whole = made_up.measured(processes.plan(quick), processes.PEERS, quick=quick)
    if change:
        change(whole)
    results = Results(whole)
    figures = processes.figures(results)
    return {figure.must.key for figure in missed(figures)}, processes.void(results, figures)


class Judge(unittest.TestCase):
    def missed(self, change, *keys):
        self.assertEqual(judged(change), (set(keys), []))

    def test_the_made_up_run_meets_everything(self):
        for quick in (False, True):
            self.assertEqual(judged(quick=quick), (set(), []))

    def test_beside_threads(self):
        for n in (1, 2):
            for workload, key in (("hits-uniform", "hits"), ("hits-zipf", "hits"), ("mix-95-5", "mix")):
                self.missed(scaled(1.12, "gyre", workload, threads=n), key)
                self.missed(scaled(1.10, "gyre", workload, threads=n))

    def test_eight_processes(self):
        for workload in processes.WORKLOADS:
            self.missed(scaled(0.89, processes.SHARED, workload, threads=8), "keep")
            self.missed(scaled(0.5, "gyre", workload, threads=8))

    def test_beside_a_stopped_process(self):
        for workload in processes.STOPPED:
            self.missed(scaled(0.79, processes.SHARED, workload), "stopped_rate")
            self.missed(scaled(0.81, processes.SHARED, workload))
            self.missed(scaled(0.97, processes.SHARED, workload, "hits"), "stopped_hits")
            self.missed(scaled(0.98, processes.SHARED, workload, "hits"))

            def nameless(whole, workload=workload):
                next(run for run in whole["runs"] if run["workload"] == workload)["stopped_named"] = False
            self.missed(nameless, "stopped_named")


class Void(unittest.TestCase):
    def void(self, change, *beginnings):
        _, found = judged(change)
        self.assertEqual(len(found), len(beginnings), found)
        for reason, beginning in zip(found, beginnings):
            self.assertTrue(reason.startswith(beginning), reason)

    def test_what_peers_may_not_do(self):
        self.void(lambda whole: whole["runs"][-1].update(wrong=1), "in_house gave wrong values")
        self.void(scaled(0.998, processes.SHARED, "mix-95-5", "hits"), "gyre_shared lost entries")
        self.void(lambda whole: whole["failures"].append("lmdb_shared: it ended"), "a peer failed: lmdb_shared")

    def test_a_bad_yardstick(self):
        self.void(scaled(0.7, "in_house_shared", "hits-zipf", threads=2), "a yardstick is not good")

    def test_what_was_not_measured(self):
        def without(keep):
            return lambda whole: whole.update(runs=[run for run in whole["runs"] if keep(run)])
        for peer in processes.PEERS:
            self.assertNotEqual(judged(without(lambda run, peer=peer: run["peer"] != peer))[1], [], peer)
        for workload in (*processes.WORKLOADS, *processes.STOPPED):
            found = judged(without(lambda run, workload=workload: run["workload"] != workload))[1]
            self.assertTrue(any(reason.startswith("not measured") for reason in found), (workload, found))


class Driver(unittest.TestCase):
    def drive(self, faults=None, arguments=()):
        """Exit status, what it printed, and the files it wrote."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for peer in processes.PEERS:
                os.symlink(pathlib.Path(made_up.__file__), folder / f"peer-{peer}")
            (folder / "faults.json").write_text(json.dumps(faults or {}))
            (folder / "images").mkdir()
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                status = processes.main(["--programs", name, "--out", str(folder / "found.json"), "--docs", name, *arguments])
            return status, printed.getvalue(), {path.name: path.read_text()
                                                for path in (*folder.glob("*.md"), *folder.glob("images/*"))}

    def test_a_whole_run_writes_the_page(self):
        status, printed, docs = self.drive()
        self.assertEqual(status, 0, printed)
        self.assertEqual(set(docs), {"benchmarks-processes.md", "peers-processes.svg"})
        self.assertNotIn(ABSENT, docs["benchmarks-processes.md"])
        self.assertIsNone(PLACE.search(docs["benchmarks-processes.md"]))

    def test_a_quick_run_leaves_the_page(self):
        status, printed, docs = self.drive(arguments=["--quick"])
        self.assertEqual((status, docs), (0, {}), printed)

    def test_a_peer_that_dies_makes_the_run_void(self):
        status, printed, docs = self.drive({"lmdb_shared": ["run mix", "dies"]})
        self.assertEqual((status, docs), (2, {}))
        self.assertIn("VOID: a peer failed: lmdb_shared: run mix-95-5", printed)


if __name__ == "__main__":
    unittest.main()
