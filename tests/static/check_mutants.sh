#!/bin/sh
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# The tables of deliberate bugs fit the sources: what each replaces is there exactly once.
. "$(dirname "$0")/lib.sh"

python3 tests/mutants/table.py
