"""Hiding values in waivers and answers; refusing them in profiles and parameters, where they cannot be hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

from scanner.bundle.hiding import Hider
from scanner.engine import yaml_text
from scanner.frameworks.inputs import Inputs, Text
from scanner.model.errors import UsageError

__all__ = ["hidden_inputs"]

_KEPT = frozenset(
    {"schema", "rule", "control", "framework", "verdict", "expires", "created", "date", "valid_until", "sha256"}
)
"""Fields of waivers and answers that name what is public or a day."""

_REFERENCES = frozenset(
    {"schema", "extends", "frameworks", "only", "rules_in", "rules_out", "require", "min_coverage", "default_for"}
)
"""Fields of a profile that name our own content."""

_COMMENT = re.compile(r"(?:^|\s)#(.*)", re.MULTILINE)


def hidden_inputs(inputs: Inputs, hider: Hider, hosts: Sequence[str]) -> Inputs:
    """The inputs without hidden values. `hosts`: the hidden host names, the one of this subject first.

    Raises UsageError for a value in a profile or parameter: the names of results hang on these, so they stay as given.
    """
    for where, text in _fixed(inputs):
        if hider.names(text):
            raise UsageError(
                f"a value to hide stands in {where}, and that is packed as it is",
                hint="take it out there and judge the snapshot anew (assay evaluate), or choose another --redact level",
            )
    return replace(
        inputs, waivers=_document(inputs.waivers, hider, hosts), answers=_document(inputs.answers, hider, hosts)
    )


def _fixed(inputs: Inputs) -> Iterator[tuple[str, str]]:
    """Where and what: every text of profiles and parameters that a person wrote."""
    for name, value in inputs.params.items():
        yield f"the parameter {name}", str(value)
    for profile in inputs.profiles:
        if profile.document is None:
            continue
        for comment in _COMMENT.findall(profile.document):
            yield f"a comment of the profile {profile.id}", comment
        raw = yaml_text.load(profile.document.encode(), f"profile {profile.id}")
        for key, value in raw.items():
            if key not in _REFERENCES:
                yield from ((f"`{key}` of the profile {profile.id}", text) for text in _scalars(value))


def _scalars(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _scalars(item)
    elif isinstance(value, list):
        for item in value:
            yield from _scalars(item)
    elif value is not None:
        yield str(value)


def _document(text: Text | None, hider: Hider, hosts: Sequence[str]) -> Text | None:
    """Waivers or answers. Where something is hidden the file is written anew, from its values alone: comments go."""
    if text is None:
        return None
    raw = yaml_text.load(text.text.encode(), text.where)
    shown = _hidden(raw, hider, hosts)
    return text if shown == raw and not hider.names(text.text) else Text(text.where, _yaml(shown))


def _hidden(value: Any, hider: Hider, hosts: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {
            key: item
            if key in _KEPT
            else _target(str(item), hider, hosts)
            if key == "target" and item is not None
            else _hidden(item, hider, hosts)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_hidden(item, hider, hosts) for item in value]
    if value is None or isinstance(value, bool):
        return value
    return hider.text(str(value)) if hider.names(str(value)) else value


def _target(pattern: str, hider: Hider, hosts: Sequence[str]) -> str:
    """A pattern that finds a hidden host would tell how it begins: its token stands there, and still finds it."""
    if pattern.strip("*"):
        for host in hosts:
            if fnmatchcase(host, pattern):
                return hider.token(host)
    return hider.text(pattern)


def _yaml(document: Any) -> str:
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(document, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1 << 20))
