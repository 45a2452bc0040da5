# SPDX-License-Identifier: Apache-2.0
"""Rules that a compiler does not check. Prints `file:line: rule: what to do`, exit 1 when any is broken.

arrows     rooms of core/ include only what the table allows (docs/architecture.md has the same table)
coroutine  the co_await shapes that g++ 12.2 miscompiles without a warning, and dropped results
banned     names that break a promise: detached, sleeps, clocks outside base/clock
headers    every C++ file starts with its SPDX line, every header has `#pragma once`
tests      every *_test.cc is named by a CMakeLists.txt
"""
import pathlib
import re
import sys

# Room -> rooms it may include, itself aside. design: arrows point only downwards.
ARROWS = {
    "base": set(),
    "fs": {"base"},
    "db": {"base"},
    "net": {"base"},
    "hash": {"base"},
    "xet": {"base", "hash"},
    "sched": {"base"},
    "plan": {"base", "xet"},
    "http": {"base", "net"},
    "httpd": {"base", "net"},
    "hub": {"base", "net", "http"},
    "cas": {"base", "net", "http", "xet"},
    "cache": {"base", "fs", "hash"},
    "store": {"base", "fs", "db", "hash", "xet"},
    "transfer": {"base", "fs", "db", "net", "hash", "xet", "plan", "http", "hub", "cas", "cache", "store"},
    "engine": {"base", "fs", "db", "net", "hash", "xet", "sched", "plan", "http", "hub", "cas", "cache", "store",
               "transfer"},
}
# Outside core: prefix of the file -> what it may include from the tree.
OUTSIDE = [
    ("daemon/", ("core/", "daemon/", "hubd/v1/")),
    ("client/cli/", ("client/", "hubd/", "core/base/", "core/hash/", "core/xet/")),
    ("client/", ("client/", "hubd/", "core/base/")),
]

BANNED = [
    (re.compile(r"::detached\b|,\s*detached\s*\)"), "spawn through a TaskGroup: detached swallows exceptions and outlives its owner"),
    (re.compile(r"\bsleep_for\s*\(\s*std::|this_thread::sleep|\busleep\s*\(|\bnanosleep\s*\("),
     "wait through net::Timers, so that tests run in virtual time"),
    (re.compile(r"\b(steady_clock|system_clock|high_resolution_clock)::now\s*\("), "ask the Clock seam"),
    (re.compile(r"\bgettimeofday\s*\(|(?<![\w:.>])time\s*\(\s*(nullptr|NULL|0)\s*\)"), "ask the Clock seam"),
]
CLOCK_HOMES = ("core/base/clock.cc",)
# tests/ and the terminal side may look at the real clock: they are not part of a simulation.
CLOCK_FREE = ("tests/", "client/")


def strip(text: str) -> str:
    """Blanks comments, strings and character literals, keeping every newline and column."""
    out, i, n = [], 0, len(text)

    def blank(chunk: str) -> str:
        return re.sub(r"[^\n]", " ", chunk)

    while i < n:
        two = text[i:i + 2]
        if two == "//":
            j = text.find("\n", i)
            j = n if j < 0 else j
        elif two == "/*":
            j = text.find("*/", i + 2)
            j = n if j < 0 else j + 2
        elif text.startswith('R"', i) and not (i and (text[i - 1].isalnum() or text[i - 1] == "_")):
            m = re.match(r'R"([^(\s]*)\(', text[i:])
            end = text.find(")" + m.group(1) + '"', i) if m else -1
            j = n if end < 0 else end + len(m.group(1)) + 2
        elif text[i] == '"' or (text[i] == "'" and not (i and (text[i - 1].isalnum() or text[i - 1] == "_"))):
            j = i + 1
            while j < n and text[j] != text[i] and text[j] != "\n":
                j += 2 if text[j] == "\\" else 1
            j = min(j + 1, n)
            out.append(text[i] + blank(text[i + 1:j - 1]) + text[j - 1:j])
            i = j
            continue
        else:
            out.append(text[i])
            i += 1
            continue
        out.append(blank(text[i:j]))
        i = j
    return "".join(out)


def statement_around(code: str, at: int) -> tuple[int, str, str]:
    """(start, text before the co_await, text from it) of the innermost statement that holds code[at]."""
    depth, start = 0, 0
    i = at - 1
    while i >= 0:
        c = code[i]
        if c in ")]":
            depth += 1
        elif c in "([":
            depth -= 1
        elif c == "}" and depth <= 0:
            # A braced initialiser inside the statement, or the end of the statement before.
            start = i + 1
            break
        elif c in ";{" and depth <= 0:
            start = i + 1
            if c == "{":
                start = i  # keep the brace: rules look at it
            break
        i -= 1
    depth, j = 0, at
    while j < len(code):
        c = code[j]
        if c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
            if depth < 0 and c == "}":
                break
        elif c == ";" and depth <= 0:
            break
        j += 1
    return start, code[start:at], code[at:j]


def void_coroutines(files: list[tuple[str, str]]) -> set[str]:
    """Names declared only as awaitable<void>: nothing is dropped when their result is."""
    void, valued = set(), set()
    for _, code in files:
        void |= set(re.findall(r"awaitable<void>\s+(?:[\w:]+::)?(\w+)\s*\(", code))
        valued |= set(re.findall(r"(?:Async<[^;{}()]*>|awaitable<(?!void>)[^;{}()]*>)\s+(?:[\w:]+::)?(\w+)\s*\(", code))
    # Asio's own: they change the coroutine's state and have no result.
    return (void - valued) | {"reset_cancellation_state", "throw_if_cancelled"}


