"""Mount options: splitting them, and what is in force when they contradict each other.

Later options win, `user` and its kin bring nosuid, nodev and noexec along, and `defaults` changes nothing.

Source: mount(8), "filesystem-independent mount options"; util-linux libmount/src/optmap.c.
"""

from __future__ import annotations

from scanner.model.errors import ParseError

__all__ = ["effective", "split"]

MAX_OPTIONS = 512

_OPPOSITE = {
    "dev": "nodev",
    "suid": "nosuid",
    "exec": "noexec",
    "rw": "ro",
    "auto": "noauto",
    "async": "sync",
    "fail": "nofail",
    "atime": "noatime",
    "diratime": "nodiratime",
    "symfollow": "nosymfollow",
}
_PAIRS = {**_OPPOSITE, **{negative: positive for positive, negative in _OPPOSITE.items()}}
_SINGLE = ("sec=", "vers=", "nfsvers=", "mode=", "uid=", "gid=")
"""Options with one value, of which the last counts (nfs(5), mount(8))."""
_IMPLIED = {
    "user": ("noexec", "nosuid", "nodev"),
    "users": ("noexec", "nosuid", "nodev"),
    "owner": ("nosuid", "nodev"),
    "group": ("nosuid", "nodev"),
}


def split(text: str, *, line: int | None = None) -> list[str]:
    """The options of a comma list; commas inside double quotes belong to a value. Raises ParseError."""
    parts: list[str] = []
    current: list[str] = []
    quoted = False
    for char in text:
        if char == '"':
            quoted = not quoted
        if char == "," and not quoted:
            parts.append("".join(current))
            current = []
        else:
            current.append(char)
    if quoted:
        raise ParseError("mount options: a quote is not closed", line=line)
    parts.append("".join(current))
    found = [part.strip() for part in parts if part.strip()]
    if len(found) > MAX_OPTIONS:
        raise ParseError(f"more than {MAX_OPTIONS} mount options", line=line)
    return found


def effective(options: list[str]) -> list[str]:
    """The options in force, in order: of a contradiction only the later word, with what `user` and its kin imply."""
    chosen: dict[str, None] = {}
    for option in options:
        for word in (option, *_IMPLIED.get(option.partition("=")[0], ())):
            opposite = _PAIRS.get(word)
            if opposite is not None:
                chosen.pop(opposite, None)
            elif word.startswith(_SINGLE):
                key = word.partition("=")[0] + "="
                chosen = {known: None for known in chosen if not known.startswith(key)}
            chosen.pop(word, None)
            chosen[word] = None
    chosen.pop("defaults", None)
    return list(chosen)
