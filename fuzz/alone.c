/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

/* Runs a fuzz target over the files and folders named on the command line. */

#include <dirent.h>
#include <string.h>

#include "fuzz.h"

static unsigned n_files;

/* 0: it is no readable file. */
static int
replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        size < 1 << 24 && fseek(file, 0, SEEK_SET) == 0)
        data = malloc((size_t)size + 1);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        size = -1;
    if (file != NULL)
        fclose(file);
    if (size >= 0) {
        LLVMFuzzerTestOneInput(data, (size_t)size);
        n_files++;
    }
    free(data);
    return size >= 0;
}

static int
replay(const char *path)
{
    DIR *folder = opendir(path);
    int readable = 1;

    if (folder == NULL)
        return replay_file(path);
    for (struct dirent *found; (found = readdir(folder)) != NULL;) {
        char name[4096];

        if (found->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, found->d_name);
            readable &= replay_file(name);
        }
    }
    closedir(folder);
    return readable;
}

int
main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (!replay(argv[i])) {
            fprintf(stderr, "cannot read %s\n", argv[i]);
            return 2;
        }
    }
    printf("%u files; ", n_files);
    if (!fuzz_report(stdout)) {
        fprintf(stderr, "too little happened to mean anything\n");
        return 1;
    }
    return 0;
}
