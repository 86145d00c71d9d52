# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
# Fuzz targets are fuzz/fuzz_*.c, the other files are shared by them. With libFuzzer they and the
# library are compiled by clang into build/fuzz; with alone.c they replay the corpus in any flavour.
# The library alone has sanitizers and counters: edges are its own, and the model costs little.

FUZZ_CC    ?= clang-14
FUZZ_B     := build/fuzz
FUZZ_FLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined \
              -fsanitize=fuzzer-no-link -fno-sanitize-coverage=trace-cmp
FUZZ_MODEL_FLAGS := -O2 -g
FUZZ_NAMES  := $(patsubst fuzz/%.c,%,$(sort $(wildcard fuzz/fuzz_*.c)))
FUZZ_SHARED := $(filter-out fuzz/alone.c fuzz/fuzz_%.c,$(sort $(wildcard fuzz/*.c)))
FUZZ_LIB    := $(LIB_SRC:%.c=$(FUZZ_B)/%.o)
# What fuzz_image is made of beside them, and the library's system calls with clocks of its own in their place. (Not by
# --wrap: libFuzzer asks for the time, too.) libFuzzer asks mutate.o what to change.
FUZZ_IMAGE  := fuzz/image/base.c fuzz/image/patch.c fuzz/image/clock.c stress/damaging/caller.c stress/lib/value.c
FUZZ_IMAGE_CALLS := $(foreach call,clock_gettime nanosleep getrandom,--redefine-sym $(call)=image_$(call))
OBJCOPY ?= objcopy
FUZZ_RUN    := -close_fd_mask=1 -timeout=120 -rss_limit_mb=3000 -max_len=4096
T ?= 60

.PHONY: fuzz fuzz-proof fuzz-replay-build fuzz-quick fuzz-build fuzz-replay
fuzz-build: $(FUZZ_NAMES:%=$(FUZZ_B)/%)

## fuzz: run each fuzz target for T seconds (60); what it finds lands in build/fuzz/
fuzz: fuzz-build
	@set -e; for name in $(FUZZ_NAMES); do \
	    mkdir -p $(FUZZ_B)/new/$$name; printf '%s, %s s: ' $$name $(T); log=$(FUZZ_B)/$$name.log; \
	    $(FUZZ_B)/$$name $(FUZZ_RUN) -max_total_time=$(T) -artifact_prefix=$(FUZZ_B)/$$name- \
	        $(FUZZ_B)/new/$$name fuzz/corpus/$$name 2>$$log || { cat $$log; exit 1; }; \
	    grep Done $$log; \
	done

## fuzz-proof: ten million inputs over all targets (SCALE=n: n times as many)
fuzz-proof: fuzz-build
	@fuzz/proof.sh $(FUZZ_B)

fuzz-replay-build: $(FUZZ_NAMES:%=$(B)/fuzz/%)

## fuzz-replay: run the corpus through the fuzz targets with this flavour's compiler
fuzz-replay: fuzz-replay-build
	@set -e; for name in $(FUZZ_NAMES); do printf '%s: ' $$name; $(B)/fuzz/$$name fuzz/corpus/$$name; done

## fuzz-quick: the corpus, then a few seconds of fuzzing for each target
fuzz-quick: fuzz-replay
	@$(MAKE) --no-print-directory fuzz T=5

$(FUZZ_NAMES:%=$(FUZZ_B)/%): $(FUZZ_B)/%: $(FUZZ_B)/fuzz/%.o $(FUZZ_SHARED:%.c=$(FUZZ_B)/%.o) $(FUZZ_LIB)
	$(Q)$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $(FUZZ_LINK) $(filter-out $(FUZZ_INSTEAD),$^) $(LIB_LIBS) -o $@
$(FUZZ_B)/fuzz_image: $(FUZZ_IMAGE:%.c=$(FUZZ_B)/%.o) $(addprefix $(FUZZ_B)/fuzz/image/,mutate.o os.o)
$(B)/fuzz/fuzz_image: $(FUZZ_IMAGE:%.c=$(B)/%.o) $(B)/fuzz/image/os.o
$(FUZZ_B)/fuzz_image $(B)/fuzz/fuzz_image: FUZZ_LINK := -Wl,--wrap=sched_yield
$(FUZZ_B)/fuzz_image: FUZZ_INSTEAD := $(FUZZ_B)/src/os.o
$(FUZZ_B)/fuzz/image/os.o $(B)/fuzz/image/os.o: %/fuzz/image/os.o: %/src/os.o
	@mkdir -p $(@D)
	$(Q)$(OBJCOPY) $(FUZZ_IMAGE_CALLS) $< $@

$(FUZZ_B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(GY_CPPFLAGS) $(GY_CFLAGS) -DGY_DEBUG $(FUZZ_FLAGS) -MMD -MP -c $< -o $@
$(FUZZ_B)/fuzz/%.o $(FUZZ_B)/stress/%.o: private FUZZ_FLAGS := $(FUZZ_MODEL_FLAGS)
$(FUZZ_B)/fuzz/%.o $(FUZZ_B)/stress/%.o: private GY_CPPFLAGS += -Ifuzz -Istress/damaging -Istress/lib
$(B)/fuzz/%.o: private ALL_CFLAGS += -Ifuzz -Istress/damaging -Istress/lib

$(FUZZ_NAMES:%=$(B)/fuzz/%): %: %.o $(B)/fuzz/alone.o $(FUZZ_SHARED:%.c=$(B)/%.o) $(LIB)
	$(Q)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(FUZZ_LINK) $(filter %.o,$^) $(LIB) $(LIB_LIBS) $(JEMALLOC) -o $@

-include $(wildcard $(B)/fuzz/*.d $(B)/fuzz/image/*.d $(FUZZ_B)/fuzz/*.d $(FUZZ_B)/fuzz/image/*.d $(FUZZ_B)/stress/*/*.d) $(FUZZ_LIB:.o=.d)
