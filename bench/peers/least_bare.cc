// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The least, and nothing else.

#include "least.hpp"

namespace {

struct Busy {
    static constexpr const char *name = "least_bare";
    static constexpr unsigned get = 0, get_many = 0, put = 0;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Least<Busy>>(argc, argv);
}
