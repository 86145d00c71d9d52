/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Another life of the machine, as a file sees it. */

#ifndef STRESS_REBOOT_H
#define STRESS_REBOOT_H

#include <stdbool.h>

/* With nobody there. Was the file clean? */
bool reboot_file(const char *path);

#endif
