/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A process that shares a cache is killed at every instruction of each kind of call, and so is the one who clears up
 * after it: does a third find all as it must be, every time?
 *
 * A killed process leaves the bytes of the region, and nothing else: locks and descriptors go with it. So it is made
 * to run once, an instruction at a time; what it leaves is kept whenever an instruction has changed it; it is killed; and
 * then each of these states is put back, and the peer goes on from there. That is every instruction of that run, in the
 * order in which the processor would show stores to others if it showed each at once.
 *
 * SEED=n. Of each call: STATES=500 from which the peer goes on, or all, HEIRS=40 from which an heir is made to run, and
 * of each heir DEATHS=60 from which the peer goes on then. ONLY=name: the calls whose names hold that. VIOLATIONS=10:
 * after so many of one call comes the next */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stepping/scene.h"
#include "stress.h"

struct row {
    uint64_t instructions, states, recoveries, heirs, heir_states, second_kills, violations;
};

static struct rng rng;
static struct {
    uint64_t states, heirs, deaths, violations;
} most;

static struct states
step_through(struct scene *scene, pid_t pid)
{
    if (!scene_step_through(scene, pid))
        stress_fail("%s: it does not come to its end", scene->operation->name);
    if (!image_rest_is_same(&scene->record->image))
        stress_fail("%s: something was changed in parts of the region that are not in use", scene->operation->name);
    return states_copy(&scene->record->states);
}

/* The kept bytes in an object of its own, for who has not had it open. */
static void
recover_as_opener(struct scene *scene)
{
    struct scene anew = *scene;
    gyre_options o = api_options(128 << 10, GYRE_NO_THREAD | GYRE_CREATE | GYRE_SHM_FD);
    struct image *image = &scene->record->image;
    anew.shared.file = o.shm_fd = memfd_create("gyre", MFD_CLOEXEC);
    CHECK_EQ(ftruncate(o.shm_fd, (off_t)image->bytes), 0);
    for (unsigned w = 0; w < image->n_watched; w++) {
        uint64_t at = image->watched[w].at, end = gy_min(at + image->watched[w].bytes, image->bytes);
        CHECK(at >= end || pwrite(o.shm_fd, image->kept + at, end - at, (off_t)at) == (ssize_t)(end - at));
    }
    anew.cache = api_open_with(&o);
    recover(&anew);
}

/* What does not settle is waited for, for long each time: it is not done again and again. */
static bool
is_enough(const struct row *row)
{
    return row->violations >= most.violations;
}

/* Somebody goes on from the kept bytes. False: something was wrong; it has been counted. */
static bool
goes_on(struct scene *scene)
{
    bool peer = scene->cache != NULL;
    if (peer)
        image_put(&scene->record->image);
    pid_t pid = peer ? traced_double(false) : fork();
    if (pid == 0) {
        if (peer)
            recover(scene);
        else
            recover_as_opener(scene);
        _exit(0);
    }
    int status = -1;
    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (!WIFEXITED(status))
        stress_fail("it ended by signal %d", WTERMSIG(status));
    return false;
}

struct verdict {
    struct seen seen;
    bool chosen, right;
};

/* From the kept bytes, of which *first and *second say where they come from. */
struct place {
    const struct states *first, *second;
    size_t i, j;
};

static void
complain(struct scene *scene, struct row *row, const struct place *at, const char *what)
{
    char second[64] = "";
    if (at->second)
        snprintf(second, sizeof second, ", the heir after %" PRIu64 " (state %zu)",
                 at->second->state[at->j].instruction, at->j);
    stress_fail("\"%s\", killed after %" PRIu64 " instructions (state %zu)%s: %s", scene->operation->name,
               at->first->state[at->i].instruction, at->i, second, what);
    row->violations++;
}

static struct verdict
recover_from(struct scene *scene, const char *base, const struct place *at, struct row *row)
{
    image_keep(&scene->record->image, base);
    image_advance(&scene->record->image, at->first, at->i);
    if (at->second)
        image_advance(&scene->record->image, at->second, at->j);
    struct verdict v = {.chosen = true, .right = goes_on(scene)};
    v.seen = scene->record->seen;
    if (!v.right)
        complain(scene, row, at, "the peer does not go on as it must");
    return v;
}

