/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* A file over the lives of processes and of the machine.
 *
 * While the machine goes on, the page cache is the file, whoever was killed: a region is as consistent as one in shared
 * memory, and is opened as such. When the machine stops, some pages are on the disk as they were last and some as they
 * were before, and nothing tells which. So a file says whether it is clean: who closes it as the last writes everything
 * out, and then that it is; who opens it as the first writes out that it is not, before anything else is changed. One that is
 * not clean, and of another life of the machine, is recovered, or emptied if its entries do not prove themselves; so is a copy of
 * one that is not clean. Nothing is done to one that others have open, or of whose locks nothing can be told.
 *
 * Opening and closing are one at a time, by a lock that ends with its holder. It is not needed for anything else. Whoever dies
 * over either leaves a file that the next one finds not clean, and does what he was about to. */

#ifndef GY_FILE_H
#define GY_FILE_H

#include "base.h"

struct gyre;
struct gy_super;

/* Between the mapping and the first step in a region: the lock; and the region is as it has to be. head is a verified copy of
 * its head, and is brought up to date. GYRE_OK; GYRE_EEXIST: another has its name by now, or none; GYRE_EBUSY: somebody opens or closes it for long; GYRE_EIO and others: the
 * disk refused something, and nothing was done that cannot be done again. Without the right to write, GYRE_ENOENT: it
 * would have been recovered or emptied. */
int gy_file_begin(struct gyre *cache, struct gy_super *head);

/* The same of one that is to be made anew (resize.h): the answer is `refusal` when somebody else has it open, and one that may be
 * trusted is left as it is, byte for byte. */
int gy_file_begin_alone(struct gyre *cache, struct gy_super *head, int refusal);

/* A fresh one is whole: it takes the name from the one that has it. */
int gy_file_replace(struct gyre *cache);

/* This process is a member: does it hold the lock that says so, whatever can be told of processes and machines? Else it is
 * none any more, and GYRE_EPERM. */
int gy_file_joined(struct gyre *cache);

/* This process is a member, or could not be one: others may open it. */
void gy_file_ready(struct gyre *cache);

/* The life of a fresh one begins. GYRE_EIO: the system does not tell which file it is. */
int gy_file_found(struct gyre *cache);

/* In a forked child, before its first operation, as gy_member_join_again. */
int gy_file_join_again(struct gyre *cache);

/* In a forked child: the lock is the parent's. */
void gy_file_forget(struct gyre *cache);

/* Writes out what is in memory. GYRE_OK, or what the disk answers, which is counted: then it is not clean for ever. */
int gy_file_write_out(struct gyre *cache);

/* Gives up this process's membership; was it the last, the file is clean, if the disk took everything. */
void gy_file_leave(struct gyre *cache);

/* Tells the region what time it is on the wall: cache time goes on from there in another life of the machine. */
void gy_file_tell_time(struct gyre *cache);

#endif
