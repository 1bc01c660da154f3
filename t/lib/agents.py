#!/usr/bin/env python3
"""Coding agents do a task through the gateway.

    GATEWAY        http://127.0.0.1:PORT; /API/ leads to a provider of that
                   kind
    PROVIDER_PORT  where those providers are to listen
    NODE           folder of node_modules
    WORK           a folder
    ACCESS         the gateway's log: a JSON line for each request
    AGENTS_DUMP    a folder for all that was said, when set

Prints what came of it as recordings.py does.
"""

import ctypes
import json
import os
import signal
import subprocess
import time

from openai.types.chat import completion_create_params

import agent_provider
import wire
from agent_provider import Call, Turn

LIMIT = 60              # seconds for an agent's task
MARK = "caf\u00e9 \U0001f600 \"quoted\" \\n"

CALC = """# %s
def add(a, b):
    return a - b
""" % MARK

TEST = """from calc import add

assert add(20, 22) == 42, 'add gave %d' % add(20, 22)
print('ALL-GOOD', add(20, 22))
"""

# of another length: Python tells by time and length whether to compile again
FIXED = CALC.replace("return a - b", "return b + a  # not minus")

PROMPT = "python3 test_calc.py fails. Find out why and repair calc.py."
END = "The sign in add() was wrong; the test passes now."

PR_SET_CHILD_SUBREAPER = 36

results = []
trap = None
provider = None


# --- the scripts of the provider -------------------------------------------


def claude_steps(folder):
    calc = os.path.join(folder, "calc.py")

    def run(result, why):
        return Call("Bash", {"command": "python3 test_calc.py",
                             "description": why}, result)

    return [
        lambda tools: Turn("I look at the program.", [
            Call("Read", {"file_path": calc}, ["return a - b", MARK])],
            "First the file, \u00e9\U0001f600."),
        lambda tools: Turn("", [
            Call("Read", {"file_path": os.path.join(folder, "test_calc.py")},
                 ["ALL-GOOD"]),
            run(["add gave -2"], "Run the test")]),
        lambda tools: Turn("A wrong sign.", [
            Call("Edit", {"replace_all": False, "file_path": calc,
                          "old_string": "    return a - b",
                          "new_string": "    return b + a  # not minus"}, ["calc.py"])],
            "It subtracts where it should add."),
        lambda tools: Turn("", [run(["ALL-GOOD 42"], "Run it again")],
                           "Once more."),
        lambda tools: Turn(END)]


PATCH = """*** Begin Patch
*** Update File: calc.py
@@
 def add(a, b):
-    return a - b
+    return b + a  # not minus
*** End Patch
"""


def codex_steps(folder):
    def shell(command, result):
        return Call("exec_command", {"cmd": command}, result)

    def patch(tools):
        if "apply_patch" in tools:
            return Call("apply_patch", {"input": PATCH}, ["calc.py"])
        return shell("apply_patch <<'EOF'\n%sEOF" % PATCH, ["calc.py"])

    return [
        lambda tools: Turn("I look at the program.", [
            shell("cat calc.py", ["return a - b", MARK])],
            "First the file, \u00e9\U0001f600."),
        lambda tools: Turn("", [
            shell("cat test_calc.py", ["ALL-GOOD"]),
            shell("python3 test_calc.py", ["add gave -2"])]),
        lambda tools: Turn("A wrong sign.", [patch(tools)],
                           "It subtracts where it should add."),
        lambda tools: Turn("", [
            shell("python3 test_calc.py", ["ALL-GOOD 42"])],
            "Once more."),
        lambda tools: Turn(END)]


def code_steps(folder):
    """Codex in code mode: one tool, in a namespace, that takes a program."""
    def run(program, result):
        return Call("functions__exec", {"input": program}, result)

    def shell(command):
        return "await tools.exec_command({cmd: %s})" % json.dumps(command)

    return [
        lambda tools: Turn("I look at the program.", [
            run("const r = %s;\ntext(r.output);" % shell("cat calc.py"),
                ["return a - b", MARK])],
            "First the file, \u00e9\U0001f600."),
        lambda tools: Turn("", [
            run("text((%s).output)" % shell("python3 test_calc.py"),
                ["add gave -2"])]),
        lambda tools: Turn("A wrong sign.", [
            run("text(await tools.apply_patch(%s))" % json.dumps(PATCH),
                [])], "It subtracts where it should add."),
        lambda tools: Turn("", [
            run("text((%s).output)" % shell("python3 test_calc.py"),
                ["ALL-GOOD 42"])], "Once more."),
        lambda tools: Turn(END)]