/* Is what the peer saw allowed after what it saw in the state before, and with what it saw in the last one? */
static bool
is_allowed(const struct operation *o, struct seen before, struct seen is, struct seen last)
{
    bool moves = o->others == OTHERS_MAY_GO && o->first == o->last; /* then the key itself may be lost on its way */
    bool standing = moves ? is.standing != STEPS_NEWER : is.standing >= before.standing && is.standing <= (int)o->last;
    uint64_t gone = before.keys & ~is.keys, lost = last.keys & ~is.keys;
    if (o->others == OTHERS_STAY)
        return standing && gone == 0;
    if (o->others == OTHERS_GO_AT_ONCE)
        return standing && (gone == 0 || is.keys == 0);
    return standing && __builtin_popcountll(lost) <= 1;
}

/* The number of a sample, one of each of so many equal parts; all of them where there are no more. */
static size_t
sample(size_t n, size_t of, size_t which)
{
    return n <= of ? which : (which * n + rng_below(&rng, n)) / of;
}

/* From the states that are chosen, the first and the last among them. */
static void
recover_from_states(struct scene *scene, const char *base, const struct states *states, struct verdict v[],
                    struct row *row)
{
    const struct operation *o = scene->operation;
    struct place at = {.first = states};
    for (at.i = 0; at.i < states->n && !is_enough(row); at.i++)
        if (v[at.i].chosen)
            v[at.i] = recover_from(scene, base, &at, row), row->recoveries++;
    if (is_enough(row))
        return;
    const struct verdict *before = v, *last = &v[states->n - 1];
    for (at.i = 0; at.i < states->n; at.i++) {
        if (!v[at.i].chosen)
            continue;
        if (v[at.i].right && before->right && !is_allowed(o, before->seen, v[at.i].seen, last->seen))
            complain(scene, row, &at, "what the peer finds is not what may stand then");
        before = &v[at.i];
    }
    at.i = states->n - 1;
    if (v->seen.standing != (int)o->first || last->seen.standing != (int)o->last)
        complain(scene, row, &at, "the whole call does not what it says");
}

/* What the heir does from some of the states. Then it is dead, too. */
static struct states *
step_heirs(struct scene *scene, const char *base, const struct states *first, const size_t from[], size_t n)
{
    struct states *second = calloc(n + 1, sizeof *second);
    CHECK(second != NULL);
    for (size_t h = 0; h < n; h++) {
        image_keep(&scene->record->image, base);
        image_advance(&scene->record->image, first, from[h]);
        image_put(&scene->record->image);
        pid_t pid = scene_heir(scene);
        second[h] = step_through(scene, pid);
        traced_kill(pid);
    }
    scene_end_heir(scene);
    return second;
}

/* Clearing up changes nothing that anybody can see. */
static void
recover_from_heirs(struct scene *scene, const char *base, struct place at, const struct verdict *before,
                   struct row *row)
{
    size_t n = gy_min(at.second->n, most.deaths);
    for (size_t d = 0; d < n && !is_enough(row); d++) {
        at.j = sample(at.second->n, most.deaths, d);
        struct verdict v = recover_from(scene, base, &at, row);
        if (v.right && before->right && scene->operation->others != OTHERS_MAY_GO &&
            (v.seen.keys != before->seen.keys || v.seen.standing != before->seen.standing))
            complain(scene, row, &at, "clearing up has changed what stands");
    }
    row->heirs++, row->heir_states += at.second->n, row->second_kills += n;
}

/* Which states are gone on from; and from which of these an heir starts. */
static void
choose(struct verdict v[], size_t n, size_t from[], size_t n_heirs)
{
    v[0].chosen = v[n - 1].chosen = true;
    for (size_t i = 0; i < gy_min(n, most.states); i++)
        v[sample(n, most.states, i)].chosen = true;
    for (size_t h = 0; h < n_heirs; h++) {
        from[h] = sample(n, n_heirs, h);
        v[from[h]].chosen = true;
    }
}

