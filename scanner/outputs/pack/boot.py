"""The boot chain as a drawing: each link with what the results of an assessment say of it, and never more than that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scanner.outputs._report import ResultView

__all__ = ["LINKS", "Link", "chain"]

LINKS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "firmware": (("secure-boot-enabled",),),
    "revocations": (("secure-boot-revocations-present",),),
    "image": (("boot-command-line-sealed",), ("boot-image-holds-no-disk-key",)),
    "kernel": (
        ("kernel-lockdown-confidentiality",),
        ("kernel-module-signatures-enforced", "kernel-modules-all-signed"),
    ),
    "system": (("verity-root-hash-matches", "ostree-composefs-image-matches-commit"),),
    "measured": (("pcr11-measures-boot-image",),),
    "keys": (
        ("luks-tpm2-pcrs", "disk-unlock-pcr7"),
        ("luks-tpm2-pcrs", "disk-unlock-pcr11"),
        ("partitions-encrypted", "root-volume-luks2"),
    ),
}
"""Each link with what must be known of it: of each group at least one rule must have been asked."""

_WORST = ("fail", "error", "unknown", "manual", "pass", "not_applicable")


@dataclass(frozen=True, slots=True)
class Link:
    """One link. `status`: the worst of its results; `pass_in_part` when nothing fails and not all of it was asked;
    unknown when none was. `half`: it rests on what is configured; the running half was not seen."""

    name: str
    status: str
    asked: bool
    half: bool
    results: tuple[ResultView, ...]


def chain(results: Iterable[ResultView]) -> tuple[Link, ...]:
    """The links from the firmware to the disk keys."""
    by_rule: dict[str, list[ResultView]] = {}
    for result in results:
        by_rule.setdefault(result.rule, []).append(result)
    return tuple(_link(name, groups, by_rule) for name, groups in LINKS.items())


def _link(name: str, groups: Sequence[Sequence[str]], by_rule: Mapping[str, list[ResultView]]) -> Link:
    rules = dict.fromkeys(rule for group in groups for rule in group)
    results = tuple(result for rule in rules for result in by_rule.get(rule, ()))
    status = min((_known(result.status) for result in results), key=_WORST.index, default="unknown")
    whole = all(any(rule in by_rule for rule in group) for group in groups)
    if status in ("pass", "not_applicable") and not whole:
        status = "pass_in_part" if status == "pass" else "unknown"
    return Link(name, status, bool(results), any(result.half for result in results), results)


def _known(status: str) -> str:
    return status if status in _WORST else "unknown"
