"""Values of a shell script as far as they are known: `${…}`, `$((…))`, `[ … ]`, patterns and regular expressions.

A text that is not known is None, and so is an answer that hangs on one. Source: POSIX shell command language (XCU 2.6),
test(1), bash(1), regex(7), glob(7).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from typing import TypeAlias

from scanner.model.records import dataclass
from scanner.parsers.shell_effort import UndecidedError, spend

__all__ = [
    "Regex",
    "Text",
    "UndecidedError",
    "arithmetic",
    "compare",
    "glob_match",
    "malformed",
    "operator",
    "regex_search",
    "to_regex",
]

Text: TypeAlias = str | None

_MAX_PATTERN = 400
_MAX_SUBJECT = 4096
_ARRAY = "\x1f"
_NAME = re.compile(r"\$?\{?([A-Za-z_][A-Za-z0-9_]*)\}?")


def operator(get: Callable[[str], Text], name: str, rest: str, status: int) -> Text:
    """The value of `${name rest}`; forms that are not read give None."""
    if name == "?":
        return str(status)
    if name == "#" and rest:
        value = get(rest.partition("[")[0])
        if value is None:
            return None
        return str(len(value.split(_ARRAY)) if value else 0) if rest.endswith(("[@]", "[*]")) else str(len(value))
    value = get(name)
    if not rest or rest in ("[@]", "[*]"):
        return value
    if rest in (",,", "^^"):
        return None if value is None else value.lower() if rest == ",," else value.upper()
    sign = rest.lstrip(":")[:1]
    if sign in ("-", "=") and not any(char in rest for char in "$`\\\"'"):
        return (value or rest.lstrip(":")[1:]) if value is not None else None
    return None


# ---- sums ----------------------------------------------------------------------------------------------------------

_SUM_LETTERS = re.compile(r"[0-9+\-*/%()<>=!&|\s]*\Z")
_OCTAL = re.compile(r"(?<![0-9])0+(?=[0-9])")


def arithmetic(text: str, get: Callable[[str], Text]) -> int | None:
    """The value of a sum of whole numbers; None when it holds something unknown or is not read here."""
    spend(len(text) // _PATTERN_PER_UNIT)
    unknown = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal unknown
        value = get(match[1])
        if value is None or not re.fullmatch(r"-?[0-9]{0,15}", value.strip()):
            unknown = True
            return "0"
        return f"({value.strip() or 0})"

    if len(text) > _MAX_PATTERN or _OCTAL.search(text):
        return None
    written = _NAME.sub(value_of, text)
    if unknown or not _SUM_LETTERS.match(written) or "**" in written or "<<" in written or ">>" in written:
        return None
    written = re.sub(r"!(?!=)", " not ", written.replace("&&", " and ").replace("||", " or "))
    if "&" in written or "|" in written:
        return None
    try:
        return int(_worth(ast.parse(written.strip() or "0", mode="eval").body))
    except (SyntaxError, ValueError, ZeroDivisionError, MemoryError, RecursionError, KeyError):
        return None


_SUMS: dict[type, Callable[[int, int], int]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.FloorDiv: lambda a, b: a // b,
    ast.Div: lambda a, b: abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1),
    ast.Mod: lambda a, b: abs(a) % abs(b) * (1 if a >= 0 else -1),
    ast.Lt: lambda a, b: a < b,
    ast.LtE: lambda a, b: a <= b,
    ast.Gt: lambda a, b: a > b,
    ast.GtE: lambda a, b: a >= b,
    ast.Eq: lambda a, b: a == b,
    ast.NotEq: lambda a, b: a != b,
}


def _worth(node: ast.AST) -> int:
    """The value of a parsed sum; its size is bounded by the length of the text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, int):
        return node.value
    if isinstance(node, ast.BinOp):
        return _SUMS[type(node.op)](_worth(node.left), _worth(node.right))
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return int(_SUMS[type(node.ops[0])](_worth(node.left), _worth(node.comparators[0])))
    if isinstance(node, ast.BoolOp):
        answers = [_worth(value) != 0 for value in node.values]
        return int(all(answers) if isinstance(node.op, ast.And) else any(answers))
    if isinstance(node, ast.UnaryOp):
        value = _worth(node.operand)
        return int(value == 0) if isinstance(node.op, ast.Not) else -value if isinstance(node.op, ast.USub) else value
    raise ValueError("not a sum")


# ---- tests ---------------------------------------------------------------------------------------------------------

