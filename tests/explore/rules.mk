# SPDX-License-Identifier: MIT
# The deterministic scheduler: build/explore/explore, the library and tests/explore in the flavour explore.

EXPLORE_B    := build/explore
EXPLORE_OBJ  := $(patsubst %.c,$(EXPLORE_B)/%.o,$(sort $(wildcard tests/explore/*.c)) stress/lib/wgl.c)
EXPLORE_WRAP := $(addprefix -Wl$(comma)--wrap=,gy_os_tid gy_os_cpu gy_os_clock_ns gy_os_clock_ms \
	gy_os_discard gy_os_nap sched_yield gy_os_object_discard gy_os_membarrier_register_all \
	gy_os_wait_shared gy_process_self gy_process_dead gy_process_lock_open gy_process_lock_close gy_process_file \
	gy_process_lock_take gy_process_lock_drop gy_process_lock_look)

ifeq ($(FLAVOR),explore)
$(EXPLORE_OBJ): ALL_CFLAGS += -Istress/lib
$(B)/explore: $(EXPLORE_OBJ) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $(EXPLORE_WRAP) $^ $(LIB_LIBS) $(JEMALLOC) -o $@
-include $(EXPLORE_OBJ:.o=.d)
endif

.PHONY: explore explore-build
explore-build:
	@$(MAKE) --no-print-directory FLAVOR=explore $(EXPLORE_B)/explore

## explore: schedules of the real code, one access at a time, for T seconds (SCENARIO=…; see docs/testing.md)
explore: explore-build
	$(EXPLORE_B)/explore --seconds $(or $(T),60) --jobs $(or $(JOBS),2) $(if $(SEED),--seed $(SEED)) \
	    $(if $(SCENARIO),--scenario $(SCENARIO))
