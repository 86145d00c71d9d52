/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* gyre_get_or_lease and what follows: every outcome, by one thread and others that come and go. */

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asks.h"

static bool
is_empty(const gyre_lease *lease)
{
    static const gyre_lease EMPTY;
    return memcmp(lease, &EMPTY, sizeof EMPTY) == 0;
}

TEST(api_lease, a_value_that_stands_is_returned)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "value"));
    gyre_view view;
    gyre_lease lease;
    CHECK_OK(ask(c, "k", &view, &lease));
    CHECK_EQ(view.size, 5);
    CHECK_MEM(view.data, "value", 5);
    CHECK(is_empty(&lease));
    CHECK_EQ(gyre_lease_commit(&lease, "x", 1, NULL), GYRE_EINVAL);
    gyre_release(&view);
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.hits, 1);
    CHECK_EQ(s.misses, 0);
    CHECK_EQ(s.leases, 0);
    api_close(c);
}

TEST(api_lease, an_absent_key_is_leased_and_committed)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    CHECK(is_missing(c, "k"));
    CHECK_EQ(api_stats(c).entries, 1);
    CHECK_OK(commit_text(&lease, "computed"));
    CHECK(is_empty(&lease));
    CHECK(has_text(c, "k", "computed"));
    CHECK_EQ(commit_text(&lease, "again"), GYRE_EINVAL);
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.leases, 1);
    CHECK_EQ(s.leases_passed, 0);
    CHECK_EQ(s.entries, 1);
    CHECK_EQ(s.puts, 1);
    CHECK_EQ(s.removed[GYRE_LEASE_ENDED], 1);
    api_close(c);
}

TEST(api_lease, commit_takes_what_a_put_takes)
{
    struct api_clock clock = {1000};
    gyre_options options = api_options(MIB, GYRE_VERSIONS | GYRE_NO_THREAD);
    options.clock_ms = api_clock_read, options.clock_arg = &clock;
    gyre *c = api_open_with(&options);
    gyre_lease lease = lease_of(c, "k");
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    uint64_t version = 0;
    put.ttl_ms = 100, put.user_flags = 7, put.new_version = &version;
    CHECK_OK(gyre_lease_commit(&lease, NULL, 0, &put));
    gyre_view view;
    CHECK_OK(gyre_get(c, "k", 1, &view));
    CHECK(view.data != NULL && view.size == 0 && view.user_flags == 7 && view.ttl_left_ms == 100);
    CHECK(version != 0 && view.version == version);
    gyre_release(&view);
    clock.ms += 100;
    CHECK(is_missing(c, "k"));
    lease = lease_of(c, "k");
    put.flags = GYRE_ADD;
    CHECK_EQ(gyre_lease_commit(&lease, "x", 1, &put), GYRE_EINVAL);
    CHECK(is_empty(&lease));
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_MISS); /* it has ended */
    api_close(c);
}

TEST(api_lease, another_goes_on_without_it)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_LEASED);
    CHECK_EQ(ask_elsewhere(c, "other"), GYRE_MISS);
    gyre_view view;
    gyre_lease none;
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, NULL, &view, &none), GYRE_LEASED); /* the holder does not wait for itself */
    CHECK(is_empty(&none) && view.data == NULL);
    CHECK_OK(commit_text(&lease, "v"));
    CHECK_OK(ask_elsewhere(c, "k"));
    api_close(c);
}

TEST(api_lease, waiting_ends_when_its_time_is_over)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.wait_ms = 30;
    struct asker a = {.cache = c, .key = "k", .options = &options};
    api_threads(1, ask_body, &a);
    CHECK_EQ(a.result, GYRE_LEASED);
    gyre_lease_abort(&lease);
    api_close(c);
}

TEST(api_lease, an_aborted_one_goes_to_the_next)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    gyre_lease_abort(&lease);
    CHECK(is_empty(&lease));
    gyre_lease_abort(&lease);
    gyre_lease_abort(NULL);
    CHECK_EQ(api_stats(c).entries, 0);
    lease = lease_of(c, "k");
    CHECK_EQ(api_stats(c).leases_passed, 0);
    CHECK_OK(commit_text(&lease, "v"));
    CHECK(has_text(c, "k", "v"));
    api_close(c);
}

