
/*
 * Images, files and sound, by the rules of each vendor.
 *
 * An image that is in the request tells its size; of one behind a URL or an
 * id the size is not known, it counts as one of a usual size.  How long sound
 * lasts and how many pages a document has would take a decoder each: they are
 * estimated from their bytes.
 */

#include <token/ai_image.h>
#include <token/ai_prompt_int.h>


#define AI_MEDIA_SIDE        1024   /* of an image that is not seen */

#define AI_MEDIA_PAGE        (40 * 1024)     /* bytes of a PDF */
#define AI_MEDIA_PAGES       1               /* of one that is not seen */

#define AI_MEDIA_WAVE        32000           /* bytes of a second: 16 kHz, */
#define AI_MEDIA_SOUND       16000           /* 128 kbit/s, */
#define AI_MEDIA_FILM        128000          /* and 1 Mbit/s */
#define AI_MEDIA_SECONDS     30              /* of one that is not seen */

#define AI_MEDIA_MAX         10000000        /* tokens of a block */


typedef struct {
    uint64_t           width;
    uint64_t           height;
} ai_media_size_t;


typedef struct ai_media_rule_s  ai_media_rule_t;

typedef uint64_t (*ai_media_rule_pt)(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);

/* the numbers are the function's */
struct ai_media_rule_s {
    ai_media_rule_pt   tokens;
    uint32_t           a;
    uint32_t           b;
    uint32_t           c;
};


/* tokens */
typedef struct {
    uint16_t           page;        /* of a document: its text or the image
                                       of it, or both */
    uint16_t           sound;       /* of ten seconds */
    uint16_t           film;
} ai_media_vendor_t;


static uint64_t ai_media_image(const ai_prompt_t *p, const ai_block_t *b,
    size_t *looked);
