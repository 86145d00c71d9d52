// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre in a file, by its C interface.

#include <gyre.h>

#include "store.hpp"

namespace {

struct Store {
    static constexpr const char *name = "gyre";

    static std::string version()
    {
        const uint32_t v = gyre_version();
        return "gyre " + std::to_string(v >> 16) + "." + std::to_string(v >> 8 & 255) + "." + std::to_string(v & 255);
    }

    Store(const std::string &folder, uint64_t bytes, bool make)
    {
        const std::string path = folder + "/cache";
        gyre_options options = GYRE_OPTIONS_INIT;
        options.file_path = path.c_str();
        options.flags = make ? GYRE_CREATE : 0;
        options.capacity_bytes = make ? bytes : 0;
        options.expected_entry_bytes = make ? static_cast<uint32_t>(peers::Key::size + recovery::value_bytes) : 0;
        const int result = gyre_open(&cache_, &options);
        if (result != GYRE_OK)
            throw std::runtime_error(gyre_strerror(result));
    }
    ~Store() { gyre_close(cache_); }
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;

    template <class Read> bool get(const peers::Key &key, Read &&read)
    {
        gyre_view view;
        if (gyre_get(cache_, key.data(), peers::Key::size, &view) != GYRE_OK)
            return false;
        read(static_cast<const char *>(view.data), view.size);
        gyre_release(&view);
        return true;
    }

    void put(const peers::Key &key, const char *value, size_t size)
    {
        if (gyre_put(cache_, key.data(), peers::Key::size, value, size, nullptr) != GYRE_OK)
            throw std::runtime_error("a put failed");
    }
    void flush() {}

    // Bytes: of the arenas that recovery has read.
    void describe_opening(peers::Answer &answer)
    {
        gyre_stats stats = GYRE_STATS_INIT;
        gyre_stats_read(cache_, &stats);
        answer.add("warm", stats.start == GYRE_START_WARM);
        answer.add("recovered", stats.start == GYRE_START_RECOVERED);
        answer.add("recovered_entries", stats.recovered_entries);
        answer.add("read_bytes", stats.live_bytes + stats.garbage_bytes);
    }

private:
    gyre *cache_ = nullptr;
};

} // namespace

int main(int argc, char **argv)
{
    return recovery::serve<Store>(argc, argv);
}
