# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Unit tests: one program for each tests/test_*.c. Sanitizer flavours use the plain runner.

comma := ,
TEST_SRC     := $(sort $(wildcard tests/test_*.c))
TESTS        := $(TEST_SRC:%.c=$(B)/%)
TEST_SUPPORT := $(addprefix $(B)/tests/,check.o plain.o api.o)
TEST_RUNNER_LIBS := -lcriterion
ifneq ($(filter asan ubsan tsan,$(FLAVOR)),)
$(B)/tests/%.o: ALL_CFLAGS += -DGY_PLAIN_RUNNER
TEST_RUNNER_LIBS :=
endif

# A program that replaces calls by its own says so here.
TEST_LINK_test_api_oom := $(addprefix -Wl$(comma)--wrap=,malloc calloc realloc aligned_alloc posix_memalign free \
	mmap munmap pthread_create pthread_key_create pthread_setspecific)

# The checkers of the stress programs are tested like rooms.
$(B)/tests/test_checkers.o: ALL_CFLAGS += -Istress/lib
$(B)/tests/test_checkers: $(addprefix $(B)/stress/lib/,wgl.o)

$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_SUPPORT) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $(TEST_LINK_$(@F)) $^ $(LIB_LIBS) $(TEST_RUNNER_LIBS) $(JEMALLOC) -o $@

$(B)/contract: $(B)/tests/contract.o $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) $(JEMALLOC) -o $@

.PHONY: tests quick unit contract
tests: $(TESTS) $(B)/contract

## quick: build and run all unit tests of FLAVOR
quick: unit

## unit: the same, with FLAVOR=asan, ubsan or tsan under that sanitizer; TESTS_ONLY=index runs test_index
unit: $(TESTS)
	@failed=0; n=0; names=; for program in $(or $(TESTS_ONLY:%=$(B)/tests/test_%),$(TESTS)); do \
		echo "== $$program"; n=$$((n + 1)); \
		UBSAN_OPTIONS=print_stacktrace=1:$$UBSAN_OPTIONS $$program $(TEST_ARGS) || \
			{ failed=$$((failed + 1)); names="$$names $$program"; }; \
	done; echo "$(FLAVOR): $$n programs, $$failed failed$${names:+:$$names}"; test $$failed = 0

## contract: what a stranger expects of gyre.h; SECONDS=8 sets how long its threads run
contract: $(B)/contract
	$(B)/contract $(SECONDS)

-include $(TEST_SRC:%.c=$(B)/%.d) $(TEST_SUPPORT:.o=.d) $(B)/tests/contract.d
