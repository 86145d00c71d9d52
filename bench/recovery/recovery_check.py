#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What `make bench-recovery` is built on, without measuring: can each figure be missed, does each reason make a run void, and
does the driver get through? The stores are made up."""

import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

sys.dont_write_bytecode = True
import made_up_store
import recovery
import stores
from page import ABSENT, PLACE


def made_up(rounds=3):
    def turn(peer, number, recovered=False):
        return {**made_up_store.opened(peer, recovered), **made_up_store.verified(), "peer": peer, "round": number}
    return {"quick": False, "entries": 1000, "bytes": 1000, "folder": "there", "rounds": rounds,
            "machine": {}, "peers": {}, "failures": [],
            "fills": {peer: {**made_up_store.verified(), "seconds": 1.0, "disk_bytes": 1} for peer in stores.PEERS},
            "reopens": [turn(peer, number) for peer in stores.PEERS for number in range(rounds)],
            "power": [turn("gyre", number, True) for number in range(rounds)]}


def judged(change=None):
    """The keys of figures missed, and why the run is void."""
    whole = made_up()
    if change:
        change(whole)
    figures = recovery.figures(whole)
    return {figure.must.key for figure in recovery.missed(figures)}, recovery.void(whole, figures)


def all_are(part, **fields):
    def change(whole):
        for turn in whole[part]:
            if turn["peer"] == "gyre":
                turn.update(fields)
    return change


class Judge(unittest.TestCase):
    def missed(self, change, *keys):
        self.assertEqual(judged(change), (set(keys), []))

    def test_the_made_up_run_meets_everything(self):
        self.missed(None)

    def test_each_figure_can_be_missed(self):
        self.missed(all_are("reopens", ready_seconds=1.0), "reopen")
        self.missed(all_are("reopens", ready_seconds=0.99))
        self.missed(all_are("reopens", found=949), "killed_found")
        self.missed(all_are("power", found=949), "cut_found")
        self.missed(all_are("reopens", found=950))
        a_gib, slow = recovery.GIB // 10, {"open_cpu_seconds": 0.1}
        self.missed(all_are("power", **slow, recovered_entries=499_999, read_bytes=a_gib - 11), "rate")
        self.missed(all_are("power", **slow, recovered_entries=500_000, read_bytes=0))
        self.missed(all_are("power", **slow, recovered_entries=0, read_bytes=a_gib + 11))

    def test_others_may_be_slow(self):
        self.missed(lambda whole: [turn.update(ready_seconds=100) for turn in whole["reopens"] if turn["peer"] != "gyre"])


class Void(unittest.TestCase):
    def void(self, change, beginning):
        _, found = judged(change)
        self.assertTrue(any(reason.startswith(beginning) for reason in found), found)

    def test_what_makes_it_void(self):
        self.void(lambda whole: whole["failures"].append("lmdb: it ended"), "a program failed: lmdb")
        self.void(lambda whole: whole["reopens"][-1].update(wrong=1), "lmdb gave wrong values")
        self.void(lambda whole: whole["fills"]["rocksdb"].update(wrong=1), "rocksdb gave wrong values")
        self.void(lambda whole: whole["power"][0].update(wrong=1), "gyre gave wrong values")
        self.void(lambda whole: whole["power"][0].update(recovered=False), "gyre was not recovered after a power cut")
        self.void(lambda whole: whole["reopens"][0].update(warm=False), "gyre was not warm")
        self.void(lambda whole: whole["power"].pop(), "gyre was not recovered 3 times")
        self.void(lambda whole: whole["power"].clear(), "not measured: after a power cut")
        for peer in stores.PEERS:
            self.void(lambda whole, peer=peer: whole.update(reopens=[turn for turn in whole["reopens"] if turn["peer"] != peer]),
                      f"{peer} was not opened 3 times")


class Driver(unittest.TestCase):
    def drive(self, faults=None, arguments=()):
        """Exit status, what it printed, the page if there is one, and how many folders were left."""
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            for store in stores.PEERS:
                os.symlink(pathlib.Path(made_up_store.__file__), folder / f"store-{store}")
            (folder / "faults.json").write_text(json.dumps(faults or {}))
            printed = io.StringIO()
            with (contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()),
                  unittest.mock.patch.object(stores, "WRITING", (0.01,)), unittest.mock.patch.object(recovery, "ROUNDS", 2)):
                status = recovery.main(["--programs", name, "--out", str(folder / "found.json"), "--docs", name, "--dir", name,
                                        *arguments])
            page, left = folder / "benchmarks-recovery.md", list(folder.glob(f"{stores.NAME}-*"))
            return status, printed.getvalue(), page.read_text() if page.exists() else None, left

    def test_a_whole_run_writes_the_page(self):
        status, printed, page, left = self.drive()
        self.assertEqual((status, left), (0, []), printed)
        self.assertNotIn(ABSENT, page)
        self.assertIsNone(PLACE.search(page))

    def test_any_other_leaves_it(self):
        for arguments in ["--quick"], ["--entries", "1000"], ["--bytes", "1000000"]:
            self.assertEqual(self.drive(arguments=arguments)[::2], (0, None))

    def test_slow_is_status_one_and_a_page(self):
        status, printed, page, _ = self.drive({"gyre": ["open", {"ready_seconds": 1.5}]})
        self.assertEqual(status, 1)
        self.assertIn("MISSED: after a kill -9: seconds", printed)
        self.assertIn("MISSED", page)

    def test_a_store_that_dies_makes_the_run_void(self):
        status, printed, page, left = self.drive({"rocksdb": ["run verify", "dies"]})
        self.assertEqual((status, page, left), (2, None, []))
        self.assertIn("VOID: a program failed: rocksdb: run verify", printed)


if __name__ == "__main__":
    unittest.main()
