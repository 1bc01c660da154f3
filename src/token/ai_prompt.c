
/*
 * The walk over a request: tools, then turns, then blocks.  Each step of it
 * puts a few texts in line, which are then counted some bytes at a time.
 */

#include <token/ai_prompt_int.h>


#define AI_PROMPT_STEP_COST  32     /* of a step that has no text, in bytes */

#define AI_PROMPT_OPAQUE     40     /* letters of sealed thinking a token */

#define AI_ESC_WINDOW        11     /* a pair of \uXXXX, but for a byte */


enum {
    AI_WALK_BEGIN = 0,
    AI_WALK_TOOLS,
    AI_WALK_TURN,
    AI_WALK_BLOCK,
    AI_WALK_INNER,
    AI_WALK_CALL,
    AI_WALK_END,
    AI_WALK_DONE
};


/* within a string of a JSON text */
enum {
    AI_JSON_INSIDE = 1,
    AI_JSON_ESCAPE = 2
};


static const ai_turn_t *ai_prompt_fresh(const ai_request_t *rq);
static size_t ai_prompt_pump(ai_prompt_t *p, size_t bytes);
static size_t ai_prompt_piece(ai_prompt_t *p, const ai_piece_t *piece,
    size_t bytes);
static size_t ai_prompt_esc_cut(const ai_esc_t *s, size_t from, size_t n);
static ai_int_t ai_prompt_esc_leads(const ai_esc_t *s, size_t from, size_t i);
static size_t ai_prompt_esc_len(const ai_esc_t *s, size_t i);
static void ai_prompt_json(ai_prompt_t *p, const ai_char_t *s, size_t len,
    ai_int_t spaced);
static size_t ai_prompt_walk(ai_prompt_t *p);
static size_t ai_prompt_walk_begin(ai_prompt_t *p);
static size_t ai_prompt_walk_tools(ai_prompt_t *p);
static void ai_prompt_schema(ai_prompt_t *p);
static size_t ai_prompt_walk_turn(ai_prompt_t *p);
static ai_int_t ai_prompt_speaks(const ai_turn_t *turn);
static size_t ai_prompt_walk_block(ai_prompt_t *p);
static size_t ai_prompt_walk_inner(ai_prompt_t *p);
static size_t ai_prompt_walk_calls(ai_prompt_t *p);
static size_t ai_prompt_walk_end(ai_prompt_t *p);
static size_t ai_prompt_block(ai_prompt_t *p, const ai_block_t *b);
static void ai_prompt_opaque(ai_prompt_t *p, const ai_block_t *b);
static void ai_prompt_call_block(ai_prompt_t *p, const ai_block_t *b);


void
ai_prompt_init(ai_prompt_t *p, const ai_token_model_t *m,
    const ai_tokenizer_t *t, const ai_request_t *rq, const ai_pool_t *pool)
{
    memset(p, 0, sizeof(ai_prompt_t));

    p->model = m;
    p->rq = rq;
    p->turn = rq->turns;
    p->tool = rq->tools;
    p->fresh = ai_prompt_fresh(rq);

    ai_counter_init(&p->counter, t, pool);
    ai_json_init(&p->doc, pool);
}


void
ai_prompt_init_call(ai_prompt_t *p, const ai_token_model_t *m,
    const ai_tokenizer_t *t, const ai_call_t *call, const ai_pool_t *pool)
{
    if (call->kind == AI_CALL_COUNT) {
        ai_prompt_init(p, m, t, &call->u.chat, pool);
        return;
    }

    memset(p, 0, sizeof(ai_prompt_t));

    p->model = m;
    p->call = call;
    p->step = AI_WALK_CALL;

    if (call->kind == AI_CALL_EMBED) {
        p->input = call->u.embed.inputs;

    } else {
        p->document = call->u.rerank.documents;
    }

    ai_counter_init(&p->counter, t, pool);
    ai_json_init(&p->doc, pool);
}


/*
 * Vendors take the thinking of earlier answers out of a prompt.  What counts
 * is that of the answer which goes on with the results of its tools: behind
 * the last turn in which the user says something.
 */

static const ai_turn_t *
ai_prompt_fresh(const ai_request_t *rq)
{
    const ai_turn_t   *turn, *last;
    const ai_block_t  *b;

    last = NULL;

    for (turn = rq->turns; turn; turn = turn->next) {

        if (turn->role != AI_ROLE_USER) {
            continue;
        }

        for (b = turn->blocks; b; b = b->next) {
            if (b->kind != AI_BLOCK_TOOL_RESULT) {
                last = turn;
                break;
            }
        }
    }

    return last;
}


