
/*
 * Prices: numbers, both forms of a table, names, and bills.  Expected sums are
 * products of the prices of the table and of the counts of recordings, made by
 * hand; where a recording has its provider's bill, it is that.
 */

#include <price/ai_price.h>

#include "tap.h"
#include "mem.h"


#define PRICES  T_DATA "/prices/"


typedef struct {
    const char     *name;
    const char     *api;
    const char     *region;
    const char     *model;
    ai_usage_t      usage;          /* in its order */
    int64_t         cost;
    int64_t         saved;
    unsigned        known;
} billed_t;


typedef struct {
    const char     *text;
    int             scale;
    int64_t         price;          /* -1: declined */
} number_t;


typedef struct {
    const char     *api;
    const char     *region;
    const char     *model;
    const char     *found;          /* NULL: nothing */
} name_t;


typedef struct {
    const char     *json;
    ai_uint_t       line;
    const char     *error;          /* that begins so */
} broken_t;


static const number_t  numbers[] = {
    { "2.5e-07", 0, 250000000 },
    { "0.15", -6, 150000000 },
    { "15", -6, 15000000000 },
    { "0.002", -3, 2000000000 },
    { "0", 0, 0 },
    { "0.0", -6, 0 },
    { "0e999999999999999999999", 0, 0 },
    { "00.5", 0, 500000000000000 },
    { "1e-15", 0, 1 },
    { "1E-15", 0, 1 },
    { "1.0e+0", 0, 1000000000000000 },
    { "0.000000001", -6, 1 },
    { "1234567890123456789e-15", 0, 1234567890123456789 },
    { "9223.372036854775807", 0, INT64_MAX },
    { "9223372036854775807000e-18", 0, INT64_MAX },
    { "100000000000000000000000000000e-44", 0, 1 },
    { "0.00000000000000000000000000000000001e35", -15, 1 },

    { "9223.372036854775808", 0, -1 },
    { "9224", 0, -1 },
    { "1e-16", 0, -1 },
    { "0.0000000005", -6, -1 },
    { "2.9999900000000002e-06", 0, -1 },
    { "-1", 0, -1 },
    { "-0", 0, -1 },
    { "+1", 0, -1 },
    { "", 0, -1 },
    { " 1", 0, -1 },
    { "1 ", 0, -1 },
    { ".5", 0, -1 },
    { "5.", 0, -1 },
    { "1e", 0, -1 },
    { "1e+", 0, -1 },
    { "1e5x", 0, -1 },
    { "1.2.3", 0, -1 },
    { "0x10", 0, -1 },
    { "1,5", 0, -1 },
    { "inf", 0, -1 },
    { "nan", 0, -1 },
    { "1e999999999999999999999", 0, -1 },
    { "1e-999999999999999999999", 0, -1 },
    { "1e9223372036854775807", 0, -1 }
};


/* prompt, cached, written, of these for an hour, audio, image, cached audio,
 * cached image, completion; reasoning, audio, image, total, searches, images,
 * characters, milliseconds, billed prompt and completion, tier */

