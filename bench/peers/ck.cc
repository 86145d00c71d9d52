// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// Concurrency Kit's ck_ht: open addressing, a slot with the key's whole hash, for many readers and
// one writer: writers take a mutex. An entry is one allocation, freed by ck_epoch. A thread is in
// an epoch section all the while but for a moment now and then, when it holds no entry. It evicts
// nothing.
//
// Settings, tried in turns, million operations a second by processor time, best runs (hits, uniform
// with 1 thread, zipf with 1, 50/50 with 2): ck_ht with two to four slots for an entry 3.9, 6.2,
// 5.3, with four to eight 3.8, 5.8, 4.3; ck_rhs, which compares keys where ck_ht compares hashes
// first, 3.6, 5.4, 5.5, for reading mostly 3.6, 5.2, 5.1. Entries on lines of their own, or
// a section for 512 operations instead of 64: no faster.

extern "C" {
#include <ck_pr.h>
// Its headers are C: there, what this returns becomes any pointer by itself.
#define ck_pr_fas_ptr(place, next) static_cast<ck_stack_entry *>(ck_pr_fas_ptr(place, next))
#include <ck_stack.h>
#undef ck_pr_fas_ptr
#include <ck_epoch.h>
#include <ck_ht.h>
}

#include <cstdlib>
#include <memory>
#include <mutex>
#include <new>
#include <vector>

#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;
using peers::Kind;

constexpr unsigned section_gets = 64, reclaim_every = 256;

// What goes to the epoch when it is retired, at the start of an allocation.
struct alignas(16) Retired {
    ck_epoch_entry_t epoch;
};

struct Entry {
    Retired retired;
    Key key;
    uint32_t size;
    char value[];
};

struct Peer : peers::PeerBase {
    static constexpr const char *name = "ck_ht";

    class Thread {
    public:
        explicit Thread(Peer &peer) : record_(peer.record()) { ck_epoch_begin(record_, nullptr); }
        ~Thread()
        {
            ck_epoch_end(record_, nullptr);
            ck_epoch_unregister(record_);
        }
        Thread(const Thread &) = delete;
        Thread &operator=(const Thread &) = delete;

        // It holds no entry.
        void did_one()
        {
            if (++operations_ % section_gets == 0) {
                ck_epoch_end(record_, nullptr);
                ck_epoch_begin(record_, nullptr);
            }
        }

    private:
        ck_epoch_record_t *record_;
        unsigned operations_ = 0;
    };

    explicit Peer(const Config &config)
    {
        uint64_t slots = 1024;
        while (config.kind != Kind::growing && slots < 2 * config.entries)
            slots *= 2;
        open_ = this;
        ck_epoch_init(&epoch_);
        ck_epoch_register(&epoch_, &writer_, nullptr);
        memory_.malloc = allocate;
        memory_.free = give_back;
        if (!ck_ht_init(&table_, CK_HT_MODE_BYTESTRING | CK_HT_WORKLOAD_DELETE, hash_of, &memory_,
                        slots, 0))
            throw std::bad_alloc();
    }

    ~Peer()
    {
        ck_epoch_barrier(&writer_);
        ck_ht_iterator_t at = CK_HT_ITERATOR_INITIALIZER;
        ck_ht_entry_t *slot;
        while (ck_ht_next(&table_, &at, &slot))
            std::free(ck_ht_entry_value(slot));
        ck_ht_destroy(&table_);
    }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    static std::string version() { return "Concurrency Kit " CK_VERSION; }

    uint64_t n_entries()
    {
        const std::lock_guard<std::mutex> guard(writing_);
        return ck_ht_count(&table_);
    }

    template <class Read> bool get(Thread &thread, const Key &key, Read &&read)
    {
        ck_ht_entry_t slot;
        ck_ht_entry_key_set(&slot, &key, Key::size);
        const bool hit = ck_ht_get_spmc(&table_, {peers::hash(key)}, &slot);
        if (hit) {
            const Entry *entry = entry_at(slot);
            read(entry->value, entry->size);
        }
        thread.did_one();
        return hit;
    }

    bool put(Thread &thread, const Key &key, const char *value, size_t size)
    {
        Entry *entry = static_cast<Entry *>(std::malloc(sizeof *entry + size));
        if (entry == nullptr)
            return false;
        entry->key = key;
        entry->size = static_cast<uint32_t>(size);
        std::memcpy(entry->value, value, size);
        const bool done = set(entry);
        thread.did_one();
        return done;
    }

    bool del(Thread &thread, const Key &key)
    {
        const bool deleted = unset(key);
        thread.did_one();
        return deleted;
    }

private:
    struct alignas(64) Record {
        ck_epoch_record_t record;
    };

    // By the key: a slot's key is read again after its value, so that it is the one that matched.
    static Entry *entry_at(ck_ht_entry_t &slot)
    {
        return reinterpret_cast<Entry *>(static_cast<char *>(ck_ht_entry_key(&slot)) -
                                         offsetof(Entry, key));
    }

    static void hash_of(ck_ht_hash_t *hash, const void *key, size_t, uint64_t)
    {
        hash->value = peers::hash(*static_cast<const Key *>(key));
    }

    static void *allocate(size_t bytes)
    {
        char *memory = static_cast<char *>(std::malloc(sizeof(Retired) + bytes));
        return memory == nullptr ? nullptr : memory + sizeof(Retired);
    }

    // The table's own memory; `later`: readers may be in it.
    static void give_back(void *memory, size_t, bool later)
    {
        Retired *retired = reinterpret_cast<Retired *>(static_cast<char *>(memory)) - 1;
        if (later)
            open_->retire(retired);
        else
            std::free(retired);
    }

    // Under the mutex, as the record of those who write is nobody's else.
    void retire(Retired *retired)
    {
        ck_epoch_call(&writer_, &retired->epoch, [](ck_epoch_entry_t *entry) { std::free(entry); });
        if (++n_retired_ % reclaim_every == 0)
            ck_epoch_poll(&writer_);
    }

    bool set(Entry *entry)
    {
        const ck_ht_hash_t hash{peers::hash(entry->key)};
        ck_ht_entry_t slot;
        ck_ht_entry_set(&slot, hash, &entry->key, Key::size, entry);
        const std::lock_guard<std::mutex> guard(writing_);
        if (!ck_ht_set_spmc(&table_, hash, &slot))
            return false;
        if (!ck_ht_entry_empty(&slot))
            retire(&entry_at(slot)->retired);
        return true;
    }

    bool unset(const Key &key)
    {
        ck_ht_entry_t slot;
        ck_ht_entry_key_set(&slot, &key, Key::size);
        const std::lock_guard<std::mutex> guard(writing_);
        if (!ck_ht_remove_spmc(&table_, {peers::hash(key)}, &slot))
            return false;
        retire(&entry_at(slot)->retired);
        return true;
    }

    ck_epoch_record_t *record()
    {
        ck_epoch_record_t *used = ck_epoch_recycle(&epoch_, nullptr);
        if (used != nullptr)
            return used;
        const std::lock_guard<std::mutex> guard(writing_);
        records_.push_back(std::make_unique<Record>());
        ck_epoch_register(&epoch_, &records_.back()->record, nullptr);
        return &records_.back()->record;
    }

    static inline Peer *open_; // what give_back is called for: a program has one

    ck_ht_t table_;
    ck_malloc memory_{};
    ck_epoch_t epoch_;
    std::vector<std::unique_ptr<Record>> records_;
    alignas(64) std::mutex writing_;
    unsigned n_retired_ = 0;
    alignas(64) ck_epoch_record_t writer_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
