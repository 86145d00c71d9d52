// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// gyre from C++17: a view that releases itself, and a cache that closes itself.
//
//     c++ -std=c++17 cpp17.cc $(pkg-config --cflags --libs gyre) -o cpp17

#include <gyre.h>

#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The cached bytes themselves, for as long as this lives. It can be moved, also to another thread, but
// not copied: a view is given back once.
class View {
public:
    explicit View(const gyre_view &view) : view_(view) {}
    View(View &&other) noexcept : view_(std::exchange(other.view_, gyre_view{})) {}
    View &operator=(View &&other) noexcept
    {
        std::swap(view_, other.view_);
        return *this;
    }
    View(const View &) = delete;
    View &operator=(const View &) = delete;
    ~View() { gyre_release(&view_); }

    std::string_view bytes() const { return {static_cast<const char *>(view_.data), view_.size}; }

private:
    gyre_view view_;
};

class Cache {
public:
    explicit Cache(std::uint64_t capacity_bytes)
    {
        gyre_options options = GYRE_OPTIONS_INIT;
        options.capacity_bytes = capacity_bytes;
        gyre *opened = nullptr;
        if (int rc = gyre_open(&opened, &options); rc != GYRE_OK)
            throw std::runtime_error(gyre_strerror(rc));
        cache_.reset(opened);
    }

    std::optional<View> get(std::string_view key) const
    {
        gyre_view view;
        int rc = gyre_get(cache_.get(), key.data(), key.size(), &view);
        if (rc == GYRE_OK)
            return View(view);
        if (rc < 0)
            throw std::runtime_error(gyre_strerror(rc));
        return std::nullopt;
    }

    bool put(std::string_view key, std::string_view value)
    {
        return gyre_put(cache_.get(), key.data(), key.size(), value.data(), value.size(), nullptr) == GYRE_OK;
    }

private:
    struct Close {
        void operator()(gyre *cache) const { gyre_close(cache); }
    };
    std::unique_ptr<gyre, Close> cache_;
};

int
main()
{
    Cache cache(16 << 20);
    for (int i = 0; i < 1000; i++)
        cache.put("page:" + std::to_string(i), "contents of page " + std::to_string(i));

    // Views are ordinary values: keep as many as are needed, in any container.
    std::vector<View> held;
    for (int i = 0; i < 1000; i += 250)
        if (auto view = cache.get("page:" + std::to_string(i)))
            held.push_back(std::move(*view));

    // A replaced value stays readable for whoever holds a view of it.
    cache.put("page:0", "something else");
    for (const View &view : held)
        std::cout << view.bytes() << '\n';
    if (auto view = cache.get("page:0"))
        std::cout << "page 0 is now: " << view->bytes() << '\n';
    std::cout << "page 4711 " << (cache.get("page:4711") ? "is" : "is not") << " cached\n";
}
