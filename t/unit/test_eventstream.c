
/*
 * AWS's event streams: recordings and made-up messages at every split, every
 * flipped byte, every truncation, every length.
 */

#include <stdio.h>
#include "tap.h"
#include "mem.h"
#include "upstream.h"
#include "eventstream.h"


#ifndef TEST_DATA
#define TEST_DATA  "t/data"
#endif

#define RECORDINGS  TEST_DATA "/recordings/bedrock"


/* what came out, as one text */
typedef struct {
    char          *text;
    size_t         len;
    FILE          *f;
    size_t         events;
    size_t         bytes;
} out_t;


static frames_t  frames;


static void
out_open(out_t *o)
{
    memset(o, 0, sizeof(out_t));
    o->f = open_memstream(&o->text, &o->len);
}


static void
out_event(out_t *o, const ai_eventstream_event_t *ev)
{
    ai_sse_event_t  sse;

    ai_eventstream_sse(ev, &sse);

    fprintf(o->f, "%.*s|%.*s|%.*s|%.*s|%.*s|", (int) ev->message_type.len,
            ev->message_type.data, (int) ev->event_type.len,
            ev->event_type.data, (int) ev->exception_type.len,
            ev->exception_type.data, (int) ev->content_type.len,
            ev->content_type.data, (int) sse.name.len, sse.name.data);
    fwrite(ev->payload.data, 1, ev->payload.len, o->f);
    fputc('\n', o->f);

    o->events++;
    o->bytes += ev->bytes.len;
}


/* data in pieces, cut at the places given; the error, or NONE */

static ai_eventstream_error_e
run(out_t *o, const unsigned char *data, size_t len, size_t cut, size_t step,
    size_t max)
{
    size_t                  i, n;
    ai_int_t                rc;
    ai_str_t                in;
    ai_eventstream_t        s;
    ai_eventstream_event_t  ev;

    ai_eventstream_init(&s, mem_pool(), max);
    rc = AI_AGAIN;

    for (i = 0; rc == AI_AGAIN && i < len; i += n) {
        n = step ? ai_min(step, len - i) : i < cut ? cut - i : len - i;
        n = ai_min(n, len - i);

        in = guard_str(data + i, n);

        do {
            rc = ai_eventstream_next(&s, &in, &ev);

            if (rc == AI_OK) {
                out_event(o, &ev);
            }
        } while (rc == AI_OK);

        guard_free();
    }

    if (rc == AI_ERROR) {
        in = ai_lit("more");

        if (s.error == AI_EVENTSTREAM_E_NONE
            || ai_eventstream_next(&s, &in, &ev) != AI_ERROR
            || in.len != 4 || ai_eventstream_end(&s) != AI_ERROR)
        {
            abort();
        }

        return s.error;
    }

    return ai_eventstream_end(&s) == AI_OK ? AI_EVENTSTREAM_E_NONE : -1;
}


/* the error only */

static int
error_of(const unsigned char *data, size_t len, size_t step)
{
    int    rc;
    out_t  o;

    out_open(&o);
    rc = (int) run(&o, data, len, 0, step, 0);
    fclose(o.f);
    free(o.text);
    mem_reset();

    return rc;
}


static int
same(const unsigned char *data, size_t len, size_t cut, size_t step,
    const out_t *want)
{
    int    good;
    out_t  o;

    out_open(&o);
    good = (run(&o, data, len, cut, step, 0) == AI_EVENTSTREAM_E_NONE);
    fclose(o.f);

    good = good && o.len == want->len && o.bytes == want->bytes
           && memcmp(o.text, want->text, o.len) == 0;

    free(o.text);
    mem_reset();

    return good;
}


