#!/usr/bin/env python3
"""What a recorded answer costs, worked out a second time.

Written after the vendors' descriptions of their usage reports and after what
LiteLLM says the keys of its price file mean; in fractions, from the bytes of
the recording, and apart from the module's own sums.

    pricing.py PRICES FORM ROW MODEL FILE...    one line of JSON for each
"""

import decimal
import fractions
import json
import re
import sys

import reading

NANO = 10 ** 9

# What LiteLLM puts before the names of a row's models, beside the name of the
# row itself, and whose models ("litellm_provider", or how that begins) may go
# without.  Names of machines of one's own are nobody else's.
PREFIXES = {
    "openai_responses": ("openai/",), "azure": ("azure_ai/",),
    "azure_responses": ("azure/", "azure_ai/"),
    "bedrock": ("bedrock_mantle/",), "vertex": ("vertex_ai/",),
    "together": ("together_ai/",), "fireworks": ("fireworks_ai/",),
    "alibaba": ("dashscope/",), "ollama_native": ("ollama/",)}

VENDORS = {
    "openai": ("openai", "text-completion-openai"),
    "openai_responses": ("openai", "text-completion-openai"),
    "anthropic": ("anthropic",), "gemini": ("gemini",),
    "vertex": ("vertex_ai",), "bedrock": ("bedrock",),
    "cohere": ("cohere",), "deepseek": ("deepseek",)}

