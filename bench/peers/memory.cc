// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

#include "memory.hpp"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "stream.hpp"

// jemalloc's; absent where a sanitizer brings its own allocator.
extern "C" __attribute__((weak)) int mallctl(const char *, void *, size_t *, void *, size_t);

// jemalloc's settings, for all programs: huge pages make every peer that allocates its entries
// faster by a quarter or more, and larger by almost nothing.
extern "C" {
extern const char *const malloc_conf;
const char *const malloc_conf = "thp:always,metadata_thp:always";
}

namespace peers {

void purge()
{
    if (mallctl == nullptr)
        return;
    mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
    mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0); // 4096: all of them
}

double resident_bytes()
{
    unsigned long size = 0, resident = 0;
    std::FILE *file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr || std::fscanf(file, "%lu %lu", &size, &resident) != 2)
        throw std::runtime_error("/proc/self/statm cannot be read");
    std::fclose(file);
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) -
           static_cast<double>(Stream::mapped_bytes());
}

double resident_bytes_at_rest()
{
    constexpr unsigned threads = 17; // of the largest run, and the peer's own
    static std::unique_ptr<char[]> kept[threads];
    std::atomic<unsigned> ready{0};
    std::vector<std::thread> team;
    for (std::unique_ptr<char[]> &one : kept)
        team.emplace_back([&one, &ready] {
            one = std::make_unique<char[]>(64);
            for (ready++; ready < threads;) // all at once: each arena has fewest threads in turn
                std::this_thread::yield();
        });
    for (std::thread &thread : team)
        thread.join();
    return resident_bytes();
}

double in_child(const std::function<double()> &measure)
{
    int ends[2];
    double figure = 0;
    if (pipe(ends) != 0)
        throw std::runtime_error("no pipe");
    const pid_t child = fork();
    if (child == 0) {
        int status = 1;
        try {
            figure = measure();
            status = write(ends[1], &figure, sizeof figure) != sizeof figure;
        } catch (const std::exception &failure) {
            std::fprintf(stderr, "calibrating: %s\n", failure.what());
        }
        _exit(status);
    }
    close(ends[1]);
    const bool got = child > 0 && read(ends[0], &figure, sizeof figure) == sizeof figure;
    close(ends[0]);
    if (child > 0)
        waitpid(child, nullptr, 0);
    if (!got)
        throw std::runtime_error("calibrating failed");
    return figure;
}

HugePages::HugePages(size_t bytes, Kind kind)
{
    constexpr size_t page = 2 << 20;
    const size_t used = (bytes + page - 1) / page * page;
    mapped_bytes_ = used + page;
    mapping_ = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED)
        throw std::bad_alloc();
    const uintptr_t at = reinterpret_cast<uintptr_t>(mapping_);
    data_ = static_cast<char *>(mapping_) + (page - at % page) % page;
    const int flags = (kind == shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (mmap(data_, used, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED) {
        munmap(mapping_, mapped_bytes_);
        throw std::bad_alloc();
    }
    madvise(data_, used, MADV_HUGEPAGE);
    if (kind == shared) { // shared memory becomes huge when it is there
        constexpr int populate_write = 23, collapse = 25;
        madvise(data_, used, populate_write);
        madvise(data_, used, collapse);
    }
}

HugePages::~HugePages()
{
    munmap(mapping_, mapped_bytes_);
}

} // namespace peers
