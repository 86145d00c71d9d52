# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

# examples/ uses gyre.h alone, as an installed copy would be used; tests/test_install.sh does that.

EXAMPLES := $(patsubst %.c,$(B)/%,$(sort $(wildcard examples/*.c))) \
            $(patsubst %.cc,$(B)/%,$(sort $(wildcard examples/*.cc)))

.PHONY: examples trace

## examples: the programs of examples/, in build/FLAVOR/examples/
examples: $(EXAMPLES)

$(B)/examples/%: examples/%.c $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CC) -Iinclude -std=c11 $(WARN) -pthread $(CPPFLAGS) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) \
	    -MMD -MP -MF $@.d $< $(LIB) $(LIB_LIBS) -o $@

$(B)/examples/%: examples/%.cc $(LIB)
	@mkdir -p $(@D)
	$(Q)$(CXX) -Iinclude $(GY_CXXFLAGS) $(if $(WERROR),-Werror) $(CPPFLAGS) $(CXXFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) \
	    -MMD -MP -MF $@.d $< $(LIB) $(LIB_LIBS) -o $@

-include $(EXAMPLES:=.d)

## trace: record the bundled trace anew (tools/deps.sh trace)
trace:
	examples/traces/record.sh
