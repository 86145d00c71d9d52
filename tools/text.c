/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 the gyre authors */

#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool
parse_digits(const char **text, uint64_t *value)
{
    const char *p = *text;
    uint64_t n = 0;
    if (*p < '0' || *p > '9')
        return false;
    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(n, 10u, &n)
            || __builtin_add_overflow(n, (uint64_t)(*p - '0'), &n))
            return false;
    *text = p;
    *value = n;
    return true;
}

bool
text_u64(const char *text, uint64_t *value)
{
    return parse_digits(&text, value) && *text == '\0';
}

bool
text_bytes(const char *text, uint64_t *value)
{
    static const char units[] = "KMGT";
    uint64_t n;
    if (!parse_digits(&text, &n))
        return false;
    if (*text != '\0' && *text != 'B') {
        const char upper = (char)(*text >= 'a' && *text <= 'z' ? *text - 'a' + 'A' : *text);
        const char *unit = strchr(units, upper);
        if (!unit)
            return false;
        unsigned shift = 10 * (unsigned)(unit - units + 1);
        if (n > UINT64_MAX >> shift)
            return false;
        n <<= shift;
        text++;
        if (*text == 'i')
            text++;
    }
    if (*text == 'B')
        text++;
    *value = n;
    return *text == '\0';
}

bool
text_percent(const char *text, double *fraction)
{
    char *end;
    errno = 0;
    double percent = strtod(text, &end);
    if (end == text || strcmp(end, "%") != 0 || errno != 0 || !isfinite(percent) || percent <= 0)
        return false;
    *fraction = percent / 100;
    return true;
}

struct text
text_count(uint64_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    struct text out;
    size_t at = 0;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            out.s[at++] = ',';
        out.s[at++] = digits[i];
    }
    out.s[at] = '\0';
    return out;
}

struct text
text_size(double bytes)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    while (bytes >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        bytes /= 1024;
        unit++;
    }
    struct text out;
    bool whole = floor(bytes) >= bytes; /* 64 KiB, and not 64.0 */
    int decimals = whole || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
    snprintf(out.s, sizeof out.s, "%.*f %s", decimals, bytes, units[unit]);
    return out;
}

struct text
text_duration(double seconds)
{
    struct text out;
    unsigned long long s = seconds < 0     ? 0
                           : seconds > 1e9 ? 1000000000ull
                                           : (unsigned long long)(seconds + 0.5);
    if (s < 60)
        snprintf(out.s, sizeof out.s, "%llu s", s);
    else if (s < 3600)
        snprintf(out.s, sizeof out.s, "%llu:%02llu", s / 60, s % 60);
    else
        snprintf(out.s, sizeof out.s, "%llu:%02llu:%02llu", s / 3600, s / 60 % 60, s % 60);
    return out;
}

/* Bytes of the well-formed UTF-8 character at s that is printable, 0 when there is none. */
static size_t
utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf   ? 2
               : (s[0] & 0xf0) == 0xe0        ? 3
               : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                              : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool control = s[0] == 0xc2 && s[1] < 0xa0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = s[0] == 0xf4 && s[1] > 0x8f;
    bool no_character =
        (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xef && s[1] == 0xbf && s[2] > 0xbd);
    return control || overlong || beyond || no_character ? 0 : n;
}

bool
text_printable(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t n; *s != '\0'; s += n)
        if ((n = utf8_length(s)) == 0)
            return false;
    return true;
}

static void
write_escaped(FILE *out, const char *name, const char *special, const char *const *replacements)
{
    const unsigned char *s = (const unsigned char *)name;
    while (*s) {
        size_t n = utf8_length(s);
        const char *found = strchr(special, *s);
        if (n == 0) {
            fputc('?', out);
            n = 1;
        } else if (found) {
            fputs(replacements[found - special], out);
        } else {
            fwrite(s, 1, n, out);
        }
        s += n;
    }
}

void
text_json(FILE *out, const char *name)
{
    static const char *const replacements[] = {"\\\"", "\\\\"};
    write_escaped(out, name, "\"\\", replacements);
}

void
text_xml(FILE *out, const char *name)
{
    static const char *const replacements[] = {"&amp;", "&lt;", "&gt;", "&quot;"};
    write_escaped(out, name, "&<>\"", replacements);
}
