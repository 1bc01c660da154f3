
/*
 * For tests that make messages of AWS's event stream.
 */

#ifndef T_EVENTSTREAM_H
#define T_EVENTSTREAM_H


#include <stdlib.h>
#include <string.h>

#include <codec/ai_eventstream.h>


typedef struct {
    unsigned char  data[16384];
    size_t         len;
} frames_t;


static void
frame_u32(unsigned char *p, uint32_t n)
{
    p[0] = (unsigned char) (n >> 24);
    p[1] = (unsigned char) (n >> 16);
    p[2] = (unsigned char) (n >> 8);
    p[3] = (unsigned char) n;
}


/* both checksums, after a change of the message at p */

__attribute__((unused)) static void
frame_seal(unsigned char *p, size_t len)
{
    frame_u32(p + 8, ai_crc32(p, 8));
    frame_u32(p + len - 4, ai_crc32(p, len - 4));
}


/* a message with these bytes as headers */

__attribute__((unused)) static unsigned char *
frame_raw(frames_t *f, const void *headers, size_t hlen, const void *payload,
    size_t plen)
{
    unsigned char  *p;

    if (f->len + 16 + hlen + plen > sizeof(f->data)) {
        abort();
    }

    p = f->data + f->len;
    f->len += 16 + hlen + plen;

    frame_u32(p, (uint32_t) (16 + hlen + plen));
    frame_u32(p + 4, (uint32_t) hlen);

    if (hlen) {
        memcpy(p + 12, headers, hlen);
    }

    if (plen) {
        memcpy(p + 12 + hlen, payload, plen);
    }

    frame_seal(p, 16 + hlen + plen);

    return p;
}


static size_t
frame_string(unsigned char *p, const char *name, const char *value)
{
    size_t  n, v;

    n = strlen(name);
    v = strlen(value);

    p[0] = (unsigned char) n;
    memcpy(p + 1, name, n);
    p[n + 1] = 7;
    p[n + 2] = (unsigned char) (v >> 8);
    p[n + 3] = (unsigned char) v;
    memcpy(p + n + 4, value, v);

    return n + 4 + v;
}


/* what: "event" or "exception"; type: which */

__attribute__((unused)) static unsigned char *
frame_add(frames_t *f, const char *what, const char *type,
    const char *payload)
{
    size_t         n;
    char           name[64];
    unsigned char  headers[512];

    snprintf(name, sizeof(name), ":%s-type", what);

    n = frame_string(headers, name, type);
    n += frame_string(headers + n, ":content-type", "application/json");
    n += frame_string(headers + n, ":message-type", what);

    return frame_raw(f, headers, n, payload, strlen(payload));
}


#endif /* T_EVENTSTREAM_H */
