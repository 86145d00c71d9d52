// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// liburcu's lock-free hash table with its flavour of quiescent states, in which a reader does
// nothing but say now and then that it holds nothing. A put makes a new entry, key and value in one
// allocation; what it replaces is freed a batch at a time, after a grace period. It evicts nothing.
//
// Settings, tried in turns, million operations a second by processor time (hits, uniform with 1
// thread, zipf with 1, 50/50 with 2): a bucket for an entry 3.8, 6.0, 4.9; two 4.3, 6.6, 5.2.
// Freeing by call_rcu instead of batches 3.8, 5.6, 3.5. Batches of 128, 1,024 and 8,192: 4.8, 4.0
// and 3.8 in 50/50. Entries on lines of their own, or a quiescent state each 512
// operations instead of 64: alike.

#define _LGPL_SOURCE

#include <urcu/urcu-qsbr.h>

#include <urcu/rculfhash.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <vector>

#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;
using peers::Kind;

constexpr unsigned quiescent_every = 64, batch = 256;

struct Entry {
    cds_lfht_node node;
    Key key;
    uint32_t size;
    char value[];

    static Entry *of(cds_lfht_node *node) { return caa_container_of(node, Entry, node); }
};

int is_of(cds_lfht_node *node, const void *key)
{
    return Entry::of(node)->key == *static_cast<const Key *>(key);
}

struct Peer : peers::PeerBase {
    static constexpr const char *name = "liburcu lfht";

    class Thread {
    public:
        explicit Thread(Peer &peer) : peer_(peer)
        {
            retired_.reserve(batch);
            urcu_qsbr_register_thread();
        }
        ~Thread()
        {
            free_retired();
            urcu_qsbr_unregister_thread();
            peer_.n_entries_ += added_;
        }
        Thread(const Thread &) = delete;
        Thread &operator=(const Thread &) = delete;

        // It holds no entry.
        void did(int64_t added = 0)
        {
            added_ += added;
            if (++operations_ % quiescent_every == 0)
                urcu_qsbr_quiescent_state();
        }

        void retire(cds_lfht_node *node)
        {
            retired_.push_back(Entry::of(node));
            if (retired_.size() == batch)
                free_retired();
        }

    private:
        void free_retired()
        {
            if (!retired_.empty())
                urcu_qsbr_synchronize_rcu();
            for (Entry *entry : retired_)
                std::free(entry);
            retired_.clear();
        }

        Peer &peer_;
        std::vector<Entry *> retired_;
        int64_t added_ = 0;
        unsigned operations_ = 0;
    };

    explicit Peer(const Config &config)
    {
        const bool grows = config.kind == Kind::growing;
        unsigned long buckets = 1024;
        while (!grows && buckets < 2 * config.entries)
            buckets *= 2;
        table_ = cds_lfht_new_flavor(buckets, 1, 0,
                                     grows ? CDS_LFHT_AUTO_RESIZE | CDS_LFHT_ACCOUNTING : 0,
                                     &urcu_qsbr_flavor, nullptr);
        if (table_ == nullptr)
            throw std::bad_alloc();
    }

    ~Peer()
    {
        {
            Thread thread(*this);
            cds_lfht_iter at;
            cds_lfht_node *node;
            cds_lfht_for_each(table_, &at, node)
            {
                if (cds_lfht_del(table_, node) == 0)
                    thread.retire(node);
            }
        }
        cds_lfht_destroy(table_, nullptr);
    }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    // It is headers and a library that do not say.
    static std::string version() { return "liburcu 0.13"; }

    // Of the threads that are done: the table would count by walking through all of it.
    uint64_t n_entries() const { return static_cast<uint64_t>(n_entries_.load()); }

    template <class Read> bool get(Thread &thread, const Key &key, Read &&read)
    {
        cds_lfht_node *node = find(key);
        if (node != nullptr)
            read(Entry::of(node)->value, Entry::of(node)->size);
        thread.did();
        return node != nullptr;
    }

    bool put(Thread &thread, const Key &key, const char *value, size_t size)
    {
        Entry *entry = static_cast<Entry *>(std::malloc(sizeof *entry + size));
        if (entry == nullptr)
            return false;
        entry->key = key;
        entry->size = static_cast<uint32_t>(size);
        std::memcpy(entry->value, value, size);
        cds_lfht_node *old =
            cds_lfht_add_replace(table_, peers::hash(key), is_of, &entry->key, &entry->node);
        if (old != nullptr)
            thread.retire(old);
        thread.did(old == nullptr);
        return true;
    }

    bool del(Thread &thread, const Key &key)
    {
        cds_lfht_node *node = find(key);
        const bool deleted = node != nullptr && cds_lfht_del(table_, node) == 0;
        if (deleted)
            thread.retire(node);
        thread.did(deleted ? -1 : 0);
        return deleted;
    }

private:
    cds_lfht_node *find(const Key &key)
    {
        cds_lfht_iter found;
        cds_lfht_lookup(table_, peers::hash(key), is_of, &key, &found);
        return cds_lfht_iter_get_node(&found);
    }

    cds_lfht *table_ = nullptr;
    std::atomic<int64_t> n_entries_{0};
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
