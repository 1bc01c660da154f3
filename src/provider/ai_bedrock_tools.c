
/*
 * The tools of a request to Bedrock.
 *
 * "toolConfig" has no way to forbid calls: without calls in the history it is
 * left out then, with some it has to stay, as they want their tools declared,
 * and only Claude can be told by a field of its own (ai_bedrock_tune.c).
 */

#include <provider/ai_bedrock_int.h>


/* a client without "tools" gets at most so many made up from its history */
#define AI_BEDROCK_MADE_UP_MAX  128

#define AI_BEDROCK_NO_SCHEMA    "{\"type\":\"object\",\"properties\":{}}"


static void ai_bedrock_tool(ai_bedrock_build_t *bb, const ai_tool_t *tool);
static void ai_bedrock_made_up(ai_bedrock_build_t *bb);
static void ai_bedrock_schema(ai_bedrock_build_t *bb, const ai_raw_t *schema);
static void ai_bedrock_choice(ai_bedrock_build_t *bb);


ai_int_t
ai_bedrock_tools(ai_bedrock_build_t *bb)
{
    ai_int_t          calls, forced;
    const ai_tool_t  *tool;

    forced = (bb->plan.choice == AI_CHOICE_REQUIRED
              || bb->plan.choice == AI_CHOICE_NAMED);

    if (bb->rq->tools == NULL && forced) {
        return ai_bedrock_invalid(bb, "tool_choice without any tool",
                                  "tool_choice");
    }

    calls = ai_bedrock_has_calls(bb);

    if (!calls && (bb->rq->tools == NULL
                   || bb->plan.choice == AI_CHOICE_NONE))
    {
        return AI_OK;
    }

    if (bb->rq->tools == NULL) {
        ai_bedrock_made_up(bb);
        return AI_OK;
    }

    ai_buf_lit(bb->b, ",\"toolConfig\":{\"tools\":[");

    for (tool = bb->rq->tools; tool != NULL; tool = tool->next) {
        if (tool != bb->rq->tools) {
            ai_buf_char(bb->b, ',');
        }

        ai_bedrock_tool(bb, tool);
    }

    ai_buf_char(bb->b, ']');
    ai_bedrock_choice(bb);
    ai_buf_char(bb->b, '}');

    return AI_OK;
}


/* an empty description is refused; "strict" is for models that are known to
 * take it, Nova has no cache points here */

static void
ai_bedrock_tool(ai_bedrock_build_t *bb, const ai_tool_t *tool)
{
    ai_buf_lit(bb->b, "{\"toolSpec\":{\"name\":\"");
    ai_bedrock_name(bb->b, &tool->name);
    ai_buf_char(bb->b, '"');

    if (tool->description.len != 0) {
        ai_buf_lit(bb->b, ",\"description\":");
        ai_buf_quote_esc(bb->b, &tool->description);
    }

    ai_buf_lit(bb->b, ",\"inputSchema\":{\"json\":");
    ai_bedrock_schema(bb, &tool->schema);
    ai_buf_char(bb->b, '}');

    if (tool->strict == 1 && bb->modern) {
        ai_buf_lit(bb->b, ",\"strict\":true");
    }

    ai_buf_lit(bb->b, "}}");

    if (bb->model != AI_BEDROCK_NOVA && bb->model != AI_BEDROCK_NOVA2) {
        ai_bedrock_cache_point(bb, &tool->cache_mark);
    }
}


/* the order is that of the history, so what was sent before stays a prefix
 * for the prompt cache; results without their call need a tool too */

static void
ai_bedrock_made_up(ai_bedrock_build_t *bb)
{
    unsigned           i, n;
    const ai_esc_t    *seen[AI_BEDROCK_MADE_UP_MAX];
    const ai_turn_t   *turn;
    const ai_block_t  *blk;

    n = 0;

    ai_buf_lit(bb->b, ",\"toolConfig\":{\"tools\":[");

    for (turn = bb->rq->turns; turn != NULL; turn = turn->next) {
        for (blk = turn->blocks; blk != NULL; blk = blk->next) {
            if (turn->role == AI_ROLE_SYSTEM
                || ai_bedrock_pass(bb, turn->role, blk) != 3
                || n == AI_BEDROCK_MADE_UP_MAX)
            {
                continue;
            }

            for (i = 0; i < n && !ai_str_eq(seen[i], &blk->name); i++) {
                /* void */
            }

            if (i < n) {
                continue;
            }

            ai_buf_cat(bb->b, n ? &ai_lit(",{\"toolSpec\":{\"name\":\"")
                                : &ai_lit("{\"toolSpec\":{\"name\":\""));
            ai_bedrock_name(bb->b, &blk->name);
            ai_buf_lit(bb->b, "\",\"inputSchema\":{\"json\":"
                              AI_BEDROCK_NO_SCHEMA "}}}");

            seen[n++] = &blk->name;
        }
    }

    if (n == 0) {
        ai_buf_lit(bb->b, "{\"toolSpec\":{\"name\":\"unknown\","
                          "\"inputSchema\":{\"json\":"
                          AI_BEDROCK_NO_SCHEMA "}}}");
    }

    bb->made_up = 1;

    ai_buf_lit(bb->b, "]}");
}


/* a schema as it is, with the "type" that the API insists on */

static void
ai_bedrock_schema(ai_bedrock_build_t *bb, const ai_raw_t *schema)
{
    ai_raw_t  raw;

    if (schema->len != 0
        && ai_json_parse(&bb->doc, schema, NULL) != AI_OK
        && bb->doc.error == AI_JSON_E_MEMORY)
    {
        bb->b->failed = 1;
        return;
    }

    if (schema->len == 0 || bb->doc.n == 0
        || ai_json_type(&bb->doc, AI_JSON_ROOT) != AI_JSON_OBJECT
        || ai_json_first(&bb->doc, AI_JSON_ROOT) == AI_JSON_NONE)
    {
        ai_buf_lit(bb->b, AI_BEDROCK_NO_SCHEMA);
        return;
    }

    raw = ai_json_raw(&bb->doc, AI_JSON_ROOT);

    if (ai_json_get(&bb->doc, AI_JSON_ROOT, "type") == AI_JSON_NONE) {
        ai_buf_lit(bb->b, "{\"type\":\"object\",");
        raw.data++;
        raw.len--;
    }

    ai_buf_cat(bb->b, &raw);
}


/* "auto" is what the API does without */

static void
ai_bedrock_choice(ai_bedrock_build_t *bb)
{
    if (bb->plan.choice == AI_CHOICE_REQUIRED) {
        ai_buf_lit(bb->b, ",\"toolChoice\":{\"any\":{}}");

    } else if (bb->plan.choice == AI_CHOICE_NAMED) {
        ai_buf_lit(bb->b, ",\"toolChoice\":{\"tool\":{\"name\":\"");
        ai_bedrock_name(bb->b, &bb->rq->choice_name);
        ai_buf_lit(bb->b, "\"}}");
    }
}
