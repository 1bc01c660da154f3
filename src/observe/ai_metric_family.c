
/*
 * The table of families.  "model" is always a name that the configuration
 * has; what a client can make up is never the value of a label.
 */

#include <observe/ai_metric_family.h>


#define AI_M_COUNT(array)  (sizeof(array) / sizeof((array)[0]))

/* route, provider, model */
#define AI_M_B             "route", "provider", "model"


/* those of OpenTelemetry, and above for what SDKs wait for */
static const ai_metric_bound_t  ai_metric_durations[] = {
    { "0.01", 10000 },
    { "0.02", 20000 },
    { "0.04", 40000 },
    { "0.08", 80000 },
    { "0.16", 160000 },
    { "0.32", 320000 },
    { "0.64", 640000 },
    { "1.28", 1280000 },
    { "2.56", 2560000 },
    { "5.12", 5120000 },
    { "10.24", 10240000 },
    { "20.48", 20480000 },
    { "40.96", 40960000 },
    { "81.92", 81920000 },
    { "163.84", 163840000 },
    { "327.68", 327680000 },
    { "655.36", 655360000 }
};


static const ai_metric_bound_t  ai_metric_first_token[] = {
    { "0.001", 1000 },
    { "0.005", 5000 },
    { "0.01", 10000 },
    { "0.02", 20000 },
    { "0.04", 40000 },
    { "0.06", 60000 },
    { "0.08", 80000 },
    { "0.1", 100000 },
    { "0.25", 250000 },
    { "0.5", 500000 },
    { "0.75", 750000 },
    { "1.0", 1000000 },
    { "2.5", 2500000 },
    { "5.0", 5000000 },
    { "7.5", 7500000 },
    { "10.0", 10000000 },
    { "15.0", 15000000 },
    { "20.0", 20000000 },
    { "30.0", 30000000 },
    { "45.0", 45000000 },
    { "60.0", 60000000 }
};


static const ai_metric_bound_t  ai_metric_per_token[] = {
    { "0.01", 10000 },
    { "0.025", 25000 },
    { "0.05", 50000 },
    { "0.075", 75000 },
    { "0.1", 100000 },
    { "0.15", 150000 },
    { "0.2", 200000 },
    { "0.3", 300000 },
    { "0.4", 400000 },
    { "0.5", 500000 },
    { "0.75", 750000 },
    { "1.0", 1000000 },
    { "2.5", 2500000 }
};


static const ai_metric_bound_t  ai_metric_own[] = {
    { "0.00001", 10 },
    { "0.00002", 20 },
    { "0.00005", 50 },
    { "0.0001", 100 },
    { "0.0002", 200 },
    { "0.0005", 500 },
    { "0.001", 1000 },
    { "0.002", 2000 },
    { "0.005", 5000 },
    { "0.01", 10000 },
    { "0.02", 20000 },
    { "0.05", 50000 },
    { "0.1", 100000 }
};


static const ai_metric_bound_t  ai_metric_redis[] = {
    { "0.0001", 100 },
    { "0.0002", 200 },
    { "0.0005", 500 },
    { "0.001", 1000 },
    { "0.002", 2000 },
    { "0.005", 5000 },
    { "0.01", 10000 },
    { "0.02", 20000 },
    { "0.05", 50000 },
    { "0.1", 100000 },
    { "0.2", 200000 },
    { "0.5", 500000 },
    { "1.0", 1000000 },
    { "5.0", 5000000 }
};


