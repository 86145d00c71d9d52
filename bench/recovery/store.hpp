// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// What a store is to this benchmark, and the commands that each program answers for one: a cache or a database in a file, which is
// filled, killed while it is written to, and opened again.
//
//     struct Store {
//         static constexpr const char *name = "some";
//         static std::string version();
//         // Makes one, or opens what is there. Throws on failure, as all do.
//         Store(const std::string &folder, uint64_t bytes, bool make);
//         // Whether a key is there; read(value, size) is called on the value.
//         template <class Read> bool get(const peers::Key &key, Read &&read);
//         void put(const peers::Key &key, const char *value, size_t size);
//         void flush(); // puts may be collected until then
//         void describe_opening(peers::Answer &answer); // what it found
//     };

#ifndef BENCH_RECOVERY_STORE_HPP
#define BENCH_RECOVERY_STORE_HPP

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

#include "server.hpp"
#include "value.hpp"

namespace recovery {

constexpr size_t value_bytes = 64;

inline double seconds_since(uint64_t from_ns, clockid_t clock = CLOCK_MONOTONIC)
{
    return static_cast<double>(peers::clock_now_ns(clock) - from_ns) / 1e9;
}

template <class Store> class Served : public peers::Service {
public:
    ~Served() override
    {
        ending_ = true;
        if (writer_.joinable())
            writer_.join();
    }

    void describe(peers::Answer &answer) override
    {
        answer.add("peer", Store::name);
        answer.add("version", Store::version());
        answer.add("compiler", __VERSION__);
        answer.add("workloads", std::vector<std::string>{"fill", "verify", "write"});
    }

    // FOLDER entries=N bytes=N make=1, or started=NS on the monotonic clock, when it was about to be run.
    void open(peers::Command &command, peers::Answer &answer) override
    {
        const bool make = command.whole("make", 0) != 0;
        const uint64_t bytes = command.whole("bytes", 0), started = command.whole("started", 0);
        entries_ = command.whole("entries", 0);
        command.check_all_used();
        if (store_ != nullptr || entries_ == 0)
            throw std::runtime_error("entries, and once");
        const uint64_t cpu = peers::clock_now_ns(CLOCK_PROCESS_CPUTIME_ID), wall = peers::clock_now_ns();
        store_ = std::make_unique<Store>(command.name, bytes, make);
        answer.add("opened", command.name);
        answer.add("open_seconds", seconds_since(wall));
        answer.add("open_cpu_seconds", seconds_since(cpu, CLOCK_PROCESS_CPUTIME_ID));
        answer.add("entries", entries_);
        if (!make) {
            until_a_hit();
            answer.add("ready_seconds", seconds_since(started));
        }
        store_->describe_opening(answer);
    }

    void run(peers::Command &command, peers::Answer &answer) override
    {
        const uint64_t sample = command.whole("sample", entries_), from = command.whole("from", 0);
        command.check_all_used();
        if (store_ == nullptr)
            throw std::runtime_error("nothing is open");
        answer.add("ran", command.name);
        if (command.name == "fill")
            fill(answer);
        else if (command.name == "verify")
            verify(from, sample, answer);
        else if (command.name == "write")
            writer_ = std::thread([this] { write(); });
        else
            throw std::runtime_error("no such run: " + command.name);
    }

private:
    // Of all keys, one after the other without an order; those that are looked at are others than those that are overwritten.
    uint64_t some_id(uint64_t number) const { return peers::mix(number + 1) % entries_; }
    uint64_t another_id(uint64_t number) const { return some_id(UINT64_MAX / 2 + number); }

    void until_a_hit()
    {
        for (uint64_t number = 0; number < entries_; number++)
            if (store_->get(peers::make_key(some_id(number)), [](const char *, size_t) {}))
                return;
        throw std::runtime_error("nothing is found");
    }

    void put(uint64_t id, uint64_t version)
    {
        store_->put(peers::make_key(id), value_.become(id, version), value_.size());
    }

    void fill(peers::Answer &answer)
    {
        const uint64_t wall = peers::clock_now_ns();
        for (uint64_t id = 0; id < entries_; id++)
            put(id, 1);
        store_->flush();
        answer.add("seconds", seconds_since(wall));
    }

    // Of keys that were all put: is the value there, and one that was put?
    void verify(uint64_t from, uint64_t sample, peers::Answer &answer)
    {
        uint64_t found = 0, wrong = 0;
        for (uint64_t number = 0; number < sample; number++) {
            const uint64_t id = sample < entries_ ? another_id(from + number) : number;
            found += store_->get(peers::make_key(id), [&](const char *value, size_t size) {
                wrong += size != value_bytes || !peers::whole_is_right(id, value, size);
            });
        }
        answer.add("sample", sample);
        answer.add("found", found);
        answer.add("wrong", wrong);
    }

    // Until it is killed, as a rule.
    void write()
    {
        try {
            for (uint64_t number = 0; !ending_; number++)
                put(some_id(number), 2 + number % 1000);
        } catch (const std::exception &failure) {
            std::fprintf(stderr, "%s\n", failure.what());
            std::abort();
        }
    }

    std::unique_ptr<Store> store_;
    std::thread writer_;
    std::atomic<bool> ending_{false};
    peers::Value value_{value_bytes};
    uint64_t entries_ = 0;
};

template <class Store> int serve(int argc, char **argv)
{
    Served<Store> served;
    return peers::serve_commands(served, argc, argv);
}

} // namespace recovery

#endif
