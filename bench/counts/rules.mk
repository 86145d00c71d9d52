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
