# SPDX-License-Identifier: MIT
# Benchmarks. Google Benchmark runs bench_*.c; first_look compares with peers and has its own clock.

BENCH_B    := $(B)/bench
BENCH_PROG := $(patsubst bench/%.c,$(BENCH_B)/%,$(sort $(wildcard bench/bench_*.c)))
BENCH_LINK  = $(CXX) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS)
LOOK_OBJ   := $(patsubst bench/%,$(BENCH_B)/%.o,$(sort $(wildcard bench/look_*.c bench/look_*.cc)))

.PHONY: bench bench-build first-look hit-ratio hit-ratio-check
bench-build: $(BENCH_PROG) $(BENCH_B)/first_look

## bench: run bench/bench_*.c; BENCH_ARGS go to Google Benchmark (--benchmark_filter=...)
bench: $(BENCH_PROG)
	@set -e; for program in $(BENCH_PROG); do $$program $(BENCH_ARGS); done

## first-look: gyre beside HyperClockCache and a sharded LRU, in Markdown; LOOK_ARGS: quick, cpu
first-look: $(BENCH_B)/first_look
	@$< $(LOOK_ARGS)

## hit-ratio: the miss ratio beside eleven algorithms, into docs/hit-ratio.md; fails when it is not what it must be (QUICK=1; TRACES="a b": your own)
hit-ratio: $(B)/gyre
	@bench/hit_ratio/hit_ratio.py --gyre $< $(if $(QUICK),--quick) $(TRACES)

## hit-ratio-check: what hit-ratio stands on: traces and reference fit, each figure can be missed
hit-ratio-check:
	@bench/hit_ratio/check.py

$(BENCH_PROG): %: %.o $(BENCH_B)/bench_main.o $(BENCH_B)/filled.o $(BENCH_B)/workload.o $(LIB)
	$(BENCH_LINK) $^ -lbenchmark $(LIB_LIBS) $(JEMALLOC) -lm -o $@

$(BENCH_B)/first_look: $(LOOK_OBJ) $(BENCH_B)/workload.o $(LIB)
	$(BENCH_LINK) $^ -lrocksdb $(LIB_LIBS) $(JEMALLOC) -lm -o $@

$(BENCH_B)/bench_main.o: bench/bench_main.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) $(GY_CPPFLAGS) $(CPPFLAGS) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) -MMD -MP -c $< -o $@

$(BENCH_B)/%.c.o: bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BENCH_B)/%.cc.o: bench/%.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) $(GY_CPPFLAGS) $(CPPFLAGS) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(BENCH_B)/*.d)

include bench/peers/rules.mk
include bench/counts/rules.mk
