"""The TPM of a running system and its PCR values. Source: kernel, Documentation/ABI/stable/sysfs-class-tpm."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.boot.tpm_policy import BANKS, PCR_COUNT
from scanner.collectors.base import Collector, Look
from scanner.model.errors import MissingError, NotCollectedError, ParseError
from scanner.model.fact import Fact, FactSpec, Json

__all__ = ["COLLECTOR", "pcr_values"]

_CLASS = "/sys/class/tpm"
_HEX = re.compile(r"[0-9A-Fa-f]+\Z")


def _chip(look: Look) -> str | None:
    """The first TPM, or None when the kernel has none."""
    try:
        names = [name for name in look.runtime.names(_CLASS) if re.fullmatch(r"tpm\d+", name)]
    except MissingError:
        return None
    return min(names, key=lambda name: int(name[3:]), default=None)


def pcr_values(look: Look) -> dict[str, dict[int, bytes]] | None:
    """PCR values by bank and number; None without a TPM. Raises NotCollectedError for a kernel that does not show them,
    ParseError for a value that is none."""
    chip = _chip(look)
    if chip is None:
        return None
    banks: dict[str, dict[int, bytes]] = {}
    names = look.runtime.names(f"{_CLASS}/{chip}")
    for bank in BANKS:
        if f"pcr-{bank}" not in names:
            continue
        for number in range(PCR_COUNT):
            path = f"{_CLASS}/{chip}/pcr-{bank}/{number}"
            text = look.running_text(path)
            if text is not None:
                banks.setdefault(bank, {})[number] = _value(text.strip(), path)
    if not banks:
        raise NotCollectedError(f"{_CLASS}/{chip} shows no PCR values (kernel older than 5.12, or a TPM 1.2)")
    return banks


def _value(text: str, path: str) -> bytes:
    if not _HEX.match(text) or len(text) not in (40, 64, 96, 128):
        raise ParseError(f"{path} holds no PCR value")
    return bytes.fromhex(text)


def _pcrs(look: Look) -> Json:
    banks = pcr_values(look)
    if banks is None:
        look.because("the kernel has no TPM")
        return None
    return [
        {
            "bank": bank,
            "pcr": number,
            "value": value.hex(),
            "zero": not any(value),
            "source": f"{_CLASS}/{_chip(look)}/pcr-{bank}/{number}",
        }
        for bank, values in sorted(banks.items())
        for number, value in sorted(values.items())
    ]


def _device(look: Look) -> Json:
    chip = _chip(look)
    if chip is None:
        look.because("the kernel has no TPM")
        return None
    version = look.running_text(f"{_CLASS}/{chip}/tpm_version_major")
    names = look.runtime.names(f"{_CLASS}/{chip}")
    banks = sorted(name.removeprefix("pcr-") for name in names if name.startswith("pcr-"))
    return {"device": chip, "version": version.strip() if version else None, "banks": banks}


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"tpm.pcrs": _pcrs, "tpm.device": _device})


COLLECTOR = Collector(
    id="tpm",
    facts=(
        FactSpec(
            "tpm.pcrs",
            "table",
            "PCR values by bank and number; absent without a TPM.",
            facet="runtime",
            fields={
                "bank": "text: sha1, sha256, sha384 or sha512",
                "pcr": "number: 0 to 23",
                "value": "text: hexadecimal",
                "zero": "flag: never extended (all bits zero)",
                "source": "text: file of sysfs",
            },
        ),
        FactSpec(
            "tpm.device",
            "object",
            "The TPM the kernel uses; absent without one.",
            facet="runtime",
            fields={
                "device": "text: tpm0",
                "version": "text: major version, 2 or 1; null on kernels that do not say",
                "banks": "list: PCR banks the kernel shows",
            },
        ),
    ),
    collect=collect,
)
