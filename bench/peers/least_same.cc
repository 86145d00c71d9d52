// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The least, with as many instructions as gyre has: by callgrind, a loop of hits has 201 with both.

#include "least.hpp"

namespace {

struct Busy {
    static constexpr const char *name = "least_same";
    static constexpr unsigned get = 82, get_many = 119, put = 386;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Least<Busy>>(argc, argv);
}