static void
test_recordings(void)
{
    DIR            *dir;
    char           *data;
    size_t          len, i, bad, files;
    out_t           whole;
    struct dirent  *de;

    files = 0;
    dir = opendir(RECORDINGS);

    while (dir && (de = readdir(dir)) != NULL) {
        if (strstr(de->d_name, ".eventstream.bin") == NULL) {
            continue;
        }

        files++;
        data = file_read(RECORDINGS, de->d_name, &len);

        out_open(&whole);
        is_int(run(&whole, (unsigned char *) data, len, len, 0, 0),
               AI_EVENTSTREAM_E_NONE, "%s is read", de->d_name);
        fclose(whole.f);

        is_int(whole.bytes, len, "%s: %zu events, no byte lost", de->d_name,
               whole.events);

        for (i = 0, bad = 0; i <= len; i += (len > 1500 ? 11 : 1)) {
            bad += !same((unsigned char *) data, len, i, 0, &whole);
        }

        is_int(bad, 0, "%s: two pieces", de->d_name);

        for (i = 1, bad = 0; i < 30; i += 7) {
            bad += !same((unsigned char *) data, len, 0, i, &whole);
        }

        is_int(bad, 0, "%s: small pieces", de->d_name);

        free(whole.text);
        free(data);
    }

    if (dir) {
        closedir(dir);
    }

    ok(files > 10, "%zu streams", files);
}


static void
test_damage(void)
{
    size_t         i, step, bad, first;
    unsigned       bit;
    unsigned char  copy[sizeof(frames.data)];

    frames.len = 0;
    frame_add(&frames, "event", "contentBlockDelta",
              "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"x\"}}");
    first = frames.len;
    frame_add(&frames, "event", "messageStop", "{}");

    is_int(error_of(frames.data, frames.len, 0), 0, "as made");

    for (i = 0, bad = 0; i < first; i++) {
        for (bit = 0; bit < 8; bit++) {
            memcpy(copy, frames.data, frames.len);
            copy[i] ^= (unsigned char) (1 << bit);

            for (step = 0; step < 3; step++) {
                bad += (error_of(copy, frames.len, step * 5) <= 0);
            }
        }
    }

    is_int(bad, 0, "every flipped bit is seen");

    for (i = 1, bad = 0; i < frames.len; i++) {
        if (i != first) {
            bad += (error_of(frames.data, i, 0) != -1);
            bad += (error_of(frames.data, i, 1) != -1);
        }
    }

    is_int(bad, 0, "every truncation is seen at the end");
    is_int(error_of(frames.data, first, 1), 0, "but not between messages");
    is_int(error_of(frames.data, 0, 1), 0, "nor is nothing at all");
}


/* right checksums, wrong lengths */

static void
test_lengths(void)
{
    size_t         i, bad, len;
    unsigned char  copy[sizeof(frames.data)], head[12];

    frames.len = 0;
    frame_add(&frames, "event", "a", "{\"b\":1}");
    len = frames.len;

    for (i = 0, bad = 0; i < len; i++) {
        memcpy(copy, frames.data, len);
        frame_u32(copy, (uint32_t) i);
        frame_u32(copy + 8, ai_crc32(copy, 8));

        if (i >= 16) {
            frame_u32(copy + i - 4, ai_crc32(copy, i - 4));
        }

        bad += (error_of(copy, len, 0) == 0);
        bad += (error_of(copy, len, 3) == 0);
    }

    is_int(bad, 0, "a shorter total is refused");

    for (i = 0, bad = 0; i < 70000; i += (i < len + 8 ? 1 : 997)) {
        memcpy(copy, frames.data, len);
        frame_u32(copy + 4, (uint32_t) i);
        frame_seal(copy, len);

        /* three end between two headers, and one is the right one */

        bad += (error_of(copy, len, 0) == 0);
    }

    is_int(bad, 4, "another length of headers is refused");

    frame_u32(head, 0xffffffff);
    frame_u32(head + 4, 0);
    frame_u32(head + 8, ai_crc32(head, 8));
    is_int(error_of(head, 12, 0), AI_EVENTSTREAM_E_OVERSIZE, "4 GB");

    frame_u32(head, 16 * 1024 * 1024);
    frame_u32(head + 4, 0xfffffff0);
    frame_u32(head + 8, ai_crc32(head, 8));
    is_int(error_of(head, 12, 5), AI_EVENTSTREAM_E_OVERSIZE,
           "headers of 4 GB");

    frame_u32(head, 16);
    frame_u32(head + 4, 1);
    frame_u32(head + 8, ai_crc32(head, 8));
    is_int(error_of(head, 12, 1), AI_EVENTSTREAM_E_LENGTH,
           "headers above the message");

    frame_u32(head, 16 * 1024 * 1024);
    frame_u32(head + 4, 0);
    frame_u32(head + 8, ai_crc32(head, 8));
    mem_reset();
    is_int(error_of(head, 12, 0), -1, "16 MB may be announced");

    {
        out_t  o;

        out_open(&o);
        (void) run(&o, head, 12, 0, 0, 0);
        ok(mem_bytes() < 4096, "and take %zu bytes", mem_bytes());
        fclose(o.f);
        free(o.text);
        mem_reset();

        out_open(&o);
        is_int(run(&o, frames.data, len, 0, 0, len - 1),
               AI_EVENTSTREAM_E_OVERSIZE, "above max");
        fclose(o.f);
        free(o.text);

        out_open(&o);
        is_int(run(&o, frames.data, len, 0, 1, len), 0, "max itself");
        fclose(o.f);
        free(o.text);
        mem_reset();
    }
}


