// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// The machine's own limits, in the same process style and with the same sequences of ids as the
// peers: what a lookup costs that is nothing but its two cache misses, and what copying costs.
// Memory is as large as that of *ideal* with as many entries, and in huge pages.

#include <memory>
#include <numeric>
#include <stdexcept>

#include "memory.hpp"
#include "server.hpp"
#include "stream.hpp"
#include "value.hpp"

namespace
{

using peers::Answer;
using peers::Command;
using peers::Count;
using peers::Gate;
using peers::Outcome;
using peers::Stream;

constexpr size_t line_bytes = 64;
constexpr size_t index_bytes_per_entry = 16, bytes_per_entry = 80;
constexpr size_t batch = 16;
constexpr size_t block_bytes = 1024, blocks = 1 << 18;

// Lines of memory, the first word of each of which is a number below `numbers`.
class Lines
{
public:
    Lines(size_t bytes, uint64_t numbers, uint64_t seed)
        : n_(bytes / line_bytes), memory_(n_ * line_bytes)
    {
        for (uint64_t i = 0; i < n_; i++)
            word(i) = peers::mix(i + seed) % numbers;
    }

    size_t n() const { return n_; }
    uint64_t &word(uint64_t line) const
    {
        return *reinterpret_cast<uint64_t *>(memory_.data() + line * line_bytes);
    }
    // Some line that follows from the id.
    uint64_t chosen_by(uint64_t id) const
    {
        return static_cast<uint64_t>(static_cast<unsigned __int128>(peers::mix(id + 1)) * n_ >> 64);
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

class Machine : public peers::Service
{
public:
    void describe(Answer &answer) override
    {
        answer.add("peer", "machine");
        answer.add("version", "machine");
        answer.add("evicts", false);
        answer.add("workloads", std::vector<std::string>{"two-lines", "two-lines-overlapped",
                                                         "dependent-load", "copy-1k"});
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
        entries_ = std::make_unique<Lines>(entries * bytes_per_entry, 2, 1);
        index_ = std::make_unique<Lines>(entries * index_bytes_per_entry, entries_->n(), 2);
        cycle_ = std::make_unique<Lines>(entries * bytes_per_entry, 2, 3);
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
        answer.add("workload", command.name);
        if (command.name == "two-lines")
            answer.add(measure(threads, length, [this](unsigned) { return walk(); }), threads);
        else if (command.name == "two-lines-overlapped")
            answer.add(measure(threads, length, [this](unsigned) { return overlapped(); }), threads);
        else if (command.name == "dependent-load")
            answer.add(measure(threads, length, [this](unsigned i) { return dependent(i); }),
                       threads);
        else if (command.name == "copy-1k")
            answer.add(measure(threads, length, [this](unsigned) { return copy(); }), threads);
        else
            throw std::runtime_error("no such workload: " + command.name);
    }

private:
    // what(index) does a piece and returns something of all it read.
    template <class What>
    Outcome measure(unsigned threads, const peers::Length &length, const What &what)
    {
        peers::Work work(length);
        return peers::run_team(threads, [&](unsigned index, Gate &gate) {
            Count count;
            volatile uint64_t sink = 0;
            gate.enter(index);
            const uint64_t until_ns = work.until_ns();
            while (work.claim(until_ns)) {
                sink = sink + what(index);
                count.ops += Stream::piece;
            }
            gate.leave(index);
            return count;
        });
    }

    // An index line, and an entry's line that it names. One walk does not wait for another.
    uint64_t walk()
    {
        const uint32_t *ids = stream_->next();
        uint64_t sum = 0;
        for (size_t i = 0; i < Stream::piece; i++)
            sum += entries_->word(index_->word(index_->chosen_by(ids[i])));
        return sum;
    }

    // The same, prefetched in batches: as much at a time as can be asked for.
    uint64_t overlapped()
    {
        const uint32_t *ids = stream_->next();
        uint64_t sum = 0;
        for (size_t i = 0; i < Stream::piece; i += batch) {
            const uint64_t *at[batch];
            for (size_t j = 0; j < batch; j++) {
                at[j] = &index_->word(index_->chosen_by(ids[i + j]));
                __builtin_prefetch(at[j]);
            }
            for (size_t j = 0; j < batch; j++) {
                at[j] = &entries_->word(*at[j]);
                __builtin_prefetch(at[j]);
            }
            for (size_t j = 0; j < batch; j++)
                sum += *at[j];
        }
        return sum;
    }

    // Each line names the next.
    uint64_t dependent(unsigned index)
    {
        static thread_local uint64_t at = peers::mix(index) % cycle_->n();
        for (size_t i = 0; i < Stream::piece; i++)
            at = cycle_->word(at);
        return at;
    }

    // A block from anywhere to anywhere else.
    uint64_t copy()
    {
        const uint32_t *ids = stream_->next();
        for (size_t i = 0; i < Stream::piece; i++) {
            const uint64_t both = peers::mix(ids[i] + 1);
            std::memcpy(to_->data() + both % blocks * block_bytes,
                        from_->data() + (both >> 32) % blocks * block_bytes, block_bytes);
        }
        return static_cast<uint64_t>(to_->data()[ids[0] % blocks * block_bytes]);
    }

    std::unique_ptr<Stream> stream_;
    std::unique_ptr<Lines> entries_, index_, cycle_;
    std::unique_ptr<peers::HugePages> from_, to_;
};

} // namespace

int main(int argc, char **argv)
{
    Machine machine;
    return peers::serve_commands(machine, argc, argv);
}
