// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// LMDB, with a write transaction for a hundred puts, as those use it who can wait for what they have written: each thread
// collects its own, and gets see them when they are all in.

#include <vector>

#include "lmdb.hpp"
#include "serve.hpp"

namespace {

constexpr size_t batch = 100;

struct Peer : peers::LmdbPeer {
    static constexpr const char *name = "LMDB, batches";
    static constexpr bool deletes = false;

    struct Thread : LmdbPeer::Thread {
        explicit Thread(Peer &peer) : LmdbPeer::Thread(peer), its(peer) {}
        ~Thread() { its.write(*this); }

        Peer &its;
        std::vector<peers::Key> keys;
        std::vector<char> values;
    };

    explicit Peer(const peers::Config &config)
    {
        const peers::Folder folder;
        open(folder.path(), map_bytes(config));
    }

    bool put(Thread &thread, const peers::Key &key, const char *value, size_t size)
    {
        thread.keys.push_back(key);
        thread.values.insert(thread.values.end(), value, value + size);
        return thread.keys.size() < batch || write(thread);
    }

    // Values of one size.
    bool write(Thread &thread)
    {
        const size_t n = thread.keys.size();
        const bool written = n == 0 || change([&](MDB_txn *txn) {
            const size_t size = thread.values.size() / n;
            int result = MDB_SUCCESS;
            for (size_t i = 0; i < n && result == MDB_SUCCESS; i++) {
                MDB_val at = peers::as_val(thread.keys[i]), stored = {size, thread.values.data() + i * size};
                result = mdb_put(txn, dbi_, &at, &stored, 0);
            }
            return result;
        });
        thread.keys.clear();
        thread.values.clear();
        return written;
    }
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
