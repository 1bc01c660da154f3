
/*
 * Answers questions about a time zone, a line each:
 *
 *     tz FILE        "-": UTC
 *
 *     o AT           seconds east of UTC
 *     m Y M D        when the local date begins
 *     d AT           the local date, and its weekday
 *     c PERIOD AT    the calendar window: d, w, month
 */

#include <stdio.h>

#include <mem.h>

#include <base/ai_limit.h>
#include <limit/ai_tz.h>
#include <limit/ai_window.h>


static ai_tz_t *
tz_file(const char *name)
{
    FILE             *f;
    ai_str_t          text;
    static ai_char_t  buf[1 << 20];

    f = fopen(name, "rb");
    if (f == NULL) {
        perror(name);
        exit(1);
    }

    text.data = buf;
    text.len = fread(buf, 1, sizeof(buf), f);
    fclose(f);

    return ai_tz_read(&text, mem_pool());
}


static void
tz_answer(const ai_tz_t *tz, const char *line)
{
    char       word[16];
    int32_t    period;
    int64_t    year, month, day, weekday, end;
    ai_str_t   name;
    long long  a, b, c;

    if (sscanf(line, "o %lld", &a) == 1) {
        printf("%d\n", ai_tz_offset(tz, a));

    } else if (sscanf(line, "m %lld %lld %lld", &a, &b, &c) == 3) {
        printf("%lld\n", (long long) ai_tz_midnight(tz, a, b, c));

    } else if (sscanf(line, "d %lld", &a) == 1) {
        ai_tz_date(tz, a, &year, &month, &day, &weekday);
        printf("%lld %lld %lld %lld\n", (long long) year, (long long) month,
               (long long) day, (long long) weekday);

    } else if (sscanf(line, "c %15s %lld", word, &a) == 2) {
        name.data = (ai_char_t *) word;
        name.len = strlen(word);

        if (ai_period_parse(&name, &period) != AI_OK || period >= 0) {
            exit(1);
        }

        ai_window_calendar(period, tz, a, &year, &end);
        printf("%lld %lld\n", (long long) year, (long long) end);

    } else {
        exit(1);
    }
}


int
main(int argc, char **argv)
{
    char      line[256];
    ai_tz_t  *tz;

    tz = NULL;

    if (argc == 2 && strcmp(argv[1], "-") != 0) {
        tz = tz_file(argv[1]);

        if (tz == NULL) {
            printf("not a time zone\n");
            return 1;
        }
    }

    while (fgets(line, sizeof(line), stdin)) {
        tz_answer(tz, line);
    }

    mem_reset();

    return 0;
}
