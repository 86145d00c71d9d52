// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

#include "server.hpp"

#include <cmath>
#include <cstdio>
#include <iostream>
#include <sstream>
#include <stdexcept>

namespace peers {

Command::Command(const std::string &line)
{
    std::istringstream words(line);
    std::string word;
    while (words >> word) {
        const size_t equals = word.find('=');
        if (equals != std::string::npos)
            settings_[word.substr(0, equals)] = word.substr(equals + 1);
        else if (verb.empty())
            verb = word;
        else if (name.empty())
            name = word;
        else
            throw std::runtime_error("one word too many: " + word);
    }
}

double Command::number(const std::string &setting, double otherwise)
{
    const auto found = settings_.find(setting);
    if (found == settings_.end())
        return otherwise;
    const std::string text = found->second;
    settings_.erase(found);
    size_t used = 0;
    double value = -1;
    try {
        value = std::stod(text, &used);
    } catch (const std::logic_error &) {
    }
    if (used != text.size() || !(value >= 0) || !std::isfinite(value))
        throw std::runtime_error(setting + " is no number: " + text);
    return value;
}

uint64_t Command::whole(const std::string &setting, uint64_t otherwise)
{
    return static_cast<uint64_t>(number(setting, static_cast<double>(otherwise)));
}

void Command::check_all_used() const
{
    if (!settings_.empty())
        throw std::runtime_error("unknown setting: " + settings_.begin()->first);
}

namespace {

std::string quoted(const std::string &text)
{
    std::string json = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\')
            json += '\\';
        json += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
    return json + "\"";
}

} // namespace

void Answer::member(const std::string &name, const std::string &json)
{
    members_ += (members_.empty() ? "" : ", ") + quoted(name) + ": " + json;
}

void Answer::add(const std::string &name, const std::string &text)
{
    member(name, quoted(text));
}

void Answer::add(const std::string &name, double number)
{
    char text[40];
    std::snprintf(text, sizeof text, "%.9g", std::isfinite(number) ? number : 0.0);
    member(name, text);
}

void Answer::add(const std::string &name, uint64_t number)
{
    member(name, std::to_string(number));
}

void Answer::add(const std::string &name, bool yes)
{
    member(name, yes ? "true" : "false");
}

void Answer::add(const std::string &name, const std::vector<std::string> &texts)
{
    std::string json;
    for (const std::string &text : texts)
        json += (json.empty() ? "" : ", ") + quoted(text);
    member(name, "[" + json + "]");
}

void Answer::add(const std::string &name, const Answer &object)
{
    member(name, object.text());
}

void Answer::add(const Outcome &outcome, unsigned threads)
{
    const double ops = static_cast<double>(outcome.count.ops);
    add("threads", static_cast<uint64_t>(threads));
    add("ops", outcome.count.ops);
    add("seconds", outcome.seconds);
    add("ns_per_op", ops > 0 ? outcome.seconds * 1e9 * threads / ops : 0);
    add("rate", outcome.seconds > 0 ? ops / outcome.seconds : 0);
    add("requests", outcome.count.requests);
    add("hits", outcome.count.requests - outcome.count.misses);
    add("wrong", outcome.count.wrong);
    add("puts", outcome.count.puts);
    add("cpu_seconds", outcome.cpu_seconds);
}

int serve_commands(Service &service, int argc, char **argv)
{
    if (argc > 1) {
        std::fprintf(stderr, "usage: %s, and commands on stdin\n", argv[0]);
        return 2;
    }
    std::string line;
    while (std::getline(std::cin, line)) {
        Answer answer;
        try {
            Command command(line);
            if (command.verb == "quit")
                break;
            if (command.verb == "describe")
                service.describe(answer);
            else if (command.verb == "open")
                service.open(command, answer);
            else if (command.verb == "run")
                service.run(command, answer);
            else
                throw std::runtime_error("no such command: " + command.verb);
        } catch (const std::exception &failure) {
            answer = Answer();
            answer.add("error", failure.what());
        }
        std::cout << answer.text() << std::endl;
    }
    return 0;
}

} // namespace peers
