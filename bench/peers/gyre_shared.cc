// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre in shared memory, each thread of a run a process that opens it by its descriptor.

#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <string_view>
#include <sys/mman.h>

#include "gyre.hpp"
#include "serve.hpp"
#include "team.hpp"

namespace {

using peers::Config;

// Another process, stopped with a view in its hands, or in the middle of a put. (A hit has no section,
// and holds nothing but what a view does.) It is killed when this goes.
class Stopped {
public:
    template <class Job> explicit Stopped(const Job &job) : pid_(peers::fork_for(job)) {}
    ~Stopped()
    {
        kill(pid_, SIGKILL);
        waitpid(pid_, nullptr, 0);
    }
    Stopped(const Stopped &) = delete;
    Stopped &operator=(const Stopped &) = delete;

    // Returns when it has stopped.
    void stop() const
    {
        int status = 0;
        kill(pid_, SIGSTOP);
        if (waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status))
            throw std::runtime_error("what was to be stopped has ended");
    }
    void resume() const { kill(pid_, SIGCONT); }
    uint32_t pid() const { return static_cast<uint32_t>(pid_); }

    std::string_view where;

private:
    pid_t pid_;
};

struct Peer : peers::GyrePeer {
    static constexpr const char *name = "gyre_shared";
    static constexpr bool processes = true;
    static constexpr bool stops = true;

    explicit Peer(const Config &config) : file_(memfd_create("gyre", MFD_CLOEXEC | MFD_ALLOW_SEALING))
    {
        gyre_options options = options_for(config);
        options.flags |= GYRE_SHM_FD | GYRE_CREATE;
        options.shm_fd = file_;
        open(options);
    }
    ~Peer() { close(file_); }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    void enter_process()
    {
        gyre_options options = GYRE_OPTIONS_INIT;
        options.flags = GYRE_SHM_FD;
        options.shm_fd = file_;
        open(options);
    }

    std::unique_ptr<Stopped> stop_one(std::string_view where)
    {
        constexpr uint64_t no_id_of_a_sequence = uint64_t{1} << 39;
        const bool in_section = where == "section";
        auto stopped = std::make_unique<Stopped>([&] {
            const peers::Key key = peers::make_key(no_id_of_a_sequence);
            gyre_view view;
            enter_process();
            for (bool held = false; !held;) {
                gyre_put(cache_, key.data(), peers::Key::size, "value", 5, nullptr);
                held = !in_section &&
                       gyre_get(cache_, key.data(), peers::Key::size, &view) == GYRE_OK;
            }
            for (;;)
                pause();
        });
        stopped->where = where;
        for (unsigned tries = 0; tries < 100000; tries++) {
            usleep(1000);
            stopped->stop();
            if (names(*stopped))
                return stopped;
            stopped->resume();
        }
        throw std::runtime_error("it could not be stopped there");
    }

    // Its first thread is the only one that calls anything, and has the process's number.
    bool names(const Stopped &stopped)
    {
        gyre_stats stats = GYRE_STATS_INIT;
        gyre_stats_read(cache_, &stats);
        return stopped.where == "section" ? stats.oldest_section_pid == stopped.pid() &&
                                                stats.oldest_section_tid == stopped.pid()
                                          : stats.oldest_pin_pid == stopped.pid() &&
                                                stats.oldest_pin_tid == stopped.pid();
    }

private:
    int file_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
