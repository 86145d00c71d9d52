# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Hit ratios of the caches with an equal number of entries. Nothing is timed, so that several may run at once."""

import concurrent.futures

import plan as plans
import programs

AT_ONCE = 2
RATE = 2_500_000  # requests a second: a guess, for the time left


def seconds(requests):
    """Of one count."""
    return 2 * requests / RATE / AT_ONCE


def count(name, path, theta, requests):
    """The second half of twice so many requests."""
    program = programs.Program(name, path)
    try:
        program.open("evicting", value_bytes=64, entries=plans.MILLION)
        program.run(plans.EVICT[theta], threads=1, requests=requests)
        found = program.run(plans.EVICT[theta], threads=1, requests=requests)
    finally:
        program.close()
    return {"peer": name, "theta": theta, "requests": found["requests"], "hits": found["hits"],
            "wrong": found["wrong"], "entries": found["entries"]}


def count_all(paths, requests, progress):
    """`paths`: of the programs of all caches, by name. Results, and what failed."""
    found, failures = [], []
    jobs = [(name, path, theta) for theta in plans.EVICT for name, path in paths.items()]
    progress.say(f"hit ratios: {len(jobs)} of {2 * requests // plans.MILLION} million requests")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        pending = [pool.submit(count, *job, requests) for job in jobs]
        for (name, _, theta), one in zip(jobs, pending):
            try:
                found.append(one.result())
                progress.step(seconds(requests), f"{name}, zipf {theta}")
            except (programs.Failed, programs.Refused) as failed:
                failures.append(str(failed))
    return found, failures