ai_int_t
ai_prompt_step(ai_prompt_t *p, size_t bytes)
{
    size_t  n;

    bytes = ai_max(bytes, 1);

    while (p->step != AI_WALK_DONE) {

        if (p->current < p->npieces) {
            n = ai_prompt_pump(p, bytes);

        } else {
            p->npieces = 0;
            p->current = 0;
            n = ai_prompt_walk(p);
        }

        if (n >= bytes) {
            return p->step == AI_WALK_DONE ? AI_OK : AI_AGAIN;
        }

        bytes -= n;
    }

    return AI_OK;
}


/* counts what is in line; how much it was */

static size_t
ai_prompt_pump(ai_prompt_t *p, size_t bytes)
{
    size_t             n, done;
    const ai_piece_t  *piece;

    done = 0;

    while (p->current < p->npieces && done < bytes) {
        piece = &p->piece[p->current];

        if (piece->kind == AI_PIECE_BREAK) {
            ai_prompt_end(&p->counter);
            n = 0;

        } else {
            n = ai_prompt_piece(p, piece, bytes - done);
        }

        p->offset += n;
        done += n;

        if (p->offset >= piece->text.len) {
            p->offset = 0;
            p->state = 0;
            p->current++;
        }
    }

    return done;
}


static size_t
ai_prompt_piece(ai_prompt_t *p, const ai_piece_t *piece, size_t bytes)
{
    size_t    from, n;
    ai_esc_t  s;

    from = p->offset;
    n = ai_min(bytes, piece->text.len - from);

    if (piece->kind == AI_PIECE_ESC) {
        n = ai_prompt_esc_cut(&piece->text, from, n);

        s.data = piece->text.data + from;
        s.len = n;
        ai_counter_add_esc(&p->counter, &s);

    } else if (piece->kind == AI_PIECE_PLAIN) {
        ai_counter_add(&p->counter, piece->text.data + from, n);

    } else {
        ai_prompt_json(p, piece->text.data + from, n,
                       piece->kind == AI_PIECE_SPACED);
    }

    return n;
}


/*
 * The length of a part that starts at "from", which is between characters, and
 * does not end in an escape or between two that are one character: n or
 * somewhat less, or more if the first character is longer.
 */

static size_t
ai_prompt_esc_cut(const ai_esc_t *s, size_t from, size_t n)
{
    size_t  i, end, last;

    end = from + n;

    if (end >= s->len) {
        return s->len - from;
    }

    i = n > AI_ESC_WINDOW ? end - AI_ESC_WINDOW : from;

    for ( /* void */ ; i < end; i++) {

        if (s->data[i] != '\\' || !ai_prompt_esc_leads(s, from, i)) {
            continue;
        }

        last = i + ai_prompt_esc_len(s, i);

        if (last > end) {
            return i > from ? i - from : last - from;
        }

        i = last - 1;
    }

    return n;
}


/* does the backslash at i begin an escape, or is it the second of one? */

static ai_int_t
ai_prompt_esc_leads(const ai_esc_t *s, size_t from, size_t i)
{
    size_t  n;

    for (n = i; n > from && s->data[n - 1] == '\\'; n--) { /* void */ }

    return (i - n) % 2 == 0;
}


static size_t
ai_prompt_esc_len(const ai_esc_t *s, size_t i)
{
    size_t            left;
    const ai_char_t  *p;

    p = s->data + i;
    left = s->len - i;

    if (left < 6 || p[1] != 'u') {
        return ai_min(left, 2);
    }

    if (left < 12 || (p[2] | 0x20) != 'd' || p[6] != '\\' || p[7] != 'u'
        || (p[8] | 0x20) != 'd')
    {
        return 6;
    }

    return (p[3] == '8' || p[3] == '9' || (p[3] | 0x20) == 'a'
            || (p[3] | 0x20) == 'b') ? 12 : 6;
}


/* strings as they are, runs of them at once; between them blanks are left out
 * and, if so wanted, put in */

static void
ai_prompt_json(ai_prompt_t *p, const ai_char_t *s, size_t len,
    ai_int_t spaced)
{
    size_t     i, from;
    ai_char_t  c;

    from = 0;

    for (i = 0; i < len; i++) {
        c = s[i];

        if (p->state) {
            if (p->state & AI_JSON_ESCAPE) {
                p->state = AI_JSON_INSIDE;

            } else if (c == '\\') {
                p->state |= AI_JSON_ESCAPE;

            } else if (c == '"') {
                p->state = 0;
            }

            continue;
        }

        if (c == '"') {
            p->state = AI_JSON_INSIDE;

        } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            ai_counter_add(&p->counter, s + from, i - from);
            from = i + 1;

        } else if (spaced && (c == ',' || c == ':')) {
            ai_counter_add(&p->counter, s + from, i + 1 - from);
            ai_counter_add(&p->counter, (const ai_char_t *) " ", 1);
            from = i + 1;
        }
    }

    ai_counter_add(&p->counter, s + from, len - from);
}