_FILE_TESTS = frozenset(f"-{letter}" for letter in "efdrsxLhbcpSwOGkugNt")
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "-eq": lambda a, b: a == b,
    "-ne": lambda a, b: a != b,
    "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b,
    "-gt": lambda a, b: a > b,
    "-ge": lambda a, b: a >= b,
}
_PAIRS = frozenset((*_NUMBERS, "=", "==", "!=", "=~", "<", ">", "-nt", "-ot", "-ef"))


def compare(
    words: Sequence[Text],
    file: Callable[[str], tuple[bool, str | None]],
    installed: Callable[[str], bool | None],
    *,
    extended: bool = False,
) -> bool | None:
    """What `[ words ]` says, or with `extended` `[[ words ]]`; None when that is open."""
    if len(words) > 60:
        return None
    reader = _Test(list(words), file, installed, extended)
    answer = reader.either()
    return answer if reader.at == len(words) else None


def malformed(words: Sequence[Text]) -> bool:
    """Whether `[ words ]` is an error (status 2): an empty variable without quotes, or a sum of what is no number."""
    if None in words or not 2 <= len(words) <= 3:
        return False
    first, second, *rest = (word or "" for word in words)
    if not rest:
        return first != "!" and not _is_unary(first)
    if second in _NUMBERS:
        return any(re.fullmatch(r"\s*[-+]?[0-9]+\s*", word) is None for word in (first, *rest))
    return second not in (*_PAIRS, "-a", "-o") and first not in ("!", "(")


class _Test:
    def __init__(
        self,
        words: list[Text],
        file: Callable[[str], tuple[bool, str | None]],
        installed: Callable[[str], bool | None],
        extended: bool,
    ) -> None:
        self.words = words
        self.file = file
        self.installed = installed
        self.extended = extended
        self.at = 0

    def next(self, *signs: str) -> bool:
        if self.at < len(self.words) and self.words[self.at] in signs:
            self.at += 1
            return True
        return False

    def either(self) -> bool | None:
        answer = self.both()
        while self.next("||", "-o"):
            other = self.both()
            answer = True if True in (answer, other) else None if None in (answer, other) else False
        return answer

    def both(self) -> bool | None:
        answer = self.one()
        while self.next("&&", "-a"):
            other = self.one()
            answer = False if False in (answer, other) else None if None in (answer, other) else True
        return answer

    def one(self) -> bool | None:
        left = len(self.words) - self.at
        if left == 0:
            return False
        if left >= 3 and self.words[self.at + 1] in _PAIRS:
            first, sign, second = self.words[self.at : self.at + 3]
            self.at += 3
            return self._pair(first, sign or "", second)
        if left >= 2 and self.next("!"):
            answer = self.one()
            return None if answer is None else not answer
        if left >= 3 and self.next("("):
            answer = self.either()
            return answer if self.next(")") else None
        if left >= 2 and (sign := self.words[self.at]) is not None and _is_unary(sign):
            value = self.words[self.at + 1]
            self.at += 2
            return self._unary(sign, value)
        value = self.words[self.at]
        self.at += 1
        return None if value is None else value != ""

    def _unary(self, sign: str, value: Text) -> bool | None:
        if value is None or sign == "-v":
            return None
        if sign in ("-n", "-z"):
            return (value != "") == (sign == "-n")
        known, content = self.file(value)
        if known:
            return content is not None and (content != "" or sign != "-s")
        folder, _, name = value.rpartition("/")
        if folder in ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin") and sign in ("-e", "-f", "-x"):
            return self.installed(name)
        return None

    def _pair(self, first: Text, sign: str, second: Text) -> bool | None:
        if first is None or second is None:
            return None
        if sign in _NUMBERS:
            numbers = [arithmetic(text, lambda name: None) for text in (first, second)]
            if numbers[0] is None or numbers[1] is None:
                return None
            return _NUMBERS[sign](numbers[0], numbers[1])
        if sign == "=~":
            return regex_search(second, first)
        if sign in ("=", "==", "!="):
            same = glob_match(first, second) if self.extended else first == second
            return None if same is None else same == (sign != "!=")
        return None


def _is_unary(sign: str) -> bool:
    return sign in _FILE_TESTS or sign in ("-n", "-z", "-v")


# ---- patterns ------------------------------------------------------------------------------------------------------


def glob_match(value: Text, pattern: Text) -> bool | None:
    """Whether a text matches a shell pattern."""
    if value is None or pattern is None or len(pattern) > _MAX_PATTERN or pattern.count("*") > 8:
        return None
    return fnmatchcase(value, pattern)