TIERS = {"flex": "flex", "priority": "priority", "batch": "batches",
         "ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}


# --- usage ------------------------------------------------------------------

# A report is a dict: numbers by what they count; absent: not reported.
#
#   prompt           all that was read; of these
#     cached           from the provider's cache
#     written          into it; of these
#       written_1h       for an hour or longer
#     audio, image     whether cached or not; of the cached
#       cached_audio, cached_image
#   completion       all that was made; of these
#     reasoning, made_audio, made_image
#   billed_prompt, billed_completion
#                    what of these two is billed, if that is said
#   searches         in the web, or what a rerank is billed by
#   tier             "", flex, priority or batches


def put(report, name, *values):
    """The first that is a number."""
    for v in values:
        if isinstance(v, (int, decimal.Decimal)) and not isinstance(v, bool):
            report[name] = int(v)
            return


def tier(report, *words):
    for word in words:
        if word in TIERS:
            report["tier"] = TIERS[word]


def inner(d, *names):
    """The first of the members that is an object, or none."""
    for name in names:
        if isinstance(d.get(name), dict):
            return d[name]
    return {}


def openai(d, u, row):
    """Chat, completions, Responses and the endpoints for media: one report
    under two sets of names."""
    r = {}
    read = inner(u, "prompt_tokens_details", "input_tokens_details",
                 "input_token_details")
    made = inner(u, "completion_tokens_details", "output_tokens_details",
                 "output_token_details")
    put(r, "prompt", u.get("prompt_tokens"), u.get("input_tokens"))
    put(r, "completion", u.get("completion_tokens"), u.get("output_tokens"))
    put(r, "cached", read.get("cached_tokens"), u.get("cached_tokens"),
        u.get("prompt_cache_hit_tokens"), u.get("num_cached_tokens"))
    put(r, "written", read.get("cache_write_tokens"))
    put(r, "audio", read.get("audio_tokens"), u.get("audio_prompt_tokens"))
    put(r, "image", read.get("image_tokens"))
    put(r, "reasoning", made.get("reasoning_tokens"),
        u.get("reasoning_tokens"))
    put(r, "made_audio", made.get("audio_tokens"))
    put(r, "made_image", made.get("image_tokens"))
    # xAI: "total" has the thoughts that "completion_tokens" has not
    thoughts, total = r.get("reasoning", 0), u.get("total_tokens")
    if thoughts and "completion" in r and (
            total == r["prompt"] + r["completion"] + thoughts
            if total is not None else row == "xai"):
        r["completion"] += thoughts
    put(r, "searches", inner(u, "server_tool_use", "server_tool_use_details")
        .get("web_search_requests"), u.get("num_search_queries"))
    # in a Responses object they are items of the output
    calls = [i for i in d.get("output") or []
             if i.get("type") == "web_search_call"
             and (i.get("action") or {}).get("type", "search") == "search"]
    if calls and "searches" not in r:
        r["searches"] = len(calls)
    tier(r, d.get("service_tier"))
    return r


def anthropic(u):
    """The three parts of the prompt are told apart; runs behind an answer are
    listed, and all billed."""
    def add(name, inside=None):
        def of(v):
            v = (v.get(inside) or {}) if inside else v
            return v.get(name)
        runs = [of(i) for i in u.get("iterations") or []]
        runs = [n for n in runs if n is not None]
        said = of(u)
        if runs:
            return max(sum(runs), said or 0)
        return said

    r = {}
    put(r, "cached", add("cache_read_input_tokens"))
    put(r, "written", add("cache_creation_input_tokens"))
    put(r, "written_1h", add("ephemeral_1h_input_tokens", "cache_creation"))
    put(r, "completion", add("output_tokens"))
    put(r, "reasoning", add("thinking_tokens", "output_tokens_details"))
    put(r, "searches", add("web_search_requests", "server_tool_use"))
    fresh = add("input_tokens")
    if fresh is not None:
        r["prompt"] = fresh + r.get("cached", 0) + r.get("written", 0)
    tier(r, u.get("service_tier"))
    return r


def modality(u, names, words):
    found = [e.get("tokenCount") or 0 for name in names
             for e in u.get(name) or [] if e.get("modality") in words]
    return sum(found) if found else None


def gemini(u, queries, model):
    """Thoughts are counted beside the candidates, and what the tools read
    beside the prompt.  Video and documents cost what text does."""
    audio, image = ("AUDIO", 4), ("IMAGE", 2)
    read = ("promptTokensDetails", "toolUsePromptTokensDetails")
    r = {}
    thoughts = u.get("thoughtsTokenCount")
    if u.get("promptTokenCount") is None \
            and u.get("candidatesTokenCount") is None and thoughts is None:
        return None
    put(r, "prompt", (u.get("promptTokenCount") or 0)
        + (u.get("toolUsePromptTokenCount") or 0))
    put(r, "completion", (u.get("candidatesTokenCount") or 0)
        + (thoughts or 0))
    put(r, "reasoning", thoughts)
    put(r, "cached", u.get("cachedContentTokenCount"))
    put(r, "audio", modality(u, read, audio))
    put(r, "image", modality(u, read, image))
    put(r, "cached_audio", modality(u, ("cacheTokensDetails",), audio))
    put(r, "cached_image", modality(u, ("cacheTokensDetails",), image))
    put(r, "made_audio", modality(u, ("candidatesTokensDetails",), audio))
    put(r, "made_image", modality(u, ("candidatesTokensDetails",), image))
    if queries:
        # Gemini 1 and 2: the grounded prompt has a price, not the question
        old = re.match("gemini-[12]", model or "")
        r["searches"] = 1 if old else queries
    tier(r, u.get("serviceTier"), u.get("trafficType"))
    return r


def bedrock(d, u):
    r = {}
    put(r, "cached", u.get("cacheReadInputTokens"),
        u.get("cacheReadInputTokenCount"))
    put(r, "written", u.get("cacheWriteInputTokens"),
        u.get("cacheWriteInputTokenCount"))
    put(r, "prompt", u["inputTokens"] + r.get("cached", 0)
        + r.get("written", 0))
    put(r, "completion", u["outputTokens"])
    if "cacheDetails" in u:
        r["written_1h"] = sum(c["inputTokens"] for c in u["cacheDetails"]
                              if c["ttl"] == "1h")
    tier(r, (d.get("serviceTier") or {}).get("type"))
    return r


def cohere(u):
    """Tokens of the model, and what is billed, without its template."""
    tokens, units = u.get("tokens") or {}, u.get("billed_units") or {}
    r = {}
    put(r, "prompt", tokens.get("input_tokens"), units.get("input_tokens"))
    put(r, "completion", tokens.get("output_tokens"),
        units.get("output_tokens"))
    put(r, "cached", u.get("cached_tokens"))
    put(r, "searches", units.get("search_units"))
    put(r, "billed_prompt", units.get("input_tokens"))
    put(r, "billed_completion", units.get("output_tokens"))
    return r


def ollama(d):
    r = {}
    put(r, "prompt", d.get("prompt_eval_count"))
    put(r, "completion", d.get("eval_count"))
    return r or None


# --- of the bytes of an answer ----------------------------------------------


def documents(data, stream):
    """The JSON documents that an answer is made of."""
    if not stream:
        return [reading.loads(data.decode("utf-8"))]
    return [reading.loads(p) for p in reading.payloads(data)
            if p.strip() != "[DONE]"]


def last(reports):
    """Reports are cumulative: the last one of each number counts."""
    out = {}
    for r in reports:
        out.update(r or {})
    return out or None


def openai_report(data, stream, row):
    reports = []
    for d in documents(data, stream):
        # an event of the Responses API holds the object
        d = d["response"] if isinstance(d.get("response"), dict) else d
        u = d.get("usage") or inner(d, "x_groq").get("usage") or {}
        choices = d.get("choices") or [{}]
        u = u or choices[0].get("usage") or {}
        reports.append(openai(d, u, row) if u else None)
        if d.get("object") == "response" and u:
            break               # what comes after its end is none of it
    return last(reports)


def anthropic_report(data, stream, row):
    if not stream:
        d = documents(data, stream)[0]
        return anthropic(d["usage"]) if "usage" in d else None
    told = {}
    for d in documents(data, stream):
        u = d.get("usage") or inner(d, "message").get("usage") or {}
        told.update(reading.said(u))
        if d.get("type") == "message_stop":
            break
    return anthropic(told) if told else None


def gemini_report(data, stream, row):
    reports, queries = [], {}
    for d in documents(data, stream):
        d = d[0] if isinstance(d, list) else d
        for c in d.get("candidates") or []:
            asked = inner(c, "groundingMetadata").get("webSearchQueries")
            if asked:
                queries[c.get("index", 0)] = len(asked)
        reports.append(gemini(d.get("usageMetadata") or {},
                              sum(queries.values()), d.get("modelVersion")))
    return last(reports)


def bedrock_report(data, stream, row):
    if not stream:
        d = documents(data, stream)[0]
        return bedrock(d, d["usage"]) if "usage" in d else None
    found = [reading.loads(text.decode())
             for head, text in reading.frames(data)
             if head.get(":event-type") == "metadata"]
    return last(bedrock(d, d["usage"]) for d in found if "usage" in d)


def cohere_report(data, stream, row):
    reports = []
    for d in documents(data, stream):
        u = d.get("usage") or inner(d, "delta").get("usage") or {}
        reports.append(cohere(u) if u else None)
    return last(reports)


def ollama_report(data, stream, row):
    return last(ollama(reading.loads(line))
                for line in data.decode("utf-8").splitlines() if line) \
        if stream else ollama(documents(data, stream)[0])


def embeddings_report(data, stream, row):
    """What was read is all there is; some tell the total alone."""
    d = documents(data, stream)[0]
    u, units = inner(d, "usage"), inner(inner(d, "meta"), "billed_units")
    counts = [inner(inner(p, "embeddings"), "statistics").get("token_count")
              for p in d.get("predictions") or []]
    r = {}
    put(r, "prompt", u.get("prompt_tokens"), u.get("total_tokens"),
        inner(d, "usageMetadata").get("promptTokenCount"),
        d.get("inputTextTokenCount"), sum(counts) if counts else None)
    if units:
        r["image"] = units.get("image_tokens") or 0
        r["prompt"] = (units.get("input_tokens") or 0) + r["image"]
    return r or None


def rerank_report(data, stream, row):
    d = documents(data, stream)[0]
    u, meta = inner(d, "usage"), inner(d, "meta")
    tokens = inner(meta, "tokens")
    r = {}
    put(r, "prompt", u.get("prompt_tokens"), tokens.get("input_tokens"),
        u.get("total_tokens"))
    put(r, "completion", u.get("completion_tokens"),
        tokens.get("output_tokens"))
    put(r, "searches", inner(meta, "billed_units").get("search_units"))
    return r or None


REPORTS = {
    "embeddings": embeddings_report, "rerank": rerank_report,
    "openai": openai_report, "completions": openai_report,
    "responses": openai_report, "anthropic": anthropic_report,
    "gemini": gemini_report, "bedrock": bedrock_report,
    "cohere": cohere_report, "ollama": ollama_report}


PARTS = (("cached", "prompt"), ("written", "prompt"),
         ("written_1h", "written"), ("audio", "prompt"), ("image", "prompt"),
         ("cached_audio", "cached"), ("cached_image", "cached"),
         ("reasoning", "completion"), ("made_audio", "completion"),
         ("made_image", "completion"))


def report(form, data, stream, row=""):
    """What the provider says it took, or None.  Of what is a part there is
    no more than of the whole."""
    r = REPORTS[form](data, stream, row)
    for part, whole in PARTS if r else ():
        if part in r and whole in r:
            r[part] = min(r[part], r[whole])
    return r


# --- prices -----------------------------------------------------------------


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f, parse_float=decimal.Decimal)