# --- the agents -------------------------------------------------------------


def environment(root, **more):
    """Nothing of the tester's own; whatever leaves goes to the trap."""
    proxy = "http://127.0.0.1:%d" % trap.server_port
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8",
           "TERM": "dumb", "SHELL": "/bin/bash",
           "HOME": os.path.join(root, "home"),
           "TMPDIR": os.path.join(root, "tmp"),
           "NO_PROXY": "127.0.0.1,localhost",
           "no_proxy": "127.0.0.1,localhost"}
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        env[name] = env[name.lower()] = proxy
    env.update(more)
    return env


class Claude:
    model = "claude-opus-4-6"
    path = "/v1/messages?beta=true"
    steps = staticmethod(claude_steps)

    def command(self, base, root):
        """As root it wants to be told that it is in a sandbox."""
        return [os.path.join(os.environ["NODE"], ".bin", "claude"), "-p",
                PROMPT, "--model", self.model, "--output-format", "json",
                "--dangerously-skip-permissions"], environment(
            root, ANTHROPIC_BASE_URL=base, ANTHROPIC_API_KEY=wire.CLIENT_KEY,
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            DISABLE_AUTOUPDATER="1", DISABLE_TELEMETRY="1",
            DISABLE_ERROR_REPORTING="1", IS_SANDBOX="1")

    def said(self, problems, out):
        result = json.loads(out)
        wire.expect(problems, "is_error", result["is_error"], False)
        wire.expect(problems, "result", result["result"], END)
        usage = result["usage"]
        # 5 answers, see agent_provider
        wire.expect(problems, "usage", (
            usage["input_tokens"], usage["cache_read_input_tokens"],
            usage["output_tokens"]), (2015, 3000, 250))

    def asked(self, body):
        return [b["text"] for b in body["system"]], {
            t["name"]: (t.get("description"), t["input_schema"])
            for t in body["tools"]}

    def upgrades(self, log):
        return 0


CODEX_CONFIG = """
model = "%s"
model_provider = "gateway"
model_reasoning_summary = "detailed"
check_for_update_on_startup = false

[analytics]
enabled = false

[features]
apps = false
plugins = false

[model_providers.gateway]
name = "gateway"
base_url = "%s/v1"
wire_api = "responses"
env_key = "GATEWAY_KEY"
supports_websockets = true
"""


class Codex:
    model = "gpt-5.2"           # not one that it knows
    path = "/v1/responses"
    steps = staticmethod(codex_steps)

    def command(self, base, root):
        home = os.path.join(root, "home")
        with open(os.path.join(home, "config.toml"), "w") as f:
            f.write(CODEX_CONFIG % (self.model, base))
        node = os.environ["NODE"]
        return [os.path.join(node, ".bin", "node"),
                os.path.join(node, "@openai", "codex", "bin", "codex.js"),
                "exec", "--json", "--skip-git-repo-check",
                "--dangerously-bypass-approvals-and-sandbox",
                PROMPT], environment(root, CODEX_HOME=home,
                                     GATEWAY_KEY=wire.CLIENT_KEY)

    def said(self, problems, out):
        events = [json.loads(line) for line in out.splitlines()]
        wire.expect(problems, "errors", [
            e for e in events if e["type"] in ("error", "turn.failed")], [])
        wire.expect(problems, "last message", [
            e["item"]["text"] for e in events if e["type"] ==
            "item.completed" and e["item"]["type"] == "agent_message"][-1:],
            [END])
        wire.expect(problems, "usage", [
            (e["usage"]["input_tokens"], e["usage"]["cached_input_tokens"],
             e["usage"]["output_tokens"]) for e in events
            if e["type"] == "turn.completed"], [(5015, 3000, 250)])

    def asked(self, body):
        tools = {}
        for t in body.get("tools") or []:
            self.tool(tools, t, "")
        for i in body["input"]:
            for t in i["tools"] if i["type"] == "additional_tools" else []:
                self.tool(tools, t, "")
        system = [body.get("instructions") or ""]
        system += [p["text"] for i in body["input"]
                   if i.get("role") == "developer" and "content" in i
                   for p in i["content"]]
        return system, tools

    def tool(self, tools, t, space):
        if t["type"] == "namespace":
            for inner in t["tools"]:
                self.tool(tools, inner, t["name"] + "__")
        elif t["type"] == "function":
            tools[space + t["name"]] = (t["description"], t["parameters"])
        elif t["type"] == "custom":
            text = t["description"]
            if t["format"]["type"] == "grammar":
                text += "\n\nThe input must match this grammar (%s):\n%s" % (
                    t["format"]["syntax"], t["format"]["definition"])
            tools[space + t["name"]] = (text, {
                "type": "object", "properties": {
                    "input": {"type": "string"}},
                "required": ["input"], "additionalProperties": False})

    def upgrades(self, log):
        """It tries a WebSocket first."""
        return len([r for r in log if r["method"] == "GET"
                    and r["status"] == 426])


