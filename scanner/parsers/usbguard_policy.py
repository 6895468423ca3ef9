"""What a list of USBGuard rules does with kinds of devices, asked without a device.

A device is the set of interfaces it shows; vendor id, name and serial number are what it claims to be and prove
nothing. Each rule matches a kind of device always, never, or for some of its members. Source: usbguard-rules.conf(5).
"""

from __future__ import annotations

from collections.abc import Sequence

from scanner.model.records import dataclass
from scanner.parsers.usbguard_rules import Attribute, Interface, Rule

__all__ = ["STORAGE", "Decision", "admits_everything", "admits_storage", "decide"]

STORAGE = 0x08
"""Class of mass storage interfaces. Phones with MTP are class 06 or ff."""

_NO, _SOME, _ALWAYS = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to devices of one kind. `target`: allow, block or reject, `some` when it depends on more than the
    class; `rule`: index of the rule that decides, None for the implicit target."""

    target: str
    rule: int | None


def decide(rules: Sequence[Rule], cls: int, implicit: str) -> Decision:
    """The fate of a device whose one interface is of class `cls`."""
    doubtful: tuple[str, int] | None = None
    for index, rule in enumerate(rules):
        match = _matches(rule, cls)
        if match == _ALWAYS:
            return _decision(rule.target, index, doubtful)
        if match == _SOME and doubtful is None:
            doubtful = (rule.target, index)
    return _decision(implicit, None, doubtful)


def _decision(target: str, index: int | None, doubtful: tuple[str, int] | None) -> Decision:
    if doubtful is None or (doubtful[0] == "allow") == (target == "allow"):
        return Decision(target, index)
    return Decision("some", doubtful[1])


def admits_everything(rule: Rule) -> bool:
    """An `allow` that asks nothing of the device: what it has to be. What it must not be, and conditions about the hour
    or about other devices, are no answer to that."""
    return rule.target == "allow" and all(
        asked.name == "if" or asked.operator == "none-of" for asked in _conditions(rule)
    )


def admits_storage(rules: Sequence[Rule], index: int) -> bool:
    """Whether rule `index` lets a device with a mass storage interface in, alone or beside interfaces of other classes.

    A rule that rejects every device with such an interface and stands before it makes up for that.
    """
    rule = rules[index]
    if rule.target != "allow" or any(_stops_storage(earlier) for earlier in rules[:index]):
        return False
    asked = rule.attribute("with-interface")
    if asked is None:
        # Only the hash covers the descriptors; everything else a device can claim.
        return rule.attribute("hash") is None
    names_storage = any(one.cls == STORAGE for one in asked.interfaces())
    if asked.operator == "none-of":
        return not _all_storage(asked)
    return names_storage or asked.operator in ("all-of", "one-of")


def _stops_storage(rule: Rule) -> bool:
    """A `block` or `reject` that hits every device with a mass storage interface."""
    if rule.target == "allow":
        return False
    conditions = _conditions(rule)
    if not conditions:
        return True
    if len(conditions) > 1 or conditions[0].name != "with-interface":
        return False
    asked = conditions[0]
    single = asked.operator == "all-of" and len(asked.values) == 1
    return (asked.operator == "one-of" or single) and _all_storage(asked)


def _all_storage(asked: Attribute) -> bool:
    return any(one == Interface(STORAGE, None, None) for one in asked.interfaces())


def _conditions(rule: Rule) -> list[Attribute]:
    """Attributes that narrow the rule: not a label, not `id *:*`, not `if true`."""
    return [one for one in rule.attributes if one.name != "label" and (one.name, one.values) not in _ALL]


_ALL = (("id", ("*:*",)), ("if", ("true",)))


def _matches(rule: Rule, cls: int) -> int:
    match = _ALWAYS
    for one in _conditions(rule):
        match = min(match, _interfaces(one, cls) if one.name == "with-interface" else _SOME)
    return match


def _interfaces(asked: Attribute, cls: int) -> int:
    fits = [_fit(one, cls) for one in asked.interfaces()]
    if asked.operator == "none-of":
        return _ALWAYS - max(fits)
    if asked.operator in ("one-of", "match-all"):
        return max(fits)
    if asked.operator == "all-of" or len(fits) == 1:
        return min(fits)
    # `equals` with several values: a device with just as many interfaces.
    return _SOME if min(fits) else _NO


def _fit(pattern: Interface, cls: int) -> int:
    if pattern.cls != cls:
        return _NO
    return _ALWAYS if pattern.subclass is None else _SOME