/* Whatever ends a lease from outside: the commit is refused, and what stands stays. */
TEST(api_lease, a_delete_refuses_the_late_value)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    CHECK_EQ(gyre_delete(c, "k", 1), GYRE_MISS); /* there was no value */
    CHECK_EQ(commit_text(&lease, "late"), GYRE_ESTALE);
    CHECK(is_empty(&lease));
    CHECK(is_missing(c, "k"));
    gyre_stats s = api_stats(c);
    CHECK_EQ(s.entries, 0);
    CHECK_EQ(s.puts_rejected, 1);
    api_close(c);
}

TEST(api_lease, a_clear_refuses_the_late_value)
{
    gyre *c = api_open(MIB, GYRE_NO_THREAD);
    gyre_lease lease = lease_of(c, "k");
    CHECK_OK(gyre_clear(c)); /* nothing is carried out yet */
    CHECK_EQ(commit_text(&lease, "late"), GYRE_ESTALE);
    CHECK(is_missing(c, "k"));
    lease = lease_of(c, "k");
    api_settle(c);
    CHECK_OK(commit_text(&lease, "new"));
    CHECK(has_text(c, "k", "new"));
    api_close(c);
}

TEST(api_lease, a_put_replaces_it)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    CHECK_OK(put_text(c, "k", "newer"));
    CHECK(has_text(c, "k", "newer"));
    CHECK_EQ(commit_text(&lease, "older"), GYRE_ESTALE);
    CHECK(has_text(c, "k", "newer"));
    CHECK_EQ(api_stats(c).entries, 1);
    api_close(c);
}

TEST(api_lease, of_two_holders_one_commits)
{
    struct api_clock clock = {1000};
    gyre_options options = api_options(MIB, GYRE_NO_THREAD);
    options.clock_ms = api_clock_read, options.clock_arg = &clock;
    gyre *c = api_open_with(&options);
    for (unsigned late_first = 0; late_first < 2; late_first++) {
        gyre_lease first = lease_of(c, "k");
        clock.ms += 9999;
        CHECK_EQ(ask_elsewhere(c, "k"), GYRE_LEASED);
        clock.ms += 1;
        gyre_lease second = lease_of(c, "k"); /* its time is over */
        CHECK_EQ(api_stats(c).leases_passed, 1 + late_first);
        if (late_first)
            CHECK_EQ(commit_text(&first, "first"), GYRE_ESTALE);
        CHECK_OK(commit_text(&second, "second"));
        if (!late_first)
            CHECK_EQ(commit_text(&first, "first"), GYRE_ESTALE);
        CHECK(has_text(c, "k", "second"));
        CHECK_OK(gyre_delete(c, "k", 1));
    }
    api_close(c);
}

TEST(api_lease, one_whose_time_is_over_is_kept_until_another_asks)
{
    struct api_clock clock = {1000};
    gyre_options options = api_options(MIB, GYRE_NO_THREAD);
    options.clock_ms = api_clock_read, options.clock_arg = &clock;
    gyre *c = api_open_with(&options);
    gyre_lease lease = lease_of(c, "k");
    clock.ms += 60000;
    CHECK(is_missing(c, "k")); /* a lookup leaves it */
    CHECK_OK(commit_text(&lease, "slow"));
    CHECK(has_text(c, "k", "slow"));
    api_close(c);
}

static void
take_and_leave(void *arg, unsigned i)
{
    (void)i;
    struct asker *a = arg;
    gyre_view view;
    a->result = ask(a->cache, a->key, &view, &a->lease);
}

