# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Coverage of src/ by the tests: docs/coverage.md.

ifeq ($(FLAVOR),cover)
LDFLAGS += -Wl,--wrap=_exit
$(TESTS) $(STRESS_PROG) $(B)/contract $(FUZZ_NAMES:%=$(B)/fuzz/%): $(B)/tests/coverage/exit.o
endif

.PHONY: coverage cover-programs
cover-programs: tests stress-programs $(FUZZ_NAMES:%=$(B)/fuzz/%)

## coverage: how much of src/ the tests run, line by line (-v in COVERAGE_ARGS: branches, too)
coverage:
	@tests/coverage/run.sh $(COVERAGE_ARGS)
