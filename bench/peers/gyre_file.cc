// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre in a file, as it is when nothing else is asked for.

#include "gyre_file.hpp"
#include "serve.hpp"

namespace {

struct Peer : peers::GyreFilePeer {
    static constexpr const char *name = "gyre, file";

    explicit Peer(const peers::Config &config) : GyreFilePeer(config, 0) {}
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
