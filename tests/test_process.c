/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Proof of death, with real processes. A child tells who it is, is held where the test wants it, and is looked at. */

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api.h"

enum { BYTE = 5 };

/* A child, the two pipes between it and the test, and the file of which it holds a byte. */
struct child {
    pid_t pid; /* as seen by the test */
    int from[2], to[2], file;
    struct gy_identity is;
};

static struct gy_identity
self(void)
{
    struct gy_identity me;
    gy_process_self(&me);
    return me;
}

static void
tell(const struct child *c)
{
    struct gy_identity me = self();
    if (write(c->from[1], &me, sizeof me) != sizeof me)
        _exit(101);
}

static void
wait_for_word(const struct child *c)
{
    char word;
    while (read(c->to[0], &word, 1) < 0 && errno == EINTR)
        ;
}

static void
listen_to(struct child *c)
{
    CHECK_EQ(read(c->from[0], &c->is, sizeof c->is), sizeof c->is);
}

static void
say(const struct child *c)
{
    CHECK_EQ(write(c->to[1], "x", 1), 1);
}

static struct child
new_child(void)
{
    struct child c = {.file = memfd_create("locks", MFD_CLOEXEC)};
    CHECK(c.file >= 0 && pipe2(c.from, O_CLOEXEC) == 0 && pipe2(c.to, O_CLOEXEC) == 0);
    return c;
}

static struct child
start(void (*body)(struct child *))
{
    struct child c = new_child();
    c.pid = fork();
    if (c.pid == 0) {
        body(&c);
        _exit(0);
    }
    CHECK(c.pid > 0);
    listen_to(&c);
    return c;
}

static void
end(struct child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
    close(c->from[0]), close(c->from[1]), close(c->to[0]), close(c->to[1]), close(c->file);
}

static bool
dead(const struct child *c, enum gy_lock lock)
{
    struct gy_identity me = self();
    return gy_process_dead(&me, &c->is, lock);
}

static enum gy_lock
lock_of(const struct child *c)
{
    int locks = gy_process_lock_open(c->file);
    CHECK(locks >= 0);
    enum gy_lock lock = gy_process_lock_look(locks, BYTE);
    gy_process_lock_close(locks);
    return lock;
}

static void
take_lock(const struct child *c)
{
    int locks = gy_process_lock_open(c->file);
    if (locks < 0 || gy_process_lock_take(locks, BYTE) != GY_LOCK_TAKEN)
        _exit(102);
}

/* Until the main thread of the process of that number is a zombie. */
static void
await_end_of_main(pid_t pid)
{
    char path[64], text[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    for (unsigned n = 0; n < API_PAUSES_MOST && strstr(text, ") Z ") == NULL; n++) {
        FILE *f = fopen(path, "r");
        CHECK(f != NULL && fgets(text, sizeof text, f) != NULL);
        fclose(f);
        api_pause();
    }
    CHECK(strstr(text, ") Z ") != NULL);
}

TEST(process, knows_itself)
{
    struct gy_identity me = self();
    CHECK_EQ(me.pid, getpid());
    CHECK(me.start != 0 && me.pid_ns != 0 && (me.boot[0] | me.boot[1]) != 0);
    CHECK(!gy_process_dead(&me, &me, GY_LOCK_HELD));
    CHECK(!gy_process_dead(&me, &me, GY_LOCK_FREE)); /* a program may close all its descriptors */
    CHECK(!gy_process_dead(&me, &me, GY_LOCK_UNKNOWN));
}

static void
live(struct child *c)
{
    tell(c);
    wait_for_word(c);
}

TEST(process, a_child_lives_until_it_is_killed)
{
    struct child c = start(live);
    for (enum gy_lock lock = GY_LOCK_UNKNOWN; lock <= GY_LOCK_HELD; lock++)
        CHECK(!dead(&c, lock));
    kill(c.pid, SIGSTOP);
    CHECK(!dead(&c, GY_LOCK_UNKNOWN));
    kill(c.pid, SIGKILL);
    waitpid(c.pid, NULL, 0);
    CHECK(dead(&c, GY_LOCK_HELD)); /* by a child of it, that has inherited the descriptor */
    end(&c);
}

TEST(process, a_zombie_is_dead)
{
    struct child c = start(live);
    say(&c);
    siginfo_t ended; /* with all its threads: a sanitizer's is one */
    CHECK_EQ(waitid(P_PID, (id_t)c.pid, &ended, WEXITED | WNOWAIT), 0);
    CHECK_EQ(kill(c.pid, 0), 0); /* who asks this way, is told that it lives */
    CHECK(dead(&c, GY_LOCK_UNKNOWN));
    end(&c);
}

static void *
outlive(void *arg)
{
    wait_for_word(arg);
    _exit(0);
}

static void
leave_a_thread(struct child *c)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, outlive, c) != 0)
        _exit(103);
    tell(c);
    syscall(SYS_exit, 0);
}

