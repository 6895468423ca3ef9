"""SELinux as it runs: selinuxfs, contexts of processes, labels of device files.

Sources: selinux(8), libselinux src/ (files of /sys/fs/selinux), proc(5) (attr/current, comm).
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import MissingError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json

_FS = "/sys/fs/selinux"
_MODES = {"0": "permissive", "1": "enforcing"}
_MAX_ATTRIBUTE = 4096


def _enabled(look: Look) -> bool:
    """Whether the kernel has SELinux on: its file system is there."""
    return look.running_text(f"{_FS}/enforce") is not None


def _status(look: Look) -> Json:
    enforce = look.running_text(f"{_FS}/enforce")
    if enforce is None:
        return {
            "enabled": False,
            "mode": "disabled",
            "mls": None,
            "deny_unknown": None,
            "reject_unknown": None,
            "policy_version": None,
        }
    return {
        "enabled": True,
        "mode": _MODES.get(enforce.strip()),
        "mls": _flag(look, "mls"),
        "deny_unknown": _flag(look, "deny_unknown"),
        "reject_unknown": _flag(look, "reject_unknown"),
        "policy_version": _text(look, "policyvers"),
    }


def _text(look: Look, name: str) -> str | None:
    text = look.running_text(f"{_FS}/{name}")
    return None if text is None else text.strip()


def _flag(look: Look, name: str) -> bool | None:
    return {"0": False, "1": True}.get(_text(look, name) or "")


def _booleans(look: Look) -> Json:
    if not _enabled(look):
        look.because("SELinux is not enabled in the running kernel")
        return None
    records = []
    for name in look.runtime.names(f"{_FS}/booleans"):
        current, _, pending = (_text(look, f"booleans/{name}") or "").partition(" ")
        records.append({"name": name, "value": current == "1", "pending": pending == "1"})
    return records


def _processes(look: Look) -> Json:
    if not _enabled(look):
        look.because("SELinux is not enabled in the running kernel")
        return None
    seen: set[tuple[str, str]] = set()
    for pid in look.runtime.names("/proc"):
        if not pid.isdigit():
            continue
        try:
            context = _attribute(look, f"/proc/{pid}/attr/current")
            command = _attribute(look, f"/proc/{pid}/comm")
        except MissingError:
            continue  # it has ended meanwhile
        except TargetError as error:
            look.gap("/proc/*/attr/current", reason_of(error).replace(f"/proc/{pid}/", "/proc/*/"))
            continue
        seen.add((command, context))
    look.saw(Evidence("/proc/*/attr/current"))
    return [
        {"command": command, "context": context, "domain": _domain(context), "source": "/proc/*/attr/current"}
        for command, context in sorted(seen)
    ]


def _attribute(look: Look, path: str) -> str:
    data = look.runtime.read(path, _MAX_ATTRIBUTE)
    return data.rstrip(b"\0\n").decode("utf-8", "backslashreplace")


def _domain(context: str) -> str | None:
    parts = context.split(":")
    return parts[2] if len(parts) >= 3 else None


def _unlabeled_devices(look: Look) -> Json:
    if not _enabled(look):
        look.because("SELinux is not enabled in the running kernel")
        return None
    listing = look.command("find", "/dev", "-xdev", "(", "-type", "b", "-o", "-type", "c", ")", "-printf", r"%Z\t%p\n")
    records = []
    for line in listing.splitlines():
        context, tab, path = line.partition("\t")
        if tab and _domain(context) in ("device_t", "unlabeled_t", None):
            records.append({"path": path, "context": context, "source": path})
    return sorted(records, key=lambda record: record["path"])


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts(
        {
            "selinux.status": _status,
            "selinux.boolean_values": _booleans,
            "selinux.processes": _processes,
            "selinux.unlabeled_devices": _unlabeled_devices,
        }
    )


COLLECTOR = Collector(
    id="selinux_running",
    facts=(
        FactSpec(
            "selinux.status",
            "object",
            "State of SELinux in the running kernel.",
            facet="runtime",
            fields={
                "enabled": "flag: on",
                "mode": "text: enforcing, permissive or disabled",
                "mls": "flag: the loaded policy has levels; null: not enabled",
                "deny_unknown": "flag: classes the policy does not know are denied; null: not enabled",
                "reject_unknown": "flag: such a policy is not loaded; null: not enabled",
                "policy_version": "text: highest version the kernel takes; null: not enabled",
            },
        ),
        FactSpec(
            "selinux.boolean_values",
            "table",
            "Booleans of the loaded policy, by name.",
            facet="runtime",
            fields={"name": "text: boolean", "value": "flag: on", "pending": "flag: value after the next commit"},
        ),
        FactSpec(
            "selinux.processes",
            "table",
            "Commands that run and their contexts, each pair once, by command.",
            facet="runtime",
            fields={
                "command": "text: comm of the process",
                "context": "text: full context",
                "domain": "text: its type",
                "source": "text: where it was read",
            },
        ),
        FactSpec(
            "selinux.unlabeled_devices",
            "table",
            "Device files below /dev whose type is device_t, unlabeled_t or none, by path.",
            facet="runtime",
            fields={"path": "text: device", "context": "text: its context", "source": "text: device"},
        ),
    ),
    collect=collect,
)