void
ai_prompt_put(ai_prompt_t *p, ai_piece_e kind, const ai_str_t *text)
{
    ai_piece_t  *piece;

    if (p->npieces == AI_PROMPT_PIECES
        || (text->len == 0 && kind != AI_PIECE_BREAK))
    {
        return;
    }

    piece = &p->piece[p->npieces++];
    piece->text = *text;
    piece->kind = (uint8_t) kind;
}


void
ai_prompt_break(ai_prompt_t *p)
{
    ai_prompt_put(p, AI_PIECE_BREAK, &ai_lit(""));
}


static size_t
ai_prompt_walk(ai_prompt_t *p)
{
    static size_t  (*const walk[])(ai_prompt_t *) = {
        ai_prompt_walk_begin,
        ai_prompt_walk_tools,
        ai_prompt_walk_turn,
        ai_prompt_walk_block,
        ai_prompt_walk_inner,
        ai_prompt_walk_calls,
        ai_prompt_walk_end
    };

    return AI_PROMPT_STEP_COST + walk[p->step](p);
}


static size_t
ai_prompt_walk_begin(ai_prompt_t *p)
{
    const ai_frame_t    *f;
    const ai_request_t  *rq;

    f = ai_prompt_frame(p->model);
    rq = p->rq;

    p->alone = rq->turns == NULL || rq->turns->role != AI_ROLE_SYSTEM;

    p->step = AI_WALK_TOOLS;
    p->overhead += f->begin + f->prime + (p->alone ? f->alone : 0)
                   + (rq->budget > 0 ? f->thinking : 0);

    if (rq->choice == AI_CHOICE_NONE && f->untold) {
        p->tool = NULL;
    }

    if (p->tool) {
        p->overhead += f->tools + (p->alone ? f->bare : 0)
                       + (p->responses ? 0 : f->chat);

        if (rq->choice == AI_CHOICE_REQUIRED || rq->choice == AI_CHOICE_NAMED)
        {
            p->overhead += f->forced;
        }

        ai_prompt_tools_begin(p);
    }

    return 0;
}


static size_t
ai_prompt_walk_tools(ai_prompt_t *p)
{
    const ai_tool_t  *tool;

    tool = p->tool;

    if (tool) {
        p->tool = tool->next;
        p->overhead += ai_prompt_frame(p->model)->tool;

        return ai_prompt_tool(p, tool);
    }

    if (p->rq->tools) {
        ai_prompt_tools_end(p);
    }

    ai_prompt_schema(p);
    p->step = AI_WALK_TURN;

    return 0;
}


/*
 * The schema of the answer.  OpenAI leaves "additionalProperties", without
 * which it takes none, out again: 5 tokens.
 */

static void
ai_prompt_schema(ai_prompt_t *p)
{
    const ai_raw_t    *schema;
    const ai_frame_t  *f;

    f = ai_prompt_frame(p->model);
    schema = &p->rq->output_schema;

    if (p->rq->output != AI_OUTPUT_SCHEMA || f->schema < 0) {
        return;
    }

    p->overhead += f->schema;

    if (p->model->vendor == AI_VENDOR_OPENAI
        && ai_str_casefind(schema, "\"additionalProperties\""))
    {
        p->overhead -= 5;
    }

    ai_prompt_put(p, AI_PIECE_COMPACT, schema);
    ai_prompt_break(p);
}


static size_t
ai_prompt_walk_turn(ai_prompt_t *p)
{
    const ai_turn_t   *turn;
    const ai_frame_t  *f;

    turn = p->turn;

    if (turn == NULL) {
        p->step = AI_WALK_END;
        return 0;
    }

    f = ai_prompt_frame(p->model);

    switch (turn->role) {

    case AI_ROLE_SYSTEM:
        p->overhead += f->system;
        break;

    case AI_ROLE_ASSISTANT:
        p->overhead += f->calls && !ai_prompt_speaks(turn) ? 0 : f->assistant;
        break;

    default:
        p->overhead += ai_prompt_speaks(turn) ? f->user : 0;
        break;
    }

    if (turn->name.len) {
        p->overhead += f->name;
        ai_prompt_put(p, AI_PIECE_ESC, &turn->name);
        ai_prompt_break(p);
    }

    p->block = turn->blocks;
    p->step = AI_WALK_BLOCK;

    return 0;
}