def coroutine_findings(code: str, void: set[str]) -> list[tuple[int, str]]:
    found = []
    for match in re.finditer(r"\bco_await\b", code):
        at = match.start()
        line = code.count("\n", 0, at) + 1
        start, before, after = statement_around(code, at)
        if re.search(r"\bco_await\b", after[8:]):
            found.append((line, "one co_await per statement: name the first result"))
        head = before.strip()
        opened = head.count("(") - head.count(")")
        if opened > 0 and re.search(r"\b(if|while|switch|for)\s*(constexpr\s*)?\($|\b(if|while|switch)\s*\(", head):
            found.append((line, "co_await in a condition: name the result, then branch on the name"))
        if re.search(r"[\w>]\s*\{\s*$", before) and not re.search(r"\b(else|try|do)\s*\{\s*$", before):
            # `Thing t{co_await ...}`; a block's brace is preceded by `)` or a keyword.
            previous = code[:start].rstrip()
            if re.search(r"[\w>]$", previous) and not re.search(
                    r"\b(else|try|do|const|noexcept|override|mutable)$|->\s*[\w:<>, ]+$", previous):
                found.append((line, "co_await in braces: await into a local, then build"))
        elif before.lstrip().startswith("{") and before.strip() == "{":
            previous = code[:start].rstrip()
            if re.search(r"[\w>]$", previous) and not re.search(
                    r"\b(else|try|do|const|noexcept|override|mutable)$|->\s*[\w:<>, *&]+$", previous):
                found.append((line, "co_await in braces: await into a local, then build"))
        if "?" in before or "?" in after:
            found.append((line, "co_await with ?: : use if and else"))
        if "{" in after:
            found.append((line, "a lambda or braces among co_await's operands: name them first"))
        if head in ("", "{", "else") or re.search(r"\)$", head) and re.search(r"^\{?\s*(if|while|for)\b", head):
            callee = re.match(r"co_await\s+(?:[\w:]+(?:\.|->|::))*(?:[\w\[\]()*]+(?:\.|->))*(\w+)\s*\(", after)
            named = re.match(r"co_await\s+(?:std::move\(\s*(\w+)\s*\)|(\w+))$", after)
            if named:  # `auto waiting = group.join(); co_await std::move(waiting);`
                name = named.group(1) or named.group(2)
                made = re.findall(rf"\b{name}\s*=\s*(?:[\w:]+(?:\.|->|::))*(?:[\w\[\]()*]+(?:\.|->))*(\w+)\s*\(",
                                  code[max(0, at - 2000):at])
                if made and (made[-1] in void or made[-1].rstrip("_") == "handler"):
                    continue
            if not callee or callee.group(1) not in void:
                found.append((line, "co_await as a statement drops its Result: name it"))
    return found


def check(root: pathlib.Path) -> list[str]:
    problems = []
    sources = []
    for top in ("core", "daemon", "client", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in (".h", ".cc") and path.is_file():
                sources.append(path)
    texts = [(str(p.relative_to(root)), p.read_text(encoding="utf-8")) for p in sources]
    codes = [(name, strip(text)) for name, text in texts]
    void = void_coroutines(codes)

    for (name, text), (_, code) in zip(texts, codes):
        def say(line: int, rule: str, what: str) -> None:
            problems.append(f"{name}:{line}: {rule}: {what}")

        if not text.startswith("// SPDX-License-Identifier: Apache-2.0\n"):
            say(1, "headers", "start with the SPDX line")
        if name.endswith(".h") and "#pragma once" not in text:
            say(1, "headers", "add #pragma once")

        for number, line in enumerate(text.splitlines(), 1):
            include = re.match(r'\s*#\s*include\s+[<"]([^">]+)[">]', line)
            if not include:
                continue
            target = include.group(1)
            parts = name.split("/")
            if parts[0] == "core":
                if target.startswith("core/"):
                    room, other = parts[1], target.split("/")[1]
                    if room not in ARROWS:
                        say(number, "arrows", f"room {room} is not in the table")
                    elif other != room and other not in ARROWS[room]:
                        say(number, "arrows", f"{room} may not include {other}")
                elif target.startswith(("daemon/", "client/", "tests/", "hubd/", "grpc")):
                    say(number, "arrows", f"core may not include {target}")
            else:
                for prefix, allowed in OUTSIDE:
                    if name.startswith(prefix):
                        ours = target.startswith(("core/", "daemon/", "client/", "tests/", "hubd/"))
                        if ours and not target.startswith(allowed):
                            say(number, "arrows", f"{prefix} may not include {target}")
                        break

        for line, what in coroutine_findings(code, void):
            say(line, "coroutine", what)

        if name not in CLOCK_HOMES:
            for number, line in enumerate(code.splitlines(), 1):
                for pattern, what in BANNED:
                    if pattern.search(line):
                        if name.startswith(CLOCK_FREE) and "Clock" in what:
                            continue
                        if name.startswith("client/cli/") and "Timers" in what:
                            continue
                        say(number, "banned", what)

    lists = "\n".join(p.read_text() for p in root.glob("tests/**/CMakeLists.txt"))
    for name, _ in texts:
        if name.startswith("tests/") and name.endswith("_test.cc") and pathlib.Path(name).name not in lists:
            problems.append(f"{name}:1: tests: no CMakeLists.txt builds this test")
    return problems


if __name__ == "__main__":
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) if found else "tidy: nothing to say")
    sys.exit(1 if found else 0)
