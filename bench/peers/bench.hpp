// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// Answers the commands for one peer: opens it, sizes it, runs workloads by name.

#ifndef BENCH_PEERS_BENCH_HPP
#define BENCH_PEERS_BENCH_HPP

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>
#include <tuple>

#include "memory.hpp"
#include "server.hpp"
#include "workloads.hpp"

namespace peers {

template <class Peer> class Bench : public Service {
public:
    Bench()
    {
        add_hits();
        if constexpr (Peer::batches) {
            add_many<4>();
            add_many<8>();
            add_many<16>();
            add_many<32>();
            add_many<64>();
        }
        if constexpr (Peer::writes)
            add_written();
        if constexpr (Peer::evicts)
            add_evicting();
        if constexpr (Peer::expires)
            add("expiry", Kind::expiring, &B::run_expiry);
    }

    void describe(Answer &answer) override
    {
        std::vector<std::string> names;
        for (const auto &workload : workloads_)
            names.push_back(workload.first);
        answer.add("peer", Peer::name);
        answer.add("version", Peer::version());
        answer.add("evicts", Peer::evicts);
        answer.add("expires", Peer::expires);
        answer.add("writes", Peer::writes);
        answer.add("processes", Peer::processes);
        answer.add("workloads", names);
        answer.add("compiler", __VERSION__);
    }

    // kinds as in peer.hpp. evicting: entries=N: so many entries it holds in the end; bytes=N: so
    // many bytes are resident in the end; keys=N: of so many keys (10 for an entry).
    // starts_small=1: the index has to grow.
    void open(Command &command, Answer &answer) override
    {
        close();
        Config config;
        config.kind = kind_named(command.name);
        config.value_bytes = static_cast<uint32_t>(command.whole("value_bytes", 64));
        config.entries = command.whole("entries", 1000000);
        config.starts_small = command.whole("starts_small", 0) != 0;
        const double bytes = command.number("bytes", 0);
        n_keys_ = static_cast<uint32_t>(
            command.whole("keys", config.entries * (config.kind == Kind::evicting ? 10 : 1)));
        command.check_all_used();
        if (config.value_bytes < 8 || config.value_bytes > 65536 || config.value_bytes % 8 != 0)
            throw std::runtime_error("value_bytes: a multiple of 8, up to 65536");
        if (config.entries == 0 || n_keys_ == 0)
            throw std::runtime_error("no entries");
        if (config.kind == Kind::evicting)
            config.entries = sized(config, bytes);
        open_sized(config);
        answer.add("opened", command.name);
        answer.add("entries", config.kind == Kind::resident || config.kind == Kind::expiring
                                  ? peer_->n_entries()
                                  : uint64_t{0});
        answer.add("capacity_entries", config.entries);
        answer.add("keys", uint64_t{n_keys_});
        answer.add("resident_bytes", resident_bytes() - before_);
        answer.add("resident_bytes_per_entry",
                   filled() ? (resident_bytes() - before_) / static_cast<double>(config.entries)
                            : 0);
    }

    void run(Command &command, Answer &answer) override
    {
        const auto workload = workloads_.find(command.name);
        if (workload == workloads_.end())
            throw std::runtime_error("no such workload: " + command.name);
        if (peer_ == nullptr || !(workload->second.kinds & bit(config_.kind)))
            throw std::runtime_error(command.name + " is not for what is open");
        Run run;
        run.threads = static_cast<unsigned>(command.whole("threads", 1));
        run.length.seconds = command.number("seconds", 1);
        run.length.requests = command.whole("requests", 0);
        command.check_all_used();
        if (run.threads < workload->second.least_threads || run.threads > 1024)
            throw std::runtime_error("not for so many threads");
        answer.add("workload", command.name);
        const Outcome outcome = (this->*workload->second.function)(run, answer);
        answer.add(outcome, run.threads);
        answer.add("entries", peer_->n_entries());
        answer.add("resident_bytes", resident_bytes() - before_);
    }

private:
    using B = Bench<Peer>;
    using Function = Outcome (B::*)(const Run &, Answer &);

    struct Workload {
        unsigned kinds = 0;
        Function function = nullptr;
        unsigned least_threads = 1;
    };

    static unsigned bit(Kind kind) { return 1u << static_cast<unsigned>(kind); }

    static Kind kind_named(const std::string &name)
    {
        if (name == "resident")
            return Kind::resident;
        if (name == "growing" && Peer::writes)
            return Kind::growing;
        if (name == "evicting" && Peer::evicts)
            return Kind::evicting;
        if (name == "expiring" && Peer::expires)
            return Kind::expiring;
        throw std::runtime_error("this peer is not opened as: " + name);
    }

    void add(const char *name, Kind kind, Function function, unsigned least_threads = 1)
    {
        workloads_[name] = {workloads_[name].kinds | bit(kind), function, least_threads};
    }

    void add_hits()
    {
        add("hits-uniform", Kind::resident, &B::run_hits<&B::uniform>);
        add("hits-zipf", Kind::resident, &B::run_hits<&B::zipf_99>);
        add("hits-uniform-copied", Kind::resident, &B::run_copied<&B::uniform>);
        add("hits-zipf-copied", Kind::resident, &B::run_copied<&B::zipf_99>);
        add("hot-key", Kind::resident, &B::run_hot_key);
    }

    template <size_t batch> void add_many()
    {
        const std::string name = "many-" + std::to_string(batch);
        add((name + "-uniform").c_str(), Kind::resident, &B::run_many<batch, &B::uniform>);
        add((name + "-zipf").c_str(), Kind::resident, &B::run_many<batch, &B::zipf_99>);
    }

    void add_written()
    {
        add("mix-95-5", Kind::resident, &B::run_mix<5>);
        add("mix-50-50", Kind::resident, &B::run_mix<50>);
        add("overwrite", Kind::resident, &B::run_overwrite);
        if constexpr (Peer::deletes)
            add("delete", Kind::resident, &B::run_delete);
        add("hot-key-written", Kind::resident, &B::run_hot_key_written, 2);
        add("insert", Kind::growing, &B::run_insert);
    }

    void add_evicting()
    {
        add("evict-99", Kind::evicting, &B::run_evict<&B::zipf_99>);
        add("evict-80", Kind::evicting, &B::run_evict<&B::zipf_80>);
        add("insert", Kind::evicting, &B::run_insert);
        if constexpr (!Peer::processes) // times are kept where they were taken
            add("latency", Kind::evicting, &B::run_latency);
        if constexpr (Peer::stops) {
            add("evict-99-stopped-view", Kind::evicting, &B::run_beside_view);
            add("evict-99-stopped-section", Kind::evicting, &B::run_beside_section);
        }
    }

    bool filled() const { return config_.kind == Kind::resident || config_.kind == Kind::expiring; }

    void close()
    {
        workloads_of_peer_.reset();
        peer_.reset();
        streams_.clear();
        purge();
    }

    void open_sized(const Config &config)
    {
        config_ = config;
        peer_ = std::make_unique<Peer>(config);
        workloads_of_peer_ = std::make_unique<Workloads<Peer>>(*peer_, config);
        if (filled()) {
            const uint64_t wrong = workloads_of_peer_->fill();
            if (wrong > 0) {
                close();
                throw std::runtime_error(std::to_string(wrong) + " keys are not as they were put");
            }
        }
        workloads_of_peer_->begin_new_ids();
    }

    // For what number of entries the peer has to be opened, so that it ends with so many resident
    // bytes, or, when bytes is 0, so many entries. Found out by filling one beyond its room. Where
    // an index comes in powers of two, no number fits: then the largest whose bytes are no more.
    uint64_t sized(const Config &config, double bytes)
    {
        const auto asked = std::make_tuple(config.value_bytes, config.entries, bytes);
        const auto known = sizes_.find(asked);
        if (known != sizes_.end())
            return known->second;
        const double wanted = bytes > 0 ? bytes : static_cast<double>(config.entries);
        Config one = config;
        if (bytes > 0)
            one.entries = static_cast<uint64_t>(bytes / (config.value_bytes + 80));
        uint64_t fits = 0, exceeds = UINT64_MAX;
        while (exceeds - fits > fits / 100 + 1) {
            const double got = std::max(
                wanted / 16, in_child([&] { return filled_beyond_room(one, bytes > 0); }));
            (got < wanted * 1.003 ? fits : exceeds) = one.entries;
            if (std::fabs(got / wanted - 1) < 0.003)
                break;
            one.entries = static_cast<uint64_t>(static_cast<double>(one.entries) * wanted / got);
            if (one.entries <= fits || one.entries >= exceeds)
                one.entries = fits + (exceeds - fits) / 2;
        }
        return sizes_[asked] = std::max<uint64_t>(fits, 1);
    }

    double filled_beyond_room(const Config &config, bool in_bytes)
    {
        const double before = resident_bytes();
        Peer peer(config);
        Workloads<Peer>(peer, config).flood(config.entries * 5 / 2);
        return in_bytes ? resident_bytes() - before : static_cast<double>(peer.n_entries());
    }

    Stream &stream(double theta)
    {
        std::unique_ptr<Stream> &stream = streams_[theta];
        const size_t least = config_.kind == Kind::evicting ? 10 : 8;
        if (stream == nullptr)
            stream = std::make_unique<Stream>(n_keys_, theta, least * n_keys_);
        return *stream;
    }
    Stream &uniform() { return stream(0); }
    Stream &zipf_99() { return stream(0.99); }
    Stream &zipf_80() { return stream(0.8); }

    using Ids = Stream &(B::*)();

    template <Ids ids> Outcome run_hits(const Run &run, Answer &)
    {
        return workloads_of_peer_->hits(run, (this->*ids)());
    }
    template <Ids ids> Outcome run_copied(const Run &run, Answer &)
    {
        return workloads_of_peer_->hits_copied(run, (this->*ids)());
    }
    template <size_t batch, Ids ids> Outcome run_many(const Run &run, Answer &)
    {
        return workloads_of_peer_->template many<batch>(run, (this->*ids)());
    }
    template <unsigned put_percent> Outcome run_mix(const Run &run, Answer &)
    {
        return workloads_of_peer_->mix(run, zipf_99(), put_percent);
    }
    template <Ids ids> Outcome run_evict(const Run &run, Answer &)
    {
        return workloads_of_peer_->get_then_put(run, (this->*ids)());
    }
    // Beside a process that is stopped for good.
    Outcome run_beside(const char *where, const Run &run, Answer &answer)
    {
        const auto stopped = peer_->stop_one(where);
        const Outcome outcome = workloads_of_peer_->get_then_put(run, zipf_99());
        answer.add("stopped", where);
        answer.add("stopped_named", peer_->names(*stopped));
        return outcome;
    }
    Outcome run_beside_view(const Run &run, Answer &answer)
    {
        return run_beside("view", run, answer);
    }
    Outcome run_beside_section(const Run &run, Answer &answer)
    {
        return run_beside("section", run, answer);
    }
    Outcome run_overwrite(const Run &run, Answer &)
    {
        return workloads_of_peer_->overwrite(run, uniform());
    }
    Outcome run_delete(const Run &run, Answer &)
    {
        return workloads_of_peer_->delete_then_put(run, uniform());
    }
    Outcome run_expiry(const Run &run, Answer &)
    {
        return workloads_of_peer_->expiry(run, uniform());
    }
    Outcome run_hot_key(const Run &run, Answer &) { return workloads_of_peer_->hot_key(run); }
    Outcome run_hot_key_written(const Run &run, Answer &)
    {
        return workloads_of_peer_->hot_key_written(run);
    }
    Outcome run_insert(const Run &run, Answer &) { return workloads_of_peer_->insert(run); }
    Outcome run_latency(const Run &run, Answer &answer)
    {
        return workloads_of_peer_->latency(run, zipf_99(), answer);
    }

    std::map<std::string, Workload> workloads_;
    std::map<std::tuple<uint32_t, uint64_t, double>, uint64_t> sizes_;
    std::map<double, std::unique_ptr<Stream>> streams_;
    Config config_;
    uint32_t n_keys_ = 0;
    const double before_ = resident_bytes_at_rest();
    std::unique_ptr<Peer> peer_;
    std::unique_ptr<Workloads<Peer>> workloads_of_peer_;
};

} // namespace peers

#endif
