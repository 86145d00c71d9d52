#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What `make peers` is built on, without measuring: can each figure be missed, does each reason make a run void, and
does the driver get through with peers that fail? The peers are made up."""

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
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "report"))
import judge
import made_up
import measure
import page
import peers
import plan
from results import BARE, LIMIT, LIMITS, MACHINE, PEERS, Cell, Results

MANY = 16


def judged(change=None, processors=2, quick=False):
    """The keys of figures missed, and why the run is void. `change`: does something to each run, or to the whole."""
    whole = made_up.whole(processors, quick)
    if change:
        change(whole)
    results = Results(whole)
    figures = judge.figures(results)
    return {figure.must.key for figure in judge.missed(figures)}, judge.void(results, figures)


def scaled(factor, peer, workload, field="rate", threads=None, step=None):
    """A change: that peer's runs by a factor."""
    def change(whole):
        for run in whole["runs"]:
            if (run["peer"] == peer and run["workload"].startswith(workload) and threads in (None, run["threads"])
                    and step in (None, run["step"])):
                run[field] *= factor
    return change


def slower_latency(side, part, factor, peer="gyre"):
    def change(whole):
        for run in whole["runs"]:
            if run["peer"] == peer and run["workload"] == "latency":
                run[side][part] *= factor
    return change


def counted(theta, ratio, peer="gyre"):
    def change(whole):
        for one in whole["counted"]:
            if (one["theta"], one["peer"]) == (theta, peer):
                one["hits"] = round(ratio * one["requests"])
    return change


class Judge(unittest.TestCase):
    def missed(self, change, keys, processors=2):
        missed, void = judged(change, processors)
        self.assertEqual(missed, set(keys))
        self.assertEqual(void, [])

    def test_the_made_up_run_meets_everything(self):
        for processors in (1, 2, MANY):
            self.missed(None, [], processors)

    def test_hits(self):
        self.missed(scaled(1.2, "ideal", "hits", step=plan.HITS), ["hits_ideal"])
        self.missed(scaled(1.3, "ideal", "hits", step=plan.BIG), ["big_ideal"])
        for cell in (("hits-uniform", 1), ("hits-zipf", 2)):
            workload, n = cell
            self.missed(scaled(1.8, "lfht", workload, threads=n, step=plan.HITS), ["hits_map"])
            self.missed(scaled(1.8, "in_house", workload, threads=n, step=plan.HITS), ["hits_cache"])
            self.missed(scaled(1.6, "tbb", workload, threads=n, step=plan.BIG), ["big_map"])
            self.missed(scaled(2.1, "in_house", workload, threads=n, step=plan.BIG), ["big_cache"])

    def test_copies_and_many_threads_decide_nothing_of_hits(self):
        self.missed(scaled(3, "lfht", "hits-zipf-copied"), [])
        self.missed(scaled(3, "lfht", "hits-zipf", threads=8), [])

    def test_batches(self):
        self.missed(scaled(1.2, MACHINE, "two-lines-overlapped"), ["many_limit"])
        self.missed(scaled(0.88, "gyre", "many-16"), ["many_single"])
        self.missed(scaled(0.5, "gyre", "many-64"), [])

    def test_mixes(self):
        self.missed(scaled(2.8, "in_house", "mix-50-50", threads=4), ["mix_cache"])
        self.missed(scaled(2.3, "ck", "mix-95-5", threads=1), ["mix_map"])
        for n in (4, 8):
            self.missed(scaled(0.89, "gyre", "mix-95-5", threads=n), ["mix_keep"])

    def test_evicting(self):
        self.missed(scaled(3, "in_house", "evict-80", threads=2), ["evict_rate"])
        self.missed(counted(0.99, 0.83, "hcc"), [])
        self.missed(counted(0.99, 0.841, "hcc"), ["evict_lead"])
        self.missed(counted(0.99, 0.829), ["evict_99"])
        self.missed(counted(0.8, 0.579), ["evict_80"])
        self.missed(scaled(1.06, "rocksdb_lru", "evict-99", "hits"), ["evict_bytes"])

    def test_a_hot_key(self):
        self.missed(scaled(0.85, "gyre", "hot-key", threads=2), ["hot_linear"])
        self.missed(scaled(1.6, "libcuckoo", "hot-key-written"), ["hot_written"])

    def test_insertion(self):
        self.missed(scaled(2.1, "in_house", "insert", step=plan.INSERT), ["insert_cache"])
        self.missed(scaled(2, MACHINE, "copy-1k"), ["insert_copy"])

    def test_latency(self):
        for side, words in judge.SIDES.items():
            for part in judge.PARTS:
                self.missed(slower_latency(side, part, 0.35, "in_house"), [f"latency_{words}_{part}"])
        self.missed(slower_latency("get_ns", "p99", 0.6, "hcc"), ["latency_hcc_p99"])
        self.missed(slower_latency("get_ns", "p99_9", 0.75, "hcc"), ["latency_hcc_p99_9"])

    def test_memory(self):
        self.missed(scaled(1.1, "gyre", "evict-99", "resident_bytes"), ["memory"])
        self.missed(scaled(0.65, "in_house", "evict-99", "resident_bytes"), ["memory_least"])

    def test_instructions(self):
        self.missed(lambda whole: whole.update(instructions=130.5), ["instructions"])

    def test_sixteen_cores(self):
        for key, workload, factor in (("cores_hits", "hits-uniform", 0.89), ("cores_mix", "mix-95-5", 0.74)):
            self.missed(scaled(factor, "gyre", workload, threads=MANY), [key], MANY)
        self.missed(scaled(1.12, "ideal", "hits-zipf", threads=MANY), ["cores_hits"], MANY)

    def test_every_figure_is_missed_by_some_test(self):
        seen = set()
        for name in dir(self):
            if name.startswith("test_") and name != "test_every_figure_is_missed_by_some_test":
                other = Judge(name)
                other.missed = lambda change, keys, processors=2: seen.update(keys)
                getattr(other, name)()
        keys = {figure.must.key for figure in judge.figures(Results(made_up.whole(MANY)))}
        self.assertEqual(keys - seen, set())


