/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file that nobody had open may have been damaged since: bits turn over on disks. Whoever opens it as the first doubts it.
 *
 *   - The head has a sum, and a copy in another page. What is small (arenas' words and books, shards' geometries and what stands
 *     beside them) has a sum, too, which is written when the last one closes it. After a kill there is none: then these words are
 *     checked against each other, and open arenas are sealed, whose positions cannot be. If something is wrong: recovery.
 *   - Of the index and the arenas nothing is read before it is wanted. While GY_DOUBT stands in super->done, lookups go the
 *     general way, and what does not prove itself does not stand. Maintenance carries the doubt out as it does a clear: it passes the
 *     index, removes what does not prove itself, or stands where its key is not looked for, and takes GY_DOUBT away.
 *   - A sweep of an arena of before finds the next entry by the length of the one before, of what is dead as well: there each
 *     one has to prove its length; else all of the index is looked at for what lives in it (holes, walk.h).
 *
 * Without proofs (GYRE_NO_CHECKSUMS) entries cannot be doubted. */

#ifndef GY_DOUBT_H
#define GY_DOUBT_H

#include "index.h"

/* Nobody else has it open. Can the tables be trusted? clean: they have a sum. */
bool gy_doubt_tables_hold(const struct gyre *cache, bool clean);

/* They can: from now on the rest is doubted. */
void gy_doubt_begin_quiet(struct gyre *cache, bool clean);

/* The last one leaves it: their sum. */
void gy_doubt_sign_quiet(struct gyre *cache);

/* Did the key of a pinned word prove itself, and does it stand where it is looked for? */
bool gy_doubt_well_placed(struct gyre *cache, const struct gy_found *f, const struct gy_bucket *bucket);

/* It did not: before its word is removed. Who has committed it may come to its proof yet. */
void gy_doubt_void(struct gyre *cache, const struct gy_found *f, const struct gy_bucket *bucket);

/* Removes a word which leads to nothing that could be an entry, or to another. In a section. */
void gy_doubt_remove(struct gyre *cache, struct gy_record *r, struct gy_shard *shard, gy_atomic_u64 *slot, uint64_t word);

/* Are lengths in this arena to be proved? It is held. */
bool gy_doubt_walked(const struct gyre *cache, uint32_t arena);

/* Does the entry, which lies within its arena, prove its length? */
bool gy_doubt_length_holds(const struct gyre *cache, uint64_t offset, struct gy_header h, uint32_t arena);

/* Is there an entry at the end of an arena? Then it is not the end. */
bool gy_doubt_goes_on(const struct gyre *cache, uint32_t arena, uint64_t end);

#endif