TEST(process, an_exited_main_thread_is_not_death)
{
    struct child c = start(leave_a_thread);
    await_end_of_main(c.pid); /* so it is shown in /proc */
    CHECK(!dead(&c, GY_LOCK_UNKNOWN));
    say(&c);
    for (unsigned n = 0; n < API_PAUSES_MOST && !dead(&c, GY_LOCK_UNKNOWN); n++)
        api_pause();
    CHECK(dead(&c, GY_LOCK_UNKNOWN));
    end(&c);
}

/* A process of that number; -1 where the kernel does not let us choose. */
static pid_t
fork_as(pid_t number)
{
    struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1};
    return (pid_t)syscall(SYS_clone3, &args, sizeof args);
}

TEST(process, a_number_used_again_is_another_process)
{
    struct child c = start(live), again = c;
    kill(c.pid, SIGKILL);
    waitpid(c.pid, NULL, 0);
    do { /* once more when it began within the same tick of the clock as the first: then nobody can tell */
        api_pause();
        again.pid = fork_as(c.pid);
        if (again.pid == 0) {
            live(&again);
            _exit(0);
        }
        if (again.pid < 0)
            break; /* not permitted, or somebody else has the number now */
        listen_to(&again);
        if (again.is.start == c.is.start) {
            kill(again.pid, SIGKILL);
            waitpid(again.pid, NULL, 0);
        }
    } while (again.is.start == c.is.start);
    if (again.pid > 0) {
        CHECK_EQ(again.is.pid, c.is.pid);
        CHECK(dead(&c, GY_LOCK_UNKNOWN));
        CHECK(!dead(&again, GY_LOCK_UNKNOWN));
        end(&again);
    } else {
        CHECK(dead(&c, GY_LOCK_UNKNOWN));
    }
}

/* Its child lives on, with or without the descriptor. */
static void
fork_and_live(struct child *c, bool keep)
{
    int locks = gy_process_lock_open(c->file), ready[2];
    if (locks < 0 || gy_process_lock_take(locks, BYTE) != GY_LOCK_TAKEN || pipe(ready) != 0)
        _exit(102);
    char word = 'x';
    pid_t pid = fork();
    if (pid == 0) {
        if (!keep)
            gy_process_lock_close(locks);
        if (write(ready[1], &word, 1) == 1)
            wait_for_word(c);
        _exit(0);
    }
    if (read(ready[0], &word, 1) != 1)
        _exit(104);
    tell(c);
    pause();
}

static void
fork_and_close(struct child *c)
{
    fork_and_live(c, false);
}

static void
fork_and_keep(struct child *c)
{
    fork_and_live(c, true);
}

TEST(process, the_child_of_a_dead_parent_does_not_keep_it_alive)
{
    for (int keep = 0; keep < 2; keep++) {
        struct child c = start(keep ? fork_and_keep : fork_and_close);
        CHECK_EQ(lock_of(&c), GY_LOCK_HELD);
        kill(c.pid, SIGKILL);
        waitpid(c.pid, NULL, 0);
        CHECK_EQ(lock_of(&c), keep ? GY_LOCK_HELD : GY_LOCK_FREE);
        CHECK(dead(&c, lock_of(&c))); /* here the pidfd tells */
        struct gy_identity me = self();
        me.pid_ns++; /* as another namespace sees it */
        CHECK_EQ(gy_process_dead(&me, &c.is, lock_of(&c)), !keep);
        say(&c);
        end(&c);
    }
}

/* pid 1 of a namespace of its own */
static void
live_elsewhere(struct child *c)
{
    pid_t pid = unshare(CLONE_NEWPID) == 0 ? fork() : -1;
    if (pid == 0) {
        take_lock(c);
        tell(c);
        wait_for_word(c);
        _exit(0);
    }
    if (pid < 0) {
        struct gy_identity nobody = {.pid = 0};
        if (write(c->from[1], &nobody, sizeof nobody) != sizeof nobody)
            _exit(105);
    }
    waitpid(pid, NULL, 0);
    pause();
}

TEST(process, in_another_namespace_the_lock_tells)
{
    struct child c = start(live_elsewhere);
    struct gy_identity me = self();
    if (c.is.pid != 0) { /* else it is not permitted here */
        CHECK_EQ(c.is.pid, 1);
        CHECK(c.is.pid_ns != me.pid_ns);
        CHECK_EQ(lock_of(&c), GY_LOCK_HELD);
        CHECK(!dead(&c, lock_of(&c)) && !dead(&c, GY_LOCK_UNKNOWN));
        say(&c);
        for (unsigned n = 0; n < API_PAUSES_MOST && lock_of(&c) != GY_LOCK_FREE; n++)
            api_pause();
        CHECK(dead(&c, lock_of(&c)));
        CHECK(!dead(&c, GY_LOCK_UNKNOWN)); /* nobody can tell: alive */
    }
    end(&c);
}

