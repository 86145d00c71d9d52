// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

#include "gyre.hpp"
#include "serve.hpp"

namespace {

struct Peer : peers::GyrePeer {
    static constexpr const char *name = "gyre";

    explicit Peer(const peers::Config &config) { open(options_for(config)); }
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