class Patch(Codex):
    model = "gpt-5.5"           # has apply_patch with a grammar


class Code(Codex):
    model = "gpt-6-sol"         # additional_tools, code mode
    steps = staticmethod(code_steps)


def run_agent(command, env, folder):
    """(exit code or None, stdout, stderr)"""
    p = subprocess.Popen(command, cwd=folder, env=env, text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, start_new_session=True)
    try:
        out, err = p.communicate(timeout=LIMIT)
        return p.returncode, out, err
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        return None, out, err


def children():
    """Processes of ours; orphans of the agent's become ours too."""
    me, out = os.getpid(), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name) as f:
                    rest = f.read().rpartition(")")[2].split()
                with open("/proc/%s/cmdline" % name) as f:
                    what = f.read().replace("\0", " ")
            except OSError:
                continue
            if int(rest[1]) == me and rest[0] != "Z":
                out.append((int(name), what))
    return out


def left_over(problems):
    until = time.time() + 3
    while children() and time.time() < until:
        time.sleep(0.05)
    for pid, what in children():
        problems.append("still running: %s" % what)
        os.kill(pid, signal.SIGKILL)


# --- the gateway's log ------------------------------------------------------


def log_from(start):
    with open(os.environ["ACCESS"], "rb") as f:
        f.seek(start)
        text = f.read()
    return [json.loads(line) for line in text.splitlines()]


def log_size():
    try:
        return os.path.getsize(os.environ["ACCESS"])
    except FileNotFoundError:
        return 0


# --- a task -----------------------------------------------------------------


def scratch(root):
    folder = os.path.join(root, "work")
    for name in ("work", "home", "tmp"):
        os.makedirs(os.path.join(root, name))
    for file, text in (("calc.py", CALC), ("test_calc.py", TEST)):
        with open(os.path.join(folder, file), "w", encoding="utf-8") as f:
            f.write(text)
    subprocess.run(["git", "init", "-q", folder], check=True,
                   stdin=subprocess.DEVNULL)
    return folder


