#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What `make hit-ratio` is built on, without gyre: do traces and reference fit each other, does an LRU miss what the
reference says, and does the judge see each figure that is not what it must be?"""

import pathlib
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import data
import judge
import lru
import replays

SHORT = 40_000  # requests, for an LRU in Python


def as_if(point, ratio):
    """gyre, if it missed this."""
    return replays.Measured(point, ratio, ratio, 0.0)


def judged(unit_misses, sized_misses=lambda point: point.reference["Belady"], apart=0.0, bytes_over=0.0):
    points = data.points()
    unit = [as_if(point, unit_misses(point)) for point in points if not point.sized]
    sized = [judge.Sized(as_if(point, sized_misses(point)), sized_misses(point) - bytes_over)
             for point in points if point.sized]
    threads = [judge.threads(one.point, {n: [one.misses - more - 0.01, one.misses - more + 0.01]
                                         for n, more in ((1, 0), (2, 0), (4, apart))}) for one in unit[:3]]
    figures = judge.figures(judge.summaries(unit)[0], sized, threads)
    return {figure.key: figure for figure in figures}, {figure.key for figure in judge.missed(figures)}


def best(point):
    return point.best[1]


class Data(unittest.TestCase):
    def test_traces_are_what_their_table_says(self):
        for trace in data.traces().values():
            keys = {record[0]: record[1] for record in data.RECORD.iter_unpack(data.records(trace))}
            self.assertEqual(len(keys), trace.unique, trace.name)
            self.assertEqual(sum(keys.values()), trace.footprint, trace.name)

    def test_a_damaged_trace_is_refused(self):
        trace = data.traces()["cs"]
        with self.assertRaises(data.Wrong):
            data.records(trace._replace(crc=trace.crc ^ 1))
        with self.assertRaises(data.Wrong):
            data.records(trace._replace(requests=trace.requests - 1))
        folder = data.FOLDER
        with tempfile.TemporaryDirectory() as other:
            data.FOLDER = pathlib.Path(other)
            data.FOLDER.joinpath("cs.trace.zst").write_bytes((folder / "cs.trace.zst").read_bytes()[:1000])
            try:
                with self.assertRaises(data.Wrong):
                    data.records(trace)
            finally:
                data.FOLDER = folder

    def test_an_lru_misses_what_the_reference_says(self):
        checked = 0
        for point in data.points():
            if point.sized:
                lru.byte_miss_ratio(point, data.records(point.trace))
            elif point.trace.requests <= SHORT:
                missed, _ = lru.misses(data.records(point.trace), point.size)
                self.assertAlmostEqual(missed / point.trace.requests, point.reference["LRU"], 5, point.name)
            else:
                continue
            checked += 1
        self.assertEqual(checked, 24)


class Judge(unittest.TestCase):
    def test_the_best_of_the_eleven_has_no_regret_and_misses_nothing(self):
        figures, missed = judged(best)
        self.assertEqual(missed, set())
        self.assertEqual((figures["mean_regret"].value, figures["worst_regret"].value), (0, 0))

    def test_each_figure_is_missed_by_its_own_fault(self):
        def at_one_point(point):
            return best(point) + (0.0651 if point.name == "sprite 5 %" else 0)

        self.assertEqual(judged(lambda point: best(point) + 0.0041)[1], {"mean", "mean_regret"})
        self.assertEqual(judged(at_one_point)[1], {"worst_regret"})
        self.assertEqual(judged(at_one_point)[0]["worst_regret"].where, "sprite 5 %")
        self.assertEqual(judged(lambda point: best(point) + 0.0035 + 0.004 * point.trace.real)[1],
                         {"mean", "mean_regret", "real_mean"})
        self.assertEqual(judged(best, lambda point: min(point.reference["LRU"], point.reference["S3-FIFO"]))[1],
                         {"sized"})
        self.assertEqual(judged(best, bytes_over=1e-6)[1], {"sized_bytes"})
        self.assertEqual(judged(best, apart=0.0031)[1], {"threads"})
        self.assertEqual(judged(best, apart=-0.0031)[1], {"threads"})

    def test_what_threads_do_is_told_from_chance(self):
        point = data.points()[0]
        by_chance = judge.threads(point, {1: [0.5] * 4, **{n: [0.498, 0.510, 0.506, 0.502] for n in (2, 4)}})
        self.assertAlmostEqual(by_chance.apart[0], 0.004)
        self.assertAlmostEqual(by_chance.apart[1], 0.005164, 5)
        clear = judge.threads(point, {1: [0.5, 0.7], 2: [0.504, 0.704], 4: [0.501, 0.701]})
        self.assertAlmostEqual(clear.apart[0], 0.004)
        self.assertAlmostEqual(clear.apart[1], 0)
        self.assertEqual(clear.seeds, 2)

    def test_no_single_one_of_the_eleven_would_do(self):
        for name in data.ELEVEN:
            missed = judged(lambda point: point.reference[name])[1]
            self.assertTrue({"mean", "mean_regret", "worst_regret"} <= missed, name)


if __name__ == "__main__":
    unittest.main()