static void
look_from_elsewhere(struct child *c)
{
    struct gy_identity parent = self();
    if (unshare(CLONE_NEWPID) != 0)
        _exit(0);
    pid_t pid = fork();
    if (pid == 0) {
        struct gy_identity me = self();
        struct gy_identity same = me, unborn = me;
        unborn.start += 1;
        /* The /proc that is mounted is the outer one: what it says of number 1 is not of this process. */
        bool right = me.pid == 1 && !gy_process_dead(&me, &parent, GY_LOCK_HELD) &&
                     !gy_process_dead(&me, &same, GY_LOCK_UNKNOWN) && gy_process_dead(&me, &unborn, GY_LOCK_UNKNOWN);
        _exit(right ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    tell(c);
    _exit(WEXITSTATUS(status));
}

TEST(process, a_proc_of_another_namespace_misleads_nobody)
{
    struct child c = new_child();
    c.pid = fork();
    if (c.pid == 0)
        look_from_elsewhere(&c);
    int status;
    CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
    CHECK_EQ(status, 0);
    close(c.from[0]), close(c.from[1]), close(c.to[0]), close(c.to[1]), close(c.file);
}

static void
execute(struct child *c)
{
    take_lock(c);
    tell(c);
    wait_for_word(c);
    execl("/bin/sleep", "sleep", "1000", (char *)NULL);
    _exit(106);
}

TEST(process, who_executes_another_program_has_left)
{
    struct child c = start(execute);
    CHECK_EQ(lock_of(&c), GY_LOCK_HELD);
    CHECK(!dead(&c, lock_of(&c)));
    say(&c);
    for (unsigned n = 0; n < API_PAUSES_MOST && lock_of(&c) != GY_LOCK_FREE; n++)
        api_pause();
    if (c.is.stack != 0) /* else /proc does not say */
        CHECK(dead(&c, lock_of(&c)));
    CHECK(!dead(&c, GY_LOCK_UNKNOWN));
    end(&c);
}

static void
close_all(struct child *c)
{
    take_lock(c);
    tell(c);
    wait_for_word(c);
    for (int file = 3; file < 256; file++)
        if (file != c->from[1])
            close(file);
    tell(c);
    pause();
}

TEST(process, who_closes_all_descriptors_lives)
{
    struct child c = start(close_all);
    say(&c);
    listen_to(&c);
    CHECK_EQ(lock_of(&c), GY_LOCK_FREE);
    CHECK(!dead(&c, lock_of(&c)));
    end(&c);
}

TEST(process, another_boot_is_death)
{
    struct gy_identity me = self(), before = me;
    before.boot[1] ^= 1;
    CHECK(gy_process_dead(&me, &before, GY_LOCK_UNKNOWN));
    before.boot[0] = before.boot[1] = 0; /* not known */
    CHECK(!gy_process_dead(&me, &before, GY_LOCK_UNKNOWN));
}

TEST(process, locks_are_of_an_open_each)
{
    struct child c = new_child();
    int a = gy_process_lock_open(c.file), b = gy_process_lock_open(c.file);
    CHECK(a >= 0 && b >= 0);
    CHECK_EQ(gy_process_lock_take(a, BYTE), GY_LOCK_TAKEN);
    CHECK_EQ(gy_process_lock_take(b, BYTE), GY_LOCK_OTHERS);
    CHECK_EQ(gy_process_lock_take(b, BYTE + 1), GY_LOCK_TAKEN);
    CHECK_EQ(gy_process_lock_take(-1, BYTE), GY_LOCK_NONE);
    CHECK_EQ(gy_process_lock_look(a, BYTE), GY_LOCK_FREE); /* its own is no hindrance */
    CHECK_EQ(gy_process_lock_look(b, BYTE), GY_LOCK_HELD);
    gy_process_lock_drop(a, BYTE);
    CHECK_EQ(gy_process_lock_look(b, BYTE), GY_LOCK_FREE);
    CHECK_EQ(gy_process_lock_take(a, BYTE), GY_LOCK_TAKEN);
    gy_process_lock_close(a);
    CHECK_EQ(gy_process_lock_look(b, BYTE), GY_LOCK_FREE);
    gy_process_lock_close(b);
    CHECK_EQ(gy_process_lock_look(-1, BYTE), GY_LOCK_UNKNOWN);
    close(c.from[0]), close(c.from[1]), close(c.to[0]), close(c.to[1]), close(c.file);
}
