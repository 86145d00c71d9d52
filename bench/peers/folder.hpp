// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// Where peers keep their files: in a folder of their own in $PEERS_DIR, or on a file system in memory where there is one.

#ifndef BENCH_PEERS_FOLDER_HPP
#define BENCH_PEERS_FOLDER_HPP

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>

namespace peers {

// It is gone when this is; what is open in it stays.
class Folder {
public:
    Folder()
    {
        path_ = where() / "peer-XXXXXX";
        if (mkdtemp(path_.data()) == nullptr)
            throw std::runtime_error("cannot make " + path_);
    }
    ~Folder()
    {
        std::error_code none;
        std::filesystem::remove_all(path_, none);
    }
    Folder(const Folder &) = delete;
    Folder &operator=(const Folder &) = delete;

    const char *path() const { return path_.c_str(); }
    std::string file(const char *name) const { return path_ + "/" + name; }

private:
    static std::filesystem::path where()
    {
        std::error_code none;
        const char *asked = getenv("PEERS_DIR");
        const std::filesystem::path memory = "/dev/shm";
        if (asked != nullptr && *asked != 0)
            return asked;
        return std::filesystem::exists(memory, none) ? memory : std::filesystem::temp_directory_path();
    }

    std::string path_;
};

} // namespace peers

#endif