class Task:
    def __init__(self, name, agent, api):
        self.name = "%s, %s provider" % (name, api)
        self.agent = agent
        self.api = api
        self.root = os.path.join(os.environ["WORK"], "%s-%s"
                                 % (type(agent).__name__, api))
        self.base = "%s/%s" % (os.environ["GATEWAY"], api)

    def run(self):
        folder = scratch(self.root)
        # whether a provider's calls have ids is not the same at Google
        self.script = agent_provider.Script(
            self.api, self.agent.steps(folder), wire.KEYS[self.api],
            with_ids=type(self.agent) is not Claude or self.api != "gemini")
        provider.script = self.script
        trap.caught.clear()
        start = log_size()
        command, env = self.agent.command(self.base, self.root)
        code, out, err = run_agent(command, env, folder)
        left = []
        left_over(left)
        log = log_from(start)
        if os.environ.get("AGENTS_DUMP"):
            self.dump(code, out, err, log)

        self.case("the task is done", self.done, code, out, err, folder)
        self.case("nothing else was asked or left", self.alone, log, left)
        self.case("the conversation", lambda p: p.extend(
            self.script.problems))
        self.case("the first request", self.first, log)
        self.case("every request is one of the provider's API", self.wire)

    def case(self, what, check, *args):
        problems = []
        try:
            check(problems, *args)
        except (AttributeError, KeyError, TypeError, ValueError,
                IndexError) as e:
            problems.append("%r" % e)
        results.append({"name": "%s: %s" % (self.name, what),
                        "problems": problems[:8]})

    def dump(self, code, out, err, log):
        """For whoever wants to see what an agent sends."""
        name = os.path.basename(self.root) + ".json"
        with open(os.path.join(os.environ["AGENTS_DUMP"], name), "w") as f:
            json.dump({"code": code, "out": out, "err": err, "log": log,
                       "requests": self.script.requests,
                       "caught": trap.caught}, f, indent=1)

    def done(self, problems, code, out, err, folder):
        if code is None:
            problems.append("not done in %d seconds" % LIMIT)
        wire.expect(problems, "exit code", code, 0)
        if code != 0:
            problems.append("%s%s" % (out[-1500:], err[-1500:]))
            return
        self.agent.said(problems, out)
        with open(os.path.join(folder, "calc.py"), encoding="utf-8") as f:
            wire.expect(problems, "calc.py", f.read(), FIXED)
        p = subprocess.run(["python3", "test_calc.py"], cwd=folder, text=True,
                           capture_output=True)
        wire.expect(problems, "the test", (p.returncode, p.stdout),
                    (0, "ALL-GOOD 42\n"))

    def alone(self, problems, log, left):
        problems.extend(left)
        wire.expect(problems, "caught", trap.caught, [])
        wire.expect(problems, "answers", len(self.script.turns),
                    len(self.script.steps))
        posts = [r for r in log if r["method"] == "POST"]
        wire.expect(problems, "requests", [
            (r["uri"], r["status"]) for r in posts],
            [("/%s%s" % (self.api, self.agent.path), 200)]
            * len(self.script.requests))
        wire.expect(problems, "beside POST", len(log) - len(posts),
                    self.agent.upgrades(log))
        if isinstance(self.agent, Codex):
            wire.expect(problems, "426", self.agent.upgrades(log) > 0, True)

    def first(self, problems, log):
        """What the agent asked for, against what the provider got."""
        body = json.loads([r for r in log if r["method"] == "POST"
                           and '"model"' in r["body"]][0]["body"])
        heard = self.script.first
        system, tools = self.agent.asked(body)
        got = "\n".join(heard.system)
        for text in system:
            if text and text not in got:
                problems.append("system prompt lacks %.200r" % text)
        wire.expect(problems, "names of tools", list(heard.tools),
                    list(tools))
        for name, tool in tools.items():
            wire.expect(problems, "tool %s" % name, heard.tools.get(name),
                        tool)
        asked = [i[1] for i in heard.items if i[0] == "user"][-1:]
        if not asked or not asked[0].endswith(PROMPT):
            problems.append("the prompt is %.300r" % asked)

    def wire(self, problems):
        for path, headers, body in self.script.requests:
            if wire.CLIENT_KEY in json.dumps([path, headers, body]):
                problems.append("the client's credential")
            getattr(self, "wire_" + self.api)(problems, body)

    def wire_openai(self, problems, body):
        wire.fits(problems,
                  completion_create_params.CompletionCreateParamsStreaming,
                  body, "body")
        if len(body.get("user", "")) > 64:
            problems.append("user: %r" % body["user"])

    def wire_anthropic(self, problems, body):
        if not isinstance(self.agent, Claude):      # betas go through
            wire.anthropic_types(problems, body)
        wire.anthropic_turns(problems, body["messages"])
        # an agent writes whole files, whether it says so or not
        if body["max_tokens"] < 16000:
            problems.append("max_tokens: %d" % body["max_tokens"])

    def wire_gemini(self, problems, body):
        wire.gemini_types(problems, body)
        wire.gemini_turns(problems, body["contents"])


def main():
    global trap, provider
    # what an agent leaves behind becomes a child of this process
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    trap = agent_provider.serve(agent_provider.Trap, caught=[])
    provider = agent_provider.serve(
        agent_provider.Handler, int(os.environ["PROVIDER_PORT"]), script=None)
    for api in ("openai", "gemini", "anthropic"):
        Task("Claude Code", Claude(), api).run()
    for api in ("anthropic", "gemini", "openai"):
        Task("Codex", Codex(), api).run()
    for api in ("anthropic", "gemini", "openai"):
        Task("Codex with a grammar", Patch(), api).run()
    for api in ("anthropic", "gemini"):
        Task("Codex in code mode", Code(), api).run()
    print(json.dumps(results))


if __name__ == "__main__":
    main()
