// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The loops that are measured. Each value that is read is checked: where it lies, its first 64
// bytes; of a copy, also its end and a word of what lies between.

#ifndef BENCH_PEERS_WORKLOADS_HPP
#define BENCH_PEERS_WORKLOADS_HPP

#include <chrono>
#include <type_traits>
#include <vector>

#include "latency.hpp"
#include "peer.hpp"
#include "stream.hpp"
#include "team.hpp"
#include "value.hpp"

namespace peers {

// What a run is told.
struct Run {
    unsigned threads = 1;
    Length length;
};

template <class Peer> class Workloads {
public:
    using Thread = typename Peer::Thread;

    static constexpr uint32_t ttl_ms = 100;
    static constexpr uint64_t hot_id = 4711;

    Workloads(Peer &peer, const Config &config) : peer_(peer), config_(config) {}

    // New keys have ids that no sequence holds, but where they are the `entries` announced.
    void begin_new_ids() { *next_new_ = config_.kind == Kind::growing ? 0 : uint64_t{1} << 33; }

    Outcome hits(const Run &run, Stream &stream)
    {
        return each_id(run, stream, [this](Thread &thread, uint64_t id, Count &count) {
            get(thread, id, count);
        });
    }

    Outcome hits_copied(const Run &run, Stream &stream)
    {
        std::vector<char> buffer(config_.value_bytes);
        return each_id(run, stream, [this, buffer](Thread &thread, uint64_t id, Count &c) mutable {
            size_t got = 0;
            const bool hit = peer_.get(thread, make_key(id), [&](const char *value, size_t size) {
                std::memcpy(buffer.data(), value, size < buffer.size() ? size : buffer.size());
                got = size;
            });
            c.misses += !hit;
            c.wrong +=
                hit && (got != buffer.size() || !copy_is_right(id, buffer.data(), buffer.size()));
        });
    }

    template <size_t batch> Outcome many(const Run &run, Stream &stream)
    {
        return each_piece(run, [this, &stream](Thread &thread, Count &count) {
            const uint32_t *ids = stream.next();
            for (size_t i = 0; i < Stream::piece; i += batch)
                get_batch<batch>(thread, ids + i, count);
        });
    }

    // Of the keys that are there, so many in a hundred are overwritten.
    Outcome mix(const Run &run, Stream &stream, unsigned put_percent)
    {
        Writer writer(config_.value_bytes);
        Outcome outcome = each_id(
            run, stream,
            [this, writer, put_percent](Thread &thread, uint64_t id, Count &count) mutable {
                if (writer.chance(id, put_percent))
                    put(thread, id, writer, count);
                else
                    get(thread, id, count);
            });
        outcome.count.requests -= outcome.count.puts;
        return outcome;
    }

    Outcome get_then_put(const Run &run, Stream &stream)
    {
        Writer writer(config_.value_bytes);
        return each_id(run, stream,
                       [this, writer](Thread &thread, uint64_t id, Count &count) mutable {
                           if (!get(thread, id, count))
                               put(thread, id, writer, count);
                       });
    }

    // Keys that are there. Afterwards, not timed, some are looked up.
    Outcome overwrite(const Run &run, Stream &stream)
    {
        Writer writer(config_.value_bytes);
        Outcome outcome =
            each_id(run, stream, [this, writer](Thread &thread, uint64_t id, Count &count) mutable {
                put(thread, id, writer, count);
            });
        Thread thread(peer_);
        const uint32_t *ids = stream.next();
        outcome.count.requests = Stream::piece;
        for (size_t i = 0; i < Stream::piece; i++)
            get(thread, ids[i], outcome.count);
        return outcome;
    }

    // Afterwards, not timed, the last ones are looked up.
    Outcome insert(const Run &run)
    {
        Writer writer(config_.value_bytes);
        const uint64_t end = config_.kind == Kind::growing ? config_.entries : UINT64_MAX;
        Outcome outcome =
            each_piece(run, [this, writer, end](Thread &thread, Count &count) mutable {
                const uint64_t from = next_new_->fetch_add(Stream::piece);
                for (uint64_t id = from; id < from + Stream::piece && id < end; id++) {
                    put(thread, id, writer, count);
                }
                count.ops += from < end ? std::min<uint64_t>(end - from, Stream::piece) : 0;
                return from < end;
            });
        Thread thread(peer_);
        const uint64_t last = std::min(next_new_->load(), end);
        outcome.count.requests = std::min<uint64_t>(outcome.count.ops, 100);
        for (uint64_t id = last - outcome.count.requests; id < last; id++)
            get(thread, id, outcome.count);
        return outcome;
    }

    // A delete, and a put that brings the key back; a hit is a delete that found its key.
    Outcome delete_then_put(const Run &run, Stream &stream)
    {
        Writer writer(config_.value_bytes);
        return each_id(run, stream,
                       [this, writer](Thread &thread, uint64_t id, Count &count) mutable {
                           count.misses += !peer_.del(thread, make_key(id));
                           put(thread, id, writer, count);
                       });
    }

    // Entries with an odd id live for ttl_ms; a get, and on a miss a put.
    Outcome expiry(const Run &run, Stream &stream)
    {
        Writer writer(config_.value_bytes);
        return each_id(run, stream,
                       [this, writer](Thread &thread, uint64_t id, Count &count) mutable {
                           if (!get(thread, id, count))
                               put_half_expiring(thread, id, writer, count);
                       });
    }

    Outcome hot_key(const Run &run)
    {
        return each_piece(run, [this](Thread &thread, Count &count) { get_hot(thread, count); });
    }

    // The first thread overwrites what the others read. The rate is that of the gets.
    Outcome hot_key_written(const Run &run)
    {
        return each_piece(run, [this, writer = Writer(config_.value_bytes)](
                                   Thread &thread, Count &count, unsigned index) mutable {
            for (size_t i = 0; index == 0 && i < Stream::piece; i++)
                put(thread, hot_id % config_.entries, writer, count);
            if (index > 0)
                get_hot(thread, count);
        });
    }

    // As get_then_put, with each call timed.
    Outcome latency(const Run &run, Stream &stream, Answer &answer)
    {
        const Clock clock;
        std::vector<std::unique_ptr<Latencies>> all;
        for (unsigned i = 0; i < run.threads; i++)
            all.push_back(std::make_unique<Latencies>());
        Writer writer(config_.value_bytes);
        Outcome outcome = each_piece(
            run, [&, writer](Thread &thread, Count &count, unsigned index) mutable {
                const uint32_t *ids = stream.next();
                for (size_t i = 0; i < Stream::piece; i++)
                    time_one(thread, ids[i], writer, count, clock, *all[index]);
                count.ops += Stream::piece;
            });
        add_latencies(answer, all, clock);
        return outcome;
    }

    // Puts all keys, then looks at all of each value. Returns how many are not as they must be.
    uint64_t fill()
    {
        Count count;
        put_all(count);
        Thread thread(peer_);
        if (config_.kind == Kind::expiring)
            std::this_thread::sleep_for(std::chrono::milliseconds(2 * ttl_ms));
        for (uint64_t id = 0; id < config_.entries; id++) {
            bool right = false;
            const bool hit = peer_.get(thread, make_key(id), [&](const char *value, size_t size) {
                right = size == config_.value_bytes && whole_is_right(id, value, size);
            });
            if (config_.kind == Kind::expiring && id % 2 == 1)
                right = !hit;
            count.wrong += !right;
        }
        return count.wrong;
    }

    // Puts so many keys that are not looked up again.
    void flood(uint64_t n)
    {
        Thread thread(peer_);
        Writer writer(config_.value_bytes);
        Count count;
        for (uint64_t id = 0; id < n; id++)
            put(thread, id, writer, count);
    }

private:
    struct Writer {
        explicit Writer(uint32_t value_bytes) : value(value_bytes) {}

        bool chance(uint64_t id, unsigned percent)
        {
            dice = (dice ^ id) * odd + 1;
            return (dice >> 32) % 100 < percent;
        }

        Value value;
        uint64_t version = 0, dice = 1;
    };

    // By a thread that has ended when this returns.
    void put_all(Count &count)
    {
        Thread thread(peer_);
        Writer writer(config_.value_bytes);
        for (uint64_t id = 0; id < config_.entries; id++) {
            if (config_.kind == Kind::expiring)
                put_half_expiring(thread, id, writer, count);
            else
                put(thread, id, writer, count);
        }
    }

    // step(thread, id, count) for each id of the thread's pieces; each thread has its own copy.
    template <class Step> Outcome each_id(const Run &run, Stream &stream, Step step)
    {
        return each_piece(run, [&stream, step](Thread &thread, Count &count) mutable {
            const uint32_t *ids = stream.next();
            for (size_t i = 0; i < Stream::piece; i++)
                step(thread, ids[i], count);
            count.ops += Stream::piece;
        });
    }

    // piece(thread, count[, index]), until the run is over or it returns false. Each operation is a
    // request, if nothing else is said.
    template <class Piece> Outcome each_piece(const Run &run, const Piece &shared)
    {
        Work work(run.length);
        Outcome outcome = run_team(run.threads, [&](unsigned index, Gate &gate) {
            if constexpr (Peer::processes)
                peer_.enter_process();
            Piece piece = shared;
            Thread thread(peer_);
            Count count;
            if constexpr (Peer::processes)
                touch_all(thread);
            gate.enter(index);
            const uint64_t until_ns = work.until_ns();
            while (work.claim(until_ns)) {
                if constexpr (std::is_invocable_v<Piece &, Thread &, Count &, unsigned>)
                    piece(thread, count, index);
                else if constexpr (std::is_same_v<decltype(piece(thread, count)), bool>) {
                    if (!piece(thread, count))
                        break;
                } else
                    piece(thread, count);
            }
            gate.leave(index);
            return count;
        });
        outcome.count.requests = outcome.count.ops;
        return outcome;
    }

    template <class Body> static Outcome run_team(unsigned size, const Body &body)
    {
        if constexpr (Peer::processes)
            return run_processes(size, body);
        else
            return run_threads(size, body);
    }

    // Before the clock runs: what a new process has to do with each page of a mapping, once.
    void touch_all(Thread &thread)
    {
        Count none;
        for (uint64_t id = 0; config_.kind == Kind::resident && id < config_.entries; id++)
            get(thread, id, none);
    }

    bool get(Thread &thread, uint64_t id, Count &count)
    {
        bool right = true;
        const bool hit = peer_.get(thread, make_key(id), [&](const char *value, size_t size) {
            right = (size == config_.value_bytes) & head_is_right(id, value, size);
        });
        if (!hit)
            count.misses++;
        if (!right)
            count.wrong++;
        return hit;
    }

    void get_hot(Thread &thread, Count &count)
    {
        for (size_t i = 0; i < Stream::piece; i++)
            get(thread, hot_id % config_.entries, count);
        count.ops += Stream::piece;
    }

    template <size_t batch> void get_batch(Thread &thread, const uint32_t *ids, Count &count)
    {
        Key keys[batch];
        bool right = true;
        for (size_t i = 0; i < batch; i++)
            keys[i] = make_key(ids[i]);
        count.misses +=
            batch -
            peer_.get_many(thread, keys, batch, [&](size_t i, const char *value, size_t size) {
                right &= (size == config_.value_bytes) & head_is_right(ids[i], value, size);
            });
        count.ops += batch;
        count.wrong += !right;
    }

    void put(Thread &thread, uint64_t id, Writer &writer, Count &count)
    {
        const char *value = writer.value.become(id, ++writer.version);
        count.wrong += !peer_.put(thread, make_key(id), value, writer.value.size());
        count.puts++;
    }

    void put_half_expiring(Thread &thread, uint64_t id, Writer &writer, Count &count)
    {
        if constexpr (Peer::expires) {
            const char *value = writer.value.become(id, ++writer.version);
            const size_t size = writer.value.size();
            const bool done = id % 2 == 1
                                  ? peer_.put_ttl(thread, make_key(id), value, size, ttl_ms)
                                  : peer_.put(thread, make_key(id), value, size);
            count.wrong += !done;
            count.puts++;
        }
    }

    void time_one(Thread &thread, uint64_t id, Writer &writer, Count &count, const Clock &clock,
                  Latencies &latencies)
    {
        uint64_t start = clock.now();
        const bool hit = get(thread, id, count);
        histogram_add(&latencies.get, clock.since(start));
        if (hit)
            return;
        const Key key = make_key(id);
        const char *value = writer.value.become(id, ++writer.version);
        start = clock.now();
        const bool done = peer_.put(thread, key, value, writer.value.size());
        histogram_add(&latencies.put, clock.since(start));
        count.wrong += !done;
        count.puts++;
    }

    Peer &peer_;
    Config config_;
    Shared<std::atomic<uint64_t>> next_new_{0u};
};

} // namespace peers

#endif
