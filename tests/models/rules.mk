# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors

.PHONY: models models-quick models-proof
## models-quick: the protocol models that are checked in seconds (Spin); part of check
models-quick:
	tests/models/run.sh quick

## models-proof: these and the most telling of the others, four minutes; SCALE=10: all
models-proof:
	tests/models/run.sh proof

## models: all protocol models, about half an hour
models:
	tests/models/run.sh all
