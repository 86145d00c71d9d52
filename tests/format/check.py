#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Do the numbers in docs/format.md fit the code? Tells what does not: places and sizes of all members of the structs that it
describes, each of which has its row, and constants. The compiler is asked: CC."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADERS = sorted((ROOT / "src").glob("*.h")) + sorted((ROOT / "src/rcu").glob("*.h"))
ROW = re.compile(r"\| (\d+) \| (\d+) \| `(\w+)` \|")
CONSTANT = re.compile(r"\| `(GY_\w+|sizeof\([\w ]+\))` \| (\d+) \|")
OF_EACH = re.compile(r"(\d+) × n_(member|record|lane)s")


def members(text, wanted):
    """Names of the members of each wanted struct in a header."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found = {}
    for name, body in re.findall(r"^struct (\w+) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        if name not in wanted:
            continue
        declarations = re.sub(r"_Alignas\([^)]*\)", "", body).split(";")
        names = [re.search(r"(\w+)(\[[^\]]*\])*$", part.strip())[1] for d in declarations if d.strip() for part in d.split(",")]
        found[name] = names
    return found


def read_page(text):
    """Rows of each struct's table, and constants."""
    structs, constants, current = {}, {}, None
    for line in text.splitlines():
        heading = re.match(r"\| at \| bytes \| `struct (\w+)` \|", line)
        row, constant = ROW.match(line), CONSTANT.match(line)
        if heading:
            current = structs.setdefault(heading[1], {})
        elif not line.startswith("|"):
            current = None
        elif row and current is not None:
            current[row[3]] = (int(row[1]), int(row[2]))
        elif constant:
            constants[constant[1]] = int(constant[2])
    return structs, constants


def ask(structs, constants):
    """What the compiler says of all of them."""
    lines = ['#include <stdio.h>', '#include "proof.h"', '#include "doubt.h"', "int main(void) {"]
    for name, names in structs.items():
        for member in names:
            size = "0" if (name, member) == ("gy_super", "shard") else f"sizeof(((struct {name} *)0)->{member})"
            lines.append(f'printf("{name} {member} %zu %zu\\n", offsetof(struct {name}, {member}), {size});')
    for name in constants:
        word = name.replace(" ", "_")
        lines.append(f'printf("{word} %llu\\n", (unsigned long long)({name}));')
    lines.append("}")
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "fields"
        program.with_suffix(".c").write_text("\n".join(lines))
        subprocess.run([os.environ.get("CC", "cc"), "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}/src", f"-I{ROOT}/include",
                        str(program.with_suffix(".c")), "-o", str(program)], check=True)
        return [line.split() for line in subprocess.run([str(program)], check=True, capture_output=True, text=True)
                .stdout.splitlines()]


def main():
    text = (ROOT / "docs/format.md").read_text()
    structs, constants = read_page(text)
    known = {}
    for header in HEADERS:
        known |= members(header.read_text(), structs)
    wrong = []
    for line in ask({name: known[name] for name in structs}, constants):
        if len(line) == 2:
            what = line[0].replace("struct_", "struct ")
            said, is_so = constants[what], int(line[1])
        else:
            said, is_so = structs[line[0]].pop(line[1], None), (int(line[2]), int(line[3]))
            what = f"struct {line[0]}, {line[1]}"
        if said != is_so:
            wrong.append(f"format.md: {what} is {is_so}, and it says {said}")
    wrong += [f"format.md: struct {name} has no {member}" for name, left in structs.items() for member in left]
    for bytes_said, part in OF_EACH.findall(text):
        if int(bytes_said) != constants[f"sizeof(struct gy_{part})"]:
            wrong.append(f"format.md: a {part} has not {bytes_said} bytes")
    major, minor = re.search(r"format \*\*(\d+)\.(\d+)\*\*", text).groups()
    if (int(major), int(minor)) != (constants["GY_FORMAT"], constants["GY_FORMAT_MINOR"]):
        wrong.append(f"format.md: it is format {major}.{minor}, and its table says otherwise")
    if len(structs) < 10 or len(constants) < 20:
        wrong.append("format.md: its tables were not found")
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
