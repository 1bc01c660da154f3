"""The order of a stream, as the APIs' owners keep it."""


def chunks(found, usage):
    """Of OpenAI's chat completions: lines about what is wrong."""
    out = []
    if len({(c["id"], c["model"], c["created"]) for c in found}) != 1:
        out.append("id, model or created changes")
    if {c["object"] for c in found} != {"chat.completion.chunk"}:
        out.append("object is not always chat.completion.chunk")
    if found[0]["choices"][0]["delta"].get("role") != "assistant":
        out.append("the first chunk has no role: %.200r" % found[0])
    if usage:
        if found[-1]["choices"] != [] or not found[-1].get("usage"):
            out.append("the last chunk is not the usage: %.200r" % found[-1])
        found = found[:-1]
    finished, calls = set(), {}
    for c in found:
        if len(c["choices"]) != 1:
            out.append("%d choices in a chunk" % len(c["choices"]))
        for choice in c["choices"]:
            out += delta(choice, finished, calls)
    return out


def delta(choice, finished, calls):
    out = []
    index = choice["index"]
    if index in finished:
        out.append("choice %d goes on after its end" % index)
    if choice.get("finish_reason"):
        finished.add(index)
    for f in choice["delta"].get("tool_calls") or []:
        seen = calls.setdefault(index, set())
        function = f.get("function") or {}
        if f["index"] in seen:
            if f.get("id") or function.get("name"):
                out.append("a later fragment names its call: %r" % f)
        else:
            if f["index"] != len(seen):
                out.append("index %d after %d calls" % (f["index"],
                                                        len(seen)))
            if f.get("type") != "function" or not f.get("id") \
                    or not function.get("name") \
                    or not isinstance(function.get("arguments"), str):
                out.append("a call begins with %r" % f)
            seen.add(f["index"])
    return out


def responses(case, events):
    from sdk_responses import Order
    found = Order(case)
    for e in events:
        found.take(e)
    found.end(events)


def messages(case, events):
    from sdk_anthropic import in_order
    in_order(case, events)
    case.expect("last event", events[-1].type, "message_stop")


def candidates(case, answers):
    ends = [bool(c.finish_reason) for a in answers
            for c in a.candidates or []]
    case.ok("chunks go on after the end", sorted(ends) == ends, ends)
    case.ok("id", len({a.response_id for a in answers}) == 1, answers)


def lines(case, found):
    case.expect("done", [bool(c.done) for c in found],
                [False] * (len(found) - 1) + [True])
