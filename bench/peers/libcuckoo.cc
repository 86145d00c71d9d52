// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// libcuckoo's cuckoohash_map: buckets of four, each key in one of two, spin locks for groups of
// buckets that readers take as writers do. A value is read, and overwritten where it lies, under
// the locks of its two buckets. It evicts nothing.
//
// Settings, tried in turns, million operations a second by processor time (hits, uniform with 1
// thread, zipf with 1, 50/50 with 2): values behind a pointer 3.8, 5.2, 6.0; values of 64 bytes in
// the buckets 4.6, 6.8, 7.7, so that short ones lie there and long ones behind a pointer; with room
// for a quarter more, so that a million entries fill half of the table and not 95 %, 5.4, 7.8, 7.8.
// Buckets of eight are no faster.

#include <libcuckoo/cuckoohash_map.hh>

#include <cstdlib>
#include <new>

#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Key;
using peers::Kind;

struct Bytes {
    const char *data;
    size_t size;
};

class Value {
public:
    static constexpr size_t short_bytes = 64;

    explicit Value(const Bytes &bytes) { set(bytes); }
    Value(Value &&other) noexcept : size_(other.size_)
    {
        std::memcpy(place_, other.place_, is_short() ? size_ : sizeof(char *));
        other.size_ = 0;
    }
    Value(const Value &) = delete;
    Value &operator=(const Value &) = delete;
    ~Value()
    {
        if (!is_short())
            std::free(elsewhere());
    }

    const char *data() const { return is_short() ? place_ : elsewhere(); }
    size_t size() const { return size_; }

    void replace(const Bytes &bytes)
    {
        if (bytes.size == size_) {
            std::memcpy(is_short() ? place_ : elsewhere(), bytes.data, bytes.size);
        } else {
            this->~Value();
            set(bytes);
        }
    }

private:
    bool is_short() const { return size_ <= short_bytes; }

    char *elsewhere() const
    {
        char *at;
        std::memcpy(&at, place_, sizeof at);
        return at;
    }

    void set(const Bytes &bytes)
    {
        char *at = place_;
        size_ = 0;
        if (bytes.size > short_bytes) {
            at = static_cast<char *>(std::malloc(bytes.size));
            if (at == nullptr)
                throw std::bad_alloc();
            std::memcpy(place_, &at, sizeof at);
        }
        std::memcpy(at, bytes.data, bytes.size);
        size_ = bytes.size;
    }

    size_t size_;
    char place_[short_bytes]; // the value, or where it is
};

struct Hash {
    size_t operator()(const Key &key) const { return peers::hash(key); }
};

struct Peer : peers::PeerBase {
    static constexpr const char *name = "libcuckoo";

    struct Thread {
        explicit Thread(Peer &) {}
    };

    explicit Peer(const Config &config) : map_(room(config)) {}

    // Of Debian: it is headers alone, which do not say.
    static std::string version() { return "libcuckoo 0.3"; }

    uint64_t n_entries() const { return map_.size(); }

    template <class Read> bool get(Thread &, const Key &key, Read &&read)
    {
        return map_.find_fn(key, [&](const Value &value) { read(value.data(), value.size()); });
    }

    bool put(Thread &, const Key &key, const char *value, size_t size)
    {
        const Bytes bytes{value, size};
        map_.upsert(key, [&](Value &old) { old.replace(bytes); }, bytes);
        return true;
    }

    bool del(Thread &, const Key &key) { return map_.erase(key); }

private:
    // One that grows starts as the library has it: smaller ones grow their array of locks, too, and
    // with 256 buckets to start with two threads crashed in it, once in many runs.
    static size_t room(const Config &config)
    {
        return config.kind == Kind::growing ? libcuckoo::DEFAULT_SIZE : config.entries * 5 / 4;
    }

    libcuckoo::cuckoohash_map<Key, Value, Hash> map_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
