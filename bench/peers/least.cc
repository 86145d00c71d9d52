// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The least, with instructions beside it: a get and its release have 130 in all, which is what they
// may have; get_many and put as many as gyre's. Those that it has itself are taken off: by
// callgrind, a loop of hits has 203 instructions, with gyre 201, of which 128 are gyre's.

#include "least.hpp"

namespace {

struct Busy {
    static constexpr const char *name = "least";
    static constexpr unsigned get = 84, get_many = 119, put = 386;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Least<Busy>>(argc, argv);
}
