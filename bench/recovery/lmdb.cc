// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// LMDB as it is used for caches: written through the map, never synced, a thousand puts a transaction.

#include <lmdb.h>

#include "store.hpp"

namespace {

constexpr unsigned batch = 1000;

void require(int result)
{
    if (result != MDB_SUCCESS)
        throw std::runtime_error(mdb_strerror(result));
}

struct Store {
    static constexpr const char *name = "LMDB";

    static std::string version()
    {
        int major, minor, patch;
        mdb_version(&major, &minor, &patch);
        return "LMDB " + std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
    }

    // Its map is address space: it evicts nothing, and takes what it takes.
    Store(const std::string &folder, uint64_t bytes, bool)
    {
        require(mdb_env_create(&env_));
        require(mdb_env_set_mapsize(env_, 4 * bytes));
        require(mdb_env_open(env_, folder.c_str(), MDB_NOSYNC | MDB_WRITEMAP | MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT, 0600));
        require(mdb_txn_begin(env_, nullptr, 0, &writing_));
        require(mdb_dbi_open(writing_, nullptr, 0, &dbi_));
        flush();
    }
    Store(const Store &) = delete;
    Store &operator=(const Store &) = delete;
    ~Store()
    {
        flush();
        mdb_env_close(env_);
    }

    template <class Read> bool get(const peers::Key &key, Read &&read)
    {
        MDB_txn *reading;
        MDB_val wanted = {peers::Key::size, const_cast<char *>(key.data())}, value;
        require(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reading));
        const bool hit = mdb_get(reading, dbi_, &wanted, &value) == MDB_SUCCESS;
        if (hit)
            read(static_cast<const char *>(value.mv_data), value.mv_size);
        mdb_txn_abort(reading);
        return hit;
    }

    void put(const peers::Key &key, const char *value, size_t size)
    {
        MDB_val at = {peers::Key::size, const_cast<char *>(key.data())}, stored = {size, const_cast<char *>(value)};
        if (writing_ == nullptr)
            require(mdb_txn_begin(env_, nullptr, 0, &writing_));
        require(mdb_put(writing_, dbi_, &at, &stored, 0));
        if (++collected_ == batch)
            flush();
    }

    void flush()
    {
        if (writing_ != nullptr)
            require(mdb_txn_commit(writing_));
        writing_ = nullptr;
        collected_ = 0;
    }

    void describe_opening(peers::Answer &) {}

private:
    MDB_env *env_ = nullptr;
    MDB_txn *writing_ = nullptr;
    MDB_dbi dbi_ = 0;
    unsigned collected_ = 0;
};

} // namespace

int main(int argc, char **argv)
{
    return recovery::serve<Store>(argc, argv);
}
