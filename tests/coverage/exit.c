/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Forked children leave by _exit, which would lose what they covered: in FLAVOR=cover every program's
 * _exit is this one. */

#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
void __gcov_dump(void);

_Noreturn void
__wrap__exit(int status)
{
    __gcov_dump();
    __real__exit(status);
}