/* is there more in it than calls of tools, or what came of them? */

static ai_int_t
ai_prompt_speaks(const ai_turn_t *turn)
{
    const ai_block_t  *b;

    for (b = turn->blocks; b; b = b->next) {

        switch (b->kind) {

        case AI_BLOCK_TOOL_CALL:
        case AI_BLOCK_TOOL_RESULT:
        case AI_BLOCK_THINKING:
        case AI_BLOCK_REDACTED:
            break;

        default:
            return 1;
        }
    }

    return turn->blocks == NULL;
}


static size_t
ai_prompt_walk_block(ai_prompt_t *p)
{
    const ai_block_t  *b;
    const ai_frame_t  *f;

    b = p->block;

    if (b == NULL) {

        if (p->turn == p->fresh) {
            p->fresh = NULL;
        }

        p->turn = p->turn->next;
        p->step = AI_WALK_TURN;

        return 0;
    }

    if (b->kind != AI_BLOCK_TOOL_RESULT) {
        p->block = b->next;
        return ai_prompt_block(p, b);
    }

    f = ai_prompt_frame(p->model);

    p->overhead += f->result;
    p->inner = b->content;
    p->step = AI_WALK_INNER;

    if (f->named) {
        ai_prompt_put(p, AI_PIECE_ESC, &b->name);
        ai_prompt_break(p);
    }

    return 0;
}


static size_t
ai_prompt_walk_inner(ai_prompt_t *p)
{
    const ai_block_t  *b;

    b = p->inner;

    if (b == NULL) {
        p->block = p->block->next;
        p->step = AI_WALK_BLOCK;

        return 0;
    }

    p->inner = b->next;

    return ai_prompt_block(p, b);
}


static size_t
ai_prompt_walk_calls(ai_prompt_t *p)
{
    size_t  n;

    n = 0;

    if (ai_prompt_walk_call(p, &n) == AI_DONE) {
        p->step = AI_WALK_END;
    }

    return n;
}


static size_t
ai_prompt_walk_end(ai_prompt_t *p)
{
    int64_t           n;
    const ai_pool_t  *pool;

    ai_prompt_end(&p->counter);

    n = p->counter.tokens;
    n = p->overhead + n * p->model->factor / 1024;

    p->tokens = ai_max(n, 1);
    p->step = AI_WALK_DONE;

    /* the walk may live as long as its request */

    pool = p->doc.pool;

    ai_pfree(pool, p->doc.node);
    ai_json_init(&p->doc, pool);

    ai_pfree(pool, p->counter.pending.start);
    ai_buf_init(&p->counter.pending, pool);

    return 0;
}


static size_t
ai_prompt_block(ai_prompt_t *p, const ai_block_t *b)
{
    switch (b->kind) {

    case AI_BLOCK_TEXT:
    case AI_BLOCK_REFUSAL:
        ai_prompt_put(p, AI_PIECE_ESC, &b->text);
        break;

    case AI_BLOCK_THINKING:
    case AI_BLOCK_REDACTED:
        if (p->fresh == NULL || ai_prompt_frame(p->model)->thoughts) {
            ai_prompt_put(p, AI_PIECE_ESC, &b->text);
            ai_prompt_opaque(p, b);
        }

        break;

    case AI_BLOCK_TOOL_CALL:
        ai_prompt_call_block(p, b);
        break;

    case AI_BLOCK_IMAGE:
    case AI_BLOCK_FILE:
    case AI_BLOCK_AUDIO:
        ai_prompt_break(p);
        return ai_prompt_media(p, b);

    default:
        break;
    }

    ai_prompt_break(p);

    return 0;
}


/*
 * What was thought and nobody may read: a signature that comes with a text is
 * none of the prompt, and one without stands for it.
 */

static void
ai_prompt_opaque(ai_prompt_t *p, const ai_block_t *b)
{
    size_t  len;

    len = b->kind == AI_BLOCK_REDACTED ? b->data.len : b->signature.len;

    if (b->text.len == 0 && !ai_prompt_frame(p->model)->thoughts) {
        p->overhead += (int64_t) (len / AI_PROMPT_OPAQUE);
    }
}


static void
ai_prompt_call_block(ai_prompt_t *p, const ai_block_t *b)
{
    const ai_frame_t  *f;

    f = ai_prompt_frame(p->model);

    p->overhead += f->call;

    ai_prompt_put(p, AI_PIECE_ESC, &b->name);
    ai_prompt_break(p);

    ai_prompt_put(p, f->calls ? AI_PIECE_PLAIN
                     : f->spaced ? AI_PIECE_SPACED : AI_PIECE_COMPACT,
                  &b->args);
}
