# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# Programs that compare gyre with its peers: peer-NAME for each NAME.cc that has a main function.
# All are compiled alike, for any processor of the kind, and all use jemalloc.

PEERS_B      := $(B)/bench/peers
PEERS_SHARED := server stream memory
PEERS_NAME   := $(filter-out $(PEERS_SHARED),$(patsubst bench/peers/%.cc,%,$(sort $(wildcard bench/peers/*.cc))))
PEERS_PROG   := $(PEERS_NAME:%=$(PEERS_B)/peer-%)
PEERS_COMMON := $(PEERS_SHARED:%=$(PEERS_B)/%.o) $(B)/bench/workload.o $(B)/tools/histogram.o $(B)/tools/ticks.o
PEERS_LIBS_gyre        = $(LIB_LIBS)
PEERS_LIBS_gyre_shared = $(LIB_LIBS)
PEERS_LIBS_gyre_plain  = $(LIB_LIBS)
PEERS_LIBS_gyre_file   = $(LIB_LIBS)
PEERS_LIBS_gyre_file_bare = $(LIB_LIBS)
PEERS_LIBS_hcc         := -lrocksdb
PEERS_LIBS_rocksdb_lru := -lrocksdb
PEERS_LIBS_tbb         := -ltbb
PEERS_LIBS_lfht        := -lurcu-cds -lurcu-qsbr -lurcu-common
PEERS_LIBS_ck          := -lck
PEERS_LIBS_lmdb        := -llmdb
PEERS_LIBS_lmdb_shared := -llmdb
PEERS_LIBS_lmdb_batch  := -llmdb
PEERS_LIBS_sqlite      := -lsqlite3

.PHONY: peers peers-processes bench-files peers-page peers-driver-check peers-build peers-check deps-peers
## peers: gyre beside its peers, in turns, into docs/benchmarks.md, some 30 minutes; fails when it is not what it must be (QUICK=1: 5 minutes, no page)
peers: peers-build $(B)/bench/counts/paths
	@bench/peers/peers.py --programs $(PEERS_B) --paths $(B)/bench/counts/paths $(if $(QUICK),--quick)

## peers-processes: gyre shared by processes beside gyre in one process, into docs/benchmarks-processes.md, six minutes; fails as make peers does (QUICK=1: one minute, no page)
peers-processes: peers-build
	@bench/peers/processes.py --programs $(PEERS_B) $(if $(QUICK),--quick)

## bench-files: gyre in a file beside gyre in private memory, LMDB and SQLite, into docs/benchmarks-files.md, five minutes; fails when reads or writes are below 85 % (QUICK=1: one minute, no page; DIR=folder, else /dev/shm)
bench-files: peers-build
	@bench/peers/files.py --programs $(PEERS_B) $(if $(QUICK),--quick) $(if $(DIR),--dir "$(DIR)")

## peers-page: docs/benchmarks.md anew, of the results of the last make peers
peers-page:
	@bench/peers/page.py

## peers-driver-check: what peers stands on: each figure can be missed, peers that fail make a run void
peers-driver-check:
	@bench/peers/driver_check.py
	@bench/peers/processes_check.py
	@bench/peers/files_check.py

## peers-build: the programs that compare gyre with its peers
peers-build: deps-peers $(PEERS_PROG)

## deps-peers: installs the peers
deps-peers:
	@tools/deps.sh peers

## peers-check: each peer's program, briefly: values right, hits as they must be
peers-check: peers-build
	@bench/peers/check.py $(PEERS_PROG)

$(addprefix $(PEERS_B)/peer-,gyre gyre_shared gyre_plain gyre_file gyre_file_bare): $(LIB)
$(PEERS_PROG): $(PEERS_B)/peer-%: $(PEERS_B)/%.o $(PEERS_COMMON)
	$(Q)$(CXX) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(PEERS_LIBS_$*) $(JEMALLOC) -lm -o $@

$(PEERS_B)/%.o: bench/peers/%.cc
	@mkdir -p $(@D)
	$(Q)$(CXX) -Iinclude $(CPPFLAGS) $(GY_CXXFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) -MMD -MP -c $< -o $@

-include $(wildcard $(PEERS_B)/*.d)
