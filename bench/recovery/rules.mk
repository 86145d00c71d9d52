# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# How soon a cache in a file is there again: store-NAME for each NAME.cc.

RECOVERY_B    := $(B)/bench/recovery
RECOVERY_PROG := $(patsubst bench/recovery/%.cc,$(RECOVERY_B)/store-%,$(sort $(wildcard bench/recovery/*.cc)))
RECOVERY_LIBS_gyre    = $(LIB_LIBS)
RECOVERY_LIBS_lmdb    := -llmdb
RECOVERY_LIBS_rocksdb := -lrocksdb

.PHONY: bench-recovery bench-recovery-build bench-recovery-check
## bench-recovery: 30 million entries in 4 GiB, opened after kill -9 and after a power cut, beside RocksDB and LMDB, into docs/benchmarks-recovery.md, fifteen minutes; fails when it takes too long (QUICK=1: one minute, no page; N=, BYTES=, DIR=folder)
bench-recovery: bench-recovery-build
	@bench/recovery/recovery.py --programs $(RECOVERY_B) $(if $(QUICK),--quick) $(if $(N),--entries $(N)) \
	    $(if $(BYTES),--bytes $(BYTES)) $(if $(DIR),--dir "$(DIR)")

## bench-recovery-check: what bench-recovery stands on: each figure can be missed, programs that fail make a run void
bench-recovery-check:
	@bench/recovery/recovery_check.py

bench-recovery-build: deps-peers $(RECOVERY_PROG)

$(RECOVERY_B)/store-gyre: $(LIB)
$(RECOVERY_PROG): $(RECOVERY_B)/store-%: $(RECOVERY_B)/%.o $(PEERS_B)/server.o
	$(Q)$(CXX) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(RECOVERY_LIBS_$*) $(JEMALLOC) -o $@

$(RECOVERY_B)/%.o: bench/recovery/%.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) -Iinclude -Ibench/peers $(CPPFLAGS) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(RECOVERY_B)/*.d)
