// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The machine's own limits, measured in the same style and with the same sequences of ids as the
// peers. A walk of two lines is what would be left of a lookup if there were nothing to search and
// nothing to compare: the key is made from the id and hashed, the hash chooses a line of an index,
// a word there names a line of the entries, and its 64 bytes are checked, as the harness does with
// each value. `bare`, there are only the two loads; `busy`, as many instructions beside them as
// gyre's lookup has: they wait for nothing, but they stand in the processor's window, where the
// misses of the next lookups would be overlapped. Memory is as large as that of *ideal*, with as
// many entries, and in huge pages. What writers pay for is how long a line takes from one processor
// to another: two threads take turns to write one.

#include <memory>
#include <numeric>
#include <stdexcept>

#include "busy.hpp"
#include "memory.hpp"
#include "server.hpp"
#include "stream.hpp"
#include "value.hpp"

namespace {

using peers::Answer;
using peers::Command;
using peers::Count;
using peers::Gate;
using peers::Outcome;
using peers::Stream;

constexpr size_t line_bytes = 64;
constexpr size_t index_bytes_per_entry = 16, bytes_per_entry = 80;
constexpr size_t batch = 16;
constexpr unsigned instructions_of_a_hit = 140; // by `make counts`, less those that the walk has itself
constexpr size_t block_bytes = 1024, blocks = 1 << 18;
constexpr unsigned polls_most = 1 << 18; // milliseconds: the other thread does not run

class Lines {
public:
    explicit Lines(size_t bytes) : n_(bytes / line_bytes), memory_(n_ * line_bytes) {}

    size_t n() const { return n_; }
    char *line(uint64_t number) const { return memory_.data() + number * line_bytes; }
    uint64_t &word(uint64_t number) const { return *reinterpret_cast<uint64_t *>(line(number)); }
    char *chosen_by(uint64_t hash) const
    {
        return line(static_cast<uint64_t>(static_cast<unsigned __int128>(hash) * n_ >> 64));
    }

private:
    size_t n_;
    peers::HugePages memory_;
};

// The lines in one cycle, in random order.
void make_cycle(const Lines &lines)
{
    std::vector<uint32_t> order(lines.n());
    std::iota(order.begin(), order.end(), 0);
    for (size_t i = order.size() - 1; i > 0; i--)
        std::swap(order[i], order[peers::mix(i) % i]);
    for (size_t i = 0; i < order.size(); i++)
        lines.word(order[i]) = order[(i + 1) % order.size()];
}

class Machine : public peers::Service {
public:
    void describe(Answer &answer) override
    {
        answer.add("peer", "machine");
        answer.add("version", "machine");
        answer.add("evicts", false);
        answer.add("workloads", names());
        answer.add("compiler", __VERSION__);
    }

    void open(Command &command, Answer &answer) override
    {
        command.whole("value_bytes", 0);
        const uint64_t entries = command.whole("entries", 1000000);
        command.check_all_used();
        if (entries < 1000)
            throw std::runtime_error("entries: at least 1000");
        stream_ = std::make_unique<Stream>(static_cast<uint32_t>(entries), 0, 8 * entries);
        entries_ = std::make_unique<Lines>(entries * bytes_per_entry);
        index_ = std::make_unique<Lines>(entries * index_bytes_per_entry);
        cycle_ = std::make_unique<Lines>(entries * bytes_per_entry);
        peers::Value value(line_bytes);
        for (uint64_t i = 0; i < entries_->n(); i++)
            std::memcpy(entries_->line(i), value.become(i), line_bytes);
        for (uint64_t i = 0; i < index_->n(); i++)
            index_->word(i) = peers::mix(i) % entries_->n();
        make_cycle(*cycle_);
        from_ = std::make_unique<peers::HugePages>(blocks * block_bytes);
        to_ = std::make_unique<peers::HugePages>(blocks * block_bytes);
        std::memset(from_->data(), 1, blocks * block_bytes);
        std::memset(to_->data(), 2, blocks * block_bytes);
        answer.add("opened", command.name);
        answer.add("entries", entries);
    }

    void run(Command &command, Answer &answer) override
    {
        peers::Length length;
        const unsigned threads = static_cast<unsigned>(command.whole("threads", 1));
        length.seconds = command.number("seconds", 1);
        length.requests = command.whole("requests", 0);
        command.check_all_used();
        if (stream_ == nullptr)
            throw std::runtime_error("nothing is open");
        if (threads < 1 || threads > 1024)
            throw std::runtime_error("not for so many threads");
        const auto what = limits().find(command.name);
        if (what == limits().end())
            throw std::runtime_error("no such workload: " + command.name);
        answer.add("workload", command.name);
        answer.add(measure(threads, length, what->second), threads);
    }

private:
    // Does a piece; what was wrong is counted, and what was read given back, so that it is read.
    using Limit = uint64_t (Machine::*)(unsigned thread, uint64_t seen, Count &count);

    static const std::map<std::string, Limit> &limits()
    {
        static const std::map<std::string, Limit> all = {
            {"two-lines", &Machine::walk},
            {"two-lines-bare", &Machine::walk_bare},
            {"two-lines-busy", &Machine::walk_busy},
            {"two-lines-overlapped", &Machine::overlapped},
            {"two-lines-overlapped-bare", &Machine::overlapped_bare},
            {"dependent-load", &Machine::dependent},
            {"copy-1k", &Machine::copy},
            {"to-and-fro", &Machine::to_and_fro},
        };
        return all;
    }