const ai_metric_family_t  ai_metric_families[AI_M_MAX] = {

    [AI_M_BUILD_INFO] = {
        .name = "nginx_ai_build_info",
        .help = "The module and the nginx it runs in; always 1.",
        .type = AI_METRIC_GAUGE,
        .labels = { "version", "nginx_version" }, .nlabels = 2 },

    [AI_M_REQUESTS] = {
        .name = "nginx_ai_requests_total",
        .help = "Requests of clients, by the status sent.",
        .labels = { AI_M_B, "operation", "code" }, .nlabels = 5,
        .extra = 1 },

    [AI_M_ATTEMPTS] = {
        .name = "nginx_ai_upstream_attempts_total",
        .help = "Requests sent to providers, by what came of them.",
        .labels = { AI_M_B, "outcome" }, .nlabels = 4 },

    [AI_M_FALLBACKS] = {
        .name = "nginx_ai_fallbacks_total",
        .help = "Requests that went on from one provider to another.",
        .labels = { "route", "from", "to", "reason" }, .nlabels = 4 },

    [AI_M_TOKENS] = {
        .name = "nginx_ai_tokens_total",
        .help = "Tokens; cached_input and cache_write are parts of input, "
                "reasoning of output.",
        .labels = { AI_M_B, "type" }, .nlabels = 4,
        .extra = 1 },

    [AI_M_TOKENS_ESTIMATED] = {
        .name = "nginx_ai_tokens_estimated_total",
        .help = "The part of nginx_ai_tokens_total that no provider has "
                "reported.",
        .labels = { AI_M_B, "type" }, .nlabels = 4,
        .extra = 1 },

    [AI_M_COST] = {
        .name = "nginx_ai_cost_usd_total",
        .help = "What requests cost, in US dollars.",
        .scale = 9,
        .labels = { AI_M_B }, .nlabels = 3,
        .extra = 1 },

    [AI_M_COST_SAVED] = {
        .name = "nginx_ai_cost_saved_usd_total",
        .help = "What requests cost less because of a cache, in US dollars.",
        .scale = 9,
        .labels = { "route", "cache" }, .nlabels = 2 },

    [AI_M_UNPRICED] = {
        .name = "nginx_ai_unpriced_requests_total",
        .help = "Requests whose price is not known, or not all of it.",
        .labels = { "provider", "model" }, .nlabels = 2 },

    [AI_M_REQUEST_DURATION] = {
        .name = "nginx_ai_request_duration_seconds",
        .help = "Time of requests, as their clients see it.",
        .type = AI_METRIC_HISTOGRAM,
        .labels = { "route", "operation" }, .nlabels = 2,
        .bounds = ai_metric_durations,
        .nbounds = AI_M_COUNT(ai_metric_durations) },

    [AI_M_UPSTREAM_DURATION] = {
        .name = "nginx_ai_upstream_duration_seconds",
        .help = "Time of the last attempt of a request.",
        .type = AI_METRIC_HISTOGRAM,
        .labels = { AI_M_B }, .nlabels = 3,
        .bounds = ai_metric_durations,
        .nbounds = AI_M_COUNT(ai_metric_durations) },

    [AI_M_TIME_TO_FIRST_TOKEN] = {
        .name = "nginx_ai_time_to_first_token_seconds",
        .help = "Time from a request to the first content of its stream.",
        .type = AI_METRIC_HISTOGRAM,
        .labels = { AI_M_B }, .nlabels = 3,
        .bounds = ai_metric_first_token,
        .nbounds = AI_M_COUNT(ai_metric_first_token) },

    [AI_M_TIME_PER_OUTPUT_TOKEN] = {
        .name = "nginx_ai_time_per_output_token_seconds",
        .help = "Time for a token of a stream after the first one.",
        .type = AI_METRIC_HISTOGRAM,
        .labels = { AI_M_B }, .nlabels = 3,
        .bounds = ai_metric_per_token,
        .nbounds = AI_M_COUNT(ai_metric_per_token) },

    [AI_M_GATEWAY] = {
        .name = "nginx_ai_gateway_seconds",
        .help = "Time of a request that this module itself has used.",
        .type = AI_METRIC_HISTOGRAM,
        .labels = { "route" }, .nlabels = 1,
        .bounds = ai_metric_own,
        .nbounds = AI_M_COUNT(ai_metric_own) },

    [AI_M_ACTIVE] = {
        .name = "nginx_ai_active_requests",
        .help = "Requests that are being answered now.",
        .type = AI_METRIC_GAUGE,
        .labels = { "route" }, .nlabels = 1 },

    [AI_M_LIMIT] = {
        .name = "nginx_ai_limit_total",
        .help = "Decisions of limits: passed, soft, rejected, dry_run.",
        .labels = { "zone", "unit", "result" }, .nlabels = 3 },

    [AI_M_LIMIT_USED] = {
        .name = "nginx_ai_limit_used_ratio",
        .help = "Used part of the limits that are nearest to their end.",
        .type = AI_METRIC_GAUGE,
        .scale = 6,
        .labels = { "zone", "unit", "key" }, .nlabels = 3 },

    [AI_M_AUTH_FAILURES] = {
        .name = "nginx_ai_auth_failures_total",
        .help = "Requests refused because of their key.",
        .labels = { "reason" }, .nlabels = 1 },

    [AI_M_REDIS_DURATION] = {
        .name = "nginx_ai_redis_duration_seconds",
        .help = "Time of Redis' answers.",
        .type = AI_METRIC_HISTOGRAM,
        .labels = { "redis" }, .nlabels = 1,
        .bounds = ai_metric_redis,
        .nbounds = AI_M_COUNT(ai_metric_redis) },

    [AI_M_REDIS_ERRORS] = {
        .name = "nginx_ai_redis_errors_total",
        .help = "Requests to Redis that failed.",
        .labels = { "redis", "reason" }, .nlabels = 2 },

    [AI_M_REDIS_PENDING] = {
        .name = "nginx_ai_redis_pending",
        .help = "Changes that Redis has not been told yet.",
        .type = AI_METRIC_GAUGE,
        .labels = { "redis" }, .nlabels = 1 },

    [AI_M_ZONE_BYTES] = {
        .name = "nginx_ai_zone_bytes",
        .help = "Memory of shared zones, by whole pages.",
        .type = AI_METRIC_GAUGE,
        .labels = { "zone", "state" }, .nlabels = 2 },

    [AI_M_DROPPED] = {
        .name = "nginx_ai_metrics_dropped_total",
        .help = "Series that had no room and are counted as \"other\".",
        .labels = { NULL }, .nlabels = 0 }
};
