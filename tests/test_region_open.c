/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* What else may stand where a shared cache is looked for, and what comes of it: an answer, and nothing is changed. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "cache.h"
#include "region.h"

/* ---- planted objects ------------------------------------------------------------------------------------------- */

static const uint32_t ways[] = {0, GYRE_CREATE, GYRE_READONLY, GYRE_CREATE | GYRE_EXCLUSIVE};

/* However it is opened, the answer is that; with GYRE_EXCLUSIVE it may be that there is something. */
static void
check_refused(const struct region_name *name, int answer, const char *what)
{
    struct stat before, after;
    CHECK_EQ(lstat(name->path, &before), 0);
    for (unsigned i = 0; i < 4; i++) {
        gyre *cache;
        gyre_options o = region_options(name, ways[i] & GYRE_CREATE ? MIB : 0, ways[i]);
        int result = gyre_open(&cache, &o);
        bool exists = ways[i] & GYRE_EXCLUSIVE && result == GYRE_EEXIST;
        CHECK_MSG(result == answer || exists, "%s, flags %u: %d", what, ways[i], result);
        CHECK(cache == NULL);
    }
    CHECK_EQ(lstat(name->path, &after), 0);
    CHECK_MSG(before.st_ino == after.st_ino && before.st_size == after.st_size && before.st_mode == after.st_mode &&
                  before.st_uid == after.st_uid && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec,
              "%s was changed", what);
}

static void
make_region(const struct region_name *name, uint32_t mode)
{
    gyre_options o = region_options(name, MIB, GYRE_CREATE | GYRE_EXCLUSIVE);
    o.mode = mode;
    gyre *cache = api_open_with(&o);
    CHECK_OK(put_text(cache, "key", "value"));
    api_close(cache);
}

TEST(region_open, what_is_no_file_is_not_opened)
{
    struct region_name name = region_name(0), other = region_name(1);
    make_region(&other, 0);
    CHECK_EQ(symlink(other.path, name.path), 0);
    check_refused(&name, GYRE_EPERM, "a symbolic link");
    unlink(name.path);
    CHECK_EQ(symlink("nowhere", name.path), 0);
    check_refused(&name, GYRE_EPERM, "a link to nothing");
    unlink(name.path);
    CHECK_EQ(mkfifo(name.path, 0600), 0);
    check_refused(&name, GYRE_EPERM, "a pipe");
    unlink(name.path);
    CHECK_EQ(mkdir(name.path, 0700), 0);
    check_refused(&name, GYRE_EPERM, "a folder");
    rmdir(name.path);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, name.path, sizeof name.path);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(bind(s, (struct sockaddr *)&address, sizeof address), 0);
    check_refused(&name, GYRE_EPERM, "a socket");
    close(s), unlink(name.path);
    if (mknod(name.path, S_IFCHR | 0600, makedev(1, 5)) == 0)
        check_refused(&name, GYRE_EPERM, "a device");
    else
        printf("skipped: no device can be made here\n");
    unlink(name.path), unlink(other.path);
}

TEST(region_open, a_second_name_is_one_too_many)
{
    struct region_name name = region_name(0), other = region_name(1);
    make_region(&other, 0);
    CHECK_EQ(link(other.path, name.path), 0);
    check_refused(&name, GYRE_EPERM, "a hard link");
    unlink(other.path);
    gyre_options o = region_options(&name, 0, 0);
    gyre *cache = api_open_with(&o);
    CHECK(has_text(cache, "key", "value"));
    api_close(cache);
    unlink(name.path);
}

/* A mode is what the opener allows: more than that is refused, less is not. */
TEST(region_open, others_write_only_if_both_sides_allow_it)
{
    static const uint32_t modes[] = {0600, 0640, 0644, 0660, 0664, 0622, 0666};
    struct region_name name = region_name(0);
    mode_t umask_before = umask(077);
    for (unsigned made = 0; made < 7; made++) {
        make_region(&name, modes[made]);
        struct stat s;
        CHECK(stat(name.path, &s) == 0 && (s.st_mode & 07777) == modes[made]); /* whatever the umask */
        for (unsigned allowed = 0; allowed < 7; allowed++) {
            gyre *cache;
            gyre_options o = region_options(&name, 0, 0);
            o.mode = modes[allowed];
            bool fine = (modes[made] & 022 & ~modes[allowed]) == 0;
            CHECK_EQ(gyre_open(&cache, &o), fine ? GYRE_OK : GYRE_EPERM);
            gyre_close(cache);
        }
        unlink(name.path);
    }
    umask(umask_before);
    make_region(&name, 0);
    CHECK_EQ(chmod(name.path, 0602), 0);
    check_refused(&name, GYRE_EPERM, "one that all may write");
    unlink(name.path);
}

