// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// What the threads or the processes of a run have in common: memory that forked processes share.

#ifndef BENCH_PEERS_SHARED_HPP
#define BENCH_PEERS_SHARED_HPP

#include <sys/mman.h>

#include <new>
#include <utility>

namespace peers {

// A value that a process which is forked later has not copied.
template <class T> class Shared {
public:
    template <class... Arguments> explicit Shared(Arguments &&...arguments)
    {
        void *memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            throw std::bad_alloc();
        at_ = new (memory) T(std::forward<Arguments>(arguments)...);
    }
    ~Shared()
    {
        at_->~T();
        munmap(at_, sizeof(T));
    }
    Shared(const Shared &) = delete;
    Shared &operator=(const Shared &) = delete;

    T &operator*() const { return *at_; }
    T *operator->() const { return at_; }

private:
    T *at_;
};

} // namespace peers

#endif
