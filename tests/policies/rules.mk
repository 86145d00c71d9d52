# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# The candidates for the cache policy, as pure functions, on the bundled traces: README.md here.

POLICIES_OBJ  := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/policies/*.c)))
POLICIES_READ := $(addprefix $(B)/tools/,trace.o parse.o source.o keys.o vec.o \
	progress.o text.o ticks.o) \
	$(B)/src/learn.o
POLICIES_REFERENCE ?= bench/traces/reference.csv

# gcc 12 at -O2 gets loops wrong that change the one of two queues which a pointer was set to in
# the loop: it keeps the members of both in registers. Candidates are written in haste.
$(POLICIES_OBJ): ALL_CFLAGS += -Itools -fno-strict-aliasing
$(B)/policies: $(POLICIES_OBJ) $(POLICIES_READ)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ -lzstd -lm -o $@

.PHONY: policies
## policies: miss ratios of all cache policies on all traces, a row a policy (POINTS=1: each size)
policies: $(B)/policies
	@$(B)/policies $(if $(POINTS),,--summary) --reference $(POLICIES_REFERENCE) $(TRACES)

-include $(POLICIES_OBJ:.o=.d)
