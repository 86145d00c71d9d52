/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Opening a draft: what gyre_reserve and gyre_lease_reserve have in common. */

#ifndef GY_DRAFT_H
#define GY_DRAFT_H

#include "insert.h"

/* options->version: for the conditions, or a lease's token. GYRE_OK, or GYRE_EBUSY and the draft is untouched. */
int gy_draft_open(struct gyre *cache, struct gy_record *r, enum gy_publish_kind kind, unsigned ring,
                  const struct gy_content *content, const gyre_put_options *options, gyre_draft *draft);

/* Bytes of open drafts. Each member of a shared cache counts its own, so that they are gone when it is. */
gy_atomic_u64 *gy_draft_bytes(struct gyre *cache);

enum { GY_DRAFT_KIND_SHIFT = 56 };

static inline enum gy_publish_kind
gy_draft_kind(const gyre_draft *draft)
{
    return (enum gy_publish_kind)(draft->priv[3] >> GY_DRAFT_KIND_SHIFT);
}

#endif
