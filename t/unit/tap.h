
/*
 * TAP for the tests of pure code.  One source file includes it:
 *
 *     int
 *     main(void)
 *     {
 *         ok(1 + 1 == 2, "sum");
 *         is_int(f(), 3, "f of %s", name);
 *         is_str(s, "abc", "ai_str_t against a C string");
 *         return done();
 *     }
 *
 * The message is a printf format.  All return whether the test passed.
 */

#ifndef T_TAP_H
#define T_TAP_H


#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <base/ai_base.h>


#define ok(cond, ...)                                                         \
    tap_ok((cond) ? 1 : 0, __FILE__, __LINE__, #cond, __VA_ARGS__)

#define is_int(got, want, ...)                                                \
    tap_int((long long) (got), (long long) (want), __FILE__, __LINE__,        \
            __VA_ARGS__)

/* got is an ai_str_t, want a C string; is_mem() takes a length as well */

#define is_str(got, want, ...)                                                \
    tap_str((got).data, (got).len, (want), strlen(want), __FILE__, __LINE__,  \
            __VA_ARGS__)

#define is_mem(gdata, glen, wdata, wlen, ...)                                 \
    tap_str((gdata), (glen), (wdata), (wlen), __FILE__, __LINE__, __VA_ARGS__)

/* C strings */

#define is_cstr(got, want, ...)                                               \
    tap_str((got), strlen(got), (want), strlen(want), __FILE__, __LINE__,     \
            __VA_ARGS__)


static int  tap_run;
static int  tap_failed;
static int  tap_planned = -1;


__attribute__((unused)) static void
plan(int n)
{
    tap_planned = n;
    printf("1..%d\n", n);
}


__attribute__((unused, format(printf, 1, 2))) static void
diag(const char *fmt, ...)
{
    va_list  args;

    printf("# ");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n");
}


static int
tap_vresult(int passed, const char *file, int line, const char *fmt,
    va_list args)
{
    tap_run++;

    printf("%s %d - ", passed ? "ok" : "not ok", tap_run);
    vprintf(fmt, args);
    printf("\n");

    if (!passed) {
        tap_failed++;
        printf("# at %s line %d\n", file, line);
    }

    fflush(stdout);
    return passed;
}


__attribute__((unused, format(printf, 5, 6))) static int
tap_ok(int passed, const char *file, int line, const char *text,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_vresult(passed, file, line, fmt, args);
    va_end(args);

    if (!passed) {
        printf("# false: %s\n", text);
    }

    return passed;
}


__attribute__((unused, format(printf, 5, 6))) static int
tap_int(long long got, long long want, const char *file, int line,
    const char *fmt, ...)
{
    va_list  args;

    va_start(args, fmt);
    tap_vresult(got == want, file, line, fmt, args);
    va_end(args);

    if (got != want) {
        printf("#      got: %lld\n# expected: %lld\n", got, want);
    }

    return got == want;
}


static void
tap_show(const char *name, const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p;

    p = data;
    printf("# %s (%zu): ", name, len);

    for (i = 0; i < len && i < 2000; i++) {
        if (p[i] >= 0x20 && p[i] < 0x7f && p[i] != '\\') {
            putchar(p[i]);

        } else {
            printf("\\x%02x", p[i]);
        }
    }

    printf("%s\n", i < len ? "..." : "");
}


__attribute__((unused, format(printf, 7, 8))) static int
tap_str(const void *got, size_t glen, const void *want, size_t wlen,
    const char *file, int line, const char *fmt, ...)
{
    int      passed;
    va_list  args;

    passed = glen == wlen && (wlen == 0 || memcmp(got, want, wlen) == 0);

    va_start(args, fmt);
    tap_vresult(passed, file, line, fmt, args);
    va_end(args);

    if (!passed) {
        tap_show("     got", got, glen);
        tap_show("expected", want, wlen);
    }

    return passed;
}


/* The exit code of the program. */

__attribute__((unused)) static int
done(void)
{
    if (tap_planned == -1) {
        printf("1..%d\n", tap_run);

    } else if (tap_planned != tap_run) {
        printf("# planned %d tests, ran %d\n", tap_planned, tap_run);
        tap_failed++;
    }

    fflush(stdout);
    return tap_failed ? 1 : 0;
}


#endif /* T_TAP_H */
