// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// LMDB, a B+ tree in a mapped file, on a file system in memory where there is one. A get is a read
// transaction of its own, as another thread's put must be seen by the next get: the thread's
// transaction is renewed and reset, which takes no lock; the value is read in the map. A put is a
// write transaction of its own. LMDB takes one writer at a time and has a lock for that.
//
// Settings: never synced, written through the map, readers belong to transactions and not to
// threads, no read-ahead. Keys compared as two words instead of 16 bytes, in turns: 0.70 million
// hits a second of processor time beside 0.61 (uniform, 1 thread), 0.97 beside 0.82 (zipf).

#ifndef BENCH_PEERS_LMDB_HPP
#define BENCH_PEERS_LMDB_HPP

#include <lmdb.h>

#include <stdexcept>

#include "folder.hpp"
#include "peer.hpp"

namespace peers {

constexpr unsigned lmdb_flags =
    MDB_NOSYNC | MDB_WRITEMAP | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT;

inline void require(int result)
{
    if (result != MDB_SUCCESS)
        throw std::runtime_error(mdb_strerror(result));
}

// The order of the keys is nobody's concern: two words are compared faster than 16 bytes.
inline int compare(const MDB_val *a, const MDB_val *b)
{
    uint64_t x[2], y[2];
    std::memcpy(x, a->mv_data, sizeof x);
    std::memcpy(y, b->mv_data, sizeof y);
    const unsigned word = x[0] == y[0];
    return (x[word] > y[word]) - (x[word] < y[word]);
}

inline MDB_val as_val(const Key &key)
{
    return {Key::size, const_cast<char *>(key.data())};
}

// Opens nothing by itself.
struct LmdbPeer : PeerBase {
    struct Thread {
        explicit Thread(LmdbPeer &peer)
        {
            require(mdb_txn_begin(peer.env_, nullptr, MDB_RDONLY, &reading));
            mdb_txn_reset(reading);
        }
        ~Thread() { mdb_txn_abort(reading); }
        Thread(const Thread &) = delete;
        Thread &operator=(const Thread &) = delete;

        MDB_txn *reading = nullptr;
    };

    ~LmdbPeer() { mdb_env_close(env_); }
    LmdbPeer(const LmdbPeer &) = delete;
    LmdbPeer &operator=(const LmdbPeer &) = delete;

    static std::string version()
    {
        int major, minor, patch;
        mdb_version(&major, &minor, &patch);
        return "LMDB " + std::to_string(major) + "." + std::to_string(minor) + "." +
               std::to_string(patch);
    }

    uint64_t n_entries() const
    {
        MDB_stat stat;
        require(mdb_env_stat(env_, &stat));
        return stat.ms_entries;
    }

    template <class Read> bool get(Thread &thread, const Key &key, Read &&read)
    {
        MDB_val wanted = as_val(key), value;
        if (mdb_txn_renew(thread.reading) != MDB_SUCCESS)
            return false;
        const bool hit = mdb_get(thread.reading, dbi_, &wanted, &value) == MDB_SUCCESS;
        if (hit)
            read(static_cast<const char *>(value.mv_data), value.mv_size);
        mdb_txn_reset(thread.reading);
        return hit;
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        return change([&](MDB_txn *txn) {
            MDB_val at = as_val(key), stored = {size, const_cast<char *>(value)};
            return mdb_put(txn, dbi_, &at, &stored, 0);
        });
    }

    bool del(Thread &, const Key &key)
    {
        return change([&](MDB_txn *txn) {
            MDB_val at = as_val(key);
            return mdb_del(txn, dbi_, &at, nullptr);
        });
    }

protected:
    LmdbPeer() = default;

    void open(const char *path, size_t bytes)
    {
        require(mdb_env_create(&env_));
        require(mdb_env_set_mapsize(env_, bytes));
        require(mdb_env_set_maxreaders(env_, 1024));
        require(mdb_env_open(env_, path, lmdb_flags, 0600));
        MDB_txn *txn;
        require(mdb_txn_begin(env_, nullptr, 0, &txn));
        require(mdb_dbi_open(txn, nullptr, 0, &dbi_));
        require(mdb_set_compare(txn, dbi_, compare));
        require(mdb_txn_commit(txn));
    }

    // Address space, no memory: for half-filled pages, and for pages that wait for their readers.
    static size_t map_bytes(const Config &config)
    {
        constexpr size_t page = 4096;
        const size_t entry_bytes = config.value_bytes < page / 4 ? config.value_bytes + page / 16
                                                                 : config.value_bytes + 2 * page;
        return (config.entries * entry_bytes * 4 + (64 << 20)) / page * page;
    }

    // A transaction of its own for what `how` does in it.
    template <class Change> bool change(const Change &how)
    {
        MDB_txn *txn;
        if (mdb_txn_begin(env_, nullptr, 0, &txn) != MDB_SUCCESS)
            return false;
        if (how(txn) == MDB_SUCCESS)
            return mdb_txn_commit(txn) == MDB_SUCCESS;
        mdb_txn_abort(txn);
        return false;
    }

    MDB_dbi dbi_ = 0;

private:
    MDB_env *env_ = nullptr;
};

} // namespace peers

#endif
