"""file_contexts: which SELinux label a path should have.

Among the specifications that match a path, one without special characters wins over one with; of equals the last wins.
Files count in the order file_contexts, .homedirs, .local. Before the look-up a path is rewritten by file_contexts.subs,
then by file_contexts.subs_dist, first fitting prefix each.
Sources: file_contexts(5), selabel_file(5), SELinuxProject/selinux libselinux/src/label_file.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers.path_regex import Pattern, literal_start

__all__ = ["Spec", "Substitution", "expected", "parse", "parse_substitutions", "rewritten"]

_KINDS = {
    "--": "file",
    "-d": "directory",
    "-c": "char",
    "-b": "block",
    "-s": "socket",
    "-l": "link",
    "-p": "fifo",
}
_MAX_PATH = 4096


@dataclass(frozen=True, slots=True)
class Spec:
    """One line: expression, kind of file (None = any), label (None for `<<none>>`), where it stands (line 1-based)."""

    pattern: str
    kind: str | None
    label: str | None
    source: str
    line: int


@dataclass(frozen=True, slots=True)
class Substitution:
    """`prefix` is to be labelled as `target`."""

    prefix: str
    target: str


def parse(text: str, source: str) -> list[Spec]:
    """Every specification of one file. Raises ParseError (with the line) for a line of another form."""
    if "\0" in text:
        raise ParseError("holds a NUL byte (a compiled file?)", offset=text.index("\0"))
    specs: list[Spec] = []
    for number, line in enumerate(text.split("\n"), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) == 2:
            pattern, kind, label = words[0], None, words[1]
        elif len(words) == 3 and words[1] in _KINDS:
            pattern, kind, label = words[0], _KINDS[words[1]], words[2]
        else:
            raise ParseError("not a path, a kind and a label", line=number)
        specs.append(Spec(pattern, kind, None if label == "<<none>>" else label, source, number))
    return specs


def parse_substitutions(text: str) -> list[Substitution]:
    """Lines of two absolute paths; others are ignored, as libselinux does."""
    found = []
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 2 and words[0].startswith("/") and words[1].startswith("/"):
            found.append(Substitution(words[0], words[1].rstrip("/") if words[1] != "/" else ""))
    return found


def rewritten(path: str, substitutions: Sequence[Substitution]) -> str:
    """`path` with the first fitting prefix replaced."""
    for one in substitutions:
        if path == one.prefix or path.startswith(one.prefix.rstrip("/") + "/"):
            return (one.target + path[len(one.prefix.rstrip("/")) :]) or "/"
    return path


def expected(specs: Iterable[Spec], path: str, kind: str) -> Spec | None:
    """The specification that decides about `path`, a file of `kind`; None when there is none.

    Raises ParseError when an expression that might decide is outside the supported language.
    """
    if len(path) > _MAX_PATH:
        raise ParseError("path too long")
    chosen: Spec | None = None
    chosen_is_exact = False
    for spec in specs:
        if spec.kind is not None and spec.kind != kind:
            continue
        exact = _literal(spec.pattern)
        if exact is not None:
            if exact == path:
                chosen, chosen_is_exact = spec, True
        elif (
            not chosen_is_exact and path.startswith(literal_start(spec.pattern)) and Pattern(spec.pattern).matches(path)
        ):
            chosen = spec
    return chosen


def _literal(pattern: str) -> str | None:
    """The path a pattern without special characters means (an escaped character is a literal), else None."""
    plain: list[str] = []
    escaped = False
    for char in pattern:
        if escaped:
            if char.isalnum():
                return None
            plain.append(char)
            escaped = False
        elif char == "\\":
            escaped = True
        elif char in ".^$?*+|[({":
            return None
        else:
            plain.append(char)
    return None if escaped else "".join(plain)
