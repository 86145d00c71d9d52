// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// A program of the comparison is a server: it reads commands on stdin, one a line, and answers each
// with a JSON object on one line of stdout; a command that failed is answered {"error": "..."}.
//
//     describe
//     open KIND value_bytes=64 entries=1000000 ...
//     run WORKLOAD threads=2 seconds=1 ...
//     quit

#ifndef BENCH_PEERS_SERVER_HPP
#define BENCH_PEERS_SERVER_HPP

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "team.hpp"

namespace peers {

class Command {
public:
    explicit Command(const std::string &line);

    std::string verb, name; // "run", "hits-zipf"

    // Both use a setting up; what is left is unknown.
    double number(const std::string &setting, double otherwise);
    uint64_t whole(const std::string &setting, uint64_t otherwise);
    void check_all_used() const;

private:
    std::map<std::string, std::string> settings_;
};

// A JSON object as it grows.
class Answer {
public:
    void add(const std::string &name, const std::string &text);
    void add(const std::string &name, const char *text) { add(name, std::string(text)); }
    void add(const std::string &name, double number);
    void add(const std::string &name, uint64_t number);
    void add(const std::string &name, bool yes);
    void add(const std::string &name, const std::vector<std::string> &texts);
    void add(const std::string &name, const Answer &object);
    void add(const Outcome &outcome, unsigned threads);
    std::string text() const { return "{" + members_ + "}"; }

private:
    void member(const std::string &name, const std::string &json);
    std::string members_;
};

struct Service {
    virtual ~Service() = default;
    virtual void describe(Answer &answer) = 0;
    virtual void open(Command &command, Answer &answer) = 0;
    virtual void run(Command &command, Answer &answer) = 0;
};

// Returns the program's status.
int serve_commands(Service &service, int argc, char **argv);

} // namespace peers

#endif