static int
open_as_another(void *arg)
{
    gyre *cache;
    gyre_options o = region_options(arg, 0, 0);
    EXPECT(1, setgid(65534) == 0 && setuid(65534) == 0);
    EXPECT(2, gyre_open(&cache, &o) == GYRE_EPERM); /* root's, but it may not write it */
    o.mode = 0666;
    EXPECT(3, gyre_open(&cache, &o) == GYRE_EPERM);
    EXPECT(4, gyre_unlink(&o) == GYRE_EPERM);
    return 0;
}

static int
open_what_another_planted(void *arg)
{
    gyre *cache;
    gyre_options o = region_options(arg, 0, 0);
    EXPECT(1, setgid(65533) == 0 && setuid(65533) == 0);
    o.mode = 0600;
    EXPECT(2, gyre_open(&cache, &o) == GYRE_EPERM); /* somebody else's, and all may write it */
    o.mode = 0644;
    EXPECT(3, gyre_open(&cache, &o) == GYRE_EPERM);
    o.mode = 0666; /* it says that it shares with all */
    EXPECT(4, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(5, has_text(cache, "key", "value"));
    gyre_close(cache);
    return 0;
}

TEST(region_open, what_belongs_to_another_user_is_refused)
{
    struct region_name name = region_name(0);
    if (getuid() != 0) {
        printf("skipped: not root\n");
        return;
    }
    make_region(&name, 0);
    region_process(open_as_another, &name);
    CHECK_EQ(chown(name.path, 65534, 65534), 0);
    check_refused(&name, GYRE_EPERM, "another user's");
    unlink(name.path);
    make_region(&name, 0666);
    CHECK_EQ(chown(name.path, 65534, 65534), 0);
    region_process(open_what_another_planted, &name);
    unlink(name.path);
}

/* ---- planted contents ------------------------------------------------------------------------------------------ */

static void
plant(const struct region_name *name, const void *bytes, size_t n)
{
    unlink(name->path);
    int fd = open(name->path, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd >= 0 && (n == 0 || write(fd, bytes, n) == (ssize_t)n));
    close(fd);
}

/* A region's bytes, to be changed. */
static char *
region_bytes(const struct region_name *name, size_t *n)
{
    struct stat s;
    make_region(name, 0);
    int fd = open(name->path, O_RDONLY);
    CHECK(fd >= 0 && fstat(fd, &s) == 0);
    *n = (size_t)s.st_size;
    char *bytes = mmap(NULL, *n, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(bytes != MAP_FAILED);
    close(fd);
    return bytes;
}

TEST(region_open, of_another_length_it_is_refused)
{
    struct region_name name = region_name(0);
    static const char zeros[8192], text[8192] = "this is no cache";
    size_t n;
    char *bytes = region_bytes(&name, &n);
    for (size_t length = 0; length < 3000; length += length < 300 ? 1 : 64) {
        plant(&name, bytes, length);
        bool has_head = length >= sizeof(struct gy_super);
        check_refused(&name, has_head ? GYRE_ECORRUPT : GYRE_EFORMAT, "the beginning of one");
    }
    plant(&name, bytes, n - 1);
    check_refused(&name, GYRE_ECORRUPT, "all but a byte of one");
    CHECK_EQ(truncate(name.path, (off_t)n + 1), 0);
    check_refused(&name, GYRE_ECORRUPT, "one with a byte more");
    CHECK_EQ(truncate(name.path, (off_t)n), 0);
    gyre_options o = region_options(&name, 0, 0);
    gyre *cache = api_open_with(&o); /* but for the last byte it is the same */
    api_close(cache);
    plant(&name, zeros, sizeof zeros);
    check_refused(&name, GYRE_EFORMAT, "zeros");
    CHECK_EQ(gyre_unlink(&o), GYRE_EFORMAT);
    plant(&name, text, sizeof text);
    check_refused(&name, GYRE_EFORMAT, "a text");
    CHECK_EQ(gyre_unlink(&o), GYRE_EFORMAT);
    munmap(bytes, n);
    unlink(name.path);
}

TEST(region_open, damaged_or_of_another_build_it_is_refused)
{
    struct region_name name = region_name(0);
    size_t n;
    char *bytes = region_bytes(&name, &n);
    struct gy_super *s = (struct gy_super *)(void *)bytes;
    static struct gy_super good;
    memcpy(&good, s, sizeof good);
    const struct gy_geometry *g = &good.geometry;
    gy_atomic_u64 *shard = gy_layout_geometries(bytes, g);
    uint64_t shard_good = gy_load_rlx(shard);
#define REFUSED(change, answer)                                                                    \
    do {                                                                                           \
        (void)(change);                                                                            \
        plant(&name, bytes, n);                                                                    \
        check_refused(&name, answer, #change);                                                     \
        memcpy(s, &good, sizeof good);                                                             \
        gy_store_rlx(shard, shard_good);                                                           \
    } while (0)
    REFUSED(s->magic++, GYRE_EFORMAT);
    REFUSED(s->magic = __builtin_bswap64(s->magic), GYRE_EFORMAT);
    REFUSED(s->format++, GYRE_EFORMAT);
    REFUSED(s->format--, GYRE_EFORMAT);
    REFUSED(s->format = __builtin_bswap16(s->format), GYRE_EFORMAT);
    REFUSED(s->minor = GY_FORMAT_MINOR + 1, GYRE_EFORMAT);
    REFUSED(s->stamp ^= 1, GYRE_EFORMAT);
    REFUSED(gy_store_rlx(&s->state, 0), GYRE_ECORRUPT);
    REFUSED(gy_store_rlx(&s->state, 2), GYRE_ECORRUPT);
    REFUSED(s->geometry.n_arenas--, GYRE_ECORRUPT);
    REFUSED(s->geometry.region_bytes++, GYRE_ECORRUPT);
    REFUSED(s->geometry.flags |= GYRE_CREATE, GYRE_ECORRUPT);
    REFUSED(s->geometry.n_lanes = g->n_arenas, GYRE_ECORRUPT);
    REFUSED(gy_store_rlx(shard, shard_good << 30), GYRE_ECORRUPT);
    REFUSED(gy_store_rlx(shard, UINT64_MAX), GYRE_ECORRUPT);
    REFUSED(gy_store_rlx(shard, 0), GYRE_ECORRUPT);
#undef REFUSED
    gyre_options o = region_options(&name, 0, 0);
    CHECK_OK(gyre_unlink(&o)); /* a damaged one goes by its magic */
    munmap(bytes, n);
}

/* Bits of a region that is at rest: an answer or a cache that can be used, never a crash. */
TEST(region_open, any_bit_of_the_head)
{
    struct region_name name = region_name(0);
    size_t n, refused = 0;
    const size_t head = offsetof(struct gy_super, mark); /* what is fixed at creation */
    char *bytes = region_bytes(&name, &n);
    for (size_t bit = 0; bit < head * 8; bit++) {
        gyre *cache;
        gyre_options o = region_options(&name, 0, 0);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        int fd = open(name.path, O_RDWR);
        CHECK(fd >= 0 && pwrite(fd, bytes, head, 0) == (ssize_t)head);
        int result = gyre_open(&cache, &o);
        CHECK(result == GYRE_OK || result == GYRE_EFORMAT || result == GYRE_ECORRUPT);
        refused += result != GYRE_OK;
        for (unsigned i = 0; cache != NULL && i < 50; i++) {
            put_bytes(cache, key_of(i).text, 100, i);
            gyre_read(cache, key_of(i).text, 16, NULL, 0, NULL);
        }
        gyre_close(cache);
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        CHECK_EQ(pwrite(fd, bytes, head, 0), (ssize_t)head);
        close(fd);
    }
    CHECK(refused > 1000);
    munmap(bytes, n);
    unlink(name.path);
}

/* ---- by descriptor --------------------------------------------------------------------------------------------- */

static gyre_options
by_fd(int fd, uint64_t capacity_bytes, uint32_t flags)
{
    gyre_options o = api_options(capacity_bytes, flags | GYRE_NO_THREAD | GYRE_SHM_FD);
    o.shm_fd = fd;
    return o;
}

static int
attach_by_fd(void *arg)
{
    gyre *cache;
    gyre_options o = by_fd(*(int *)arg, 0, 0);
    EXPECT(1, gyre_open(&cache, &o) == GYRE_OK);
    EXPECT(2, has_text(cache, "parent", "1") && put_text(cache, "child", "2") == GYRE_OK);
    EXPECT(3, gyre_unlink(&o) == GYRE_EINVAL);
    gyre_close(cache);
    return 0;
}

TEST(region_open, a_memfd_is_handed_over)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(fd >= 0);
    gyre *cache, *other;
    gyre_options o = by_fd(fd, 0, 0);
    CHECK_EQ(gyre_open(&cache, &o), GYRE_ENOENT);
    o = by_fd(fd, MIB, GYRE_CREATE);
    CHECK_OK(gyre_open(&cache, &o));
    CHECK_OK(put_text(cache, "parent", "1"));
    region_process(attach_by_fd, &fd);
    CHECK(has_text(cache, "child", "2"));
    CHECK_OK(gyre_open(&other, &o));
    CHECK(other->generation == cache->generation && api_stats(other).unlinked == 0);
    gyre_close(other);
    o.flags |= GYRE_EXCLUSIVE;
    CHECK_EQ(gyre_open(&other, &o), GYRE_EEXIST);
    o = by_fd(fd, 2 * MIB, GYRE_CREATE);
    CHECK_EQ(gyre_open(&other, &o), GYRE_EFORMAT);
    CHECK(ftruncate(fd, 0) != 0 && ftruncate(fd, 1 << 30) != 0); /* sealed: nobody takes its pages away */
    close(fd);                                                    /* the cache has its own */
    CHECK(has_text(cache, "child", "2"));
    api_close(cache);
}

/* An object that was given its length already, or that a maker has died over. */
TEST(region_open, a_half_made_memfd_is_made_anew)
{
    gyre *cache;
    int fd = memfd_create("test", MFD_CLOEXEC);
    gyre_options o = by_fd(fd, MIB, GYRE_CREATE), found = by_fd(fd, 0, 0);
    CHECK_EQ(ftruncate(fd, 123456), 0);
    CHECK_EQ(gyre_open(&cache, &found), GYRE_ENOENT);
    CHECK_OK(gyre_open(&cache, &o));
    CHECK_OK(put_text(cache, "key", "value"));
    gy_store_seq(&cache->super->state, 0);
    gyre_close(cache);
    CHECK_EQ(gyre_open(&cache, &found), GYRE_ENOENT);
    CHECK_OK(gyre_open(&cache, &o));
    CHECK(is_missing(cache, "key"));
    gyre_close(cache);
    CHECK_OK(gyre_open(&cache, &found));
    gyre_close(cache);
    close(fd);
}

TEST(region_open, what_is_no_memory_is_not_taken)
{
    gyre *cache;
    struct region_name name = region_name(0);
    static const char text[8192] = "this is no cache";
    int pair[2], fd = memfd_create("test", MFD_CLOEXEC);
    CHECK_EQ(pipe(pair), 0);
    gyre_options o = by_fd(pair[1], MIB, GYRE_CREATE);
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EINVAL);
    o.shm_fd = 1 << 20;
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EINVAL);
    CHECK_EQ(write(fd, text, sizeof text), (ssize_t)sizeof text);
    o.shm_fd = fd;
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EFORMAT); /* somebody's text stays */
    struct stat s;
    CHECK(fstat(fd, &s) == 0 && s.st_size == sizeof text);
    make_region(&name, 0);
    o = by_fd(open(name.path, O_RDONLY), 0, 0);
    CHECK_EQ(gyre_open(&cache, &o), GYRE_EPERM);
    o.flags |= GYRE_READONLY;
    CHECK_OK(gyre_open(&cache, &o));
    CHECK_EQ(gyre_read(cache, "key", 3, NULL, 0, NULL), GYRE_E2BIG);
    gyre_close(cache);
    close(o.shm_fd), close(fd), close(pair[0]), close(pair[1]);
    unlink(name.path);
}

struct makers {
    int fd;
    atomic_uint made;
    uint64_t generation[8];
};

static void
make_in_one(void *arg, unsigned i)
{
    struct makers *m = arg;
    gyre *cache;
    gyre_options o = by_fd(m->fd, 256 * KIB, GYRE_CREATE | (i % 2 ? GYRE_EXCLUSIVE : 0));
    int result = gyre_open(&cache, &o);
    CHECK(result == GYRE_OK || (i % 2 && result == GYRE_EEXIST));
    if (result != GYRE_OK)
        return;
    m->generation[i] = cache->generation;
    gyre_close(cache);
}

TEST(region_open, one_of_many_makes_it_in_a_memfd)
{
    for (unsigned round = 0; round < 30; round++) {
        struct makers m = {.fd = memfd_create("test", MFD_CLOEXEC)};
        CHECK(m.fd >= 0);
        api_threads(8, make_in_one, &m);
        for (unsigned i = 0; i < 8; i++)
            CHECK(i % 2 ? m.generation[i] == 0 || m.generation[i] == m.generation[0]
                        : m.generation[i] == m.generation[0] && m.generation[i] != 0);
        close(m.fd);
    }
}
