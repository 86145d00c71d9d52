# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

.PHONY: limits docs-check orders
## limits: what follows from the capacity, by the code that plans a cache: the table of docs/limits.md
limits: $(B)/docs/limits
	@$<

## docs-check: docs/ordering.md names every access, models and code name the same steps, links lead somewhere
docs-check:
	@tests/models/steps.sh
	@docs/check.sh

## orders: each access that is not relaxed is made so, in the explorer: does docs/ordering.md say what happens?
orders: explore-build
	@tests/orders/orders.py

$(B)/docs/limits: $(B)/docs/limits.o $(LIB)
	$(Q)$(CC) $(CFLAGS) $(FLAVOR_FLAGS) $(LDFLAGS) $^ $(LIB_LIBS) -o $@

-include $(B)/docs/limits.d
