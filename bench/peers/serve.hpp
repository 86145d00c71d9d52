// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The main function of a peer's program.

#ifndef BENCH_PEERS_SERVE_HPP
#define BENCH_PEERS_SERVE_HPP

#include "bench.hpp"
#include "server.hpp"

namespace peers {

template <class Peer> int serve(int argc, char **argv)
{
    Bench<Peer> bench;
    return serve_commands(bench, argc, argv);
}

} // namespace peers

#endif
