# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Unit tests: one program for each tests/test_*.c. Sanitizer flavours use the plain runner.

comma := ,
TEST_SRC     := $(sort $(wildcard tests/test_*.c))
TEST_NAMES   := $(TEST_SRC:tests/test_%.c=%)
# Of one thread, or of processes, which ThreadSanitizer sees alone; and long.
ifeq ($(FLAVOR),tsan)
TEST_NAMES := $(filter-out api_faults choice members_points memory mend region_create region_faults,$(TEST_NAMES))
endif
TESTS        := $(TEST_NAMES:%=$(B)/tests/test_%)
INSPECT_OBJ  := $(patsubst %.c,$(B)/%.o,$(wildcard tools/inspect*.c))
TEST_SUPPORT := $(addprefix $(B)/tests/,check.o plain.o api.o region.o) $(INSPECT_OBJ)
TEST_RUNNER_LIBS := -lcriterion
UNIT_JOBS := 1
ifneq ($(filter asan tsan,$(FLAVOR)),)
$(B)/tests/%.o: ALL_CFLAGS += -DGY_PLAIN_RUNNER
TEST_RUNNER_LIBS :=
UNIT_JOBS := $(shell nproc)
endif

# A program that replaces calls by its own says so here.
FAULTS_OBJ := $(addprefix $(B)/tests/faults/,replace.o objects.o cases.o)
TEST_LINK_test_api_faults := $(addprefix -Wl$(comma)--wrap=,malloc free mmap munmap madvise getrandom \
	syscall sysconf sched_getcpu pthread_create \
	pthread_join pthread_key_create pthread_key_delete pthread_setspecific pthread_atfork \
	open fstat stat lstat fstatfs statx pread fchmod ftruncate posix_fallocate fallocate linkat renameat2 \
	rename fchown unlink flock fcntl \
	opendir statfs getcwd fdatasync fsync nanosleep)
TEST_LINK_test_region_faults := $(TEST_LINK_test_api_faults)
$(B)/tests/test_api_faults: $(FAULTS_OBJ)
$(B)/tests/test_region_faults: $(filter-out %/cases.o,$(FAULTS_OBJ))
TEST_LINK_test_sparse := -Wl$(comma)--wrap=posix_fallocate
TEST_LINK_test_file_disks := $(TEST_LINK_test_sparse)
TEST_LINK_test_file_steps := $(addprefix -Wl$(comma)--wrap=,fdatasync fsync statfs fstatfs nanosleep)
TEST_LINK_test_resize_steps := $(addprefix -Wl$(comma)--wrap=,open fchmod fchown ftruncate posix_fallocate linkat rename \
	fdatasync fsync flock)
ifneq ($(filter points asan tsan cover,$(FLAVOR)),)
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

$(B)/contract $(B)/shared_load $(B)/format/golden: $(B)/%: $(B)/tests/%.o $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) $(JEMALLOC) -o $@

.PHONY: tests quick unit contract injection shared-load golden format-check
tests: $(TESTS) $(B)/contract

shared-load: $(B)/shared_load

## quick: build and run all unit tests of FLAVOR
quick: unit

## unit: the same, with FLAVOR=asan or tsan under sanitizers; TESTS_ONLY=index runs test_index
unit: $(TESTS)
	@TEST_ARGS="$(TEST_ARGS)" tests/units.sh $(FLAVOR) $(UNIT_JOBS) $(or $(TESTS_ONLY:%=$(B)/tests/test_%),$(TESTS))

## injection: every system call and allocation fails under every public function
injection: $(B)/tests/test_api_faults
	@tests/injection.sh $<

## contract: what a stranger expects of gyre.h; SECONDS=8 sets how long its threads run
contract: $(B)/contract
	$(B)/contract $(SECONDS)

## golden: makes the files of tests/golden anew: of a new format, or when there is a new kind
golden: $(B)/format/golden
	tests/format/make_golden.sh $<

## format-check: a reader written from docs/format.md and the library find the same, in fresh files and in those of tests/golden
format-check: $(B)/format/golden $(B)/gyre
	@tests/test_format.sh $(B)

-include $(TEST_SRC:%.c=$(B)/%.d) $(TEST_SUPPORT:.o=.d) $(FAULTS_OBJ:.o=.d) $(addprefix $(B)/tests/,contract.d shared_load.d format/golden.d)