static uint64_t ai_media_tiles(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static uint64_t ai_media_patches(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static uint64_t ai_media_area(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static uint64_t ai_media_crops(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static uint64_t ai_media_grid(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static uint64_t ai_media_squares(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static uint64_t ai_media_fixed(const ai_media_rule_t *r,
    const ai_media_size_t *size, const ai_esc_t *detail);
static void ai_media_fit(ai_media_size_t *s, uint64_t longest,
    uint64_t shortest);
static uint64_t ai_media_root(uint64_t n);
static uint64_t ai_media_file(const ai_prompt_t *p, const ai_block_t *b);
static uint64_t ai_media_lasting(const ai_prompt_t *p, const ai_block_t *b,
    ai_int_t film);
static const ai_media_vendor_t *ai_media_vendor(const ai_prompt_t *p);
static ai_int_t ai_media_is(const ai_block_t *b, const char *what);


static const ai_media_rule_t  ai_media_rules[AI_IMAGES_N] = {

    [AI_IMAGES_OTHER] = { ai_media_area, 750, 1600, 1568 },

    /* tokens of any image, and of a tile of 512 */
    [AI_IMAGES_OPENAI] = { ai_media_tiles, 85, 170, 0 },
    [AI_IMAGES_OPENAI_4O_MINI] = { ai_media_tiles, 2833, 5667, 0 },
    [AI_IMAGES_OPENAI_5] = { ai_media_tiles, 70, 140, 0 },
    [AI_IMAGES_OPENAI_O1] = { ai_media_tiles, 75, 150, 0 },
    [AI_IMAGES_OPENAI_COMPUTER] = { ai_media_tiles, 65, 129, 0 },

    /* patches of 32 at most, and what each is in 1/100 */
    [AI_IMAGES_OPENAI_PATCH_162] = { ai_media_patches, 1536, 162, 0 },
    [AI_IMAGES_OPENAI_PATCH_172] = { ai_media_patches, 1536, 172, 0 },
    [AI_IMAGES_OPENAI_PATCH_246] = { ai_media_patches, 1536, 246, 0 },

    /* pixels of a token, tokens at most, the longest side */
    [AI_IMAGES_ANTHROPIC] = { ai_media_area, 750, 1600, 1568 },
    [AI_IMAGES_AMAZON] = { ai_media_area, 650, 2600, 0 },

    /* tokens of a crop */
    [AI_IMAGES_GEMINI] = { ai_media_crops, 258, 0, 0 },
    [AI_IMAGES_GEMINI_3] = { ai_media_fixed, 1120, 280, 0 },

    /* side of a patch, the longest side of an image, tokens beside patches
     * of each row */
    [AI_IMAGES_MISTRAL] = { ai_media_grid, 28, 1540, 1 },
    [AI_IMAGES_PIXTRAL] = { ai_media_grid, 16, 1024, 1 },
    [AI_IMAGES_QWEN] = { ai_media_grid, 28, 3584, 0 },

    /* side of a square, its tokens, squares at most */
    [AI_IMAGES_LLAMA] = { ai_media_squares, 336, 146, 16 },
    [AI_IMAGES_COHERE] = { ai_media_squares, 512, 256, 12 },
    [AI_IMAGES_XAI] = { ai_media_squares, 448, 256, 6 }
};


/*
 * Documented: Gemini's 258 for a page, 32 a second of sound and 258 of film
 * beside it; OpenAI's 10 a second of sound, and of a page its text and image.
 * What is not here is as OTHER.
 */

static const ai_media_vendor_t  ai_media_vendors[] = {
    [AI_VENDOR_OTHER] = { 700, 250, 2500 },
    [AI_VENDOR_OPENAI] = { 1465, 100, 2500 },
    [AI_VENDOR_ANTHROPIC] = { 2200, 250, 2500 },
    [AI_VENDOR_GEMINI] = { 258, 320, 2900 },
    [AI_VENDOR_MISTRAL] = { 700, 125, 2500 },
    [AI_VENDOR_AMAZON] = { 700, 250, 2880 }
};


/* tokens of a block go to the overhead; a file that is text, in line */

size_t
ai_prompt_media(ai_prompt_t *p, const ai_block_t *b)
{
    size_t    looked;
    uint64_t  n;

    looked = 0;

    if (b->source == AI_SOURCE_TEXT) {
        ai_prompt_put(p, AI_PIECE_ESC, &b->data);
        ai_prompt_break(p);
        return 0;
    }

    if (b->kind == AI_BLOCK_AUDIO || ai_media_is(b, "audio/")) {
        n = ai_media_lasting(p, b, 0);

    } else if (ai_media_is(b, "video/")) {
        n = ai_media_lasting(p, b, 1);

    } else if (b->kind == AI_BLOCK_IMAGE || ai_media_is(b, "image/")) {
        n = ai_media_image(p, b, &looked);

    } else {
        n = ai_media_file(p, b);
    }

    p->overhead += (int64_t) ai_min(n, AI_MEDIA_MAX);

    return looked;
}


static uint64_t
ai_media_image(const ai_prompt_t *p, const ai_block_t *b, size_t *looked)
{
    ai_image_t              image;
    ai_media_size_t         size;
    const ai_media_rule_t  *r;

    size.width = AI_MEDIA_SIDE;
    size.height = AI_MEDIA_SIDE;

    if (b->source == AI_SOURCE_BASE64
        && ai_image_size(&b->data, &image, looked) == AI_OK)
    {
        size.width = image.width;
        size.height = image.height;
    }

    r = &ai_media_rules[p->model->images < AI_IMAGES_N ? p->model->images : 0];

    return r->tokens(r, &size, &b->detail);
}


/* OpenAI: within 2048, the shorter side at most 768, tiles of 512 */

static uint64_t
ai_media_tiles(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    ai_media_size_t  s;

    if (ai_str_is(detail, "low")) {
        return r->a;
    }

    s = *size;
    ai_media_fit(&s, 2048, 768);

    return r->a + r->b * ((s.width + 511) / 512) * ((s.height + 511) / 512);
}


/*
 * OpenAI's smaller models: patches of 32; an image that has too many is made
 * smaller, to whole patches at one side.  Sides in 1/1024 of a patch.
 */

static uint64_t
ai_media_patches(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    uint64_t  w, h, n, max, root, whole;

    w = ai_min(size->width, 1 << 24);
    h = ai_min(size->height, 1 << 24);

    max = ai_str_is(detail, "low") ? 256 : r->a;
    n = ((w + 31) / 32) * ((h + 31) / 32);

    if (n > max) {

        /* w * sqrt(max / (w * h)) is sqrt(max * w / h) */

        root = ai_media_root((max << 20) * w / h);
        h = ai_media_root((max << 20) * h / w);
        w = root;

        /* the side that loses less to be whole decides */

        whole = w / 1024 * 1024;

        if (whole * h <= h / 1024 * 1024 * w && whole) {
            h = h * whole / w;
            w = whole;

        } else if (h / 1024) {
            whole = h / 1024 * 1024;
            w = w * whole / h;
            h = whole;
        }

        n = ((w + 1023) / 1024) * ((h + 1023) / 1024);
        n = ai_min(n, max);
    }

    return (n * r->b + 99) / 100;
}


static uint64_t
ai_media_area(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    uint64_t         n;
    ai_media_size_t  s;

    (void) detail;

    s = *size;

    if (r->c) {
        ai_media_fit(&s, r->c, r->c);
    }

    s.width = ai_min(s.width, 1 << 16);
    s.height = ai_min(s.height, 1 << 16);

    n = (s.width * s.height + r->a - 1) / r->a;

    return ai_min(ai_max(n, 1), r->b);
}


/*
 * Gemini: a small image is one; others are cut in squares whose side is the
 * shorter one's by 1.5, but 256 at least and 768 at most.
 */

static uint64_t
ai_media_crops(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    uint64_t         unit;
    ai_media_size_t  s;

    if ((size->width <= 384 && size->height <= 384)
        || ai_str_is(detail, "low"))
    {
        return r->a;
    }

    s = *size;
    ai_media_fit(&s, 3072, 3072);

    unit = ai_min(s.width, s.height) * 2 / 3;
    unit = ai_min(ai_max(unit, 256), 768);

    return r->a * ((s.width + unit - 1) / unit)
           * ((s.height + unit - 1) / unit);
}


/* patches as they are, none smaller than one */

static uint64_t
ai_media_grid(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    uint64_t         w, h;
    ai_media_size_t  s;

    (void) detail;

    s = *size;
    ai_media_fit(&s, r->b, r->b);

    if (r->c) {
        w = (s.width + r->a - 1) / r->a;
        h = (s.height + r->a - 1) / r->a;

        return (w + r->c) * h;
    }

    w = (s.width + r->a / 2) / r->a;
    h = (s.height + r->a / 2) / r->a;

    return ai_max(w, 1) * ai_max(h, 1) + 2;
}


/* squares, and one more for the whole if there are several */

static uint64_t
ai_media_squares(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    uint64_t         n;
    ai_media_size_t  s;

    s = *size;
    ai_media_fit(&s, (uint64_t) r->a * r->c, (uint64_t) r->a * r->c);

    n = ((s.width + r->a - 1) / r->a) * ((s.height + r->a - 1) / r->a);
    n = ai_str_is(detail, "low") ? 1 : ai_min(n, r->c);

    return (n > 1 ? n + 1 : n) * r->b;
}


static uint64_t
ai_media_fixed(const ai_media_rule_t *r, const ai_media_size_t *size,
    const ai_esc_t *detail)
{
    (void) size;

    return ai_str_is(detail, "low") ? r->b : r->a;
}


/* makes an image smaller, until its sides are no longer than this */

static void
ai_media_fit(ai_media_size_t *s, uint64_t longest, uint64_t shortest)
{
    uint64_t  n;

    n = ai_max(s->width, s->height);

    if (n > longest) {
        s->width = ai_max(s->width * longest / n, 1);
        s->height = ai_max(s->height * longest / n, 1);
    }

    n = ai_min(s->width, s->height);

    if (n > shortest) {
        s->width = s->width * shortest / n;
        s->height = s->height * shortest / n;
    }
}


static uint64_t
ai_media_root(uint64_t n)
{
    uint64_t  root, bit;

    root = 0;

    for (bit = 1ULL << 31; bit; bit >>= 1) {
        if ((root | bit) * (root | bit) <= n) {
            root |= bit;
        }
    }

    return root;
}


static uint64_t
ai_media_file(const ai_prompt_t *p, const ai_block_t *b)
{
    uint64_t                  bytes, pages;
    const ai_media_vendor_t  *v;

    v = ai_media_vendor(p);

    bytes = b->data.len / 4 * 3;

    if (b->source == AI_SOURCE_BASE64 && ai_media_is(b, "text/")) {
        return bytes / 4 + 1
               + (p->model->vendor == AI_VENDOR_ANTHROPIC ? 35 : 0);
    }

    pages = b->source == AI_SOURCE_BASE64
            ? (bytes + AI_MEDIA_PAGE - 1) / AI_MEDIA_PAGE : AI_MEDIA_PAGES;

    return ai_max(pages, 1) * v->page;
}


static uint64_t
ai_media_lasting(const ai_prompt_t *p, const ai_block_t *b, ai_int_t film)
{
    uint64_t                  bytes, tokens;
    const ai_media_vendor_t  *v;

    v = ai_media_vendor(p);

    tokens = film ? v->film : v->sound;

    if (b->source != AI_SOURCE_BASE64) {
        return AI_MEDIA_SECONDS * tokens / 10;
    }

    bytes = b->data.len / 4 * 3;

    if (film) {
        bytes = bytes / (AI_MEDIA_FILM / 1000);

    } else if (ai_str_casefind(&b->media, "wav")
               || ai_str_casefind(&b->media, "pcm"))
    {
        bytes = bytes / (AI_MEDIA_WAVE / 1000);

    } else {
        bytes = bytes / (AI_MEDIA_SOUND / 1000);
    }

    return bytes * tokens / 10000 + 1;
}


static const ai_media_vendor_t *
ai_media_vendor(const ai_prompt_t *p)
{
    const ai_media_vendor_t  *v;

    v = ai_media_vendors;

    if (p->model->vendor < sizeof(ai_media_vendors) / sizeof(*v)
        && v[p->model->vendor].page)
    {
        return &v[p->model->vendor];
    }

    return &v[AI_VENDOR_OTHER];
}


/* does the type begin so? */

static ai_int_t
ai_media_is(const ai_block_t *b, const char *what)
{
    return ai_str_starts(&b->media, what);
}
