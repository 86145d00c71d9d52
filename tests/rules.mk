# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Unit tests: one program for each tests/test_*.c. Sanitizer flavours use the plain runner.

comma := ,
TEST_SRC     := $(sort $(wildcard tests/test_*.c))
# ThreadSanitizer sees one process and its threads: what is of several processes alone is for the other flavours.
ifeq ($(FLAVOR),tsan)
TEST_SRC := $(filter-out tests/test_region% tests/test_members% tests/test_process.c,$(TEST_SRC))
endif
TESTS        := $(TEST_SRC:%.c=$(B)/%)
TEST_SUPPORT := $(addprefix $(B)/tests/,check.o plain.o api.o region.o)
TEST_RUNNER_LIBS := -lcriterion
ifneq ($(filter asan ubsan tsan,$(FLAVOR)),)
$(B)/tests/%.o: ALL_CFLAGS += -DGY_PLAIN_RUNNER
TEST_RUNNER_LIBS :=
endif

# A program that replaces calls by its own says so here.
FAULTS_OBJ := $(addprefix $(B)/tests/faults/,replace.o objects.o cases.o)
TEST_LINK_test_api_faults := $(addprefix -Wl$(comma)--wrap=,malloc free mmap munmap madvise getrandom \
	syscall sysconf sched_getcpu pthread_create \
	pthread_join pthread_key_create pthread_key_delete pthread_setspecific pthread_atfork \
	open fstat stat lstat fstatfs pread fchmod ftruncate posix_fallocate fallocate linkat renameat2 unlink flock fcntl \
	opendir)
TEST_LINK_test_region_faults := $(TEST_LINK_test_api_faults)
$(B)/tests/test_api_faults: $(FAULTS_OBJ)
$(B)/tests/test_region_faults: $(filter-out %/cases.o,$(FAULTS_OBJ))
ifneq ($(filter points asan ubsan tsan cover,$(FLAVOR)),)
TEST_LINK_test_limit_threads := -Wl,--wrap=sched_yield
endif

# What is public and what the library imports, as the header and the archive say.
FAULTS_LISTS := $(B)/tests/faults/lists.h
$(B)/tests/test_api_faults.o: $(FAULTS_LISTS)
$(B)/tests/test_api_faults.o: ALL_CFLAGS += -I$(B)/tests/faults
$(FAULTS_LISTS): $(LIB) include/gyre.h tests/faults/lists.sh
	@mkdir -p $(@D)
	$(Q)tests/faults/lists.sh $(LIB) include/gyre.h > $@

$(TESTS): $(B)/tests/%: $(B)/tests/%.o $(TEST_SUPPORT) $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $(TEST_LINK_$(@F)) $(filter %.o,$^) $(LIB) $(LIB_LIBS) $(TEST_RUNNER_LIBS) $(JEMALLOC) -o $@

$(B)/contract: $(B)/tests/contract.o $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) $(JEMALLOC) -o $@

.PHONY: tests quick unit contract injection
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

## injection: every system call and allocation fails under every public function
injection: $(B)/tests/test_api_faults
	@tests/injection.sh $<

## contract: what a stranger expects of gyre.h; SECONDS=8 sets how long its threads run
contract: $(B)/contract
	$(B)/contract $(SECONDS)

-include $(TEST_SRC:%.c=$(B)/%.d) $(TEST_SUPPORT:.o=.d) $(FAULTS_OBJ:.o=.d) $(B)/tests/contract.d
