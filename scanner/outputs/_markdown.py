"""Markdown in which no text from an assessment is ever markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["escaped", "table"]

_MARKUP = re.compile(
    r"[\\`*_{}\[\]<>|~&!#@$^%]"  # anywhere: emphasis, links, HTML, cells, references and mentions of GitHub and GitLab
    r"|^[-+=/]|^\d{1,9}[.)]"  # at the start: lists, rules, quick actions of GitLab
    r"|:(?=//|[\w+-]+:)|(?<=mailto|script):|(?<=xmpp):|(?<=www)\.",  # links made of plain text, emoji (:x:)
    re.IGNORECASE,
)


def escaped(text: str) -> str:
    """Text that Markdown shows as it is: what could begin markup, a link or a mention in CommonMark or in the dialects
    of GitHub and GitLab is written as a character reference. The text is visible already, so it has no line breaks."""
    return _MARKUP.sub(lambda found: f"{found[0][:-1]}&#{ord(found[0][-1])};", text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table. `head` is ours, the cells of `rows` are escaped here."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(escaped(cell) for cell in row)} |"
