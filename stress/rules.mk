# SPDX-License-Identifier: MIT
# Stress programs: each .c of stress/ is one, stress/lib is what they share.

STRESS_LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard stress/lib/*.c)))
STRESS_NAMES   := $(patsubst stress/%.c,%,$(sort $(wildcard stress/*.c)))
# ThreadSanitizer knows one process: what another has freed in between is a race to it.
ifeq ($(FLAVOR),tsan)
STRESS_NAMES := $(filter-out deaths,$(STRESS_NAMES))
endif
STRESS_PROG    := $(STRESS_NAMES:%=$(B)/stress/%)
# Where the library comes from; another implementation of gyre.h can be put in its place.
STRESS_GYRE    ?= $(LIB)
STRESS_CFLAGS  := $(ALL_CFLAGS) -Istress/lib

$(B)/stress/%.o: stress/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(STRESS_CFLAGS) -MMD -MP -c $< -o $@

$(STRESS_PROG): $(B)/stress/%: $(B)/stress/%.o $(STRESS_LIB_OBJ) $(STRESS_GYRE)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $^ -o $@ $(LIB_LIBS) $(JEMALLOC)

# Deaths of processes: with what the tests know of shared caches.
$(B)/stress/deaths.o: STRESS_CFLAGS += -Itests -DGY_PLAIN_RUNNER
$(B)/stress/deaths: $(B)/tests/api.o

-include $(STRESS_LIB_OBJ:.o=.d) $(STRESS_PROG:=.d)

# The checkers have a unit test, and unit tests race, too.
$(addprefix $(B)/tests/test_region_,create faults kill): $(B)/stress/lib/creation.o
$(B)/tests/test_checkers: $(addprefix $(B)/stress/lib/,history.o wgl.o)

.PRECIOUS: $(B)/stress/%.o
.PHONY: stress-programs stress stress-quick stress-growth
stress-programs: $(STRESS_PROG)

stress_env = $(if $(SEED),SEED=$(SEED)) $(if $(THREADS),THREADS=$(THREADS)) $(if $(LIMIT),LIMIT=$(LIMIT))
# Seconds for the oracle, and for each of the others.
stress_quick_T = $(if $(filter asan ubsan tsan,$(FLAVOR)),8 2,25 7)

## stress: every stress program, T seconds each or 30 times SCALE (FLAVOR=…; SEED=… replays; LIMIT=1: max_entries in all rounds of the oracle)
stress: $(STRESS_PROG)
	@set -e; for name in $(STRESS_NAMES); do $(stress_env) T=$(or $(T),$$((30 * $${SCALE:-1}))) $(B)/stress/$$name; done

## stress-quick: all stress programs in about a minute, in 20 seconds under a sanitizer (FLAVOR=…)
stress-quick: $(STRESS_PROG)
	@set -e; for name in $(STRESS_NAMES); do \
	    t=$(lastword $(stress_quick_T)); \
	    if [ $$name = oracle ]; then t=$(firstword $(stress_quick_T)); fi; \
	    $(stress_env) T=$$t $(B)/stress/$$name; done

## stress-growth: an index that grows from a thousand to N million entries under traffic (N=10)
stress-growth: $(B)/stress/growth
	$(stress_env) MILLIONS=$(or $(N),10) $(B)/stress/growth
