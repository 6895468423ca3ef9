"""Kernel arguments that a bootc image brings along: `/usr/lib/bootc/kargs.d/*.toml` and `[install] kargs`.

Source: bootc-dev/bootc, docs/src/building/kernel-arguments.md and docs/src/man/bootc-install-config.5.md.
"""

from __future__ import annotations

from scanner.model.errors import ParseError
from scanner.model.records import dataclass

__all__ = ["Kargs", "parse", "parse_install"]

_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Kargs:
    """`arguments` in order; `architectures` they are limited to (Rust names, `x86_64`), None = all."""

    arguments: tuple[str, ...]
    architectures: tuple[str, ...] | None


def parse(text: str) -> Kargs:
    """A drop-in of kargs.d. Raises ParseError for bad TOML or a key of the wrong type."""
    table = _toml(text)
    return Kargs(_texts(table, "kargs") or (), _texts(table, "match-architectures"))


def parse_install(text: str) -> Kargs:
    """The kernel arguments of an install configuration. Raises ParseError as `parse`."""
    install = _toml(text).get("install", {})
    if not isinstance(install, dict):
        raise ParseError("install is not a table")
    return Kargs(_texts(install, "kargs") or (), _texts(install, "match-architectures"))


def _toml(text: str) -> dict[str, object]:
    if len(text) > _MAX:
        raise ParseError("larger than a kernel argument file can be", offset=_MAX)
    import tomllib  # few systems have such a file

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise ParseError(f"not TOML: {error}") from None
    except RecursionError:
        raise ParseError("TOML nested too deeply") from None


def _texts(table: dict[str, object], key: str) -> tuple[str, ...] | None:
    if key not in table:
        return None
    value = table[key]
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ParseError(f"{key} is not a list of texts")
    return tuple(str(item) for item in value)
