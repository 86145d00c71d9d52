// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// RocksDB: a write-ahead log that is not synced, a Bloom filter, a hundred puts a write.

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include "store.hpp"

namespace {

constexpr unsigned batch = 100;

void require(const rocksdb::Status &status)
{
    if (!status.ok())
        throw std::runtime_error(status.ToString());
}

struct Store {
    static constexpr const char *name = "RocksDB";

    static std::string version() { return "RocksDB " + rocksdb::GetRocksVersionAsString(); }

    Store(const std::string &folder, uint64_t, bool make)
    {
        rocksdb::BlockBasedTableOptions table;
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
        rocksdb::Options options;
        options.create_if_missing = make;
        options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
        options.compression = rocksdb::kNoCompression;
        rocksdb::DB *db;
        require(rocksdb::DB::Open(options, folder, &db));
        db_.reset(db);
    }

    template <class Read> bool get(const peers::Key &key, Read &&read)
    {
        rocksdb::PinnableSlice value;
        const rocksdb::Status status = db_->Get({}, db_->DefaultColumnFamily(), slice(key), &value);
        if (status.IsNotFound())
            return false;
        require(status);
        read(value.data(), value.size());
        return true;
    }

    void put(const peers::Key &key, const char *value, size_t size)
    {
        require(batch_.Put(slice(key), {value, size}));
        if (++collected_ == batch)
            flush();
    }

    void flush()
    {
        require(db_->Write({}, &batch_));
        batch_.Clear();
        collected_ = 0;
    }

    void describe_opening(peers::Answer &) {}

private:
    static rocksdb::Slice slice(const peers::Key &key) { return {key.data(), peers::Key::size}; }

    std::unique_ptr<rocksdb::DB> db_;
    rocksdb::WriteBatch batch_;
    unsigned collected_ = 0;
};

} // namespace

int main(int argc, char **argv)
{
    return recovery::serve<Store>(argc, argv);
}
