// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

#include "lmdb.hpp"
#include "serve.hpp"

namespace {

struct Peer : peers::LmdbPeer {
    static constexpr const char *name = "LMDB";

    explicit Peer(const peers::Config &config)
    {
        const peers::Folder folder;
        open(folder.path(), map_bytes(config));
    }
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
