# SPDX-License-Identifier: MIT
# Benchmarks. Google Benchmark runs bench_*.c; what compares with peers is in bench/peers.

BENCH_B    := $(B)/bench
BENCH_PROG := $(patsubst bench/%.c,$(BENCH_B)/%,$(sort $(wildcard bench/bench_*.c)))
BENCH_LINK  = $(CXX) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS)

.PHONY: bench bench-build hit-ratio hit-ratio-check
bench-build: $(BENCH_PROG)

## bench: run bench/bench_*.c; BENCH_ARGS go to Google Benchmark (--benchmark_filter=...)
bench: $(BENCH_PROG)
	@set -e; for program in $(BENCH_PROG); do $$program $(BENCH_ARGS); done

## hit-ratio: the miss ratio beside eleven algorithms, into docs/hit-ratio.md; fails when it is not what it must be (QUICK=1; TRACES="a b": your own)
hit-ratio: $(B)/gyre
	@bench/hit_ratio/hit_ratio.py --gyre $< $(if $(QUICK),--quick) $(TRACES)

## hit-ratio-check: what hit-ratio stands on: traces and reference fit, each figure can be missed
hit-ratio-check:
	@bench/hit_ratio/check.py

$(BENCH_PROG): %: %.o $(BENCH_B)/bench_main.o $(BENCH_B)/filled.o $(BENCH_B)/workload.o $(LIB)
	$(BENCH_LINK) $^ -lbenchmark $(LIB_LIBS) $(JEMALLOC) -lm -o $@

$(BENCH_B)/bench_main.o: bench/bench_main.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) $(GY_CPPFLAGS) $(CPPFLAGS) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(BENCH_B)/*.d)

include bench/peers/rules.mk
include bench/counts/rules.mk
include bench/memory/rules.mk
include bench/recovery/rules.mk
