// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

#include "stream.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

extern "C" {
#include "../workload.h"
}

namespace peers {

namespace {

constexpr size_t part_ids = 1 << 20; // made at a time, each with a seed of its own

uint64_t mapped;

struct Free {
    void operator()(uint32_t *ids) const { std::free(ids); }
};

std::filesystem::path folder()
{
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "sequences";
}

bool write_all(int file, const void *data, size_t bytes)
{
    const char *at = static_cast<const char *>(data);
    while (bytes > 0) {
        const ssize_t written = write(file, at, bytes);
        if (written <= 0)
            return false;
        at += written;
        bytes -= static_cast<size_t>(written);
    }
    return true;
}

// Under another name first: a program that is stopped midway leaves no half sequence behind.
void make(const std::filesystem::path &path, uint32_t n_keys, double theta, size_t length)
{
    std::filesystem::create_directories(path.parent_path());
    const std::string unfinished = path.string() + "." + std::to_string(getpid());
    const int file = open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    bool good = file >= 0;
    for (size_t from = 0; good && from < length; from += part_ids) {
        std::unique_ptr<uint32_t, Free> ids(
            workload_sequence(n_keys, theta, part_ids, workload_mix(from + 1)));
        good = ids != nullptr && write_all(file, ids.get(), part_ids * sizeof(uint32_t));
    }
    good = good && close(file) == 0;
    if (!good)
        throw std::runtime_error("cannot write " + unfinished);
    std::filesystem::rename(unfinished, path);
}

} // namespace

Stream::Stream(uint32_t n_keys, double theta, size_t length)
    : length_((length + part_ids - 1) / part_ids * part_ids)
{
    const std::string law = theta > 0 ? "zipf-" + std::to_string(theta).substr(0, 4) : "uniform";
    const auto path =
        folder() / (law + "-" + std::to_string(n_keys) + "-" + std::to_string(length_) + ".u32");
    if (!std::filesystem::exists(path))
        make(path, n_keys, theta, length_);
    const int file = open(path.c_str(), O_RDONLY);
    struct stat status;
    const size_t bytes = length_ * sizeof(uint32_t);
    void *at = MAP_FAILED;
    if (file >= 0 && fstat(file, &status) == 0 && static_cast<size_t>(status.st_size) == bytes)
        at = mmap(nullptr, bytes, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
    if (file >= 0)
        close(file);
    if (at == MAP_FAILED)
        throw std::runtime_error("cannot map " + path.string());
    ids_ = static_cast<const uint32_t *>(at);
    mapped += bytes;
}

Stream::~Stream()
{
    const size_t bytes = length_ * sizeof(uint32_t);
    munmap(const_cast<uint32_t *>(ids_), bytes);
    mapped -= bytes;
}

uint64_t Stream::mapped_bytes()
{
    return mapped;
}

} // namespace peers
