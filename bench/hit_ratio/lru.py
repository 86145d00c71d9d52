# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""An exact LRU by bytes. Its request miss ratio has to be the reference's, which shows that trace, sizes and
capacities are meant alike; its byte miss ratio is in no reference."""

import collections
import fractions

import data


def misses(plain, capacity):
    """Requests and bytes that a cache of so many bytes misses: what is larger passes by it."""
    cache, used, missed, missed_bytes = collections.OrderedDict(), 0, 0, 0
    for key, size, _ in data.RECORD.iter_unpack(plain):
        if key in cache:
            cache.move_to_end(key)
            continue
        missed += 1
        missed_bytes += size
        if size > capacity:
            continue
        cache[key] = size
        used += size
        while used > capacity:
            used -= cache.popitem(last=False)[1]
    return missed, missed_bytes


def byte_miss_ratio(point, plain):
    missed, missed_bytes = misses(plain, point.size)
    ratio = missed / point.trace.requests
    if abs(ratio - point.reference["LRU"]) > 1e-6:
        raise data.Wrong(f"{point.name}: an LRU misses {ratio:.6f}, by the reference {point.reference['LRU']:.6f}")
    return float(fractions.Fraction(missed_bytes, sum(size for _, size, _ in data.RECORD.iter_unpack(plain))))
