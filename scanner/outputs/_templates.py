"""The report templates: found beside the content, always escaped, and never quiet about a missing name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scanner.files import content_root, read_bytes

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["environment", "template_text"]


def template_text(name: str) -> str:
    """The text of `reports/templates/<name>`."""
    return read_bytes(content_root() / "reports" / "templates" / name).decode("utf-8")


def environment() -> Environment:
    """Jinja with escaping on for every template, whatever its name ends in."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    made = Environment(
        loader=FunctionLoader(template_text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]
    return made
