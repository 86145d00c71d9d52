# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

TOOL_SRC := $(sort $(wildcard tools/*.c))
TOOL_OBJ := $(TOOL_SRC:%.c=$(B)/%.o)

.PHONY: tool
## tool: the program gyre
tool: $(B)/gyre
all: tool

$(B)/gyre: $(TOOL_OBJ) $(LIB)
	$(Q)$(CC) $(ALL_CFLAGS) $(TOOL_OBJ) $(LIB) $(LDFLAGS) -o $@ $(LIB_LIBS) -lzstd -lm $(JEMALLOC)

-include $(TOOL_OBJ:.o=.d)