def regex_search(pattern: Text, subject: Text, *, basic: bool = False, folded: bool = False) -> bool | None:
    """Whether a POSIX regular expression is found in a line of a text; None when that is open or may take too long."""
    if pattern is None or subject is None or len(subject) > _MAX_SUBJECT:
        return None
    spend(len(pattern) // _PATTERN_PER_UNIT)
    read = to_regex(pattern, basic=basic, folded=folded)
    if read is None:
        return None
    cost = read.cost(subject)
    if cost > _MAX_COST:
        return None
    spend(cost // _COST_PER_UNIT)
    return read.compiled.search(subject) is not None


_MAX_COST = 1_000_000
_COST_PER_UNIT = 3_000
_PATTERN_PER_UNIT = 10
_CLASSES = {"space": r" \t\r\f\v", "blank": r" \t", "digit": "0-9", "alpha": "a-zA-Z", "alnum": "a-zA-Z0-9"}
_CLASSES |= {
    "upper": "A-Z",
    "lower": "a-z",
    "xdigit": "0-9A-Fa-f",
    "punct": re.escape("!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~"),
}
_LETTERS = {"s": r"[ \t\r\f\v]", "S": r"[^\s]", "w": r"\w", "W": r"[^\w\n]", "d": "[0-9]", "D": r"[^0-9\n]"}
_LETTERS |= {"b": r"\b", "<": r"\b", ">": r"\b"}


@dataclass(frozen=True, slots=True)
class Regex:
    """A translated expression and what it repeats, so that its cost on a text can be bounded beforehand."""

    compiled: re.Pattern[str]
    repeated: tuple[str, ...]
    anchored: bool

    def cost(self, subject: str) -> int:
        """An upper bound of the steps that a search takes."""
        cost = 1 if self.anchored else len(subject) + 1
        for atom in self.repeated:
            cost *= max((len(match[0]) for match in re.finditer(f"(?:{atom})+", subject)), default=0) + 1
        return cost * (len(subject) + 1) if self.repeated else cost


def to_regex(pattern: str, *, basic: bool, folded: bool = False) -> Regex | None:
    """A POSIX expression as one of Python; None for what is not read here (repeated groups, references, Perl forms)."""
    if len(pattern) > _MAX_PATTERN:
        return None
    out: list[str] = []
    repeated: list[str] = []
    at = 0
    while at < len(pattern):
        start, char = at, pattern[at]
        at += 1
        special = char in ("*.^$" if basic else "*+?{}()|.^$")
        if char == "[":
            end = _end_of_set(pattern, start)
            if end < 0:
                return None
            out.append(_set(pattern[start + 1 : end]))
            at = end + 1
            continue
        if char == "\\":
            char = pattern[at : at + 1]
            at += 1
            if char in _LETTERS:
                out.append(_LETTERS[char])
                continue
            if not char or char.isalnum():
                return None
            special = basic and char in "+?{}()|"
        if special and char in "*+?{":
            if not out or out[-1] in ("(", "|", "^"):
                if char != "*":
                    return None
                out.append(r"\*")
                continue
            if out[-1] in (")", "*", "+", "?", "}") or out[-1].startswith("{"):
                return None
            repeated.append(out[-1])
            if char == "{":
                close = pattern.find("\\}" if basic else "}", at)
                if close < 0 or not re.fullmatch(r"[0-9]{1,2}(,[0-9]{0,2})?", pattern[at:close]):
                    return None
                out.append("{" + pattern[at:close] + "}")
                at = close + (2 if basic else 1)
                continue
        out.append(char if special else re.escape(char))
    try:
        compiled = re.compile("".join(out), re.MULTILINE | (re.IGNORECASE if folded else 0))
    except (re.error, OverflowError, RecursionError):
        return None
    return Regex(compiled, tuple(repeated), out[:1] == ["^"] and "|" not in out)


def _end_of_set(pattern: str, start: int) -> int:
    at = start + 1
    if pattern[at : at + 1] == "^":
        at += 1
    if pattern[at : at + 1] == "]":
        at += 1
    while at < len(pattern) and pattern[at] != "]":
        if pattern[at : at + 2] in ("[:", "[.", "[="):
            close = pattern.find(pattern[at + 1] + "]", at + 2)
            if close < 0:
                return -1
            at = close + 1
        at += 1
    return at if at < len(pattern) else -1


def _set(inside: str) -> str:
    negated = inside.startswith("^")
    rest = inside[1:] if negated else inside
    out = []
    at = 0
    while at < len(rest):
        if rest.startswith("[:", at) and (close := rest.find(":]", at)) > 0:
            out.append(_CLASSES.get(rest[at + 2 : close], ""))
            at = close + 2
            continue
        out.append(rest[at] if rest[at] == "-" and 0 < at < len(rest) - 1 else re.escape(rest[at]))
        at += 1
    # A negated set never matches the end of a line, as grep works line by line.
    return f"[{'^' if negated else ''}{''.join(out)}{chr(92) + 'n' if negated else ''}]"
