/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Drafts: nobody sees one before its commit, conditions count then, and it is empty afterwards. */

#include <pthread.h>

#include "api.h"

static gyre_put_options
with_flags(uint32_t flags)
{
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.flags = flags;
    return put;
}

static gyre_draft
draft_text(gyre *c, const char *key, const char *value, const gyre_put_options *options)
{
    gyre_draft draft;
    CHECK_OK(gyre_reserve(c, key, strlen(key), strlen(value), options, &draft));
    CHECK_EQ(draft.size, strlen(value));
    CHECK(draft.data != NULL);
    memcpy(draft.data, value, strlen(value));
    return draft;
}

static bool
is_empty(const gyre_draft *draft)
{
    gyre_draft copy = *draft;
    return gyre_commit(&copy) == GYRE_EINVAL && draft->size == 0;
}

TEST(api_draft, commit_publishes)
{
    gyre *c = api_open(MIB, 0);
    gyre_draft draft = draft_text(c, "k", "value", NULL);
    CHECK(is_missing(c, "k"));
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "k", "value"));
    CHECK(is_empty(&draft));
    CHECK_EQ(gyre_commit(&draft), GYRE_EINVAL);
    gyre_abort(&draft);
    CHECK(has_text(c, "k", "value"));
    draft = draft_text(c, "k", "newer", NULL);
    CHECK(has_text(c, "k", "value"));
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "k", "newer"));
    CHECK_EQ(api_stats(c).entries, 1);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

TEST(api_draft, abort_leaves_nothing)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "old"));
    for (unsigned i = 0; i < 5000; i++) {
        gyre_draft draft = draft_text(c, "k", "a longer value that is never seen by anybody", NULL);
        gyre_abort(&draft);
        CHECK(is_empty(&draft));
        gyre_abort(&draft);
    }
    gyre_abort(NULL);
    CHECK_EQ(gyre_commit(NULL), GYRE_EINVAL);
    gyre_draft empty = {0};
    CHECK_EQ(gyre_commit(&empty), GYRE_EINVAL);
    gyre_abort(&empty);
    CHECK(has_text(c, "k", "old"));
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

TEST(api_draft, the_key_may_change_after_reserve)
{
    gyre *c = api_open(MIB, 0);
    char key[] = "first";
    gyre_draft draft;
    CHECK_OK(gyre_reserve(c, key, 5, 1, NULL, &draft));
    memcpy(key, "other", 5);
    *(char *)draft.data = 'x';
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "first", "x"));
    CHECK(is_missing(c, "other"));
    api_close(c);
}

TEST(api_draft, conditions_count_at_commit)
{
    gyre *c = api_open(MIB, GYRE_VERSIONS);
    gyre_put_options add = with_flags(GYRE_ADD), replace = with_flags(GYRE_REPLACE);

    gyre_draft draft = draft_text(c, "add", "draft", &add);
    CHECK_OK(put_text(c, "add", "meanwhile"));
    CHECK_EQ(gyre_commit(&draft), GYRE_EXISTS);
    CHECK(is_empty(&draft));
    CHECK(has_text(c, "add", "meanwhile"));
    draft = draft_text(c, "add2", "draft", &add);
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "add2", "draft"));

    CHECK_OK(put_text(c, "replace", "old"));
    draft = draft_text(c, "replace", "draft", &replace);
    CHECK_OK(gyre_delete(c, "replace", 7));
    CHECK_EQ(gyre_commit(&draft), GYRE_MISS);
    CHECK(is_empty(&draft));
    CHECK(is_missing(c, "replace"));
    CHECK_OK(put_text(c, "replace", "old"));
    draft = draft_text(c, "replace", "draft", &replace);
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "replace", "draft"));

    uint64_t old = 0, new_version = 0;
    gyre_put_options put = GYRE_PUT_OPTIONS_INIT;
    put.new_version = &old;
    CHECK_OK(gyre_put(c, "v", 1, "one", 3, &put));
    gyre_put_options when = with_flags(GYRE_IF_VERSION);
    when.version = old;
    when.new_version = &new_version;
    draft = draft_text(c, "v", "two", &when);
    when.version = 12345;
    CHECK_OK(gyre_commit(&draft));
    CHECK(has_text(c, "v", "two"));
    CHECK(new_version != 0 && new_version != old);
    when.version = new_version;
    draft = draft_text(c, "v", "three", &when);
    CHECK_OK(put_text(c, "v", "meanwhile"));
    CHECK_EQ(gyre_commit(&draft), GYRE_CHANGED);
    CHECK(is_empty(&draft));
    CHECK(has_text(c, "v", "meanwhile"));
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

/* A condition that fails is told by reserve already, or else by commit: never neither. */
TEST(api_draft, conditions_that_fail_from_the_start)
{
    gyre *c = api_open(MIB, 0);
    CHECK_OK(put_text(c, "k", "old"));
    gyre_put_options add = with_flags(GYRE_ADD), replace = with_flags(GYRE_REPLACE);
    gyre_draft draft;
    int rc = gyre_reserve(c, "k", 1, 4, &add, &draft);
    if (rc == GYRE_OK) {
        memset(draft.data, 'x', 4);
        rc = gyre_commit(&draft);
    }
    CHECK_EQ(rc, GYRE_EXISTS);
    CHECK(is_empty(&draft));
    rc = gyre_reserve(c, "absent", 6, 4, &replace, &draft);
    if (rc == GYRE_OK) {
        memset(draft.data, 'x', 4);
        rc = gyre_commit(&draft);
    }
    CHECK_EQ(rc, GYRE_MISS);
    CHECK(is_empty(&draft));
    CHECK(has_text(c, "k", "old"));
    CHECK(is_missing(c, "absent"));
    api_close(c);
}

