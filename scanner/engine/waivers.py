"""Waivers: accepted failures with owner and expiry, in their own file. They annotate a result, never change it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from scanner.engine import yaml_text
from scanner.model.errors import ContentError
from scanner.model.result import Result

__all__ = ["Waiver", "load_waivers", "waiver_for"]

_REQUIRED = ("id", "rule", "reason", "owner", "expires")
_OPTIONAL = ("target", "approver", "ticket")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True, slots=True)
class Waiver:
    """One accepted failure. `target`: pattern over the host name or system id; `expires`: last valid day, UTC."""

    id: str
    rule: str
    reason: str
    owner: str
    expires: str
    target: str = "*"
    approver: str | None = None
    ticket: str | None = None


def load_waivers(data: bytes, where: str) -> tuple[Waiver, ...]:
    """The waivers of a file. Raises ContentError with file and line."""
    document = yaml_text.load(data, where)
    if (
        not isinstance(document, dict)
        or document.get("schema") != "waivers/v1"
        or set(document) - {"schema", "waivers"}
    ):
        raise ContentError("a waiver file has `schema: waivers/v1` and a list `waivers`", where=where)
    found: dict[str, Waiver] = {}
    listed = document.get("waivers") or []
    if not isinstance(listed, list):
        raise ContentError("`waivers` is a list", where=f"{where}:{yaml_text.place(data, ('waivers',))}")
    for index, raw in enumerate(listed):
        place = f"{where}:{yaml_text.place(data, ('waivers', index))}"
        if not isinstance(raw, dict):
            raise ContentError("a waiver is a mapping", where=place)
        missing = [key for key in _REQUIRED if not str(raw.get(key) or "").strip()]
        if missing:
            raise ContentError(
                f"`{missing[0]}` is missing", where=place, hint="owner, reason and expiry are what a waiver is"
            )
        unknown = set(raw) - set(_REQUIRED) - set(_OPTIONAL)
        if unknown:
            raise ContentError(f"`{sorted(unknown)[0]}` is no part of a waiver", where=place)
        for key, value in raw.items():
            if isinstance(value, list | dict):
                raise ContentError(f"`{key}` is text", where=place)
        if not _is_day(str(raw["expires"])):
            raise ContentError(f"`expires` is a day as 2027-01-31, not {raw['expires']!r}", where=place)
        if str(raw["id"]) in found:
            raise ContentError(f"two waivers are called {raw['id']!r}", where=place)
        found[str(raw["id"])] = Waiver(**{key: str(value) for key, value in raw.items() if value is not None})
    return tuple(found.values())


def _is_day(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def waiver_for(
    result: Result, waivers: Sequence[Waiver], identity: Mapping[str, Any], today: str
) -> dict[str, Any] | None:
    """The note of the first waiver that names this result's rule and target, or None. Only what failed is waived.

    `today` is an ISO day; a waiver past its day is shown as expired, unless another one still holds.
    """
    if result.status not in ("fail", "error", "unknown"):
        return None
    names = [str(identity[key]) for key in ("host_name", "os_id") if identity.get(key)] or [""]
    for waiver in sorted(waivers, key=lambda waiver: waiver.expires < today):
        if waiver.rule not in (result.rule, result.instance, *result.upstream):
            continue
        if not any(fnmatchcase(name, waiver.target) for name in names):
            continue
        return {
            "id": waiver.id,
            "reason": waiver.reason,
            "owner": waiver.owner,
            "approver": waiver.approver,
            "ticket": waiver.ticket,
            "expires": waiver.expires,
            "expired": waiver.expires < today,
        }
    return None
