// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre in private memory as it is when nothing is asked for: without huge pages, which no file has.

#include "gyre.hpp"
#include "serve.hpp"

namespace {

struct Peer : peers::GyrePeer {
    static constexpr const char *name = "gyre, small pages";

    explicit Peer(const peers::Config &config)
    {
        gyre_options options = options_for(config);
        options.flags &= ~static_cast<uint32_t>(GYRE_HUGEPAGES);
        open(options);
    }
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
