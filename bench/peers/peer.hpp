// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// What a peer is to the harness. One program a peer: NAME.cc holds a `struct Peer` with everything
// inline, so that no indirect call stands between the loops of workloads.hpp and the cache, and
// ends in main. The smallest adapter, for a map:
//
//     #include "peer.hpp"
//     #include "serve.hpp"
//
//     namespace {
//
//     struct Peer : peers::PeerBase {
//         static constexpr const char *name = "somemap";
//
//         struct Thread { // made and destroyed by the thread that uses it
//             explicit Thread(Peer &) {}
//         };
//
//         // Throws on failure.
//         explicit Peer(const peers::Config &config) : map(config.entries) {}
//         ~Peer(); // gives all back
//
//         static std::string version() { return "somemap 1.2"; }
//         uint64_t n_entries() const { return map.size(); }
//
//         template <class Read> bool get(Thread &, const peers::Key &key, Read &&read)
//         {
//             return map.find_in_place(key, [&](const Value &v) { read(v.data, v.size); });
//         }
//         bool put(Thread &, const peers::Key &key, const char *value, size_t size);
//         bool del(Thread &, const peers::Key &key);
//     };
//
//     } // namespace
//
//     int main(int argc, char **argv)
//     {
//         return peers::serve<Peer>(argc, argv);
//     }
//
// Rules, so that the figures mean the same for all:
//
//  - get calls read(const char *value, size_t size) once on a hit, on the stored bytes themselves,
//    under whatever keeps them readable (a handle, a lock, a section), and returns whether it hit.
//  - put inserts, or replaces what is there; del returns whether the key was there. put returns
//    false only when the value does not stand although it should; for an evicting peer, a full
//    cache is no reason.
//  - A value is stored as that peer's users would store it: with a copy of its own, of any size up
//    to 64 KiB, that is not shared with the caller. Sizes differ between runs, not within one.
//  - get, put and del are called by any number of threads at once. A peer that takes one writer at
//    a time has a mutex for its writers in its adapter.
//  - A peer whose version of the key's hash is free uses peers::hash(key).
//  - Config says what is to come; a peer uses its best settings for that.
//  - All memory of a peer is in its process: resident bytes are measured, not asked for. (Of peers
//    with `processes` they mean nothing.)

#ifndef BENCH_PEERS_PEER_HPP
#define BENCH_PEERS_PEER_HPP

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace peers {

// 16 bytes that follow from a number.
struct Key {
    alignas(8) char bytes[16];

    static constexpr size_t size = sizeof bytes;

    const char *data() const { return bytes; }
    bool operator==(const Key &other) const
    {
        uint64_t a[2], b[2];
        std::memcpy(a, bytes, sizeof a);
        std::memcpy(b, other.bytes, sizeof b);
        return ((a[0] ^ b[0]) | (a[1] ^ b[1])) == 0;
    }
};

inline uint64_t hash(const Key &key)
{
    return XXH3_64bits(key.bytes, sizeof key.bytes);
}

enum class Kind {
    resident, // `entries` keys are put once and must all stay; then read, overwritten, deleted
    growing,  // opened empty, then `entries` keys are put for the first time, and must all stay
    evicting, // room for `entries` entries, of far more keys
    expiring  // as resident, with entries that expire; for peers with `expires`
};

struct Config {
    Kind kind = Kind::resident;
    uint64_t entries = 0;
    uint32_t value_bytes = 0;
    bool starts_small = false; // an index that grows begins with a tenth of its size or less
};

// What a peer can do. An adapter overrides what differs.
struct PeerBase {
    // Evicts by itself: can be opened as evicting.
    static constexpr bool evicts = false;
    // Has a batched lookup:
    //   template <class Read> size_t get_many(Thread &, const Key *keys, size_t n, Read &&read)
    // which calls read(size_t i, const char *value, size_t size) for each hit of keys[i] and
    // returns their number. n is at most 64.
    static constexpr bool batches = false;
    // Has entries that expire:
    //   bool put_ttl(Thread &, const Key &, const char *value, size_t size, uint32_t ttl_ms)
    static constexpr bool expires = false;
    // Takes put and del while others read. Without it only hits are measured.
    static constexpr bool writes = true;
    // Without it deletes are not measured, and del is not called.
    static constexpr bool deletes = true;
    // A run's threads are processes, which share what is open:
    //   void enter_process()
    // is called in each, before anything else; throws on failure.
    static constexpr bool processes = false;
    // Another one can be stopped in what it does:
    //   std::unique_ptr<Stopped> stop_one(const char *where), which ends it when it goes
    //   bool names(const Stopped &): whether the peer itself says who it is
    static constexpr bool stops = false;
};

} // namespace peers

#endif
