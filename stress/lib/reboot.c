/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "reboot.h"

#include <fcntl.h>
#include <unistd.h>

#include "layout.h"
#include "stress.h"

bool
reboot_file(const char *path)
{
    struct gy_life life;
    const off_t at = offsetof(struct gy_super, life);
    int file = open(path, O_RDWR);
    if (file < 0 || pread(file, &life, sizeof life, at) != sizeof life)
        stress_fail("the head of %s cannot be read", path);
    gy_store_rlx(&life.boot[0], gy_load_rlx(&life.boot[0]) ^ 1);
    if (pwrite(file, &life, sizeof life, at) != sizeof life)
        stress_fail("the head of %s cannot be written", path);
    close(file);
    return gy_load_rlx(&life.clean) == GY_FILE_CLEAN;
}