class Void(unittest.TestCase):
    def void(self, change, *beginnings):
        _, found = judged(change)
        self.assertEqual(len(found), len(beginnings), found)
        for reason, beginning in zip(found, beginnings):
            self.assertTrue(reason.startswith(beginning), reason)

    def test_a_bad_yardstick(self):
        self.void(scaled(2, MACHINE, "two-lines", threads=1), "a yardstick is not good: *ideal*")
        self.void(scaled(0.8, "in_house", "hits-zipf", threads=2), "a yardstick is not good: *in-house*")
        self.void(scaled(0.5, BARE, "hits-uniform", threads=2), "a yardstick is not good: the least")

    def test_a_wrong_value(self):
        def change(whole):
            next(run for run in whole["runs"] if run["peer"] == "tbb")["wrong"] = 1
        self.void(change, "tbb gave wrong values")
        self.void(lambda whole: whole["counted"][0].update(wrong=2), "gyre gave wrong values")

    def test_entries_that_are_lost(self):
        self.void(scaled(0.9995, "gyre", "mix-50-50", "hits", threads=4))
        self.void(scaled(0.998, "gyre", "mix-50-50", "hits", threads=4), "gyre lost entries")

    def test_a_failure(self):
        self.void(lambda whole: whole["failures"].append("ck: describe: gave no answer"), "a peer failed: ck")

    def test_what_was_not_measured(self):
        self.void(lambda whole: whole.update(instructions=None), "not measured: instructions")
        self.void(lambda whole: whole.update(runs=[run for run in whole["runs"] if run["workload"] != "latency"]),
                  *["not measured"] * 8)

    def test_a_peer_that_is_absent(self):
        def without(peer):
            return lambda whole: whole.update(runs=[run for run in whole["runs"] if run["peer"] != peer])
        for peer in (*PEERS, *LIMITS):
            self.assertNotEqual(judged(without(peer))[1], [], peer)

    def test_a_quick_run_need_not_measure_all(self):
        self.assertEqual(judged(quick=True), (set(), []))


