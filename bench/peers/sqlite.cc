// SPDX-License-Identifier: MIT
// Copyright (c) 2026 the gyre authors

// SQLite, a B-tree in a file, as it is used for caches: write-ahead log, never synced, a table without a second key, statements
// prepared once, the file mapped; a connection a thread. A get is a transaction of its own, and so is a put: the next get of
// another thread sees it. SQLite takes one writer at a time: the adapter has a mutex for them, which costs less than to be
// told that it is busy.

#include <sqlite3.h>

#include <mutex>
#include <stdexcept>

#include "folder.hpp"
#include "peer.hpp"
#include "serve.hpp"

namespace {

using peers::Config;
using peers::Folder;
using peers::Key;

struct Peer : peers::PeerBase {
    static constexpr const char *name = "SQLite";

    struct Thread {
        explicit Thread(Peer &peer) : Thread(peer.path_) {}
        explicit Thread(const std::string &path)
        {
            require(sqlite3_open_v2(path.c_str(), &db,
                                    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr));
            sqlite3_busy_timeout(db, 10000);
            run("PRAGMA journal_mode = WAL");
            run("PRAGMA synchronous = OFF");
            run("PRAGMA mmap_size = 1099511627776");
            run("PRAGMA cache_size = -65536");
            run("CREATE TABLE IF NOT EXISTS cache (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID");
            getting = prepare("SELECT value FROM cache WHERE key = ?1");
            putting = prepare("INSERT INTO cache VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2");
            deleting = prepare("DELETE FROM cache WHERE key = ?1");
            counting = prepare("SELECT count(*) FROM cache");
        }
        ~Thread()
        {
            for (sqlite3_stmt *statement : {getting, putting, deleting, counting})
                sqlite3_finalize(statement);
            sqlite3_close(db);
        }
        Thread(const Thread &) = delete;
        Thread &operator=(const Thread &) = delete;

        void require(int result) const
        {
            if (result != SQLITE_OK)
                throw std::runtime_error(sqlite3_errmsg(db));
        }
        void run(const char *sql) const { require(sqlite3_exec(db, sql, nullptr, nullptr, nullptr)); }
        sqlite3_stmt *prepare(const char *sql) const
        {
            sqlite3_stmt *statement = nullptr;
            require(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
            return statement;
        }

        sqlite3 *db = nullptr;
        sqlite3_stmt *getting = nullptr, *putting = nullptr, *deleting = nullptr, *counting = nullptr;
    };

    explicit Peer(const Config &) : path_(folder_.file("cache.sqlite")), own_(path_) {}
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    static std::string version() { return std::string("SQLite ") + sqlite3_libversion(); }

    uint64_t n_entries() const
    {
        sqlite3_step(own_.counting);
        const sqlite3_int64 n = sqlite3_column_int64(own_.counting, 0);
        sqlite3_reset(own_.counting);
        return static_cast<uint64_t>(n);
    }

    template <class Read> bool get(Thread &thread, const Key &key, Read &&read)
    {
        bind(thread.getting, 1, key.data(), Key::size);
        const bool hit = sqlite3_step(thread.getting) == SQLITE_ROW;
        if (hit) {
            const void *value = sqlite3_column_blob(thread.getting, 0);
            read(static_cast<const char *>(value), static_cast<size_t>(sqlite3_column_bytes(thread.getting, 0)));
        }
        sqlite3_reset(thread.getting);
        return hit;
    }

    bool put(Thread &thread, const Key &key, const char *value, size_t size)
    {
        bind(thread.putting, 1, key.data(), Key::size);
        bind(thread.putting, 2, value, size);
        return change(thread.putting);
    }

    bool del(Thread &thread, const Key &key)
    {
        bind(thread.deleting, 1, key.data(), Key::size);
        return change(thread.deleting) && sqlite3_changes(thread.db) == 1;
    }

private:
    static void bind(sqlite3_stmt *statement, int at, const char *bytes, size_t size)
    {
        sqlite3_bind_blob(statement, at, bytes, static_cast<int>(size), SQLITE_STATIC);
    }

    bool change(sqlite3_stmt *statement)
    {
        const std::lock_guard<std::mutex> one(writing_);
        const bool done = sqlite3_step(statement) == SQLITE_DONE;
        sqlite3_reset(statement);
        return done;
    }

    const Folder folder_;
    const std::string path_;
    mutable Thread own_;
    std::mutex writing_;
};

} // namespace

int main(int argc, char **argv)
{
    return peers::serve<Peer>(argc, argv);
}
