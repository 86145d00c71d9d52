// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre in a file, which is in the page cache, and never synced meanwhile.

#ifndef BENCH_PEERS_GYRE_FILE_HPP
#define BENCH_PEERS_GYRE_FILE_HPP

#include "folder.hpp"
#include "gyre.hpp"

namespace peers {

struct GyreFilePeer : GyrePeer {
    GyreFilePeer(const Config &config, uint32_t flags)
    {
        const std::string path = folder_.file("cache");
        gyre_options options = options_for(config, flags & GYRE_NO_CHECKSUMS ? 0 : 16);
        options.flags = GYRE_CREATE | flags;
        options.file_path = path.c_str();
        open(options);
    }

private:
    const Folder folder_;
};

} // namespace peers

#endif