TEST(api_draft, failed_reserves_give_empty_drafts)
{
    gyre *c = api_open(MIB, 0);
    gyre_draft draft;
    memset(&draft, 0xEE, sizeof draft);
    CHECK_EQ(gyre_reserve(c, "k", 0, 4, NULL, &draft), GYRE_EINVAL);
    CHECK(is_empty(&draft));
    memset(&draft, 0xEE, sizeof draft);
    CHECK_EQ(gyre_reserve(c, "k", 1, (size_t)1 << 40, NULL, &draft), GYRE_E2BIG);
    CHECK(is_empty(&draft));
    memset(&draft, 0xEE, sizeof draft);
    CHECK_EQ(gyre_reserve(c, "k", 1, SIZE_MAX, NULL, &draft), GYRE_E2BIG);
    CHECK(is_empty(&draft));
    gyre_put_options bad = with_flags(64);
    memset(&draft, 0xEE, sizeof draft);
    CHECK_EQ(gyre_reserve(c, "k", 1, 4, &bad, &draft), GYRE_EINVAL);
    CHECK(is_empty(&draft));
    CHECK_EQ(gyre_reserve(c, "k", 1, 4, NULL, NULL), GYRE_EINVAL);
    api_close(c);
}

/* Drafts stay writable and whole while the cache is overwritten around them. Once committed they are among the oldest:
 * the last of its arena may be evicted at once. */
TEST(api_draft, a_draft_waits_for_as_long_as_it_takes)
{
    gyre *c = api_open(4 * MIB, GYRE_NO_THREAD);
    enum { DRAFTS = 50 };
    gyre_draft drafts[DRAFTS];
    unsigned found = 0;
    for (unsigned i = 0; i < DRAFTS; i++) {
        CHECK_OK(gyre_reserve(c, key_of(i).text, 16, 700, NULL, &drafts[i]));
        fill_bytes(drafts[i].data, 350, i);
    }
    for (unsigned i = 0; i < 20000; i++)
        CHECK_OK(put_bytes(c, key_of(100 + i).text, 1000, i));
    for (unsigned i = 0; i < DRAFTS; i++) {
        CHECK(bytes_are(drafts[i].data, 350, i));
        fill_bytes(drafts[i].data, 700, i);
        CHECK_OK(gyre_commit(&drafts[i]));
        gyre_view view;
        if (gyre_get(c, key_of(i).text, 16, &view) == GYRE_OK) {
            CHECK(view.size == 700 && bytes_are(view.data, 700, i));
            gyre_release(&view);
            found++;
        }
    }
    CHECK(found > DRAFTS / 2);
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}

TEST(api_draft, open_drafts_are_bounded)
{
    gyre *c = api_open(2 * MIB, 0);
    static gyre_draft drafts[4096];
    unsigned n = 0;
    int rc = GYRE_OK;
    while (n < 4096 && (rc = gyre_reserve(c, key_of(n).text, 16, 1000, NULL, &drafts[n])) == GYRE_OK)
        n++;
    CHECK_EQ(rc, GYRE_EBUSY);
    CHECK_MSG(n > 0 && n * 1000 <= MIB, "%u drafts of 1,000 bytes in 2 MiB", n);
    for (unsigned i = 0; i < 5000; i++)
        CHECK_OK(put_bytes(c, key_of(10000 + i).text, 500, i));
    gyre_abort(&drafts[0]);
    CHECK_OK(gyre_reserve(c, "again", 5, 1000, NULL, &drafts[0]));
    for (unsigned i = 0; i < n; i++)
        gyre_abort(&drafts[i]);
    CHECK_OK(gyre_reserve(c, "again", 5, 1000, NULL, &drafts[0]));
    gyre_abort(&drafts[0]);
    api_close(c);
}

struct handed {
    gyre_draft draft;
    gyre_view view;
};

static void *
commit_there(void *arg)
{
    struct handed *h = arg;
    fill_bytes(h->draft.data, h->draft.size, 9);
    CHECK_OK(gyre_commit(&h->draft));
    return NULL;
}

static void *
release_there(void *arg)
{
    struct handed *h = arg;
    CHECK(bytes_are(h->view.data, h->view.size, 9));
    gyre_release(&h->view);
    return NULL;
}

TEST(api_draft, drafts_and_views_may_change_threads)
{
    gyre *c = api_open(MIB, 0);
    for (unsigned i = 0; i < 20; i++) {
        struct handed h;
        pthread_t thread;
        CHECK_OK(gyre_reserve(c, "k", 1, 400, NULL, &h.draft));
        CHECK_EQ(pthread_create(&thread, NULL, commit_there, &h), 0);
        pthread_join(thread, NULL);
        CHECK_OK(gyre_get(c, "k", 1, &h.view));
        CHECK_EQ(pthread_create(&thread, NULL, release_there, &h), 0);
        pthread_join(thread, NULL);
    }
    CHECK_EQ(api_stats(c).pinned_bytes, 0);
    api_close(c);
}
