// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// LMDB, each thread of a run a process that opens it by its path, as LMDB demands: with its own lock
// table in shared memory, which its users share.

#include "lmdb.hpp"
#include "serve.hpp"

namespace {

struct Peer : peers::LmdbPeer {
    static constexpr const char *name = "LMDB, processes";
    static constexpr bool processes = true;

    explicit Peer(const peers::Config &config) : bytes_(map_bytes(config)) { open(folder_.path(), bytes_); }

    // What the parent has open may not be used.
    void enter_process() { open(folder_.path(), bytes_); }

private:
    const peers::Folder folder_;
    const size_t bytes_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