static const billed_t  billed[] = {
    { "OpenRouter's bill: Claude, read and written",
      "anthropic", "", "claude-sonnet-4-6",
      { 2649, 2569, 79, -1, -1, -1, -1, -1, 100,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      2569950, 6936300, 1 },
    { "OpenRouter's bill: Claude, written",
      "anthropic", "", "claude-sonnet-4-6",
      { 2572, 0, 2569, -1, -1, -1, -1, -1, 63,
        0, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      10587750, 0, 1 },
    { "OpenRouter's bill: Claude",
      "anthropic", "", "claude-sonnet-4-6-20260217",
      { 566, -1, -1, -1, -1, -1, -1, -1, 27,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      2103000, 0, 1 },
    { "OpenRouter's bill: Gemini",
      "gemini", "", "gemini-2.5-flash",
      { 17, -1, -1, -1, -1, -1, -1, -1, 14,
        0, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      40100, 0, 1 },
    { "a write and a read of OpenAI's",
      "openai", "", "gpt-5.6",
      { 1000, 300, 200, -1, -1, -1, -1, -1, 10,
        0, -1, -1, 1010, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      3320000, 1080000, 1 },
    { "GPT-4o",
      "openai", "", "gpt-4o-2024-08-06",
      { 87, 0, -1, -1, 0, -1, -1, -1, 17,
        0, 0, -1, 104, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      387500, 0, 1 },
    { "reasoning is output",
      "openai", "", "o3-mini-2025-01-31",
      { 31, -1, -1, -1, -1, -1, -1, -1, 467,
        448, -1, -1, 498, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      2088900, 0, 1 },
    { "Responses, cached",
      "openai_responses", "", "gpt-5.3-codex",
      { 7243, 3072, -1, -1, -1, -1, -1, -1, 423,
        58, -1, -1, 7666, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      13758850, 4838400, 1 },
    { "Anthropic by Bedrock's EU profile",
      "bedrock", "eu-west-1", "eu.anthropic.claude-haiku-4-5-20251001-v1:0",
      { 11470, 9511, 1956, 0, -1, -1, -1, -1, 44,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      3981010, 9415890, 1 },
    { "Converse, written",
      "bedrock", "", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
      { 1324, 0, 1322, -1, -1, -1, -1, -1, 5,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      5542350, 0, 1 },
    { "DeepSeek's hits",
      "deepseek", "", "deepseek-v4-flash",
      { 976, 896, -1, -1, -1, -1, -1, -1, 61,
        25, -1, -1, 1037, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      102576, 263424, 1 },
    { "Mistral",
      "mistral", "", "mistral-medium-latest",
      { 94, 48, -1, -1, -1, -1, -1, -1, 33,
        -1, -1, -1, 127, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      323700, 64800, 1 },
    { "Vertex, thoughts",
      "vertex", "", "gemini-2.5-pro",
      { 74, -1, -1, -1, -1, -1, -1, -1, 216,
        200, -1, -1, 290, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      2252500, 0, 1 },
    { "Vertex, audio",
      "vertex", "europe-west1", "gemini-2.0-flash",
      { 159, -1, -1, -1, 150, -1, -1, -1, 19,
        -1, -1, -1, 178, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      162750, 0, 1 },
    { "Moonshot",
      "moonshot", "", "kimi-k2.6",
      { 20, 10, -1, -1, -1, -1, -1, -1, 30,
        22, -1, -1, 50, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      131100, 7900, 1 },
    { "Cohere's search units",
      "cohere", "", "rerank-v3.5",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, 1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      2000000, 0, 1 },
    { "Voyage's rerank",
      "voyage", "", "rerank-2.5",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, 26, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      1300, 0, 1 },
    { "Whisper, seconds",
      "openai", "", "whisper-1",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, 7000, -1, -1, AI_TIER_STANDARD },
      700000, 0, 1 },
    { "speech, characters",
      "openai", "", "tts-1",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, 26, -1, -1, -1, AI_TIER_STANDARD },
      390000, 0, 1 },
    { "pictures by tokens",
      "openai", "", "gpt-image-1",
      { 40, -1, -1, -1, -1, 0, -1, -1, 4160,
        -1, -1, 4160, -1, -1, 1, -1, -1, -1, -1, AI_TIER_STANDARD },
      166600000, 0, 1 },
    { "pictures by tokens, not by both",
      "vertex", "", "gemini-2.5-flash-image",
      { 10, -1, -1, -1, -1, -1, -1, -1, 1290,
        -1, -1, 1290, -1, -1, 1, -1, -1, -1, -1, AI_TIER_STANDARD },
      38703000, 0, 1 },
    { "a picture by itself",
      "vertex", "", "gemini-2.5-flash-image",
      { 10, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, 1, -1, -1, -1, -1, AI_TIER_STANDARD },
      39003000, 0, 1 },
    { "realtime: sound, cached and not",
      "openai", "", "gpt-realtime",
      { 1000, 600, -1, -1, 700, -1, 500, -1, 300,
        -1, 200, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      21840000, 16160000, 1 },
    { "web searches",
      "anthropic", "", "claude-sonnet-4-6",
      { 1000, -1, -1, -1, -1, -1, -1, -1, 100,
        -1, -1, -1, -1, 3, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      34500000, 0, 1 },
    { "searches without a price",
      "anthropic", "", "claude-haiku-4-5",
      { 1000, -1, -1, -1, -1, -1, -1, -1, 100,
        -1, -1, -1, -1, 3, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      1500000, 0, 0 },
    { "a prompt of 272000",
      "openai", "", "gpt-5.6",
      { 272000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      1104500000, 3600000, 1 },
    { "a prompt of 272001",
      "openai", "", "gpt-5.6",
      { 272001, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      2199008000, 7200000, 1 },
    { "batch, 5000",
      "openai", "", "gpt-5.6",
      { 5000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_BATCH },
      18250000, 1800000, 1 },
    { "batch, 300000",
      "openai", "", "gpt-5.6",
      { 300000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_BATCH },
      1211500000, 3600000, 1 },
    { "flex, 5000",
      "openai", "", "gpt-5.6",
      { 5000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_FLEX },
      18250000, 1800000, 1 },
    { "flex, 300000",
      "openai", "", "gpt-5.6",
      { 300000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_FLEX },
      1211500000, 3600000, 1 },
    { "priority, 5000",
      "openai", "", "gpt-5.6",
      { 5000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_PRIORITY },
      73000000, 7200000, 1 },
    { "priority, 300000",
      "openai", "", "gpt-5.6",
      { 300000, 1000, 100, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_PRIORITY },
      4846000000, 14400000, 1 },
    { "no price for the tier: the standard one",
      "openai", "", "gpt-5.3-codex",
      { 100, 50, -1, -1, -1, -1, -1, -1, 10,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_FLEX },
      236250, 78750, 1 },
    { "reasoning goes with output to another tier",
      "gemini", "", "gemini-2.5-flash",
      { 100, -1, -1, -1, -1, -1, -1, -1, 1000,
        900, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_FLEX },
      1265000, 0, 1 },
    { "an hour, and 5 minutes",
      "anthropic", "", "claude-sonnet-4-5",
      { 3000, 0, 2000, 1500, -1, -1, -1, -1, 10,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      14025000, 0, 1 },
    { "an hour, a long prompt",
      "bedrock", "", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
      { 200001, 100000, 2000, 1500, -1, -1, -1, -1, 10,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      736979100, 594000000, 1 },
    { "what is priced in ranges",
      "alibaba", "", "qwen3-max",
      { 32000, -1, -1, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      44400000, 0, 1 },
    { "the next range",
      "alibaba", "", "qwen3-max",
      { 32001, -1, -1, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      88802400, 0, 1 },
    { "beyond the last range",
      "alibaba", "", "qwen3-max",
      { 999999, -1, -1, -1, -1, -1, -1, -1, 1000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      3014997000, 0, 1 },
    { "reasoning has a price in ranges",
      "alibaba", "", "qwen-plus-2025-07-28",
      { 256001, -1, -1, -1, -1, -1, -1, -1, 1000,
        400, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      314161200, 0, 1 },
    { "reasoning has a price",
      "perplexity", "", "sonar-deep-research",
      { 7, -1, -1, -1, -1, -1, -1, -1, 3000,
        2900, -1, -1, -1, 21, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      114514000, 0, 1 },
    { "nothing reported",
      "openai", "", "gpt-4o",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      0, 0, 1 },
    { "a total alone",
      "openai", "", "text-embedding-3-small",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, 5000001, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      100000020, 0, 1 },
    { "half a nano: up",
      "openai", "", "gpt-image-1",
      { 1, 1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_BATCH },
      630, 1870, 1 }
};


/* against native.json */

static const billed_t  native[] = {
    { "xAI's bill",
      "xai", "", "grok-3-mini",
      { 12, 2, -1, -1, 0, 0, -1, -1, 229,
        228, 0, -1, 241, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      117650, 450, 1 },
    { "xAI's bill, more of it cached",
      "xai", "", "grok-3-mini",
      { 291, 244, -1, -1, 0, 0, -1, -1, 215,
        189, 0, -1, 506, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      139900, 54900, 1 },
    { "OpenRouter's bill, with a search",
      "openrouter", "", "deepseek/deepseek-chat",
      { 2315, 0, 0, -1, 0, -1, -1, -1, 40,
        0, 0, 0, 2355, 1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      7637029, 0, 1 },
    { "all parts at once",
      "gemini", "", "gemini-audio",
      { 1000, 300, 100, 40, 250, 150, 100, 50, 500,
        100, 60, 30, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      3107500, 157500, 1 },
    { "parts that are more than the whole",
      "gemini", "", "gemini-audio",
      { 100, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 10,
        1000, 1000, 1000, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      45000, 90000, 1 },
    { "parts without a whole",
      "gemini", "", "gemini-audio",
      { -1, 10, 10, 10, 10, 10, 10, 10, -1,
        10, 10, 10, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      0, 0, 1 },
    { "a price of its own stays in another tier",
      "gemini", "", "gemini-audio",
      { 1000, 100, -1, -1, 200, -1, -1, -1, 500,
        100, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_FLEX },
      1158000, 12000, 1 },
    { "batch, long: what is written has no price there",
      "anthropic", "", "claude-sonnet-4-6",
      { 300000, -1, 1000, -1, -1, -1, -1, -1, 100,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_BATCH },
      905625000, 0, 1 },
    { "seconds: half a nano is one",
      "openai", "", "whisper",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, -1, 7123, -1, -1, AI_TIER_STANDARD },
      712300, 0, 1 },
    { "characters",
      "openai", "", "speaker",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, 4096, -1, -1, -1, AI_TIER_STANDARD },
      61440000, 0, 1 },
    { "tokens of a model with characters alone",
      "openai", "", "speaker",
      { 10, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, -1, 4096, -1, -1, -1, AI_TIER_STANDARD },
      0, 0, 0 },
    { "images",
      "openai", "", "painter",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, -1, 3, -1, -1, -1, -1, AI_TIER_STANDARD },
      120000000, 0, 1 },
    { "images have been paid as tokens",
      "openai", "", "painter",
      { -1, -1, -1, -1, -1, -1, -1, -1, 1000,
        -1, -1, 1000, -1, -1, 3, -1, -1, -1, -1, AI_TIER_STANDARD },
      40000000, 0, 1 },
    { "text of a model with images alone",
      "openai", "", "painter",
      { -1, -1, -1, -1, -1, -1, -1, -1, 1001,
        -1, -1, 1000, -1, -1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      40000000, 0, 0 },
    { "one request",
      "openai", "", "flat",
      { -1, -1, -1, -1, -1, -1, -1, -1, -1,
        -1, -1, -1, -1, 1, -1, -1, -1, -1, -1, AI_TIER_STANDARD },
      5000000, 0, 0 },
    { "no request",
      "openai", "", "flat",
      { 0, 0, 0, -1, 0, -1, -1, -1, 0,
        0, 0, -1, 0, 0, 0, 0, 0, -1, -1, AI_TIER_STANDARD },
      0, 0, 1 },
    { "free",
      "openai", "", "free",
      { 1000000, 500, -1, -1, -1, -1, -1, -1, 100000,
        -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, AI_TIER_PRIORITY },
      0, 0, 1 }
};


static const name_t  names[] = {
    { "openai", "", "gpt-4o-2024-08-06", "gpt-4o-2024-08-06" },
    { "openai", "", "GPT-4o", "gpt-4o" },
    { "openai", "", "gpt-4o-2099-01-01", "gpt-4o" },
    { "openai", "", "gpt-3.5-turbo-instruct:20230824-v2",
      "gpt-3.5-turbo-instruct" },
    { "openai", "", "ft:gpt-4o-mini-2024-07-18:org::id",
      "ft:gpt-4o-mini-2024-07-18" },
    { "openai", "", "claude-sonnet-4-6", NULL },
    { "openai", "", "gemini-2.5-pro", NULL },
    { "openai", "", "azure/gpt-4o", NULL },
    { "openai", "", "gpt-4o-wrong", NULL },
    { "anthropic", "", "gpt-4o", NULL },
    { "anthropic", "", "claude-sonnet-4-6-20260217", "claude-sonnet-4-6" },
    { "anthropic", "", "claude-sonnet-4-5-latest", "claude-sonnet-4-5" },

    { "azure", "", "gpt-5-nano-2025-08-07", "azure/gpt-5-nano-2025-08-07" },
    { "azure", "eu", "gpt-5-nano-2025-08-07",
      "azure/eu/gpt-5-nano-2025-08-07" },
    { "azure", "westeurope", "gpt-4o", "azure/gpt-4o" },
    { "azure_responses", "", "gpt-4o", "azure/gpt-4o" },
    { "azure", "", "deepseek-v4-pro", "azure_ai/deepseek-v4-pro" },
    { "azure", "", "claude-sonnet-4-6", NULL },

    { "bedrock", "", "us.anthropic.claude-sonnet-5",
      "us.anthropic.claude-sonnet-5" },
    { "bedrock", "us-east-1",
      "arn:aws:bedrock:us-east-1:1:inference-profile/"
      "us.anthropic.claude-sonnet-5",
      "us.anthropic.claude-sonnet-5" },
    { "bedrock", "", "mx.amazon.nova-micro-v1:0", NULL },
    { "bedrock", "", "ca.amazon.nova-micro-v1:0", "amazon.nova-micro-v1:0" },
    { "bedrock", "", "amazon.nova-micro-v1:0:128k",
      "amazon.nova-micro-v1:0" },
    { "bedrock", "us-east-1", "meta.llama3-70b-instruct-v1:0",
      "bedrock/us-east-1/meta.llama3-70b-instruct-v1:0" },
    { "bedrock", "eu-west-1", "meta.llama3-70b-instruct-v1:0",
      "bedrock/eu-west-1/meta.llama3-70b-instruct-v1:0" },
    { "bedrock", "eu-west-9", "meta.llama3-70b-instruct-v1:0",
      "meta.llama3-70b-instruct-v1:0" },
    { "bedrock", "", "openai.gpt-5.5", "bedrock_mantle/openai.gpt-5.5" },
    { "bedrock", "", "arn:aws:bedrock:us-east-1:1:application-inference-"
      "profile/abcdef", NULL },
    { "bedrock", "", "arn:", NULL },

    { "vertex", "", "claude-sonnet-4-5@20250929",
      "vertex_ai/claude-sonnet-4-5@20250929" },
    { "vertex", "", "claude-sonnet-4-5@20991231",
      "vertex_ai/claude-sonnet-4-5" },
    { "vertex", "", "publishers/anthropic/models/claude-sonnet-4-5",
      "vertex_ai/claude-sonnet-4-5" },
    { "vertex", "", "gemini-2.5-pro", "gemini-2.5-pro" },
    { "vertex", "", "gemini-2.5-pro-001", "gemini-2.5-pro" },
    { "gemini", "", "models/gemini-2.5-flash", "gemini/gemini-2.5-flash" },
    { "gemini", "", "gemini-2.0-flash", NULL },

    { "mistral", "", "magistral-medium-2507",
      "mistral/magistral-medium-latest" },
    { "together", "", "Salesforce/Llama-Rank-v1",
      "together_ai/Salesforce/Llama-Rank-V1" },
    { "fireworks", "", "accounts/fireworks/models/gpt-oss-120b",
      "fireworks_ai/accounts/fireworks/models/gpt-oss-120b" },
    { "fireworks", "", "gpt-oss-120b", "fireworks_ai/gpt-oss-120b" },
    { "groq", "", "openai/gpt-oss-120b", "groq/openai/gpt-oss-120b" },
    { "groq", "", "llama3-8b-8192", NULL },
    { "jina", "", "jina-reranker-v2-base-multilingual",
      "jina-reranker-v2-base-multilingual" },
    { "cohere", "", "command-r7b-12-2024", "command-r7b-12-2024" },
    { "cohere", "", "embed-v4.0", "cohere/embed-v4.0" },
    { "alibaba", "", "qwen3-max", "dashscope/qwen3-max" },
    { "deepseek", "", "deepseek-chat", "deepseek/deepseek-chat" },
    { "nebius", "", "Qwen/Qwen3-32B", "nebius/Qwen/Qwen3-32B" },
    { "snowflake", "", "claude-sonnet-4-6", "snowflake/claude-sonnet-4-6" },

    { "ollama", "", "llama3", "ollama/llama3" },
    { "ollama_native", "", "llama3", "ollama/llama3" },
    { "ollama", "", "llama3:8b", NULL },
    { "ollama", "", "gpt-4o", NULL },
    { "vllm", "", "gpt-4o", NULL },
    { "tei", "", "text-embedding-3-small", NULL },
    { "openai_compatible", "", "gpt-4o", NULL },
    { "openai_compatible", "", "claude-sonnet-4-6-20260217", NULL },
    { "openai_compatible", "", "azure/gpt-4o", NULL },

    { "", "", "azure/gpt-4o", "azure/gpt-4o" },
    { "", "", "gpt-4o", "gpt-4o" },
    { "", "", "gpt-4o-2099-01-01", NULL },
    { "openai", "", "sample_spec", NULL },
    { "", "", "sample_spec", NULL },
    { "", "", "fallback_generalizations", NULL },
    { "openai", "", "", NULL }
};


/* native.json, with and without the table below it */

static const name_t  own[] = {
    { "openai", "", "gpt-4o", "gpt-4o" },
    { "azure", "", "gpt-4o", "gpt-4o" },
    { "vllm", "", "gpt-4o", "gpt-4o" },
    { "vllm", "", "llama-2", "llama-*" },
    { "vllm", "", "llama-3.1", "llama-3*" },
    { "vllm", "", "llama-3", "llama-3*" },
    { "vllm", "", "llama-", "llama-*" },
    { "vllm", "", "llama", NULL },
    { "vllm", "", "xllama-3", NULL },
    { "openai_compatible", "", "llama-3.1", "openai_compatible/llama-*" },
    { "house", "", "anything", "house/*" },
    { "other", "", "anything", NULL },
    { "xai", "", "grok-3-mini", "xai/grok-3-mini" },
    { "xai", "", "grok-3-mini-2025-01-01", "xai/grok-3-mini" },
    { "groq", "", "grok-3-mini", NULL },
    { "vllm", "", "gpt-4o-2099-01-01", NULL },
    { "openai_compatible", "", "gpt-4o-2099-01-01", NULL },
    { "openai", "", "gpt-4o-2099-01-01", "gpt-4o" }
};


static const broken_t  broken[] = {
    { "", 1, "The text is empty" },
    { "[]", 1, "prices are a JSON object" },
    { "{\n\n\"a\": {},}", 3, "The text does not follow" },
    { "{\"a\": {\n\"input_cost_per_token\": -1}}", 2, "a price is negative" },
    { "{\"a\": {\n\n\"input_cost_per_token\": 1e6}}", 3, "a price is negat" },
    { "{\"a\": {\"input_cost_per_token\":\n9223.3720368547758075}}", 2,
      "a price is negative" },
    { "{\"a\": {\"x\": 1,\n\"output_cost_per_image\": \"dear\"}}", 2,
      "a price is negative" },
    { "{\n\"a\": 1}", 2, "not a model: \"a\"" },
    { "{\n\"a\n\": {}}", 2, "The text does not" },
    { "{\"model\": {\"gpt-4o\": {\"input\": 1}}}", 1, "there are no prices" },
    { "{\"\":\n{\"input_cost_per_token\": 1}}", 1, "the name of a model" },
    { "{\"models\": []}", 1, "\"models\" must be an object" },
    { "{\"unit\": \"1M\"}", 1, "\"models\" must be an object" },
    { "{\"models\": {}, \n\"unit\": \"1G\"}", 2, "\"unit\" must be" },
    { "{\"models\": {},\n\"modles\": {}}", 2, "unknown key \"modles\"" },
    { "{\"models\": {\"a\": {\n\"inptu\": 1}}}", 2, "unknown key \"inptu\"" },
    { "{\"models\": {\"a\": {\n\"\xc3\xa9\\u0041\": 1}}}", 2,
      "unknown key \"??\\u0041\"" },
    { "{\"models\": {\"a\": {\"batch\": {\n\"batch\": {}}}}}", 2,
      "unknown key \"batch\"" },
    { "{\"models\": {\"a\": {\"batch\": {\n\"context\": 1}}}}", 2,
      "unknown key \"context\"" },
    { "{\"models\": {\"a\": {\"tiers\": [{\"above\": 1,\n\"tiers\": []}]}}}",
      2, "unknown key \"tiers\"" },
    { "{\"models\": {\"a\": {\"tiers\": [\n{\"input\": 1}]}}}", 2,
      "one of \"tiers\" has no \"above\"" },
    { "{\"models\": {\"a\": {\"tiers\": [\n1]}}}", 2,
      "one of \"tiers\" has no \"above\"" },
    { "{\"models\": {\"a\": {\"tiers\":\n{}}}}", 2, "\"tiers\" must be" },
    { "{\"models\": {\"a\": {\"tiers\": [{\"above\":\n-5}]}}}", 2,
      "a number of tokens" },
    { "{\"models\": {\"a\": {\"context\":\n1.5}}}", 2, "a number of tokens" },
    { "{\"models\": {\"a\": {\"above\": 1}}}", 1, "unknown key \"above\"" },
    { "{\"models\": {\"a\": {\"input\":\n\"1\"}}}", 2, "a price is negative" },
    { "{\"models\": {\"a\": {\"input\":\n-1}}}", 2, "a price is negative" },
    { "{\"models\": {\"a\":\n1}}", 2, "prices must be an object" },
    { "{\"models\": {\"a\": {\"flex\":\n1}}}", 2, "prices must be an object" }
};


static ai_str_t
str(const char *s)
{
    ai_str_t  v;

    v.data = (ai_char_t *) s;
    v.len = strlen(s);

    return v;
}


static ai_str_t
slurp(const char *path)
{
    FILE            *f;
    ai_str_t         s;
    static char      buf[1 << 20];

    s.data = (ai_char_t *) buf;
    s.len = 0;

    f = fopen(path, "rb");

    if (f == NULL) {
        diag("no %s", path);
        return s;
    }

    s.len = fread(buf, 1, sizeof(buf), f);
    fclose(f);

    return s;
}


static ai_int_t
parse(ai_price_table_t *table, const ai_str_t *json, ai_uint_t *line,
    const char **error)
{
    ai_int_t  rc;
    ai_str_t  s;

    *line = 0;
    *error = NULL;

    s.data = guard_copy(json->data, json->len);
    s.len = json->len;
    rc = ai_price_table_parse(table, &s, line, error);
    guard_free();

    return rc;
}


static ai_price_table_t *
load(const char *first, const char *then)
{
    ai_str_t           s;
    ai_uint_t          line;
    const char        *error;
    ai_price_table_t  *table;

    table = ai_price_table_create(mem_pool());

    s = slurp(first);
    is_int(parse(table, &s, &line, &error), AI_OK, "%s is read", first);

    if (then != NULL) {
        s = slurp(then);
        is_int(parse(table, &s, &line, &error), AI_OK, "and %s", then);
    }

    return table;
}


static ai_price_table_t *
text(const char *json)
{
    ai_str_t           s;
    ai_uint_t          line;
    const char        *error;
    ai_price_table_t  *table;

    table = ai_price_table_create(mem_pool());

    s = str(json);

    if (parse(table, &s, &line, &error) != AI_OK) {
        ok(0, "%s: line %d: %s", json, (int) line, error);
    }

    return table;
}


static const ai_price_t *
find(const ai_price_table_t *table, const char *api, const char *region,
    const char *model)
{
    ai_str_t           a, r, m;
    const ai_price_t  *p;

    a = str(api);
    r = str(region);

    m.len = strlen(model);
    m.data = guard_copy(model, m.len);

    p = ai_price_find(table, &a, &r, &m);

    guard_free();

    return p;
}


static void
test_numbers(void)
{
    size_t           i;
    int64_t          price;
    ai_int_t         rc;
    ai_str_t         s;
    const number_t  *n;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        n = &numbers[i];

        s.len = strlen(n->text);
        s.data = guard_copy(n->text, s.len);
        price = -1;

        rc = ai_price_number(&s, n->scale, &price);

        is_int(rc, n->price < 0 ? AI_DECLINED : AI_OK, "\"%s\"", n->text);
        is_int(price, n->price, "\"%s\": the price", n->text);

        guard_free();
    }
}


static void
test_names(const ai_price_table_t *table, const name_t *n, size_t count,
    const char *what)
{
    size_t             i;
    ai_str_t           got;
    const ai_price_t  *p;

    for (i = 0; i < count; i++, n++) {
        p = find(table, n->api, n->region, n->model);
        got = p ? p->model : str("nothing");

        is_str(got, n->found ? n->found : "nothing", "%s: %s at \"%s\"", what,
               n->model, n->api);
    }
}


static void
test_bills(const ai_price_table_t *table, const billed_t *b, size_t count)
{
    size_t             i;
    ai_bill_t          bill;
    const ai_price_t  *p;

    for (i = 0; i < count; i++, b++) {
        p = find(table, b->api, b->region, b->model);

        ok(p != NULL, "%s: has a price", b->name);

        ai_price_bill(p, &b->usage, &bill);

        is_int(bill.cost, b->cost, "%s: cost", b->name);
        is_int(bill.saved, b->saved, "%s: saved", b->name);
        is_int(bill.known, b->known, "%s: known", b->name);
    }
}


static int64_t
rate(const ai_price_t *p, ai_price_e what, ai_tier_e tier, int64_t prompt)
{
    const ai_rate_t  *r;

    r = ai_price_rate(p, what, tier, prompt);

    return r ? r->price : -1;
}


/* every word of a key, in every order of its conditions */

static void
test_keys(void)
{
    const ai_price_t  *p;

    p = find(text("{\"m\": {\"litellm_provider\": \"v\","
        "\"input_cost_per_token\": 1e-15,"
        "\"output_cost_per_token\": 2e-15,"
        "\"cache_read_input_token_cost\": 3e-15,"
        "\"input_cost_per_token_cache_hit\": 99e-15,"
        "\"cache_creation_input_token_cost\": 4e-15,"
        "\"cache_creation_input_token_cost_above_1hr\": 5e-15,"
        "\"cache_creation_input_token_cost_above_12hr\": 99e-15,"
        "\"output_cost_per_reasoning_token\": 6e-15,"
        "\"input_cost_per_audio_token\": 7e-15,"
        "\"output_cost_per_audio_token\": 8e-15,"
        "\"cache_read_input_audio_token_cost\": 9e-15,"
        "\"input_cost_per_image_token\": 10e-15,"
        "\"output_cost_per_image_token\": 11e-15,"
        "\"cache_read_input_image_token_cost\": 12e-15,"
        "\"input_cost_per_request\": 13e-15,"
        "\"search_context_cost_per_query\": {"
            "\"search_context_size_low\": 98e-15,"
            "\"search_context_size_medium\": \"14e-15\","
            "\"search_context_size_high\": 99e-15},"
        "\"input_cost_per_image\": 99e-15,"
        "\"output_cost_per_image\": 15e-15,"
        "\"output_cost_per_image_4K\": 99e-15,"
        "\"input_cost_per_character\": 16e-15,"
        "\"input_cost_per_audio_per_second\": 99e-15,"
        "\"input_cost_per_second\": 17e-15,"
        "\"output_cost_per_second\": 99e-15,"

        "\"input_cost_per_token_batches\": 20e-15,"
        "\"input_cost_per_token_flex\": 21e-15,"
        "\"input_cost_per_token_priority\": 22e-15,"
        "\"input_cost_per_token_ultrafast\": 99e-15,"
        "\"input_cost_per_token_priority_flex\": 99e-15,"
        "\"input_cost_per_token_above_128k_tokens\": 23e-15,"
        "\"input_cost_per_token_above_200k_tokens\": 24e-15,"
        "\"input_cost_per_token_above_0k_tokens\": 99e-15,"
        "\"input_cost_per_token_above_k_tokens\": 99e-15,"
        "\"input_cost_per_token_above_1k_tokens_above_2k_tokens\": 99e-15,"
        "\"input_cost_per_token_above_1hr\": 99e-15,"
        "\"input_cost_per_token_above_200k_tokens_priority\": 25e-15,"
        "\"input_cost_per_token_batches_above_200k_tokens\": 26e-15,"
        "\"cache_creation_input_token_cost_above_1hr_above_200k_tokens\":"
            "27e-15,"
        "\"cache_creation_input_token_cost_above_200k_tokens_above_1hr_flex\":"
            "28e-15,"
        "\"supports_vision\": true, \"input_cost_per_pixel\": 99e-15,"
        "\"max_input_tokens\": 100, \"max_output_tokens\": 20,"
        "\"max_tokens\": 99}}"), "", "", "m");

#define S  AI_TIER_STANDARD

    is_int(p->n, 17 + 3 + 2 + 2 + 2, "no rate more");
    is_int(rate(p, AI_PRICE_INPUT, S, 5), 1, "input");
    is_int(rate(p, AI_PRICE_OUTPUT, S, 5), 2, "output");
    is_int(rate(p, AI_PRICE_CACHED, S, 5), 3, "cached");
    is_int(rate(p, AI_PRICE_CACHE_WRITE, S, 5), 4, "written");
    is_int(rate(p, AI_PRICE_CACHE_WRITE_1H, S, 5), 5, "for an hour");
    is_int(rate(p, AI_PRICE_REASONING, S, 5), 6, "reasoning");
    is_int(rate(p, AI_PRICE_INPUT_AUDIO, S, 5), 7, "audio");
    is_int(rate(p, AI_PRICE_OUTPUT_AUDIO, S, 5), 8, "audio out");
    is_int(rate(p, AI_PRICE_CACHED_AUDIO, S, 5), 9, "cached audio");
    is_int(rate(p, AI_PRICE_INPUT_IMAGE, S, 5), 10, "image");
    is_int(rate(p, AI_PRICE_OUTPUT_IMAGE, S, 5), 11, "image out");
    is_int(rate(p, AI_PRICE_CACHED_IMAGE, S, 5), 12, "cached image");
    is_int(rate(p, AI_PRICE_REQUEST, S, 5), 13, "request");
    is_int(rate(p, AI_PRICE_SEARCH, S, 5), 14, "search");
    is_int(rate(p, AI_PRICE_IMAGE, S, 5), 15, "an image");
    is_int(rate(p, AI_PRICE_CHARACTER, S, 5), 16, "character");
    is_int(rate(p, AI_PRICE_SECOND, S, 5), 17, "second");

    is_int(rate(p, AI_PRICE_INPUT, AI_TIER_BATCH, 5), 20, "batch");
    is_int(rate(p, AI_PRICE_INPUT, AI_TIER_FLEX, 5), 21, "flex");
    is_int(rate(p, AI_PRICE_INPUT, AI_TIER_PRIORITY, 5), 22, "priority");
    is_int(rate(p, AI_PRICE_INPUT, S, 128000), 1, "128k");
    is_int(rate(p, AI_PRICE_INPUT, S, 128001), 23, "above 128k");
    is_int(rate(p, AI_PRICE_INPUT, S, 200000), 23, "200k");
    is_int(rate(p, AI_PRICE_INPUT, S, 200001), 24, "above 200k");
    is_int(rate(p, AI_PRICE_INPUT, S, INT64_MAX), 24, "far above");
    is_int(rate(p, AI_PRICE_INPUT, S, 0), 1, "an empty prompt");
    is_int(rate(p, AI_PRICE_INPUT, AI_TIER_FLEX, 200001), 21,
           "the tier goes before the length");
    is_int(rate(p, AI_PRICE_INPUT, AI_TIER_PRIORITY, 200001), 25,
           "priority above 200k");
    is_int(rate(p, AI_PRICE_INPUT, AI_TIER_BATCH, 200001), 26,
           "batch above 200k");
    is_int(rate(p, AI_PRICE_CACHE_WRITE_1H, S, 200001), 27, "hour and length");
    is_int(rate(p, AI_PRICE_CACHE_WRITE_1H, AI_TIER_FLEX, 200001), 28,
           "all three, in another order");
    is_int(rate(p, AI_PRICE_OUTPUT, AI_TIER_FLEX, 200001), 2,
           "no such tier: the standard one");
    is_int(p->max_input, 100, "context");
    is_int(p->max_output, 20, "the longest answer");
    is_str(p->vendor, "v", "vendor");
}


/* what stands in, and what is no price */

static void
test_odd(void)
{
    const ai_price_t        *p;
    const ai_price_table_t  *t;

    t = text("{\"a\": {\"litellm_provider\": \"v\","
        "\"input_cost_per_token_cache_hit\": 1e-15,"
        "\"input_cost_per_image\": 2e-15,"
        "\"input_cost_per_audio_per_second\": 3e-15,"
        "\"mode\": \"embedding\", \"input_cost_per_query\": 4e-15,"
        "\"max_tokens\": 7, \"max_input_tokens\": \"many\"},"
        "\"b\": {\"mode\": \"rerank\", \"input_cost_per_query\": 5e-15,"
        "\"input_cost_per_token\": null, \"output_cost_per_token\": {},"
        "\"search_context_cost_per_query\": 5, \"tiered_pricing\": [1, {},"
        "{\"range\": 5}, {\"range\": [], \"input_cost_per_token\": 1}]},"
        "\"x/c\": {\"input_cost_per_token\": 1.4999999999999995e-15},"
        "\"d\": {\"input_cost_per_token\": 14.9999999e-16},"
        "\"fine\": {\"input_cost_per_token\": 4e-16}, \"none\": {\"a\": 1},"
        "\"\\u0065\\n\": {\"input_cost_per_token\": 6e-15},"
        "\"unpriced\": {\"litellm_provider\": \"v\","
        "\"max_input_tokens\": 9}}");

    p = find(t, "", "", "a");
    is_int(rate(p, AI_PRICE_CACHED, S, 1), 1, "cache_hit stands in");
    is_int(rate(p, AI_PRICE_IMAGE, S, 1), 2, "input_cost_per_image stands in");
    is_int(rate(p, AI_PRICE_SECOND, S, 1), 3, "audio_per_second stands in");
    is_int(rate(p, AI_PRICE_REQUEST, S, 1), 4, "a query to embed");
    is_int(p->max_output, 7, "max_tokens stands in");
    is_int(p->max_input, -1, "\"many\" is no number");

    p = find(t, "", "", "b");
    is_int(rate(p, AI_PRICE_SEARCH, S, 1), 5, "a query to rank");
    is_int(p->n, 1, "other types are no price");
    is_int(p->vendor.len, 0, "no vendor: one's own");
    ok(find(t, "groq", "", "b") == p, "at any provider");

    p = find(t, "", "", "x/c");
    is_int(rate(p, AI_PRICE_INPUT, S, 1), 1, "below a half");

    p = find(t, "", "", "d");
    is_int(rate(p, AI_PRICE_INPUT, S, 1), 1, "just below a half");

    p = find(t, "", "", "fine");
    is_int(rate(p, AI_PRICE_INPUT, S, 1), 0, "rounded to nothing");

    p = find(t, "", "", "e\n");
    is_int(rate(p, AI_PRICE_INPUT, S, 1), 6, "a name with escapes");

    p = find(t, "v", "", "unpriced");
    ok(p == NULL, "a row of another vendor");
    p = find(t, "", "", "unpriced");
    is_int(p ? p->max_input : 0, 9, "a row without prices");
    ok(find(t, "", "", "none") == NULL, "a row of nothing is none");
    is_int(ai_price_table_size(t), 7, "size");

    t = text("{\"a\": {\"input_cost_per_token\": 1.5e-15, "
             "\"output_cost_per_token\": 2.49999e-15}}");
    p = find(t, "", "", "a");
    is_int(rate(p, AI_PRICE_INPUT, S, 1), 2, "half up");
    is_int(rate(p, AI_PRICE_OUTPUT, S, 1), 2, "down");

    t = text("{\"a\": {\"input_cost_per_token\": 1, \"mode\": \"x\"},"
             "\"a\": {\"output_cost_per_token\": 2}}");
    p = find(t, "", "", "a");
    is_int(rate(p, AI_PRICE_INPUT, S, 1), -1, "the later row wins");
    is_int(ai_price_table_size(t), 1, "and there is one");

    t = text("{}");
    is_int(ai_price_table_size(t), 0, "an empty table");
    ok(find(t, "openai", "", "gpt-4o") == NULL, "has nothing");
}


static void
test_units(void)
{
    size_t                   i;
    const ai_price_t        *p;
    const ai_price_table_t  *t;

    static const char *const  unit[] = {
        "{\"models\": {\"a\": {\"input\": 2, \"search\": 0.01,"
            "\"character\": 3}}}",
        "{\"models\": {\"a\": {\"input\": 0.002, \"search\": 0.01,"
            "\"character\": 0.003}}, \"unit\": \"1K\"}",
        "{\"unit\": \"1\", \"models\": {\"a\": {\"input\": 2e-6,"
            "\"search\": 0.01, \"character\": 3e-6}}}"
    };

    for (i = 0; i < 3; i++) {
        t = text(unit[i]);
        p = find(t, "openai", "", "a");
        is_int(rate(p, AI_PRICE_INPUT, S, 1), 2000000000, "a token");
        is_int(rate(p, AI_PRICE_CHARACTER, S, 1), 3000000000, "a character");
        is_int(rate(p, AI_PRICE_SEARCH, S, 1), 10000000000000, "a search");
        is_int(p->vendor.len, 0, "nobody's");
    }
}


/* own rows and those of the table in one */

static void
test_both(void)
{
    ai_price_table_t  *t;

    t = load(PRICES "litellm.json", PRICES "native.json");
    test_names(t, own, sizeof(own) / sizeof(own[0]), "both");
    is_int(find(t, "azure", "", "gpt-4o")->vendor.len, 0, "one's own");
    is_str(find(t, "azure", "", "gpt-4o-2024-11-20")->model,
           "azure/gpt-4o-2024-11-20", "the name as it is goes first");

    t = text("{\"models\": {\"*\": {\"input\": 1}, \"gpt-5\": {},"
             "\"groq/*\": {\"input\": 2}}}");
    is_str(find(t, "openai", "", "gpt-9")->model, "*", "all");
    is_str(find(t, "openai", "", "gpt-5")->model, "*", "no prices: all");
    is_str(find(t, "groq", "", "gpt-9")->model, "groq/*", "all of one");
    is_str(find(t, "openai", "", "groq/x")->model, "groq/*", "by name");
    is_str(find(t, "", "", "groq/x")->model, "groq/*", "by name alone");
    is_str(find(t, "", "", "grox")->model, "*", "all, by name alone");

    /* a bit for each length */

    t = text("{\"models\": {\"0123456789012345678901234567890123456789"
             "0123456789012345678901234567890123456789*\": {\"input\": 1}}}");
    ok(find(t, "groq", "", "0123456789012345678901234567890123456789"
            "0123456789012345678901234567890123456789") != NULL, "80 bytes");
    ok(find(t, "groq", "", "0123456789012345678901234567890123456789"
            "012345678901234567890123456789012345678") == NULL, "79 bytes");

    /* a '*' in somebody else's name is none */

    t = text("{\"ab*\": {\"litellm_provider\": \"v\","
             "\"input_cost_per_token\": 1},"
             "\"cd*\": {\"input_cost_per_token\": 1}}");
    ok(find(t, "groq", "", "cdx") != NULL, "without a vendor");
    ok(find(t, "groq", "", "abx") == NULL, "with a vendor");

    t = text("{\"models\": {\"open*\": {\"input\": 1}}}");
    ok(find(t, "openai", "", "gpt-9") == NULL, "the name of an API is none");
    ok(find(t, "groq", "", "openai/gpt-9") != NULL, "but may be in a name");
}


static void
test_broken(void)
{
    char               name[400], *json;
    size_t             i, n;
    ai_str_t           s;
    ai_uint_t          line;
    const char        *error;
    ai_price_table_t  *table;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        table = ai_price_table_create(mem_pool());
        s = str(broken[i].json);

        is_int(parse(table, &s, &line, &error), AI_ERROR, "broken: %s",
               broken[i].json);
        is_int(line, broken[i].line, "the line");

        s = str(error ? error : "");
        n = strlen(broken[i].error);
        s.len = ai_min(s.len, n);
        is_str(s, broken[i].error, "the error");
    }

    /* names of 255 bytes, and of 256 */

    for (n = 255; n <= 256; n++) {
        memset(name, 'n', n);
        name[n] = '\0';
        json = malloc(1000);
        snprintf(json, 1000, "{\"models\": {\"%s\": {\"input\": 1}}}", name);

        table = ai_price_table_create(mem_pool());
        s = str(json);
        is_int(parse(table, &s, &line, &error), n == 255 ? AI_OK : AI_ERROR,
               "a name of %d bytes", (int) n);
        free(json);
    }

    /* more prices than a model can have */

    json = malloc(20000);
    n = (size_t) snprintf(json, 20000, "{\"models\": {\"a\": {\"tiers\": [");

    for (i = 1; i <= 257; i++) {
        n += (size_t) snprintf(json + n, 20000 - n,
                               "\n{\"above\": %d, \"input\": 1}%s", (int) i,
                               i < 257 ? "," : "]}}}");
    }

    table = ai_price_table_create(mem_pool());
    s = str(json);
    is_int(parse(table, &s, &line, &error), AI_ERROR, "257 prices");
    is_int(line, 258, "the line of the last");
    free(json);

    mem_reset();
}


/* a file cut off anywhere is an error, on one of its lines */

static void
test_cut(void)
{
    size_t             i, len;
    ai_str_t           s;
    ai_uint_t          line, lines;
    const char        *error;

    s = slurp(PRICES "native.json");
    len = s.len;

    while (len && s.data[len - 1] <= ' ') {
        len--;
    }

    for (i = 0, lines = 1; i < len; i++) {
        s.len = i;

        if (parse(ai_price_table_create(mem_pool()), &s, &line, &error)
            != AI_ERROR
            || line == 0 || line > lines || error == NULL)
        {
            break;
        }

        lines += s.data[i] == '\n';
        mem_reset();
    }

    is_int(i, len, "cut off at any byte");
}


static void
test_memory(const char *path)
{
    int                n;
    ai_int_t           rc;
    ai_str_t           s;
    ai_uint_t          line;
    const char        *error;
    ai_price_table_t  *table;

    s = slurp(path);
    rc = AI_ERROR;

    for (n = 1; n < 10000; n++) {
        mem_reset();
        mem_fail_at(n);

        line = 1;
        error = NULL;
        table = ai_price_table_create(mem_pool());
        rc = table ? ai_price_table_parse(table, &s, &line, &error) : AI_ERROR;

        if (!mem_failed()) {
            break;
        }

        if (rc != AI_ERROR || (table && (line != 0 || error == NULL))) {
            break;
        }
    }

    ok(!mem_failed() && rc == AI_OK, "%s: each of %d allocations fails", path,
       n);

    mem_reset();
}


static void
test_set(void)
{
    ai_price_t  p;

    memset(&p, 0, sizeof(p));

    is_int(rate(&p, AI_PRICE_INPUT, S, 1), -1, "no rates");

    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1, mem_pool());
    ai_price_set(&p, AI_PRICE_INPUT, S, 1000, 2, mem_pool());
    ai_price_set(&p, AI_PRICE_OUTPUT, S, 0, 3, mem_pool());
    is_int(p.n, 3, "three rates");

    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 4, mem_pool());
    is_int(p.n, 3, "one of them again");
    is_int(rate(&p, AI_PRICE_INPUT, S, 1000), 4, "in its place");
    is_int(rate(&p, AI_PRICE_INPUT, S, 1001), 2, "the other stays");

    mem_fail_at(1);
    is_int(ai_price_set(&p, AI_PRICE_CACHED, S, 0, 4, mem_pool()), AI_ERROR,
           "no memory");
    mem_fail_never();
    is_int(p.n, 3, "nothing has changed");
    is_int(rate(&p, AI_PRICE_OUTPUT, S, 5), 3, "nor here");

    mem_reset();
}


/* sums at the edges of numbers */

static void
test_edges(void)
{
    int64_t     *n;
    size_t       i;
    ai_bill_t    bill;
    ai_price_t   p;
    ai_usage_t   u;

    memset(&p, 0, sizeof(p));
    ai_usage_init(&u);

    bill.cost = 5;
    bill.known = 1;
    ai_price_bill(NULL, &u, &bill);
    is_int(bill.cost, 0, "no price: nothing");
    is_int(bill.known, 0, "no price: not known");

    ai_price_bill(&p, &u, &bill);
    is_int(bill.known, 1, "no rates and no tokens: known");

    u.prompt = 1;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.known, 0, "no rates: not known");

    /* 1e-15 USD are a millionth of a nano */

    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1, mem_pool());
    ai_price_set(&p, AI_PRICE_OUTPUT, S, 0, 1, mem_pool());
    ai_price_set(&p, AI_PRICE_SECOND, S, 0, 1, mem_pool());

    u.prompt = 499999;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 0, "just below a half");

    u.prompt = 500000;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 1, "a half");

    u.prompt = 249999;
    u.completion = 250000;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 0, "two quarters, but one");

    u.completion = 250001;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 1, "rounded once, not twice");

    ai_usage_init(&u);
    u.milliseconds = 499999999;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 0, "thousandths of a second");
    u.milliseconds = 500000000;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 1, "one more of them");

    ai_usage_init(&u);
    u.prompt = INT64_MAX;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 9223372036855, "more tokens than there are");

    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1000000, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, INT64_MAX, "as much as fits");

    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1000001, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, INT64_MAX, "more than that");

    /* 2^124 each: the sum in units of 1e-18 USD is 0, modulo 2^128 */

    u.prompt = 1LL << 62;
    u.completion = 1LL << 62;
    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1LL << 62, mem_pool());
    ai_price_set(&p, AI_PRICE_OUTPUT, S, 0, 1LL << 62, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, INT64_MAX, "nothing wraps");

    /* everything at its end */

    for (i = 0; i < AI_PRICE_MAX; i++) {
        ai_price_set(&p, (ai_price_e) i, S, 0,
                     i == AI_PRICE_CACHED ? 0 : INT64_MAX, mem_pool());
    }

    n = (int64_t *) &u;

    for (i = 0; i < offsetof(ai_usage_t, tier) / sizeof(int64_t); i++) {
        n[i] = INT64_MAX;
    }

    u.billed_prompt = -1;
    u.billed_completion = -1;

    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, INT64_MAX, "all too much");
    is_int(bill.saved, 0, "all of it is sound");

    u.cached_audio = 0;
    u.cached_image = 0;
    ai_price_bill(&p, &u, &bill);
    is_int(bill.saved, INT64_MAX, "too much saved");

    for (i = 0; i < offsetof(ai_usage_t, tier) / sizeof(int64_t); i++) {
        n[i] = INT64_MIN;
    }

    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 0, "all below zero");
    is_int(bill.saved, 0, "nothing saved");
    is_int(bill.known, 1, "and known");

    /* cached ones that are dearer */

    ai_usage_init(&u);
    ai_price_set(&p, AI_PRICE_REQUEST, S, 0, 0, mem_pool());
    u.prompt = 1000000;
    u.cached = 1000000;
    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1, mem_pool());
    ai_price_set(&p, AI_PRICE_CACHED, S, 0, 3, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 3, "dearer from the cache");
    is_int(bill.saved, 0, "saves nothing");

    mem_reset();
}


/* cached sound: its own price, or that of what is cached, or that of sound */

static void
test_cached_audio(void)
{
    ai_bill_t    bill;
    ai_price_t   p;
    ai_usage_t   u;

    memset(&p, 0, sizeof(p));
    ai_usage_init(&u);

    u.prompt = 10;
    u.cached = 10;
    u.prompt_audio = 10;
    u.cached_audio = 10;

    ai_price_set(&p, AI_PRICE_INPUT, S, 0, 1000000, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 10, "cached audio as input");

    ai_price_set(&p, AI_PRICE_INPUT_AUDIO, S, 0, 9000000, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 90, "as audio");

    ai_price_set(&p, AI_PRICE_CACHED, S, 0, 2000000, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 20, "as cached");
    is_int(bill.saved, 70, "against audio");

    ai_price_set(&p, AI_PRICE_CACHED_AUDIO, S, 0, 4000000, mem_pool());
    ai_price_bill(&p, &u, &bill);
    is_int(bill.cost, 40, "as itself");
    is_int(bill.saved, 50, "against audio");

    mem_reset();
}


/* names of clients: long ones, and bytes of any value */

static void
test_hostile(const ai_price_table_t *table)
{
    size_t             i, len;
    ai_str_t           a, r, m;
    static char        big[100000];

    static const char *const  apis[] = {
        "openai", "bedrock", "vertex", "gemini", "azure", "fireworks",
        "cohere", "vllm", "nebius", "", "mistral"
    };

    static const char  bytes[] = "::::@@-latest-latest-20250101models/arn:/"
                                 "\0\377us.eu.*-0001-v1:0-01-01";

    r = str("us-east-1");

    for (i = 0; i < sizeof(apis) / sizeof(apis[0]); i++) {
        a = str(apis[i]);

        for (len = 0; len < sizeof(bytes); len++) {
            m.data = guard_copy(bytes, len);
            m.len = len;
            ai_price_find(table, &a, &r, &m);
            m.data = guard_copy(bytes + len, sizeof(bytes) - len);
            m.len = sizeof(bytes) - len;
            ai_price_find(table, &a, &r, &m);
            guard_free();
        }

        memset(big, '*', sizeof(big));

        for (len = 200; len < sizeof(big); len += len < 600 ? 1 : 9973) {
            m.data = (ai_char_t *) big;
            m.len = len;

            if (ai_price_find(table, &a, &r, &m) != NULL) {
                break;
            }

            if (ai_price_find(table, &m, &m, &a) != NULL) {
                break;
            }
        }

        ok(len >= sizeof(big), "long names at \"%s\"", apis[i]);
    }

    a = str("vllm");
    memcpy(big, "llama-3", 7);
    m.len = sizeof(big);
    is_str(ai_price_find(table, &a, &r, &m)->model, "llama-3*",
           "a long name that begins well");
}


int
main(void)
{
    ai_price_table_t  *table;

    test_numbers();
    test_keys();
    test_odd();
    test_units();
    mem_reset();

    table = load(PRICES "litellm.json", NULL);
    is_int(ai_price_table_size(table), 149, "models in the file");
    is_int(find(table, "openai", "", "gpt-4o")->max_input, 128000, "context");
    test_names(table, names, sizeof(names) / sizeof(names[0]), "names");
    test_bills(table, billed, sizeof(billed) / sizeof(billed[0]));
    mem_reset();

    table = load(PRICES "native.json", NULL);
    is_int(ai_price_table_size(table), 14, "models in our own file");
    test_names(table, own, sizeof(own) / sizeof(own[0]), "own");
    test_bills(table, native, sizeof(native) / sizeof(native[0]));
    test_hostile(table);
    mem_reset();

    test_both();
    test_broken();
    test_cut();
    test_memory(PRICES "native.json");
    test_memory(PRICES "litellm.json");
    test_set();
    test_edges();
    test_cached_audio();
    mem_reset();

    return done();
}