def find(prices, row, model):
    """(key, entry) of a model, or (None, None)."""
    names = [model, re.sub(r"-(\d{8}|\d{4}-\d\d-\d\d)$", "", model)]
    for name in dict.fromkeys(names):
        for prefix in (row + "/",) + PREFIXES.get(row, ()):
            if prefix + name in prices:
                return prefix + name, prices[prefix + name]
        entry = prices.get(name)
        if entry and str(entry.get("litellm_provider")).startswith(
                VENDORS.get(row, ())):
            return name, entry
    return None, None


def price(entry, key, r, otherwise=None):
    """In USD, exactly.  A key has variants for long prompts and for tiers;
    all of a prompt has the price of its length."""
    prompt, service = r.get("prompt", 0), r.get("tier", "")
    pattern = re.compile(re.escape(key) + r"_above_(\d+)k_tokens$")
    # a threshold is a whole number of thousands
    steps = [(int(m.group(1)) * 1000, name) for name in entry
             for m in [pattern.match(name)] if m]
    names = [name for above, name in sorted(steps, reverse=True)
             if prompt > above] + [key]
    if service:
        names = [n + "_" + service for n in names] + names
    for name in names:
        if entry.get(name) is not None:
            return fractions.Fraction(entry[name])
    for step in entry.get("tiered_pricing") or []:
        low, high = step["range"]
        if low < prompt <= high and step.get(key) is not None:
            return fractions.Fraction(step[key])
    return otherwise


