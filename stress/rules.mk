# SPDX-License-Identifier: MIT
# Stress programs: each .c of stress/ is one, stress/lib is what they share.

STRESS_LIB_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard stress/lib/*.c)))
STRESS_NAMES   := $(filter-out damage steps,$(patsubst stress/%.c,%,$(sort $(wildcard stress/*.c))))
# ThreadSanitizer knows one process: what another has freed in between is a race to it.
ifeq ($(FLAVOR),tsan)
STRESS_NAMES := $(filter-out deaths scribble,$(STRESS_NAMES))
endif
STRESS_PROG    := $(STRESS_NAMES:%=$(B)/stress/%)
# Where the library comes from; another implementation of gyre.h can be put in its place.
STRESS_GYRE    ?= $(LIB)
STRESS_CFLAGS  := $(ALL_CFLAGS) -Istress/lib

$(B)/stress/%.o: stress/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(STRESS_CFLAGS) -MMD -MP -c $< -o $@

$(STRESS_PROG) $(addprefix $(B)/stress/,damage steps): $(B)/stress/%: $(B)/stress/%.o $(STRESS_LIB_OBJ) $(STRESS_GYRE)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(filter %.o,$^) $(filter-out %.o,$^) -o $@ $(LIB_LIBS) $(JEMALLOC)

# Deaths of processes: with what the tests know of shared caches.
$(B)/stress/deaths.o: STRESS_CFLAGS += -Itests -DGY_PLAIN_RUNNER
$(B)/stress/deaths: $(B)/tests/api.o $(INSPECT_OBJ)

# Deaths at each instruction: the same, and no call that is bound in its midst.
STEPS_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard stress/stepping/*.c)))
$(B)/stress/steps.o $(STEPS_OBJ): STRESS_CFLAGS += -Itests -DGY_PLAIN_RUNNER
$(B)/stress/steps: LDFLAGS += -Wl,-z,now
$(B)/stress/steps: $(STEPS_OBJ) $(B)/tests/api.o $(INSPECT_OBJ)

# Files that are damaged.
DAMAGE_OBJ := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard stress/damaging/*.c)))
$(B)/stress/damage: $(DAMAGE_OBJ)

-include $(DAMAGE_OBJ:.o=.d) $(B)/stress/damage.d $(STEPS_OBJ:.o=.d) $(B)/stress/steps.d $(STRESS_LIB_OBJ:.o=.d) $(STRESS_PROG:=.d)

# The checkers have a unit test, and unit tests race, too.
$(addprefix $(B)/tests/test_region_,create faults kill): $(B)/stress/lib/creation.o
$(B)/tests/test_checkers: $(addprefix $(B)/stress/lib/,history.o wgl.o)

.PRECIOUS: $(B)/stress/%.o
.PHONY: stress-programs stress stress-quick stress-growth steps steps-quick kills creations oracle-processes scribble damage damage-quick
stress-programs: $(STRESS_PROG)

stress_env = $(if $(SEED),SEED=$(SEED)) $(if $(THREADS),THREADS=$(THREADS)) $(if $(LIMIT),LIMIT=$(LIMIT))
# Seconds for the oracle, and for each of the others.
stress_quick_T = $(if $(filter asan tsan,$(FLAVOR)),8 2,18 5)

# The oracle over processes, of which ThreadSanitizer knows one.
herd = $(if $(filter tsan,$(FLAVOR)),:,$(stress_env) PROCESSES=1 T=$(1) $(B)/stress/oracle)

## stress: every stress program, T seconds each or 30 times SCALE (FLAVOR=…; SEED=… replays; LIMIT=1: max_entries in all rounds of the oracle)
stress: $(STRESS_PROG)
	@set -e; t=$(or $(T),$$((30 * $${SCALE:-1}))); for name in $(STRESS_NAMES); do $(stress_env) T=$$t $(B)/stress/$$name; done; \
	    $(call herd,$$t)

## stress-quick: all stress programs in about a minute, in 20 seconds under a sanitizer (FLAVOR=…)
stress-quick: $(STRESS_PROG)
	@set -e; for name in $(STRESS_NAMES); do \
	    t=$(lastword $(stress_quick_T)); \
	    if [ $$name = oracle ]; then t=$(firstword $(stress_quick_T)); fi; \
	    $(stress_env) T=$$t $(B)/stress/$$name; done; \
	    $(call herd,$(lastword $(stress_quick_T)))

## oracle-processes: the oracle over several processes that fork, execute, stop and exit, for T=600 seconds
oracle-processes: $(B)/stress/oracle
	@$(call herd,$(or $(T),600))

## steps: a process is killed at every instruction of each kind of call, and who clears up after it (SEED=n, HEIRS=40, DEATHS=60, ONLY=put)
steps: $(B)/stress/steps
	@$(stress_env) $(B)/stress/steps

## steps-quick: the same from some of the states
steps-quick: $(B)/stress/steps
	@$(stress_env) STATES=25 HEIRS=1 DEATHS=6 $(B)/stress/steps

## damage: files are damaged in all places, at every bit of head and tables, cut to every length, and opened (SEED=n, IMAGES=2000)
damage: $(B)/stress/damage
	@$(stress_env) EVERY=1 IMAGES=$(or $(IMAGES),2000) $(B)/stress/damage

## damage-quick: some of that (IMAGES=15)
damage-quick: $(B)/stress/damage
	@$(stress_env) IMAGES=$(or $(IMAGES),15) $(B)/stress/damage

## kills: processes that share a cache are killed, N=20000 of them, at any instant (SEED=n)
kills: $(B)/stress/deaths
	@$(stress_env) KILLS=$(or $(N),20000) $(B)/stress/deaths

## creations: 16 processes create and attach one shared cache at once, some of them killed: N=2000 rounds
creations: $(B)/stress/creation
	@$(stress_env) ROUNDS=$(or $(N),2000) THREADS=16 $(B)/stress/creation

## stress-growth: an index that grows from a thousand to N million entries under traffic (N=10)
stress-growth: $(B)/stress/growth
	$(stress_env) MILLIONS=$(or $(N),10) $(B)/stress/growth

## scribble: processes share a cache while another writes nonsense into it, T seconds (FLAVOR=asan; SEED=… ROUND=… replays a round)
scribble: $(B)/stress/scribble
	$(stress_env) $(if $(ROUND),ROUND=$(ROUND)) T=$(or $(T),60) $(B)/stress/scribble
