"""Swap: what is configured, what is in use, and whether memory written there is protected.

Sources: fstab(5), systemd.swap(5), crypttab(5), zram-generator.conf(5), proc_swaps(5).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from scanner.collectors import block_stack, unit_files
from scanner.collectors.base import Collector, Look
from scanner.collectors.block_survey import Volume, survey
from scanner.model.errors import MissingError, NotCollectedError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import crypttab, fstab, mountinfo
from scanner.parsers.mount_options import effective

__all__ = ["COLLECTOR"]

_ZRAM = ("/etc/systemd/zram-generator.conf", "/usr/lib/systemd/zram-generator.conf")
_ZRAM_SECTION = re.compile(r"^[ \t]*\[(zram\d{1,3})\]", re.MULTILINE)
_MAX_SWAPS = 256


def _configured(look: Look) -> Json:
    files = unit_files.find(look)
    text = look.text("/etc/fstab")
    records: list[dict[str, Json]] = []
    for line in fstab.parse(text or ""):
        if line.type == "swap":
            enabled = "noauto" not in effective(list(line.options))
            records.append(_record(look, line.source, enabled, "/etc/fstab", line.line))
    for name, entry in sorted(files.files.items()):
        read = files.unit(look, name) if name.endswith(".swap") and entry.how in ("file", "link") else None
        what = read[0].last("Swap", "What") if read is not None else None
        if what is not None:
            asked = any(item.name == name for item in files.asked)
            records.append(_record(look, what, asked, entry.path, None))
    records.extend(_zram(look))
    return sorted(records, key=lambda record: (str(record["device"]), str(record["source"])))


def _zram(look: Look) -> Iterator[dict[str, Json]]:
    """Compressed swap in memory; with a device that idle pages are written to, nobody can say."""
    paths = [next((path for path in _ZRAM if look.entry(path) is not None), _ZRAM[0])]
    paths += look.drop_ins([f"{path}.d" for path in _ZRAM], ".conf")
    for path in paths:
        text = look.try_text(path) or ""
        for name in dict.fromkeys(_ZRAM_SECTION.findall(text)):
            device = f"/dev/{name}"
            known = {"protection": "memory"} if "writeback-device" not in text else {}
            yield {"device": device, "enabled": True, "source": path, "line": None, **known}


def _record(look: Look, device: str, enabled: bool, source: str, line: int | None) -> dict[str, Json]:
    """`protection` is left out where the files do not tell: nobody looked."""
    record: dict[str, Json] = {"device": device, "enabled": enabled, "source": source, "line": line}
    protection = _protection(look, device)
    if protection is not None:
        record["protection"] = protection
    return record


def _protection(look: Look, device: str) -> str | None:
    if device.startswith("/dev/zram"):
        return "memory"
    if device.startswith("/dev/mapper/"):
        ciphers = {line.name: line.option("cipher") for line in crypttab.parse(look.text("/etc/crypttab") or "")}
        name = device.removeprefix("/dev/mapper/")
        if name in ciphers:
            return "none" if "null" in (ciphers[name] or "") else "encrypted"
    for volume in look.shared(_known_volumes) or ():
        if volume.is_called(device):
            if volume.type == "crypt" and device.startswith("/dev/mapper/"):
                return None  # no line of crypttab says with what cipher
            return None if volume.encrypted is None else "encrypted" if volume.encrypted else "none"
    return None


def _known_volumes(look: Look) -> list[Volume] | None:
    """Volumes of the target, or None where it has none that can be looked at (a tree)."""
    try:
        return survey(look)
    except NotCollectedError:
        return None


# ---- running ---------------------------------------------------------------------------------------------------------


def _running(look: Look) -> Json:
    text = look.running_text("/proc/swaps")
    if text is None:
        look.because("/proc/swaps does not exist: the kernel has no swap")
        return None
    records: list[dict[str, Json]] = []
    for number, raw in enumerate(text.split("\n"), 1):
        fields = raw.split()
        if number == 1 or not fields:
            continue
        if len(fields) < 5 or len(records) >= _MAX_SWAPS:
            raise ParseError("/proc/swaps cannot be read", line=number)
        device, kind = fstab.unescape(fields[0]), fields[1]
        protection = _of_file(look, device) if kind == "file" else _of_device(look, device)
        records.append({"device": device, "kind": kind, "protection": protection, "line": number})
    return sorted(records, key=lambda record: str(record["device"]))


def _of_device(look: Look, device: str) -> str:
    name = posixpath.basename(device)
    if device.startswith("/dev/mapper/"):
        try:
            name = posixpath.basename(look.runtime.readlink(device))
        except MissingError:
            raise NotCollectedError(f"{device} is not there") from None
    if name.startswith("zram"):
        # zram may write idle pages out to a device.
        backing = (look.running_text(f"/sys/block/{name}/backing_dev") or "none").strip()
        if backing == "none":
            return "memory"
        name = posixpath.basename(backing)
    return "none" if block_stack.of_device(look, [name]).encryption == "none" else "encrypted"


def _of_file(look: Look, path: str) -> str:
    """A swap file is as protected as the file system it lies on."""
    mounts, _ = block_stack.mount_table(look)
    hidden = mountinfo.hidden(mounts)
    holding = [
        mount
        for mount in mounts
        if mount.id not in hidden and (mount.target == "/" or path.startswith(f"{mount.target}/"))
    ]
    if not holding:
        raise NotCollectedError(f"the mount that holds {path} is not known")
    stack = block_stack.of_mount(look, max(holding, key=lambda mount: len(mount.target)))
    return "none" if stack.encryption == "none" else "encrypted"


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"swap.configured": _configured, "swap.running": _running})


COLLECTOR = Collector(
    id="swap",
    facts=(
        FactSpec(
            "swap.configured",
            "table",
            "Swap of fstab, .swap units and zram-generator, by device. Swap partitions found by type are not seen.",
            fields={
                "device": "text: as written",
                "enabled": "flag: used at boot",
                "protection": "text: encrypted, memory (compressed in RAM) or none; left out when files do not tell",
                "source": "text: file",
                "line": "number: line of fstab; null for others",
            },
        ),
        FactSpec(
            "swap.running",
            "table",
            "Swap in use, by device.",
            facet="runtime",
            fields={
                "device": "text: device or file",
                "kind": "text: partition or file",
                "protection": "text: encrypted, memory or none",
                "line": "number: line of /proc/swaps",
            },
        ),
    ),
    collect=collect,
)