def searching(entry):
    """A question has a price by how much of the pages it brings: "medium" is
    what is brought when nobody says."""
    by = entry.get("search_context_cost_per_query") or {}
    for v in (by.get("search_context_size_medium"),
              entry.get("input_cost_per_query")):
        if v is not None:
            return fractions.Fraction(v)
    return None


def half_up(usd):
    """Nano-USD, rounded once."""
    return int((usd * NANO + fractions.Fraction(1, 2)) // 1)


def bill(entry, r):
    """(cost, saved, known) in nano-USD."""
    if entry is None or r is None:
        return 0, 0, False

    if "billed_prompt" in r:
        r = {"prompt": r["billed_prompt"],
             "completion": r.get("billed_completion", r["completion"]),
             "searches": r.get("searches", 0), "tier": r.get("tier")}

    def n(name):
        return r.get(name, 0)

    def of(key, otherwise=None, whole=None):
        """What has no price of its own costs what its whole does.  A tier
        that has a price for the whole has it for the part, unless it says
        another: the usual price of a part is none of that tier's."""
        service = r.get("tier")
        if service and whole and not any(
                k.startswith(key) and k.endswith("_" + service)
                for k in entry) and whole + "_" + service in entry:
            return otherwise
        return price(entry, key, r, otherwise)

    read = of("input_cost_per_token")
    made = of("output_cost_per_token")
    cached = of("cache_read_input_token_cost", read)
    written = of("cache_creation_input_token_cost", read)
    written_1h = of("cache_creation_input_token_cost_above_1hr", written)
    audio = of("input_cost_per_audio_token", read)
    image = of("input_cost_per_image_token", read)
    cached_audio = of("cache_read_input_audio_token_cost", cached)
    cached_image = of("cache_read_input_image_token_cost", cached)

    # a token that was heard and written to the cache is billed once
    fresh_audio = n("audio") - n("cached_audio")
    fresh_image = n("image") - n("cached_image")
    text = n("prompt") - n("cached") - n("written") \
        - fresh_audio - fresh_image
    cached_text = n("cached") - n("cached_audio") - n("cached_image")
    said = n("completion") - n("reasoning") - n("made_audio") \
        - n("made_image")

    sums = [
        (text, read), (cached_text, cached),
        (n("written") - n("written_1h"), written),
        (n("written_1h"), written_1h),
        (fresh_audio, audio), (fresh_image, image),
        (n("cached_audio"), cached_audio), (n("cached_image"), cached_image),
        (said, made),
        (n("reasoning"), of("output_cost_per_reasoning_token", made,
                               "output_cost_per_token")),
        (n("made_audio"), of("output_cost_per_audio_token", made)),
        (n("made_image"), of("output_cost_per_image_token", made))]

    assert all(count >= 0 for count, _ in sums), "parts above their whole"

    known = all(rate is not None for count, rate in sums if count)
    cost = sum(count * rate for count, rate in sums if rate is not None)

    if n("searches"):
        rate = searching(entry)
        known = known and rate is not None
        cost += n("searches") * (rate or 0)

    cost += of("input_cost_per_request", 0)

    saved = 0
    for count, rate, fresh in ((cached_text, cached, read),
                               (n("cached_audio"), cached_audio, audio),
                               (n("cached_image"), cached_image, image)):
        if count and rate is not None and fresh is not None:
            saved += count * max(fresh - rate, 0)

    return half_up(cost), half_up(saved), known


def calculate(prices, form, row, model, path):
    with open(path, "rb") as f:
        data = f.read()
    r = report(form, data, not path.endswith(".json"), row)
    key, entry = find(prices, row, model)
    cost, saved, known = bill(entry, r)
    return {"usage": r, "price": key, "cost": cost, "saved": saved,
            "known": known}


def main():
    prices = load(sys.argv[1])
    form, row, model = sys.argv[2:5]
    for path in sys.argv[5:]:
        print(json.dumps(calculate(prices, form, row, model, path)))


if __name__ == "__main__":
    main()
