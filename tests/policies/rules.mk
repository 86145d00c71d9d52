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

# What gyre's may be at most on the bundled traces, with a margin for what depends on hashes.
POLICIES_HOLD := --hold gyre,0.498,0.065

.PHONY: policies policies-quick
## policies: miss ratios of all cache policies on all traces, a row a policy (POINTS=1: each size)
policies: $(B)/policies
	@$(B)/policies $(if $(POINTS),,--summary) --reference $(POLICIES_REFERENCE) \
		$(if $(TRACES),,$(POLICIES_HOLD)) $(TRACES)

## policies-quick: fails when gyre's policy has become worse on the bundled traces (seconds)
policies-quick: $(B)/policies
	@$(B)/policies --policy gyre --summary --reference $(POLICIES_REFERENCE) $(POLICIES_HOLD)

# The same with the constants in a variable, to try others.
TUNE_SRC   := $(sort $(wildcard tests/policies/tuning/*.c))
TUNE_OBJ   := $(patsubst %.c,$(B)/tune/%.o,$(TUNE_SRC) $(sort $(wildcard tests/policies/gyre*.c)) src/learn.c)
TUNE_PLAIN := $(filter-out $(B)/tests/policies/main.o $(B)/tests/policies/gyre%,$(POLICIES_OBJ)) \
	$(filter-out $(B)/src/learn.o,$(POLICIES_READ))

$(TUNE_OBJ): ALL_CFLAGS += -Itests/policies -Itools -fno-strict-aliasing -DGY_POLICY_TUNING
$(B)/tune/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@
$(B)/policies-tune: $(TUNE_OBJ) $(TUNE_PLAIN)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ -lzstd -lm -o $@

.PHONY: policy-rotation policy-sensitivity
## policy-rotation: constants found without a third of the traces, measured on that third (minutes)
policy-rotation: $(B)/policies-tune
	@$(B)/policies-tune rotation
## policy-sensitivity: each constant of the policy halved and doubled (minutes)
policy-sensitivity: $(B)/policies-tune
	@$(B)/policies-tune sensitivity

-include $(POLICIES_OBJ:.o=.d) $(TUNE_OBJ:.o=.d)