/* A recovery that had used more of the region than is watched would have left it there. */
static void
expect_rest(struct scene *scene, const char *base, const struct states *first, struct row *row)
{
    image_keep(&scene->record->image, base);
    image_advance(&scene->record->image, first, 0);
    image_put(&scene->record->image);
    if (scene->cache && !image_rest_is_same(&scene->record->image))
        complain(scene, row, &(struct place){.first = first}, "a recovery has used parts of the region that are not watched");
}

static struct row
run(struct scene *scene, const struct operation *o)
{
    struct row row = {0};
    struct states first, *second = NULL;
    bool with_heir = most.heirs > 0 && o->kind != STEPS_CREATOR;
    scene_begin(scene, o, with_heir);
    image_begin(&scene->record->image, &scene->record->states);
    char *base = image_copy(&scene->record->image);
    first = step_through(scene, scene->victim);
    row.instructions = scene->record->instructions, row.states = first.n;
    traced_kill(scene->victim);
    size_t n = with_heir ? gy_min(first.n, most.heirs) : 0, *from = calloc(n + 1, sizeof *from);
    struct verdict *v = calloc(first.n, sizeof *v);
    CHECK(from != NULL && v != NULL);
    choose(v, first.n, from, n);
    if (with_heir)
        second = step_heirs(scene, base, &first, from, n);
    recover_from_states(scene, base, &first, v, &row);
    for (size_t h = 0; h < n; h++) {
        recover_from_heirs(scene, base, (struct place){&first, &second[h], from[h], 0}, &v[from[h]], &row);
        states_free(&second[h]);
    }
    expect_rest(scene, base, &first, &row);
    free(v), free(from), free(second), free(base);
    states_free(&first);
    scene_end(scene);
    return row;
}

static void
print_row(const char *name, const struct row *row)
{
    printf("%-22s %10" PRIu64 " %7" PRIu64 " %10" PRIu64 " %6" PRIu64 " %8" PRIu64 " %12" PRIu64 " %10" PRIu64 "\n", name,
           row->instructions, row->states, row->recoveries, row->heirs, row->heir_states, row->second_kills,
           row->violations);
    fflush(stdout);
}

int
main(int argc, char **argv)
{
    (void)argc;
    const char *only = getenv("ONLY"), *cannot;
    struct row all = {0};
    stress_start(argv, "steps", 300);
    stress_count_in_children();
    rng = stress_rng(0);
    most.states = stress_setting("STATES", 500), most.heirs = stress_setting("HEIRS", 40);
    most.deaths = stress_setting("DEATHS", 60), most.violations = stress_setting("VIOLATIONS", 10);
    if ((cannot = traced_cannot()) != NULL) {
        printf("steps: skipped: %s\n", cannot);
        return EXIT_SUCCESS;
    }
    struct scene scene = {.record = scene_record()};
    printf("%-22s %10s %7s %10s %6s %8s %12s %10s\n", "call", "instrs", "states", "recoveries", "heirs", "states",
           "second kills", "violations");
    for (unsigned i = 0; i < steps_n_operations; i++) {
        if (only && *only && strstr(steps_operations[i].name, only) == NULL)
            continue;
        struct row row = run(&scene, &steps_operations[i]);
        print_row(steps_operations[i].name, &row);
        all.instructions += row.instructions, all.states += row.states, all.recoveries += row.recoveries;
        all.heirs += row.heirs, all.heir_states += row.heir_states, all.second_kills += row.second_kills;
        all.violations += row.violations;
    }
    print_row("all", &all);
    bool failed = stress_failed() || all.recoveries == 0;
    printf("steps: %s\n", failed ? "FAILED" : "OK");
    printf("RESULT stress-steps instructions=%" PRIu64 " states=%" PRIu64 " recoveries=%" PRIu64 " second_kills=%" PRIu64
           " violations=%" PRIu64 "\n", all.instructions, all.states, all.recoveries, all.second_kills, stress_failures());
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