TEST(api_lease, the_lease_of_a_thread_that_is_gone_passes_on)
{
    gyre *c = api_open(MIB, 0);
    struct asker gone = {.cache = c, .key = "k"};
    api_threads(1, take_and_leave, &gone);
    CHECK_EQ(gone.result, GYRE_MISS);
    gyre_lease lease = lease_of(c, "k");
    CHECK_EQ(api_stats(c).leases_passed, 1);
    CHECK_EQ(commit_text(&gone.lease, "of the dead"), GYRE_ESTALE);
    CHECK_OK(commit_text(&lease, "of the living"));
    CHECK(has_text(c, "k", "of the living"));
    /* If nobody else has asked, its work is welcome. */
    gone.key = "other";
    api_threads(1, take_and_leave, &gone);
    CHECK_OK(commit_text(&gone.lease, "handed on"));
    CHECK(has_text(c, "other", "handed on"));
    api_close(c);
}

TEST(api_lease, no_condition_finds_it)
{
    gyre *c = api_open(MIB, GYRE_VERSIONS);
    gyre_lease lease = lease_of(c, "k");
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.flags = GYRE_REPLACE;
    CHECK_EQ(gyre_put(c, "k", 1, "x", 1, &put), GYRE_MISS);
    put.flags = GYRE_IF_VERSION;
    for (put.version = 0; put.version < 1000; put.version++) /* its token is among these */
        CHECK_EQ(gyre_put(c, "k", 1, "x", 1, &put), GYRE_MISS);
    CHECK_EQ(gyre_touch(c, "k", 1, 1000), GYRE_MISS);
    char buffer[8];
    size_t size;
    CHECK_EQ(gyre_read(c, "k", 1, buffer, sizeof buffer, &size), GYRE_MISS);
    CHECK_OK(commit_text(&lease, "v")); /* none of them has ended it */
    lease = lease_of(c, "other");
    put.flags = GYRE_ADD;
    CHECK_OK(gyre_put(c, "other", 5, "added", 5, &put));
    CHECK_EQ(commit_text(&lease, "late"), GYRE_ESTALE);
    CHECK(has_text(c, "other", "added"));
    api_close(c);
}

static int
count_visits(void *arg, const void *key, size_t key_size, const gyre_view *value)
{
    (void)key, (void)key_size, (void)value;
    ++*(unsigned *)arg;
    return 0;
}

TEST(api_lease, batches_and_scans_pass_over_it)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    CHECK_OK(put_text(c, "v", "value"));
    const gyre_key keys[2] = {{"k", 1}, {"v", 1}};
    gyre_view views[2];
    int results[2];
    CHECK_EQ(gyre_get_many(c, 2, keys, views, results), 1);
    CHECK(results[0] == GYRE_MISS && results[1] == GYRE_OK);
    gyre_release(&views[1]);
    unsigned visits = 0;
    CHECK_OK(gyre_scan(c, count_visits, &visits));
    CHECK_EQ(visits, 1);
    CHECK_OK(commit_text(&lease, "v"));
    api_close(c);
}

TEST(api_lease, too_large_a_value_ends_it)
{
    gyre *c = api_open(MIB, 0);
    size_t size = api_stats(c).max_value_bytes + 1;
    char *value = calloc(1, size);
    gyre_lease lease = lease_of(c, "k");
    CHECK_EQ(gyre_lease_commit(&lease, value, size, NULL), GYRE_E2BIG);
    CHECK(is_empty(&lease));
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_MISS);
    lease = lease_of(c, "k"); /* of the thread that is gone */
    CHECK_OK(gyre_lease_commit(&lease, value, size - 1, NULL));
    free(value);
    api_close(c);
}

