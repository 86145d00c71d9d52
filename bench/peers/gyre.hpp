// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre, by its C interface, as its users would: values are read in place under a view, and the
// cache's own thread does its maintenance.

#ifndef BENCH_PEERS_GYRE_HPP
#define BENCH_PEERS_GYRE_HPP

#include <gyre.h>

#include <algorithm>
#include <stdexcept>

#include "peer.hpp"

namespace peers {

// Opens nothing by itself.
struct GyrePeer : PeerBase {
    static constexpr bool evicts = true;
    static constexpr bool batches = true;
    static constexpr bool expires = true;

    struct Thread {
        explicit Thread(GyrePeer &) {}
    };

    ~GyrePeer() { gyre_close(cache_); }

    static std::string version()
    {
        const uint32_t v = gyre_version();
        return "gyre " + std::to_string(v >> 16) + "." + std::to_string(v >> 8 & 255) + "." +
               std::to_string(v & 255);
    }

    uint64_t n_entries() const
    {
        gyre_stats stats = GYRE_STATS_INIT;
        gyre_stats_read(cache_, &stats);
        return stats.entries;
    }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        gyre_view view;
        if (gyre_get(cache_, key.data(), Key::size, &view) != GYRE_OK)
            return false;
        read(static_cast<const char *>(view.data), view.size);
        gyre_release(&view);
        return true;
    }

    template <class Read> size_t get_many(Thread &, const Key *keys, size_t n, Read &&read)
    {
        gyre_key wanted[64];
        gyre_view views[64];
        int results[64];
        for (size_t i = 0; i < n; i++)
            wanted[i] = {keys[i].data(), Key::size};
        const size_t hits = gyre_get_many(cache_, n, wanted, views, results);
        for (size_t i = 0; i < n; i++) {
            if (results[i] != GYRE_OK)
                continue;
            read(i, static_cast<const char *>(views[i].data), views[i].size);
            gyre_release(&views[i]);
        }
        return hits;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        return gyre_put(cache_, key.data(), Key::size, value, size, nullptr) == GYRE_OK;
    }

    bool put_ttl(Thread &, const Key &key, const char *value, size_t size, uint32_t ttl_ms)
    {
        gyre_put_options options = GYRE_PUT_OPTIONS_INIT;
        options.ttl_ms = ttl_ms;
        return gyre_put(cache_, key.data(), Key::size, value, size, &options) == GYRE_OK;
    }

    bool del(Thread &, const Key &key)
    {
        return gyre_delete(cache_, key.data(), Key::size) == GYRE_OK;
    }

protected:
    GyrePeer() = default;

    static gyre_options options_for(const Config &config, uint64_t proof_bytes = 0)
    {
        constexpr uint64_t overhead_bytes = 32; // header, index, arenas that are being filled or swept
        const uint64_t entry_bytes = Key::size + config.value_bytes;
        const uint64_t needed = config.entries * (entry_bytes + overhead_bytes + proof_bytes);
        gyre_options options = GYRE_OPTIONS_INIT;
        options.flags = GYRE_HUGEPAGES;
        options.capacity_bytes = config.kind == Kind::evicting ? needed : needed * 3 / 2;
        options.capacity_bytes = std::max<uint64_t>(options.capacity_bytes, 1 << 20);
        options.expected_entry_bytes =
            static_cast<uint32_t>(config.starts_small ? 16 * entry_bytes : entry_bytes);
        return options;
    }

    void open(const gyre_options &options)
    {
        const int result = gyre_open(&cache_, &options);
        if (result != GYRE_OK)
            throw std::runtime_error(gyre_strerror(result));
    }

    gyre *cache_ = nullptr;
};

} // namespace peers

#endif
