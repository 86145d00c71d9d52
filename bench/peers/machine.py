# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What the run was made on and with."""

import os
import pathlib
import platform
import re
import subprocess

HUGE_PAGES = pathlib.Path("/sys/kernel/mm/transparent_hugepage/enabled")


def first(path, pattern, otherwise="unknown"):
    try:
        found = re.search(pattern, pathlib.Path(path).read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found.group(1).strip() if found else otherwise


def commit(root):
    """Of the working tree, with a + where it has changes; empty where there is none."""
    def git(*arguments):
        return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=True).stdout
    try:
        return git("rev-parse", "--short=10", "HEAD").strip() + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def describe(root):
    return {
        "processor": first("/proc/cpuinfo", r"^model name\s*:\s*(.*)$", platform.machine()),
        "virtual": "hypervisor" in first("/proc/cpuinfo", r"^flags\s*:(.*)$", ""),
        "processors": len(os.sched_getaffinity(0)),
        "cache": first("/sys/devices/system/cpu/cpu0/cache/index3/size", r"(\S+)"),
        "memory_bytes": 1024 * int(first("/proc/meminfo", r"^MemTotal:\s*(\d+)", "0")),
        "kernel": f"{platform.system()} {platform.release()}",
        "huge_pages": first(HUGE_PAGES, r"\[(\w+)\]", "none"),
        "load_before": os.getloadavg()[0],
        "commit": commit(root),
    }


def words(found):
    """Sentences, for people."""
    gib = found["memory_bytes"] / 2**30
    return (f"{found['processor']}{', a virtual machine' if found['virtual'] else ''}, {found['processors']} "
            f"processors, last cache {found['cache']}, {gib:.0f} GiB of memory; {found['kernel']}; transparent huge "
            f"pages: {found['huge_pages']}; load before the run: {found['load_before']:.1f}")