TEST(api_lease, values_built_in_place)
{
    gyre *c = api_open(MIB, 0);
    gyre_draft draft;
    gyre_lease lease = lease_of(c, "k");
    CHECK_OK(gyre_lease_reserve(&lease, 5, NULL, &draft));
    CHECK(is_empty(&lease) && draft.size == 5);
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_LEASED);
    memcpy(draft.data, "built", 5);
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "k", "built"));

    lease = lease_of(c, "deleted");
    CHECK_OK(gyre_lease_reserve(&lease, 4, NULL, &draft));
    CHECK_EQ(gyre_delete(c, "deleted", 7), GYRE_MISS);
    CHECK_EQ(gyre_commit(&draft), GYRE_ESTALE);
    CHECK(is_missing(c, "deleted"));
    lease = lease_of(c, "deleted");
    gyre_lease_abort(&lease);

    lease = lease_of(c, "aborted");
    CHECK_OK(gyre_lease_reserve(&lease, 4, NULL, &draft));
    gyre_abort(&draft);
    CHECK_EQ(ask_elsewhere(c, "aborted"), GYRE_MISS);

    lease = lease_of(c, "large");
    CHECK_EQ(gyre_lease_reserve(&lease, MIB, NULL, &draft), GYRE_E2BIG);
    CHECK(draft.data == NULL && is_empty(&lease));
    CHECK_EQ(ask_elsewhere(c, "large"), GYRE_MISS);

    lease = lease_of(c, "cleared");
    CHECK_OK(gyre_lease_reserve(&lease, 4, NULL, &draft));
    CHECK_OK(gyre_clear(c));
    CHECK_EQ(gyre_commit(&draft), GYRE_ESTALE);
    CHECK(is_missing(c, "cleared"));
    CHECK_EQ(gyre_lease_reserve(&lease, 4, NULL, &draft), GYRE_EINVAL);
    api_close(c);
}

TEST(api_lease, bad_input)
{
    gyre *c = api_open(MIB, 0);
    gyre_view view;
    gyre_lease lease;
    CHECK_EQ(gyre_get_or_lease(NULL, "k", 1, NULL, &view, &lease), GYRE_EINVAL);
    CHECK_EQ(gyre_get_or_lease(c, NULL, 1, NULL, &view, &lease), GYRE_EINVAL);
    CHECK_EQ(gyre_get_or_lease(c, "k", 0, NULL, &view, &lease), GYRE_EINVAL);
    CHECK_EQ(gyre_get_or_lease(c, "k", 65536, NULL, &view, &lease), GYRE_EINVAL);
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, NULL, NULL, &lease), GYRE_EINVAL);
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, NULL, &view, NULL), GYRE_EINVAL);
    gyre_lease_options options = GYRE_LEASE_OPTIONS_INIT;
    options.flags = 1;
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, &options, &view, &lease), GYRE_EINVAL);
    options.flags = 0, options.reserved = 1;
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, &options, &view, &lease), GYRE_EINVAL);
    options.reserved = 0, options.struct_size = 4;
    CHECK_EQ(gyre_get_or_lease(c, "k", 1, &options, &view, &lease), GYRE_EINVAL);
    CHECK_EQ(gyre_lease_commit(NULL, "v", 1, NULL), GYRE_EINVAL);
    CHECK_EQ(gyre_lease_commit(&lease, "v", 1, NULL), GYRE_EINVAL);
    CHECK_EQ(api_stats(c).leases, 0);
    lease = lease_of(c, "k");
    CHECK_EQ(gyre_lease_commit(&lease, NULL, 1, NULL), GYRE_EINVAL);
    CHECK_EQ(ask_elsewhere(c, "k"), GYRE_MISS);
    api_close(c);
}

TEST(api_lease, a_child_leaves_its_parents_lease_alone)
{
    gyre *c = api_open(MIB, 0);
    gyre_lease lease = lease_of(c, "k");
    pid_t child = fork();
    if (child == 0) {
        gyre_lease of_parent = lease, own;
        gyre_view view;
        bool good = gyre_lease_commit(&of_parent, "child", 5, NULL) == GYRE_ESTALE && is_missing(c, "k");
        of_parent = lease;
        gyre_lease_abort(&of_parent);
        good = good && ask(c, "k", &view, &own) == GYRE_MISS; /* its holder is not in this process */
        good = good && gyre_lease_commit(&own, "own", 3, NULL) == GYRE_OK && has_text(c, "k", "own");
        _exit(good ? 0 : 1);
    }
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_OK(commit_text(&lease, "parent"));
    CHECK(has_text(c, "k", "parent"));
    api_close(c);
}
