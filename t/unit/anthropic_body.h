
/*
 * Is this a body that Anthropic's Messages API would take?  Keys and values
 * as the API's reference and the recorded requests have them; one checker for
 * the unit test, which tries it on the recordings, and for the fuzzer.
 */

#ifndef T_ANTHROPIC_BODY_H
#define T_ANTHROPIC_BODY_H


#include <string.h>

#include <codec/ai_json.h>


/* every key of the object is in the list "a b c", those in must are there */

static const char *
body_keys(const ai_json_t *doc, ai_ref_t object, const char *may,
    const char *must)
{
    char         name[64];
    size_t       n;
    ai_ref_t     key;
    const char  *p, *list;

    static char  fault[160];

    if (ai_json_type(doc, object) != AI_JSON_OBJECT) {
        return "not an object";
    }

    for (key = ai_json_first(doc, object);
         key != AI_JSON_NONE;
         key = ai_json_next(doc, object, key))
    {
        for (p = may; *p; p += n + strspn(p + n, " ")) {
            n = strcspn(p, " ");
            snprintf(name, sizeof(name), "%.*s", (int) n, p);

            if (ai_json_is(doc, key, name)) {
                break;
            }
        }

        if (*p == '\0') {
            snprintf(fault, sizeof(fault), "key %.*s",
                     (int) ai_min(ai_json_raw(doc, key).len, 80),
                     (char *) ai_json_raw(doc, key).data);
            return fault;
        }
    }

    list = must;

    for (p = list; *p; p += n + strspn(p + n, " ")) {
        n = strcspn(p, " ");
        snprintf(name, sizeof(name), "%.*s", (int) n, p);

        if (ai_json_get(doc, object, name) == AI_JSON_NONE) {
            snprintf(fault, sizeof(fault), "no %s", name);
            return fault;
        }
    }

    return NULL;
}


/* is the string [a-zA-Z0-9_-]{1,max}? */

static const char *
body_word(const ai_json_t *doc, ai_ref_t v, size_t max)
{
    size_t    i;
    ai_esc_t  s;

    s = ai_json_esc(doc, v);

    if (s.len == 0 || s.len > max) {
        return "length of a name";
    }

    for (i = 0; i < s.len; i++) {
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                   "0123456789_-", s.data[i]) == NULL)
        {
            return "letter of a name";
        }
    }

    return NULL;
}


static const char *
body_source(const ai_json_t *doc, ai_ref_t v)
{
    ai_ref_t  type;

    type = ai_json_get(doc, v, "type");

    if (ai_json_is(doc, type, "base64")) {
        return body_keys(doc, v, "type media_type data",
                         "media_type data");
    }

    if (ai_json_is(doc, type, "text")) {
        return body_keys(doc, v, "type media_type data",
                         "media_type data");
    }

    if (ai_json_is(doc, type, "url")) {
        return body_keys(doc, v, "type url", "url");
    }

    if (ai_json_is(doc, type, "file")) {
        return body_keys(doc, v, "type file_id", "file_id");
    }

    return "type of a source";
}


/* rank: of thinking, text and call of an assistant, of result and the rest of
 * a user; never falls */

static const char *
body_block(const ai_json_t *doc, ai_ref_t v, int *rank, int assistant,
    int inside)
{
    int          at;
    ai_ref_t     type, part;
    const char  *fault;

    type = ai_json_get(doc, v, "type");

    if (ai_json_is(doc, type, "text")) {
        at = 2;
        fault = body_keys(doc, v, "type text cache_control", "text");

        if (fault == NULL && ai_json_esc(doc, ai_json_get(doc, v, "text")).len
                             == 0)
        {
            fault = "empty text";
        }

    } else if (ai_json_is(doc, type, "image") && !assistant) {
        at = 2;
        fault = body_keys(doc, v, "type source cache_control", "source");
        fault = fault ? fault
                      : body_source(doc, ai_json_get(doc, v, "source"));

    } else if (ai_json_is(doc, type, "document") && !assistant) {
        at = 2;
        fault = body_keys(doc, v, "type source title cache_control",
                          "source");
        fault = fault ? fault
                      : body_source(doc, ai_json_get(doc, v, "source"));

    } else if (ai_json_is(doc, type, "tool_use") && assistant) {
        at = 3;
        fault = body_keys(doc, v, "type id name input cache_control",
                          "id name input");
        fault = fault ? fault : body_word(doc, ai_json_get(doc, v, "id"), 64);
        fault = fault ? fault
                      : body_word(doc, ai_json_get(doc, v, "name"), 128);

        if (fault == NULL && ai_json_type(doc, ai_json_get(doc, v, "input"))
                             != AI_JSON_OBJECT)
        {
            fault = "input is no object";
        }

    } else if (ai_json_is(doc, type, "tool_result") && !assistant && !inside)
    {
        at = 1;
        fault = body_keys(doc, v, "type tool_use_id content is_error "
                                  "cache_control", "tool_use_id");
        fault = fault ? fault
                      : body_word(doc, ai_json_get(doc, v, "tool_use_id"),
                                  64);
        v = ai_json_get(doc, v, "content");

        if (ai_json_type(doc, v) == AI_JSON_ARRAY) {
            for (part = ai_json_first(doc, v);
                 part != AI_JSON_NONE && fault == NULL;
                 part = ai_json_next(doc, v, part))
            {
                fault = body_block(doc, part, NULL, 0, 1);
            }
        }

    } else if (ai_json_is(doc, type, "thinking") && assistant) {
        at = 1;
        fault = body_keys(doc, v, "type thinking signature",
                          "thinking signature");

    } else if (ai_json_is(doc, type, "redacted_thinking") && assistant) {
        at = 1;
        fault = body_keys(doc, v, "type data", "data");

    } else {
        return "type of a block";
    }

    if (fault == NULL && rank != NULL) {
        if (at < *rank) {
            return "order of blocks";
        }

        *rank = at;
    }

    return fault;
}