class Limits(unittest.TestCase):
    """The figures of what does the least, at the places where gyre's are worst."""

    def figure(self, key, *changes):
        whole = made_up.whole()
        for change in changes:
            change(whole)
        return next(figure for figure in judge.figures(Results(whole)) if figure.must.key == key)

    def test_they_are_those_of_the_same_place(self):
        worst = scaled(0.5, "gyre", "hits-zipf", threads=2, step=plan.HITS)
        elsewhere = scaled(0.1, LIMIT, "hits-uniform", step=plan.HITS)
        found = self.figure("hits_cache", worst, elsewhere, scaled(0.8, LIMIT, "hits-zipf", threads=2, step=plan.HITS))
        self.assertAlmostEqual(found.limit, 0.8 * 10 / 2.2)
        self.assertAlmostEqual(found.bare, 10 / 2.2)

    def test_a_figure_is_missed_whatever_the_limit_is(self):
        slow = scaled(0.5, "gyre", "hits", step=plan.HITS)
        for change, words in ((scaled(1, LIMIT, "hits"), "MISSED"),
                              (scaled(0.5, LIMIT, "hits", step=plan.HITS), "MISSED, as by the least")):
            found = self.figure("hits_ideal", slow, change)
            self.assertEqual((found.met, found.verdict), (False, words))

    def test_what_the_least_does_not_do_has_none(self):
        for key in ("memory", "memory_least", "instructions", "evict_lead", "evict_99", "evict_bytes",
                    "latency_put_p99", "latency_put_p99_9"):
            self.assertIsNone(self.figure(key).limit, key)

    def test_all_that_was_missed_for_the_machine_has_one(self):
        for key in ("hits_ideal", "hits_map", "hits_cache", "big_ideal", "big_map", "big_cache", "many_single",
                    "many_limit", "mix_cache", "mix_map", "evict_rate", "hot_linear", "hot_written",
                    "insert_cache", "insert_copy", "latency_get_p99", "latency_put_p50", "latency_hcc_p99"):
            found = self.figure(key)
            self.assertTrue(found.limit and found.bare, key)


class Ratios(unittest.TestCase):
    def test_they_are_of_the_same_round(self):
        """The machine is ten times slower in some rounds: no ratio shows it."""
        def change(whole):
            for run in whole["runs"]:
                run["rate"] /= 10 if run["round"] % 2 else 1
        self.assertEqual(judged(change), (set(), []))

    def test_a_median_with_its_least_and_most(self):
        whole = made_up.whole()
        for run in whole["runs"]:
            if run["peer"] == "hcc" and run["workload"] == "hits-zipf":
                run["rate"] *= (1, 5, 2, 3, 4)[run["round"]]
        found = Results(whole).ratio(Cell(plan.HITS, "hits-zipf", 1), "hcc", "gyre")
        self.assertEqual([round(value * 9 / 2, 6) for value in found], [3, 1, 5])