    static std::vector<std::string> names()
    {
        std::vector<std::string> all;
        for (const auto &limit : limits())
            all.push_back(limit.first);
        return all;
    }

    Outcome measure(unsigned threads, const peers::Length &length, Limit limit)
    {
        peers::Work work(length);
        return peers::run_threads(threads, [&](unsigned index, Gate &gate) {
            Count count;
            uint64_t seen = peers::mix(index) % cycle_->n();
            gate.enter(index);
            const uint64_t until_ns = work.until_ns();
            while (work.claim(until_ns)) {
                seen = (this->*limit)(index, seen, count);
                count.ops += Stream::piece;
            }
            gate.leave(index);
            count.requests = count.ops;
            sink_ = seen;
            return count;
        });
    }

    uint64_t walk(unsigned, uint64_t, Count &count) { return walk_with<0>(count); }
    uint64_t walk_busy(unsigned, uint64_t, Count &count) { return walk_with<instructions_of_a_hit>(count); }

    template <unsigned n> uint64_t walk_with(Count &count)
    {
        const uint32_t *ids = stream_->next();
        for (size_t i = 0; i < Stream::piece; i++) {
            peers::be_busy<n>();
            const uint64_t hash = peers::cheap_hash(peers::make_key(ids[i]));
            const uint64_t entry = peers::word_at(index_->chosen_by(hash));
            if (!peers::head_is_right(entry, entries_->line(entry), line_bytes))
                count.wrong++;
        }
        return 0;
    }

    uint64_t walk_bare(unsigned, uint64_t seen, Count &)
    {
        const uint32_t *ids = stream_->next();
        for (size_t i = 0; i < Stream::piece; i++)
            seen += entries_->word(peers::word_at(index_->chosen_by(ids[i] * peers::odd)));
        return seen;
    }

    // Prefetched in batches: as much at a time as can be asked for.
    uint64_t overlapped(unsigned, uint64_t, Count &count)
    {
        const uint32_t *ids = stream_->next();
        for (size_t i = 0; i < Stream::piece; i += batch) {
            const char *at[batch];
            uint64_t entry[batch];
            for (size_t j = 0; j < batch; j++) {
                at[j] = index_->chosen_by(peers::cheap_hash(peers::make_key(ids[i + j])));
                __builtin_prefetch(at[j]);
            }
            for (size_t j = 0; j < batch; j++) {
                entry[j] = peers::word_at(at[j]);
                __builtin_prefetch(entries_->line(entry[j]));
            }
            for (size_t j = 0; j < batch; j++) {
                if (!peers::head_is_right(entry[j], entries_->line(entry[j]), line_bytes))
                    count.wrong++;
            }
        }
        return 0;
    }

    uint64_t overlapped_bare(unsigned, uint64_t seen, Count &)
    {
        const uint32_t *ids = stream_->next();
        for (size_t i = 0; i < Stream::piece; i += batch) {
            const char *at[batch];
            for (size_t j = 0; j < batch; j++) {
                at[j] = index_->chosen_by(ids[i + j] * peers::odd);
                __builtin_prefetch(at[j]);
            }
            for (size_t j = 0; j < batch; j++) {
                at[j] = entries_->line(peers::word_at(at[j]));
                __builtin_prefetch(at[j]);
            }
            for (size_t j = 0; j < batch; j++)
                seen += peers::word_at(at[j]);
        }
        return seen;
    }

    // Each line names the next.
    uint64_t dependent(unsigned, uint64_t at, Count &)
    {
        for (size_t i = 0; i < Stream::piece; i++)
            at = cycle_->word(at);
        return at;
    }

    // A block from anywhere to anywhere else.
    uint64_t copy(unsigned, uint64_t seen, Count &)
    {
        const uint32_t *ids = stream_->next();
        for (size_t i = 0; i < Stream::piece; i++) {
            const uint64_t both = peers::mix(ids[i] + 1);
            std::memcpy(to_->data() + both % blocks * block_bytes,
                        from_->data() + (both >> 32) % blocks * block_bytes, block_bytes);
        }
        return seen + static_cast<uint64_t>(to_->data()[ids[0] % blocks * block_bytes]);
    }

    // The even turns are the first thread's, the odd ones the second's.
    uint64_t to_and_fro(unsigned thread, uint64_t seen, Count &)
    {
        for (size_t i = 0; i < Stream::piece; i++) {
            unsigned polls = 0;
            uint64_t turn = turn_.load();
            while (turn % 2 != thread % 2 && polls++ < polls_most)
                turn = turn_.load();
            if (turn % 2 != thread % 2)
                break;
            turn_.store(turn + 1);
        }
        return seen;
    }

    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Lines> entries_, index_, cycle_;
    std::unique_ptr<peers::HugePages> from_, to_;
    std::atomic<uint64_t> sink_{0};
    alignas(2 * line_bytes) std::atomic<uint64_t> turn_{0};
};

} // namespace

int main(int argc, char **argv)
{
    Machine machine;
    return peers::serve_commands(machine, argc, argv);
}
