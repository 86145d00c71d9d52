# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What a call costs in instructions, counted; and two commits of gyre, compared.

COUNTS_B    := $(B)/bench/counts
COUNTS_PROG := $(COUNTS_B)/paths

$(COUNTS_B)/paths.o: ALL_CFLAGS += -Ibench
$(COUNTS_PROG): $(COUNTS_B)/paths.o $(B)/bench/workload.o $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -lm -o $@

.PHONY: counts counts-check
## counts: instructions, locked ones, branches, cache lines of each call, into docs/performance.md; fails over budget (FUNCTIONS=1: whose they are)
counts: $(COUNTS_PROG)
	@bench/counts/counts.py --paths $< --compiler $(CC) $(if $(FUNCTIONS),--functions)

## counts-check: instructions and budgets alone (seconds)
counts-check: $(COUNTS_PROG)
	@bench/counts/counts.py --paths $< --compiler $(CC) --quick $(if $(FUNCTIONS),--functions)

-include $(COUNTS_B)/paths.d

THRESHOLD ?= 5
HEAD      ?= HEAD

.PHONY: compare compare-check
## compare: is HEAD=commit (or . for what is not committed) slower than BASE=commit? (THRESHOLD=5 percent; CPU=1: processor time)
compare:
	@$(if $(BASE),,echo "make compare BASE=commit [HEAD=commit] [THRESHOLD=5] [CPU=1]"; exit 2)
	@bench/counts/compare.py --threshold $(THRESHOLD) $(if $(CPU),--cpu) --compiler $(CC) $(BASE) $(HEAD)

## compare-check: does compare see a slower library, counts a path over its budget?
compare-check:
	@COUNTS_COMPILER=$(CC) bench/counts/check.py
