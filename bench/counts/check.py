#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Does `make compare` see a slower library, and only that? Does `make counts` see a path over its budget?"""

import contextlib
import io
import os
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import budgets
import builds
import compare
import ratios
import valgrind

COMPILER = os.environ.get("COUNTS_COMPILER", "gcc")
SMALL = compare.Effort(20_000, 20_000, processes=2, pairs=4, counted=(2048, 512), by_cpu=True)
APART = 50.0  # percent: runs as short as these differ by a lot
SLOW_START = "\ngyre_get(gyre *cache, const void *key, size_t key_size, gyre_view *view)\n{\n"
SLOW = "    for (volatile int i = 0; i < 3000; i++)\n        ;\n"


def slow_down(folder):
    """A loop in gyre_get."""
    file = folder / "src/read.c"
    source = file.read_text()
    if source.count(SLOW_START) != 1:
        raise builds.Failed("src/read.c has no gyre_get as it is known here")
    file.write_text(source.replace(SLOW_START, SLOW_START + SLOW))


def pairs(*found):
    return [(100.0, 100.0 * ratio) for ratio in found]


def counts(instructions, locked=0.0, fences=0.0):
    return valgrind.Counts(instructions, locked, fences, None, None, None, {})


class Ratios(unittest.TestCase):
    def test_slower_is_by_more_than_the_threshold_and_nearly_always(self):
        self.assertTrue(ratios.slower(ratios.ratio(pairs(1.06, 1.07, 1.05, 1.08, 1.06, 1.1, 1.07)), 5))
        self.assertFalse(ratios.slower(ratios.ratio(pairs(1.06, 1.07, 1.05, 1.08, 1.06, 1.1, 1.07)), 10))
        self.assertFalse(ratios.slower(ratios.ratio(pairs(1.03, 1.04, 1.02, 1.04, 1.03, 1.05, 1.04)), 5))
        self.assertFalse(ratios.slower(ratios.ratio(pairs(0.7, 0.8, 1.3, 1.2, 1.4, 0.9, 1.5)), 5))
        self.assertFalse(ratios.slower(ratios.ratio(pairs(0.9, 0.8, 0.85, 0.9, 0.9, 0.8, 0.9)), 5))

    def test_few_pairs_say_nothing(self):
        with self.assertRaises(ValueError):
            ratios.ratio(pairs(1, 1, 1, 1, 1, 1))

    def test_a_path_may_grow_a_little(self):
        self.assertFalse(ratios.grown(100, 102))
        self.assertTrue(ratios.grown(100, 102.1))


class Budgets(unittest.TestCase):
    def exceeded(self, **changes):
        kept = {path: counts(budget.instructions, budget.locked) for path, budget in budgets.BUDGETS.items()}
        return list(budgets.exceeded({**kept, **changes}))

    def test_a_path_keeps_to_its_budget(self):
        self.assertEqual(self.exceeded(), [])

    def test_what_is_over_budget_is_named(self):
        for path, budget in budgets.BUDGETS.items():
            for over in (counts(budget.instructions + 0.1), counts(1, budget.locked + 0.1), counts(1, 0, budget.locked + 1)):
                self.assertEqual([line.startswith(path) for line in self.exceeded(**{path: over})], [True])

    def test_a_budget_left_far_behind_is_named(self):
        path, budget = next(iter(budgets.BUDGETS.items()))
        self.assertEqual(list(budgets.loose({path: counts(0.95 * budget.instructions)})), [])
        self.assertEqual(len(list(budgets.loose({path: counts(0.85 * budget.instructions)}))), 1)

    def test_paths_and_budgets_are_the_same(self):
        self.assertEqual(len(self.exceeded(another=counts(1))), 1)
        self.assertEqual(len(list(budgets.exceeded({}))), len(budgets.BUDGETS))


class Dumps(unittest.TestCase):
    DUMP = """desc: Trigger: Client Request: a path

positions: instr
events: Ir Bc Bcm
summary: 9 1 0

ob=/lib/one.so
fl=one.c
fn=one
0x10 3
0x14 3 1
cob=/lib/other.so
cfn=other
calls=3 0x99
0x18 100
0x1c 3
"""

    def test_what_a_callee_costs_is_not_counted_twice(self):
        dump = valgrind.read_dump(self.DUMP)
        self.assertEqual((dump.path, dump.events), ("a path", {"Ir": 9, "Bc": 1}))
        self.assertEqual(dump.executed, {("/lib/one.so", 0x10): 3, ("/lib/one.so", 0x14): 3, ("/lib/one.so", 0x1c): 3})
        self.assertEqual(dump.functions, {"one": 9})

    def test_the_dump_at_the_end_is_none(self):
        self.assertIsNone(valgrind.read_dump(self.DUMP.replace("Client Request: a path", "Program termination")))

    def test_locked_instructions_and_fences_are_known(self):
        for line in ("    10:\tlock cmpxchg %rdx,(%rsi)", "  10:\txchg   %rax,(%r12)", "  10:\tlock orq $0x0,(%rsp)"):
            self.assertIsNotNone(valgrind.LOCKED.match(line), line)
        for line in ("  10:\txchg   %ax,%ax", "  10:\tmov    %rax,(%r12)", "  10:\tmfence"):
            self.assertIsNone(valgrind.LOCKED.match(line), line)
        self.assertIsNotNone(valgrind.FENCE.match("  10:\tmfence"))
        self.assertIsNotNone(valgrind.FENCE.match("  10:\tcpuid"))
        self.assertIsNone(valgrind.FENCE.match("  10:\tlock orq $0x0,(%rsp)"))


class Builds(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        compare.FOLDER.mkdir(exist_ok=True)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="compare.", dir=compare.FOLDER))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.plain = builds.build(builds.WORKING_TREE, cls.folder / "plain", COMPILER)

    def compare(self, after):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            result = compare.compare(self.plain, after, SMALL, APART)
        return result, printed.getvalue()

    def test_a_slower_get_is_seen(self):
        slow = builds.build(builds.WORKING_TREE, self.folder / "slow", COMPILER, slow_down)
        (slower, more), printed = self.compare(slow)
        self.assertIn("hits, uniform, 1 thread", slower, printed)
        self.assertIn("hits, zipf, 2 threads", slower, printed)
        self.assertNotIn("get_many of 16, uniform", slower, printed)
        self.assertNotIn("insertion", slower, printed)
        gets = [path for path in budgets.BUDGETS if path.startswith("get") and "many" not in path and "lease" not in path]
        self.assertEqual(more, gets, printed)

    def test_a_library_is_as_fast_as_itself(self):
        result, printed = self.compare(self.plain)
        self.assertEqual(result, ([], []), printed)

    def test_a_commit_that_is_not_there_is_no_result(self):
        with self.assertRaises(builds.Failed):
            builds.resolve("no-such-commit")


if __name__ == "__main__":
    unittest.main()