static void
test_headers(void)
{
    size_t                  i;
    ai_str_t                in;
    ai_eventstream_t        s;
    ai_eventstream_event_t  ev;

    /* all types of values, with the names that matter between them */

    static const unsigned char  all[] =
        "\001a\000" "\001b\001" "\001c\002x" "\001d\003xx" "\001e\004xxxx"
        "\001f\005xxxxxxxx" "\001g\006\000\003xyz"
        "\013:event-type\007\000\004ping"
        "\001h\010xxxxxxxx" "\001i\011xxxxxxxxxxxxxxxx"
        "\001j\007\000\000" "\001k\006\000\000";

    static const struct {
        const char  *bytes;
        size_t       len;
        const char  *what;
    } bad[] = {
        { "\001a\012", 3, "type 10" },
        { "\001a\377", 3, "type 255" },
        { "\001a", 2, "no type" },
        { "\001", 1, "no name" },
        { "\000\000", 2, "an empty name" },
        { "\377a\000", 3, "a name that is cut" },
        { "\001a\002", 3, "no byte" },
        { "\001a\011xxxxxxxxxxxxxxx", 18, "a UUID that is cut" },
        { "\001a\007\000", 4, "a length that is cut" },
        { "\001a\007\000\002x", 6, "a string that is cut" },
        { "\001a\006\377\377x", 6, "bytes that are cut" },
        { "\013:event-type\006\000\001x", 16, "a type that is bytes" },
        { "\013:event-type\000", 13, "a type that is true" },
        { "\013:event-type\007\000\001x\013:event-type\007\000\001x", 32,
          "a type twice" },
        { "\015:content-type\007\000\000\015:content-type\007\000\001x", 35,
          "an empty one, and again" }
    };

    frames.len = 0;
    frame_raw(&frames, all, sizeof(all) - 1, "{}", 2);
    frame_raw(&frames, "", 0, "", 0);

    ai_eventstream_init(&s, mem_pool(), 0);
    in = guard_str(frames.data, frames.len);

    is_int(ai_eventstream_next(&s, &in, &ev), AI_OK, "all types");
    is_str(ev.event_type, "ping", "the name among them");
    is_str(ev.payload, "{}", "payload");
    ok(ev.message_type.data == NULL, "absent is absent");

    is_int(ai_eventstream_next(&s, &in, &ev), AI_OK, "an empty message");
    ok(ev.payload.len == 0 && ev.payload.data != NULL, "empty payload");
    is_int(ai_eventstream_next(&s, &in, &ev), AI_AGAIN, "no more");

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        frames.len = 0;
        frame_raw(&frames, bad[i].bytes, bad[i].len, "{}", 2);
        is_int(error_of(frames.data, frames.len, 0), AI_EVENTSTREAM_E_HEADER,
               "%s", bad[i].what);
    }

    guard_free();
    mem_reset();
}


