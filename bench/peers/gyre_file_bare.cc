// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre in a file whose entries do not prove themselves: what the proofs cost is the difference.

#include "gyre_file.hpp"
#include "serve.hpp"

namespace {

struct Peer : peers::GyreFilePeer {
    static constexpr const char *name = "gyre, file without checksums";

    explicit Peer(const peers::Config &config) : GyreFilePeer(config, GYRE_NO_CHECKSUMS) {}
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
