# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# The candidates for the cache policy, as pure functions, on the bundled traces: README.md here.

POLICIES_OBJ  := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard tests/policies/*.c)))
POLICIES_READ := $(addprefix $(B)/tools/,trace.o parse.o source.o keys.o vec.o \
	progress.o text.o ticks.o)
POLICIES_REFERENCE ?= bench/traces/reference.csv

$(POLICIES_OBJ): ALL_CFLAGS += -Itools
$(B)/policies: $(POLICIES_OBJ) $(POLICIES_READ)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ -lzstd -lm -o $@

.PHONY: policies
## policies: miss ratios of all cache policies on all traces, a row a policy (POINTS=1: at each size)
policies: $(B)/policies
	@$(B)/policies $(if $(POINTS),,--summary) --reference $(POLICIES_REFERENCE) $(TRACES)

-include $(POLICIES_OBJ:.o=.d)
