# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Deliberate bugs, and who catches them: the tables and what they say are explained in table.py.

.PHONY: mutants mutant mutants-list mutants-check
## mutants: break the library in each way of tests/mutants/ and see it caught (N=1-30: some; SCALE=10: longer)
mutants:
	@tests/mutants/mutants.py run $(N)

## mutant: one of them, N=number: its diff, which layer caught it, and how to run that again
mutant:
	@tests/mutants/mutants.py show $(or $(N),$(error N=number, of those that make mutants-list shows))

## mutants-list: their numbers and what is wrong in each
mutants-list:
	@tests/mutants/mutants.py list

## mutants-check: do the tables fit the sources?
mutants-check:
	@python3 tests/mutants/table.py