static void
test_sse(void)
{
    size_t                  i;
    ai_sse_event_t          out;
    ai_eventstream_event_t  ev;

    static const struct {
        const char  *message, *event, *exception, *payload, *text;
        const char  *name, *data;
    } cases[] = {
        { "event", "metadata", "", "{}", "", "metadata", "{}" },
        { "", "metadata", "", "{}", "", "metadata", "{}" },
        { "event", "", "", "{}", "", "error", "{}" },
        { "exception", "", "throttlingException", "{}", "",
          "throttlingException", "{}" },
        { "exception", "metadata", "Odd", "{}", "", "error", "{}" },
        { "exception", "", "", "{}", "", "error", "{}" },
        { "error", "metadata", "", "", "it broke", "error", "it broke" },
        { "error", "", "", "{}", "it broke", "error", "{}" },
        { "new", "metadata", "", "{}", "", "error", "{}" }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&ev, 0, sizeof(ev));

#define SET(field, from)                                                      \
        if (cases[i].from[0]) {                                               \
            ev.field.data = (ai_char_t *) cases[i].from;                      \
            ev.field.len = strlen(cases[i].from);                             \
        }

        SET(message_type, message)
        SET(event_type, event)
        SET(exception_type, exception)
        SET(payload, payload)
        SET(error_message, text)

        ai_eventstream_sse(&ev, &out);

        is_str(out.name, cases[i].name, "name %zu", i);
        is_str(out.data, cases[i].data, "data %zu", i);
        ok(!out.comment, "no comment");
    }
}


static void
test_memory(void)
{
    size_t            n, events, first;
    ai_int_t          rc;
    ai_str_t          in;
    ai_eventstream_t  s;

    frames.len = 0;
    frame_add(&frames, "event", "a", "{}");
    first = frames.len;
    frame_add(&frames, "event", "b", "{}");

    for (n = 1; n < 10; n++) {
        mem_reset();
        mem_fail_at(n);
        ai_eventstream_init(&s, mem_pool(), 0);

        in.data = frames.data;
        in.len = first + 20;
        events = 0;

        for ( ;; ) {
            ai_eventstream_event_t  ev;

            rc = ai_eventstream_next(&s, &in, &ev);

            if (rc != AI_OK) {
                break;
            }

            events++;
        }

        is_int(events, 1, "what lies whole in a buffer takes no memory");

        if (mem_failed() == 0) {
            is_int(rc, AI_AGAIN, "enough");
            break;
        }

        is_int(rc, AI_ERROR, "the rest does");
        is_int(s.error, AI_EVENTSTREAM_E_MEMORY, "which is said");
    }

    ok(n == 2, "one allocation");
    mem_reset();

    is_cstr(ai_eventstream_strerror(AI_EVENTSTREAM_E_CRC),
            "checksum of a message is wrong", "words for it");
    is_cstr(ai_eventstream_strerror(99), "unknown error", "no words");
    is_int(ai_crc32((const ai_char_t *) "123456789", 9), 0xcbf43926,
           "CRC-32, the check value");
}


/* a long stream does not take more memory than one message */

static void
test_bounded(void)
{
    size_t                  i, calls;
    ai_str_t                in;
    ai_eventstream_t        s;
    ai_eventstream_event_t  ev;

    frames.len = 0;
    frame_add(&frames, "event", "a", "{\"text\":\"0123456789\"}");

    ai_eventstream_init(&s, mem_pool(), 0);
    calls = 0;

    for (i = 0; i < 2000; i++) {
        in.data = frames.data;
        in.len = 50;
        (void) ai_eventstream_next(&s, &in, &ev);
        in.data = frames.data + 50;
        in.len = frames.len - 50;

        if (ai_eventstream_next(&s, &in, &ev) != AI_OK) {
            break;
        }

        calls = i == 10 ? mem_count() : calls;
    }

    is_int(i, 2000, "2000 messages in halves");
    is_int(mem_count(), calls, "no allocation after the first");
    mem_reset();
}


int
main(void)
{
    test_damage();
    test_lengths();
    test_headers();
    test_sse();
    test_memory();
    test_bounded();
    test_recordings();

    return done();
}