static const char *
body_messages(const ai_json_t *doc, ai_ref_t messages)
{
    int          rank, assistant, last;
    ai_ref_t     v, content, block;
    const char  *fault;

    if (ai_json_type(doc, messages) != AI_JSON_ARRAY) {
        return "messages";
    }

    last = -1;

    for (v = ai_json_first(doc, messages);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, messages, v))
    {
        fault = body_keys(doc, v, "role content", "role content");

        if (fault != NULL) {
            return fault;
        }

        assistant = ai_json_is(doc, ai_json_get(doc, v, "role"),
                               "assistant");

        if (!assistant && !ai_json_is(doc, ai_json_get(doc, v, "role"),
                                      "user"))
        {
            return "role";
        }

        if (assistant == last) {
            return "roles do not alternate";
        }

        last = assistant;
        content = ai_json_get(doc, v, "content");

        if (ai_json_type(doc, content) != AI_JSON_ARRAY
            || ai_json_first(doc, content) == AI_JSON_NONE)
        {
            return "content";
        }

        rank = 0;

        for (block = ai_json_first(doc, content);
             block != AI_JSON_NONE;
             block = ai_json_next(doc, content, block))
        {
            fault = body_block(doc, block, &rank, assistant, 0);

            if (fault != NULL) {
                return fault;
            }
        }
    }

    return NULL;
}


static const char *
body_tools(const ai_json_t *doc, ai_ref_t tools)
{
    ai_ref_t     v, schema;
    const char  *fault;

    if (tools == AI_JSON_NONE) {
        return NULL;
    }

    if (ai_json_type(doc, tools) != AI_JSON_ARRAY
        || ai_json_first(doc, tools) == AI_JSON_NONE)
    {
        return "tools";
    }

    for (v = ai_json_first(doc, tools);
         v != AI_JSON_NONE;
         v = ai_json_next(doc, tools, v))
    {
        fault = body_keys(doc, v, "name description input_schema strict "
                                  "cache_control", "name input_schema");
        fault = fault ? fault
                      : body_word(doc, ai_json_get(doc, v, "name"), 128);
        schema = ai_json_get(doc, v, "input_schema");

        if (fault == NULL && ai_json_get(doc, schema, "type")
                             == AI_JSON_NONE)
        {
            fault = "type of a schema";
        }

        if (fault != NULL) {
            return fault;
        }
    }

    return NULL;
}


static const char *
body_thinking(const ai_json_t *doc, ai_ref_t root)
{
    int64_t      max, budget;
    ai_ref_t     v;
    const char  *fault;

    v = ai_json_get(doc, root, "thinking");

    if (v == AI_JSON_NONE) {
        return NULL;
    }

    if (ai_json_is(doc, ai_json_get(doc, v, "type"), "adaptive")) {
        return body_keys(doc, v, "type display", "");
    }

    fault = body_keys(doc, v, "type budget_tokens", "type budget_tokens");

    if (fault != NULL) {
        return fault;
    }

    if (ai_json_int(doc, ai_json_get(doc, v, "budget_tokens"), &budget)
        || ai_json_int(doc, ai_json_get(doc, root, "max_tokens"), &max)
        || budget < 1024 || budget >= max)
    {
        return "budget";
    }

    if (ai_json_get(doc, root, "temperature") != AI_JSON_NONE
        || ai_json_get(doc, root, "top_k") != AI_JSON_NONE)
    {
        return "sampling with thinking";
    }

    return NULL;
}


/* NULL, or what is wrong */

__attribute__((unused)) static const char *
body_fault(const ai_json_t *doc)
{
    ai_ref_t     root, v;
    const char  *fault;

    root = AI_JSON_ROOT;
    fault = body_keys(doc, root,
                      "model max_tokens messages system stop_sequences "
                      "temperature top_p top_k tools tool_choice thinking "
                      "output_config metadata service_tier stream",
                      "model max_tokens messages");

    fault = fault ? fault
                  : body_messages(doc, ai_json_get(doc, root, "messages"));
    fault = fault ? fault : body_tools(doc, ai_json_get(doc, root, "tools"));
    fault = fault ? fault : body_thinking(doc, root);

    v = ai_json_get(doc, root, "tool_choice");

    if (fault == NULL && v != AI_JSON_NONE) {
        fault = body_keys(doc, v, "type name disable_parallel_tool_use",
                          "type");
    }

    v = ai_json_get(doc, root, "output_config");

    if (fault == NULL && v != AI_JSON_NONE) {
        fault = body_keys(doc, v, "effort format", "");
    }

    v = ai_json_path(doc, root, "output_config", "format", NULL);

    if (fault == NULL && v != AI_JSON_NONE) {
        fault = body_keys(doc, v, "type schema", "type schema");
    }

    v = ai_json_get(doc, root, "metadata");

    if (fault == NULL && v != AI_JSON_NONE) {
        fault = body_keys(doc, v, "user_id", "user_id");
    }

    v = ai_json_get(doc, root, "system");

    if (fault == NULL && v != AI_JSON_NONE
        && ai_json_type(doc, v) != AI_JSON_STRING)
    {
        for (v = ai_json_first(doc, v);
             v != AI_JSON_NONE && fault == NULL;
             v = ai_json_next(doc, ai_json_get(doc, root, "system"), v))
        {
            fault = body_keys(doc, v, "type text cache_control",
                              "type text");
        }
    }

    return fault;
}


#endif /* T_ANTHROPIC_BODY_H */
