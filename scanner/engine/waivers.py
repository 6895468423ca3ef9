"""Waivers: accepted failures with owner and expiry, in their own file. They annotate a result, never change it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from scanner.engine import yaml_text
from scanner.engine.holding import is_day, is_meant
from scanner.model.errors import ContentError
from scanner.model.records import dataclass
from scanner.model.result import Result

__all__ = ["Waiver", "is_early", "load_waivers", "names", "note_of", "waiver_for"]

_REQUIRED = ("id", "reason", "owner", "expires")
_OPTIONAL = ("rule", "control", "target", "approver", "created", "ticket", "compensating")
_DAYS = ("expires", "created")


@dataclass(frozen=True, slots=True)
class Waiver:
    """One accepted failure of a rule, or of every rule of a control (`framework:id`).

    `target`: pattern over the host name or system id; `expires`: last valid day, UTC; `created`: the day it was
    written, before which it does not hold; `compensating`: the measure that stands in the place of what fails.
    """

    id: str
    reason: str
    owner: str
    expires: str
    rule: str | None = None
    control: str | None = None
    target: str = "*"
    approver: str | None = None
    created: str | None = None
    ticket: str | None = None
    compensating: str | None = None


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
        try:
            waiver = _waiver(raw)
            if waiver.id in found:
                raise ContentError(f"two waivers are called {waiver.id!r}")
        except ContentError as error:
            place = f"{where}:{yaml_text.place(data, ('waivers', index))}"
            raise ContentError(error.message, where=place, hint=error.hint) from None
        found[waiver.id] = waiver
    return tuple(found.values())


def _waiver(raw: Any) -> Waiver:
    if not isinstance(raw, dict):
        raise ContentError("a waiver is a mapping")
    missing = [key for key in _REQUIRED if not str(raw.get(key) or "").strip()]
    if missing:
        raise ContentError(f"`{missing[0]}` is missing", hint="owner, reason and expiry are what a waiver is")
    unknown = set(raw) - set(_REQUIRED) - set(_OPTIONAL)
    if unknown:
        raise ContentError(f"`{sorted(unknown)[0]}` is no part of a waiver")
    for key, value in raw.items():
        if isinstance(value, list | dict):
            raise ContentError(f"`{key}` is text")
    if "target" in raw and not str(raw["target"] or "").strip():
        raise ContentError("`target` is empty", hint="name a host or system, or leave `target` away")
    # A blank text says nothing: an approver of blanks is none.
    given = {key: str(value) for key, value in raw.items() if value is not None and str(value).strip()}
    for key in _DAYS:
        if key in given and not is_day(given[key]):
            raise ContentError(f"`{key}` is a day as 2027-01-31, not {given[key]!r}")
    if bool(given.get("rule", "").strip()) == bool(given.get("control", "").strip()):
        raise ContentError("a waiver names a `rule` or a `control`, one of the two")
    framework, colon, control = given.get("control", "").partition(":")
    if "control" in given and not (framework and colon and control):
        raise ContentError(f"`control` is FRAMEWORK:ID, not {given['control']!r}", hint="as stig-rhel10:RHEL-10-000010")
    if given.get("created", "") > given["expires"]:
        raise ContentError("`created` is after `expires`")
    return Waiver(**given)


def names(
    waiver: Waiver, rule: str, instance: str, upstream: Collection[str], controls: Collection[str], identity: Any
) -> bool:
    """Whether the waiver is about this result: by rule, instance, public rule id or control (`framework:id`), and
    target. `identity`: of the target."""
    about = waiver.rule in (rule, instance, *upstream) if waiver.rule is not None else waiver.control in controls
    return about and is_meant(waiver.target, identity)


def waiver_for(
    result: Result,
    waivers: Sequence[Waiver],
    identity: Mapping[str, Any],
    today: str,
    controls: Collection[str] = (),
) -> dict[str, Any] | None:
    """The note of the first waiver that names this result and target, or None. Only what failed is waived.

    `today` is an ISO day; a waiver past its day is shown as expired, unless another one still holds. `controls`: those
    that the result serves, as `framework:id`.
    """
    if result.status not in ("fail", "error", "unknown"):
        return None
    for waiver in sorted(waivers, key=lambda waiver: waiver.expires < today):
        if not is_early(waiver.created, today) and names(
            waiver, result.rule, result.instance, result.upstream, controls, identity
        ):
            return note_of(waiver, today)
    return None


def is_early(created: str | None, today: str) -> bool:
    """Whether a waiver was created on a day that is yet to come: it accepts nothing before."""
    return created is not None and created > today


def note_of(waiver: Waiver, today: str) -> dict[str, Any]:
    """The note that stands beside a result. What a waiver does not say of its control or measure is left out."""
    beside = {key: getattr(waiver, key) for key in ("control", "created", "compensating")}
    return {
        "id": waiver.id,
        "reason": waiver.reason,
        "owner": waiver.owner,
        "approver": waiver.approver,
        "ticket": waiver.ticket,
        "expires": waiver.expires,
        "expired": waiver.expires < today,
        **{key: value for key, value in beside.items() if value is not None},
    }
