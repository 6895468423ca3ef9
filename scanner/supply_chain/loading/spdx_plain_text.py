"""The text of an SPDX document that is not JSON: byte order mark, UTF-16, line ends, and bytes that are no UTF-8."""

from __future__ import annotations

from scanner.supply_chain.loading.base import Drops, Source

__all__ = ["decoded", "start"]

_WIDE = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
LATIN = "is not UTF-8; the document was read as Latin-1"


def decoded(source: Source, drops: Drops) -> str:
    """The whole text, every line ended by a line feed. Bytes that are no UTF-8 are read as Latin-1, and counted: names
    in old documents are in it, and identifiers and digests are ASCII anyhow."""
    data = source.data
    wide = _wide(data)
    if wide is not None:
        text = data.decode(wide, "replace")
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            drops.add("text", LATIN, f"byte {error.start}")
            text = data.decode("latin-1")
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def start(source: Source) -> str:
    """The text of the first bytes, for probes."""
    return source.head.decode(_wide(source.head) or "utf-8", "replace")


def _wide(data: bytes) -> str | None:
    """The UTF-16 encoding that a byte order mark or the zero byte beside the first character tells; None for others."""
    if data[:2] in _WIDE:
        return _WIDE[data[:2]]
    if len(data) > 1 and not (data[0] and data[1]):
        return "utf-16-le" if data[0] else "utf-16-be"
    return None