class Driver(unittest.TestCase):
    """The whole program, with programs that are made up."""

    def drive(self, faults=None, quick=True, absent=(), steps=slice(2)):
        """Exit status, what it printed, and its results. Quick: of some steps alone, by a single round."""
        with tempfile.TemporaryDirectory() as name:
            folder = self.folder = pathlib.Path(name)
            for peer in (*PEERS, *LIMITS, MACHINE):
                if peer not in absent:
                    os.symlink(pathlib.Path(made_up.__file__), folder / f"peer-{peer}")
            (folder / "faults.json").write_text(json.dumps(faults or {}))
            (folder / "images").mkdir()
            printed = io.StringIO()
            made = plan.plan(2, quick)
            short = plan.Plan(1, made.steps[steps], 0) if quick else made
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()), \
                    unittest.mock.patch("plan.plan", return_value=short), \
                    unittest.mock.patch("instructions.of_a_get", return_value=120.0):
                status = peers.main(["--programs", name, "--out", str(folder / "peers.json"), "--docs", name,
                                     *(["--quick"] if quick else [])])
            self.docs = {path.name: path.read_text() for path in (*folder.glob("*.md"), *folder.glob("images/*"))}
            return status, printed.getvalue(), json.loads((folder / "peers.json").read_text())

    def test_a_whole_run_writes_the_page(self):
        status, printed, whole = self.drive(quick=False)
        self.assertEqual(status, 0, printed)
        self.assertEqual(whole["failures"], [])
        self.assertEqual(len(self.docs), 5)
        self.assertNotIn(page.ABSENT, self.docs["benchmarks.md"])
        self.assertIsNone(page.PLACE.search(self.docs["benchmarks.md"]))
        orders = {}
        for run in whole["runs"]:
            orders.setdefault((run["step"], run["workload"], run["threads"], run["round"]), []).append(run["peer"])
        firsts = {found[0] for place, found in orders.items() if place[:3] == (plan.HITS, "hits-zipf", 2)}
        self.assertEqual(len(firsts), plan.ROUNDS)

    def test_a_quick_run_leaves_the_page(self):
        status, printed, _ = self.drive()
        self.assertEqual((status, self.docs), (0, {}), printed)

    def test_a_peer_that_fails_makes_the_run_void_and_the_others_go_on(self):
        for happens, words in {"dies": "SIGABRT): an assertion does not hold", "hangs up": "gave no answer",
                               "says nonsense": "answered", "refuses": "not today",
                               "says no rate": "rate is None"}.items():
            status, printed, whole = self.drive({"tbb": ["run mix", happens]})
            self.assertEqual(status, 2, printed)
            self.assertIn("VOID: a peer failed: tbb: run mix-95-5", printed)
            self.assertIn(words, printed)
            self.assertEqual(len(whole["failures"]), 1)
            gone = {run["workload"] for run in whole["runs"] if run["peer"] == "tbb" and run["step"] == plan.HITS}
            there = {run["workload"] for run in whole["runs"] if run["peer"] == "lfht" and run["step"] == plan.HITS}
            self.assertTrue("hits-zipf" in gone and "mix-95-5" not in gone and "mix-95-5" in there)
            self.assertTrue(any(run["peer"] == "tbb" and run["step"] == plan.BIG for run in whole["runs"]))

    def test_a_step_that_fails_loses_no_other(self):
        """And what was measured before it is written already."""
        really = measure.Bench.measure_step

        def fail(bench, step):
            if step.name == plan.BIG:
                before.update(json.loads((self.folder / "peers.json").read_text()))
                raise OSError("no room")
            really(bench, step)
        before = {}
        with unittest.mock.patch("measure.Bench.measure_step", fail):
            status, printed, whole = self.drive()
        self.assertEqual(status, 2)
        self.assertIn("step 6 KiB: OSError('no room')", printed)
        self.assertEqual({run["step"] for run in whole["runs"]}, {plan.HITS})
        self.assertEqual(before["runs"], whole["runs"])

    def test_gyre_that_dies_has_no_result(self):
        for begins in ("describe", "open resident", "run hits"):
            self.assertEqual(self.drive({"gyre": [begins, "dies"]})[0], 2)

    def test_little_memory_means_one_at_a_time(self):
        with unittest.mock.patch("programs.memory_available", return_value=0):
            _, printed, whole = self.drive(steps=slice(1, 2))
        self.assertEqual(whole["failures"], [], printed)
        found = {run["peer"] for run in whole["runs"] if run["workload"] == "hits-zipf"}
        self.assertEqual(found, {*PEERS, *LIMITS})
        self.assertEqual(len(whole["opened"]), len(whole["runs"]))

    def test_a_program_that_is_not_there(self):
        status, printed, _ = self.drive(absent=["lmdb"])
        self.assertEqual(status, 2)
        self.assertIn("VOID: a peer failed: lmdb", printed)

    def test_a_wrong_value(self):
        status, printed, _ = self.drive({"hcc": ["run hits-zipf", "is wrong"]})
        self.assertEqual(status, 2)
        self.assertIn("VOID: hcc gave wrong values", printed)


if __name__ == "__main__":
    unittest.main()
