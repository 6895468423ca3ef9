"""What common text tools print for a known input: grep, cat, head, tr, cut, awk '{print $N}', jq paths and so on.

`answer` gives None where the tool, an option or the input is not known: then all is open.
Sources: grep(1), POSIX utilities (XCU 4), jq(1) manual.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from scanner.parsers.shell_paths import Answer
from scanner.parsers.shell_values import Text, regex_search

__all__ = ["File", "answer"]

File = Callable[[str], tuple[bool, str | None]]


def answer(name: str, arguments: Sequence[Text], stdin: Text, file: File) -> Answer | None:
    """Exit status and output of the tool, None where it is open."""
    handler = _TOOLS.get(name)
    known = [argument for argument in arguments if argument is not None]
    if handler is None or len(known) != len(arguments):
        return None
    return handler(known, stdin, file)


def _input(paths: Sequence[str], stdin: Text, file: File) -> tuple[bool, Text]:
    """Whether all input is there (None text: unknown), and the text."""
    if not paths or paths == ["-"]:
        return True, stdin
    texts: list[str] = []
    for path in paths:
        known, content = file(path)
        if not known:
            return True, None
        if content is None:
            return False, ""
        texts.append(content)
    return True, "".join(texts)


# ---- grep ----------------------------------------------------------------------------------------------------------

_GREP_FLAGS = frozenset("qsivxwEFPGcohnHalLaz")


def _grep(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    flags: set[str] = set()
    patterns: list[str] = []
    rest: list[str] = []
    todo = list(arguments)
    while todo:
        word = todo.pop(0)
        if word == "--":
            rest.extend(todo)
            break
        if word.startswith("--"):
            flag = _GREP_LONG.get(word.partition("=")[0])
            if flag is None:
                return None
            flags.add(flag)
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            for index, letter in enumerate(letters):
                if letter in "emABC":
                    value = letters[index + 1 :] or (todo.pop(0) if todo else "")
                    if letter == "e":
                        patterns.append(value)
                    break
                if letter not in _GREP_FLAGS:
                    return None
                flags.add(letter)
        else:
            rest.append(word)
    if not patterns:
        if not rest:
            return 2, ""
        patterns = [rest.pop(0)]
    if flags & set("zrR"):
        return None
    there, text = _input(rest, stdin, file)
    if not there:
        return 2, ""
    if text is None:
        return None
    return _grep_lines(patterns, flags, text)


_GREP_LONG = {"--quiet": "q", "--silent": "q", "--no-messages": "s", "--ignore-case": "i", "--invert-match": "v"}
_GREP_LONG |= {"--line-regexp": "x", "--word-regexp": "w", "--extended-regexp": "E", "--fixed-strings": "F"}
_GREP_LONG |= {"--count": "c", "--only-matching": "o", "--perl-regexp": "P", "--color": "h", "--no-filename": "h"}


def _grep_lines(patterns: list[str], flags: set[str], text: str) -> Answer | None:
    chosen: list[str] = []
    for line in text.splitlines():
        hits = [_line_hit(pattern, flags, line) for pattern in patterns]
        hit = True if True in hits else None if None in hits else False
        if hit is None:
            return None
        if hit != ("v" in flags):
            chosen.append(line)
    status = 0 if chosen else 1
    if "q" in flags:
        return status, ""
    if "c" in flags:
        return status, f"{len(chosen)}\n"
    if flags & set("olLnH"):
        return status, None if chosen else ""
    return status, "".join(line + "\n" for line in chosen)


def _line_hit(pattern: str, flags: set[str], line: str) -> bool | None:
    folded = "i" in flags
    if "F" in flags:
        first, second = (line.lower(), pattern.lower()) if folded else (line, pattern)
        if "w" in flags:
            return re.search(rf"(?<!\w){re.escape(second)}(?!\w)", first) is not None
        return first == second if "x" in flags else second in first
    basic = not flags & set("EP")
    if "x" in flags or "w" in flags:
        opened, closed = (r"\(", r"\)") if basic else ("(", ")")
        edge = ("^", "$") if "x" in flags else (r"\b", r"\b")
        pattern = f"{edge[0]}{opened}{pattern}{closed}{edge[1]}"
    return regex_search(pattern, line, basic=basic, folded=folded)


# ---- smaller tools -------------------------------------------------------------------------------------------------


def _cat(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    there, text = _input([word for word in arguments if not word.startswith("-") or word == "-"], stdin, file)
    return (0, text) if there else (1, "")


def _head(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    count, paths = 10, []
    todo = list(arguments)
    while todo:
        word = todo.pop(0)
        number = word.lstrip("-").lstrip("n") or (todo.pop(0) if word == "-n" and todo else "")
        if word.startswith("-"):
            if not number.isdecimal():
                return None
            count = int(number)
        else:
            paths.append(word)
    there, text = _input(paths, stdin, file)
    if not there or text is None:
        return (0, None) if there else (1, "")
    return 0, "".join(text.splitlines(keepends=True)[:count])


def _tr(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    if stdin is None:
        return None
    classes = {"[:upper:]": "upper", "A-Z": "upper", "[:lower:]": "lower", "a-z": "lower"}
    if len(arguments) == 2 and arguments[0] in classes and arguments[1] in classes:
        return 0, stdin.lower() if classes[arguments[1]] == "lower" else stdin.upper()
    if len(arguments) == 2 and arguments[0] == "-d":
        gone = {"[:space:]": " \t\n\r\f\v", "[:blank:]": " \t", "\\n": "\n", "\\r\\n": "\r\n"}.get(
            arguments[1], arguments[1]
        )
        return None if "-" in gone or "\\" in gone or "[:" in gone else (0, "".join(c for c in stdin if c not in gone))
    return None


def _cut(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    match = re.fullmatch(r"-d(.) -f ?([0-9])", " ".join(arguments).replace("-d ", "-d", 1).replace("-f ", "-f"))
    if match is None or stdin is None:
        return None
    number = int(match[2]) - 1
    lines = []
    for line in stdin.splitlines():
        parts = line.split(match[1])
        lines.append(line if len(parts) == 1 else parts[number] if 0 <= number < len(parts) else "")
    return 0, "".join(line + "\n" for line in lines)


_AWK = re.compile(r"\s*(?:/([^/\\]{1,80})/\s*)?\{\s*print\s+\$([0-9]|NF)\s*;?\s*\}\s*\Z")


def _awk(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    separator = None
    words = list(arguments)
    if words and words[0].startswith("-F"):
        separator = words.pop(0)[2:] or (words.pop(0) if words else "")
        if len(separator) != 1:
            return None
    match = _AWK.match(words[0]) if words else None
    if match is None:
        return None
    there, text = _input(words[1:], stdin, file)
    if not there or text is None:
        return (2, "") if not there else None
    lines = []
    for line in text.splitlines():
        if match[1] is not None:
            hit = regex_search(match[1], line)
            if hit is None:
                return None
            if not hit:
                continue
        parts = line.split(separator)
        number = len(parts) if match[2] == "NF" else int(match[2])
        lines.append(line if number == 0 else parts[number - 1] if number <= len(parts) else "")
    return 0, "".join(line + "\n" for line in lines)


def _wc(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    return (0, f"{stdin.count(chr(10))}\n") if arguments == ["-l"] and stdin is not None else None


def _seq(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    if not 1 <= len(arguments) <= 2 or not all(word.isdecimal() and len(word) < 5 for word in arguments):
        return None
    numbers = [int(word) for word in arguments]
    low, high = (1, numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])
    return 0, "".join(f"{number}\n" for number in range(low, min(high, low + 500) + 1))


def _xargs(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    return (0, " ".join(stdin.split()) + "\n") if not arguments and stdin is not None else None


def _sort(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    return (0, "".join(sorted(stdin.splitlines(keepends=True)))) if not arguments and stdin is not None else None


_JQ_PATH = re.compile(r"(?:\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]{1,3}\])+\Z")


def _jq(arguments: list[str], stdin: Text, file: File) -> Answer | None:
    """A plain path such as `.status.booted.image.imageDigest`, with `// empty` if wanted."""
    flags = "".join(word[1:] for word in arguments if re.fullmatch(r"-[re]+", word))
    words = [word for word in arguments if not re.fullmatch(r"-[re]+", word)]
    if not words or stdin is None or any(word.startswith("-") for word in words):
        return None
    path, _, other = (part.strip() for part in words[0].partition("//"))
    if other not in ("", "empty") or not _JQ_PATH.match(path) or len(words) > 1:
        return None
    try:
        value = json.loads(stdin)
    except (ValueError, RecursionError):
        return 2, ""
    for key in re.findall(r"[A-Za-z_0-9]+", path):
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() and int(key) < len(value) else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    if value is None and other:
        return (4 if "e" in flags else 0), ""
    text = value if isinstance(value, str) and "r" in flags else json.dumps(value)
    return (1 if "e" in flags and value in (None, False) else 0), text + "\n"


_TOOLS: dict[str, Callable[[list[str], Text, File], Answer | None]] = {
    "grep": _grep,
    "egrep": lambda words, stdin, file: _grep(["-E", *words], stdin, file),
    "fgrep": lambda words, stdin, file: _grep(["-F", *words], stdin, file),
    "cat": _cat,
    "head": _head,
    "tr": _tr,
    "cut": _cut,
    "awk": _awk,
    "wc": _wc,
    "seq": _seq,
    "xargs": _xargs,
    "sort": _sort,
    "jq": _jq,
}
