"""The grammar of sshd_config: lines, keywords, quoting, and the `Match` and `Include` lines among them.

Source: sshd_config(5); OpenSSH servconf.c (`process_server_config_line`) and misc.c (`strdelim`, `argv_split`). There
is no continuation of lines. What sshd refuses to start with (a keyword alone, an open quote) is a ParseError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Line", "parse", "split_arguments", "split_option"]

MAX_LINE = 65_536
"""Characters of one line; sshd itself has no bound."""

# One keyword, bare or in double quotes, then blanks or a single `=` with blanks around it. A stray `=` may lead.
_KEYWORD = re.compile(
    r"""
    =? [ \t\r]*
    (?: (?P<bare> [^ \t\r"=]+ ) (?P<inner> ")? [ \t\r]* (?: = [ \t\r]* )?
      | " (?P<quoted> [^"]+ ) " [ \t\r]* )
    (?P<rest> .* )
    """,
    re.DOTALL | re.VERBOSE,
)

_ALIASES = {
    "challengeresponseauthentication": "kbdinteractiveauthentication",
    "skeyauthentication": "kbdinteractiveauthentication",
    "dsaauthentication": "pubkeyauthentication",
    "keepalive": "tcpkeepalive",
    "pubkeyacceptedkeytypes": "pubkeyacceptedalgorithms",
    "hostbasedacceptedkeytypes": "hostbasedacceptedalgorithms",
    "kerberostgtpassing": "kerberosgetafstoken",
    "gssapicleanupcreds": "gssapicleanupcredentials",
    "rsaminsize": "requiredrsasize",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One setting as written: 1-based `line`, canonical lower-case `keyword`, unquoted `arguments` (at least one)."""

    line: int
    keyword: str
    arguments: tuple[str, ...]


def parse(text: str) -> list[Line]:
    """Every setting of one file, in order. Raises ParseError for what sshd would not start with."""
    return list(_lines(text))


def _lines(text: str) -> Iterator[Line]:
    if "\0" in text:
        # sshd drops the rest of the line and glues the next one to it: nothing that a person could have meant.
        raise ParseError("a NUL byte", line=text.count("\n", 0, text.index("\0")) + 1)
    for number, raw in enumerate(text.split("\n"), 1):
        if len(raw) > MAX_LINE:
            raise ParseError(f"longer than {MAX_LINE} characters", line=number)
        content = raw.lstrip(" \t\r").rstrip(" \t\r\f")  # sshd allows a form feed at the end only
        if not content or content.startswith("#"):
            continue
        yield split_option(content, number)


def split_option(content: str, number: int) -> Line:
    """One `keyword argument…` text (a line, or what follows `-o`) as a Line. Raises ParseError."""
    found = _KEYWORD.match(content)
    if found is None or found["inner"]:
        raise ParseError("no keyword, or a quote inside it", line=number)
    keyword = (found["bare"] or found["quoted"]).lower()
    arguments = split_arguments(found["rest"], number)
    if not arguments:
        raise ParseError(f"no argument after keyword {keyword}", line=number)
    return Line(number, _ALIASES.get(keyword, keyword), tuple(arguments))


def split_arguments(text: str, number: int) -> list[str]:
    """Words of `text`, unquoted; a `#` at the start of a word ends them.

    Quotes are single or double; a backslash protects a quote, a backslash and (unquoted) a blank. Raises ParseError on
    an open quote.
    """
    words: list[str] = []
    at, end = 0, len(text)
    while at < end:
        if text[at] in " \t\r":
            at += 1
            continue
        if text[at] == "#":
            break
        word, at = _word(text, at, number)
        words.append(word)
    return words


def _word(text: str, at: int, number: int) -> tuple[str, int]:
    """The word that begins at `at`, and where the next one may begin."""
    out: list[str] = []
    quote = ""
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char == "\\" and following and (following in "'\"\\" or (not quote and following == " ")):
            out.append(following)
            at += 2
            continue
        if not quote and char in " \t":
            break
        if not quote and char in "\"'":
            quote = char
        elif quote and char == quote:
            quote = ""
        else:
            out.append(char)
        at += 1
    if quote:
        raise ParseError("an open quote", line=number)
    return "".join(out), at
