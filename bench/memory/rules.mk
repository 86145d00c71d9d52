# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# What an entry takes beside its key and value.

MEMORY_B    := $(B)/bench/memory
MEMORY_PROG := $(MEMORY_B)/memory

$(MEMORY_B)/memory.o: ALL_CFLAGS += -Ibench
$(MEMORY_PROG): $(MEMORY_B)/memory.o $(B)/bench/workload.o $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -lm -o $@

.PHONY: memory
## memory: bytes an entry beside key and value, with and without huge pages, in caches of several sizes; fails above 30 (MB="20 1000": your own)
memory: $(MEMORY_PROG)
	@$< $(MB)

-include $(MEMORY_B)/memory.d
