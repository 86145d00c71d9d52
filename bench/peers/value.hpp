// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// Keys and values, which follow from an id: nothing but the sequence of ids is read from memory,
// in order, so what is measured is the peer's own misses.
//
// The first 64 bytes of a value, and its last word, say whose value it is and which version: a
// value that was torn between two versions is told. What lies between is the same in all values,
// so that preparing a large value costs no more than a small one.

#ifndef BENCH_PEERS_VALUE_HPP
#define BENCH_PEERS_VALUE_HPP

#include <vector>

#include "peer.hpp"

namespace peers {

constexpr size_t head_bytes = 64;
constexpr uint64_t odd = 0x9e3779b97f4a7c15;
constexpr unsigned id_bits = 40; // the rest of a word is the version

inline uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

inline Key make_key(uint64_t id)
{
    const uint64_t words[2] = {id, mix(id + 1)};
    Key key;
    std::memcpy(key.bytes, words, sizeof words);
    return key;
}

// For the yardsticks: the cheapest that spreads all bits of such a key.
inline uint64_t cheap_hash(const Key &key)
{
    uint64_t words[2];
    std::memcpy(words, key.data(), sizeof words);
    const unsigned __int128 product =
        static_cast<unsigned __int128>(words[0] ^ 0x2d358dccaa6c78a5) *
        (words[1] ^ 0x8bb84b93962eacc9);
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t word_at(const char *bytes)
{
    uint64_t word;
    std::memcpy(&word, bytes, sizeof word);
    return word;
}

constexpr uint64_t inverse_of(uint64_t x)
{
    uint64_t inverse = x;
    for (int i = 0; i < 6; i++)
        inverse *= 2 - x * inverse;
    return inverse;
}

// The word of the tail at this place.
inline uint64_t tail_word(size_t at)
{
    return mix(at);
}

// A buffer that becomes one value after the other. Sizes are multiples of 8.
class Value {
public:
    explicit Value(uint32_t bytes) : words_(bytes / 8)
    {
        for (size_t i = 0; i < words_.size(); i++)
            words_[i] = tail_word(8 * i);
    }

    const char *become(uint64_t id, uint64_t version = 0)
    {
        const uint64_t first = (id | version << id_bits) * odd;
        uint64_t word = first;
        words_.back() = first;
        for (size_t i = 0; i < words_.size() && i < head_bytes / 8; i++, word += odd)
            words_[i] = word;
        return data();
    }

    const char *data() const { return reinterpret_cast<const char *>(words_.data()); }
    size_t size() const { return 8 * words_.size(); }

private:
    std::vector<uint64_t> words_;
};

typedef uint64_t TwoWords __attribute__((vector_size(16)));

inline TwoWords two_words_at(const char *bytes)
{
    TwoWords words;
    std::memcpy(&words, bytes, sizeof words);
    return words;
}

// Whether the first 64 bytes are those of a version of the id's value. In as few instructions as
// can be: the check should take no more room in the processor's window than it must.
inline bool head_is_right(uint64_t id, const char *value, size_t size)
{
    const uint64_t first = word_at(value);
    uint64_t wrong = (first * inverse_of(odd) ^ id) << (64 - id_bits);

    if (__builtin_expect(size >= head_bytes, 1)) {
        TwoWords expected = TwoWords{first, first} + TwoWords{0, odd}, wrongs{0, 0};
#pragma GCC unroll 4
        for (size_t at = 0; at < head_bytes; at += 16, expected += TwoWords{2 * odd, 2 * odd})
            wrongs |= two_words_at(value + at) ^ expected;
        wrong |= wrongs[0] | wrongs[1];
    } else {
        uint64_t expected = first;
        for (size_t at = 0; at < size; at += 8, expected += odd)
            wrong |= word_at(value + at) ^ expected;
    }
    return wrong == 0;
}

// Of a copy: the first 64 bytes, the last word, and one word between them, which the id chooses.
inline bool copy_is_right(uint64_t id, const char *value, size_t size)
{
    if (size <= head_bytes)
        return head_is_right(id, value, size);
    const size_t between = (size - head_bytes) / 8 - 1;
    const size_t at = head_bytes + 8 * (between > 0 ? id % between : 0);
    return head_is_right(id, value, size) && word_at(value + size - 8) == word_at(value) &&
           (between == 0 || word_at(value + at) == tail_word(at));
}

// All of it.
inline bool whole_is_right(uint64_t id, const char *value, size_t size)
{
    if (!head_is_right(id, value, size))
        return false;
    for (size_t at = head_bytes; at + 8 < size; at += 8) {
        if (word_at(value + at) != tail_word(at))
            return false;
    }
    return size <= head_bytes || word_at(value + size - 8) == word_at(value);
}

} // namespace peers

#endif
