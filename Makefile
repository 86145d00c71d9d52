# SPDX-License-Identifier: MIT
# gyre: make help lists the targets, V=1 shows the commands. CC, AR, CFLAGS, CPPFLAGS, LDFLAGS and PREFIX are yours to set.

FLAVOR ?= release
V      ?= 0
Q      := $(if $(filter 1,$(V)),,@)
B      := build/$(FLAVOR)
CC     := $(if $(filter default undefined,$(origin CC)),gcc,$(CC))
CXX    := $(if $(filter default undefined,$(origin CXX)),g++,$(CXX))
AR     ?= ar
CFLAGS ?= -O2 -g

version_part = $(shell sed -n 's/^.define GYRE_VERSION_$(1) //p' include/gyre.h)
MAJOR   := $(call version_part,MAJOR)
MINOR   := $(call version_part,MINOR)
PATCH   := $(call version_part,PATCH)
VERSION := $(MAJOR).$(MINOR).$(PATCH)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wcast-qual -Wundef -Wvla -Wpointer-arith $(if $(WERROR),-Werror)
GY_CPPFLAGS := -Iinclude -Isrc -D_GNU_SOURCE
GY_CFLAGS   := -std=c11 $(WARN) -Wstrict-prototypes -fvisibility=hidden -fPIC -pthread
GY_CXXFLAGS := -std=c++17 -Wall -Wextra -pthread
LIB_LIBS    := -lurcu-bp -lurcu-common -pthread
JEMALLOC    := -ljemalloc

# A flavour is a build of its own folder: nothing is cleaned, nothing mixed.
flavor_release :=
flavor_debug   := -O1 -DGY_DEBUG
flavor_points  := -O2 -DGY_POINTS -DGY_DEBUG
flavor_asan    := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DGY_POINTS -DGY_DEBUG
flavor_tsan    := -O1 -fsanitize=thread -Wno-tsan -DGY_POINTS -DGY_DEBUG -DGY_TSAN
flavor_explore := -O2 -DGY_EXPLORE='"layer.h"' -DGY_POINTS -DGY_DEBUG -Itests/explore
flavor_cover   := -O0 --coverage -fprofile-update=atomic -Dalways_inline=unused -DGY_POINTS -DGY_DEBUG \
                  -include tests/coverage/points.h
FLAVORS := release debug points asan tsan cover explore
ifeq ($(filter $(FLAVOR),$(FLAVORS)),)
$(error FLAVOR is one of: $(FLAVORS))
endif
ifneq ($(filter asan tsan,$(FLAVOR)),)
JEMALLOC :=
endif
FLAVOR_FLAGS := $(flavor_$(FLAVOR))
# What programs that link the library and its rooms are compiled with.
ALL_CFLAGS := $(GY_CPPFLAGS) $(CPPFLAGS) $(GY_CFLAGS) $(CFLAGS) $(FLAVOR_FLAGS)

LIB_SRC := $(sort $(wildcard src/*.c src/rcu/*.c))
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
LIB     := $(B)/libgyre.a

.DEFAULT_GOAL := all
.PHONY: all lib help clean
## all: the library and the program gyre
all: lib

lib: $(LIB)

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

-include $(LIB_OBJ:.o=.d)

# Each folder adds its own programs and targets.
-include tools/rules.mk tests/rules.mk tests/models/rules.mk tests/explore/rules.mk tests/mutants/rules.mk tests/policies/rules.mk stress/rules.mk bench/rules.mk fuzz/rules.mk examples/rules.mk docs/rules.mk tests/coverage/rules.mk install.mk

.PHONY: check
## check: installs what is missing and runs all tests (SEED=n replays the stress)
check: deps-check
	@tests/check.sh

.PHONY: proof
## proof: schedules, mutants, orders, models, stress, deaths, fuzz, failures, coverage: about an hour (SCALE=10: ten times as much)
proof: deps-check
	@tests/proof.sh

## clean: remove build/
clean:
	rm -rf build

## help: this list
help:
	@sed -n 's/^## //p' Makefile $(wildcard */rules.mk */*/rules.mk) install.mk 2>/dev/null | sort
