"""USBGuard: daemon settings, rules in their order, and what they do with classes of devices.

Every regular file of RuleFolder counts, whatever its name ends in, after RuleFile, in byte order. When the configured
RuleFile is missing the daemon does not start. Sources: usbguard-daemon.conf(5), usbguard-rules.conf(5);
USBGuard/usbguard src/Daemon/Daemon.cpp and src/Common/Utility.cpp (getConfigsFromDir); kernel
Documentation/usb/authorization.rst.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.refusals import refusals, spec
from scanner.model.errors import MissingError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import usbguard_policy, usbguard_rules
from scanner.parsers.usbguard_rules import Rule

_CONFIG = "/etc/usbguard/usbguard-daemon.conf"
_DEVICES = "/sys/bus/usb/devices"
_METHODS = ("allow", "block", "reject", "keep", "apply-policy")
_KNOWN: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "ImplicitPolicyTarget": ("block", ("allow", "block", "reject")),
    "PresentDevicePolicy": ("apply-policy", _METHODS),
    "PresentControllerPolicy": ("keep", _METHODS),
    "InsertedDevicePolicy": ("apply-policy", ("block", "reject", "apply-policy")),
    "AuthorizedDefault": ("none", ("keep", "none", "all", "internal")),
    "RestoreControllerDeviceState": ("false", ("true", "false")),
    "AuditBackend": ("", ("", "FileAudit", "LinuxAudit")),
    "DeviceRulesWithPort": ("false", ("true", "false")),
    "HidePII": ("false", ("true", "false")),
    "RuleFile": ("", None),
    "RuleFolder": ("", None),
    "IPCAllowedUsers": ("", None),
    "IPCAllowedGroups": ("", None),
    "IPCAccessControlFiles": ("", None),
    "AuditFilePath": ("", None),
    "DeviceManagerBackend": ("uevent", None),
}
_CLASSES = (("audio", 0x01), ("hid", 0x03), ("storage", 0x08), ("smart-card", 0x0B), ("video", 0x0E))


@dataclass(frozen=True, slots=True)
class _Daemon:
    values: dict[str, str]
    lines: dict[str, int]


def _daemon(look: Look) -> _Daemon | None:
    """Settings with defaults filled in. Raises ParseError for what keeps the daemon from starting."""
    text = look.text(_CONFIG)
    if text is None:
        return None
    values = {name: default for name, (default, _) in _KNOWN.items()}
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        name, equals, value = (part.strip(" \t\r\f\v") for part in line.partition("="))
        if not equals or name not in _KNOWN:
            raise ParseError(f"unknown setting {name[:40]!r}; the daemon does not start", line=number, where=_CONFIG)
        allowed = _KNOWN[name][1]
        if allowed is not None and value not in allowed:
            raise ParseError(f"{name} cannot be {value[:40]!r}", line=number, where=_CONFIG)
        values[name], lines[name] = value, number
    return _Daemon(values, lines)


def _installed(look: Look) -> _Daemon | None:
    daemon = look.shared(_daemon)
    if daemon is None:
        look.because(f"{_CONFIG} does not exist")
    return daemon


def _settings(look: Look) -> Json:
    daemon = _installed(look)
    if daemon is None:
        return None
    values = daemon.values
    return {
        "implicit_policy_target": values["ImplicitPolicyTarget"],
        "present_device_policy": values["PresentDevicePolicy"],
        "present_controller_policy": values["PresentControllerPolicy"],
        "inserted_device_policy": values["InsertedDevicePolicy"],
        "authorized_default": values["AuthorizedDefault"],
        "restore_controller_device_state": values["RestoreControllerDeviceState"] == "true",
        "rule_file": values["RuleFile"] or None,
        "rule_folder": values["RuleFolder"] or None,
        "ipc_users": values["IPCAllowedUsers"].split(),
        "ipc_groups": values["IPCAllowedGroups"].split(),
        "ipc_files": values["IPCAccessControlFiles"] or None,
        "ipc_names": look.names(values["IPCAccessControlFiles"]) if values["IPCAccessControlFiles"] else [],
        "audit_backend": values["AuditBackend"] or ("FileAudit" if values["AuditFilePath"] else None),
        "source": _CONFIG,
        "lines": {name: daemon.lines[name] for name in sorted(daemon.lines)},
    }


def _refused(look: Look) -> Json:
    if look.entry(_CONFIG) is None:
        look.because(f"{_CONFIG} does not exist")
    return refusals(look, _daemon)


# ---- rules ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Policy:
    rules: tuple[Rule, ...]
    sources: tuple[str, ...]
    implicit: str
    missing: str | None = None


def _policy(look: Look) -> _Policy | None:
    daemon = look.shared(_daemon)
    if daemon is None:
        return None
    files = [daemon.values["RuleFile"]] if daemon.values["RuleFile"] else []
    folder = daemon.values["RuleFolder"].rstrip("/")
    if folder:
        paths = (f"{folder}/{name}" for name in look.names(folder))
        files += [path for path in paths if (entry := look.entry(path)) is not None and entry.type == "file"]
    rules: list[Rule] = []
    sources: list[str] = []
    for path in files:
        text = look.text(path)
        if text is None:
            return _Policy((), (), "", missing=path)
        try:
            found = usbguard_rules.parse(text)
        except ParseError as error:
            raise ParseError(str(error), where=path) from None
        rules += found
        sources += [path] * len(found)
    return _Policy(tuple(rules), tuple(sources), daemon.values["ImplicitPolicyTarget"])


def _in_force(look: Look) -> _Policy | None:
    """The policy; None, with the reason, where the daemon is not installed or cannot start without its file."""
    if _installed(look) is None:
        return None
    policy = look.shared(_policy)
    if policy is not None and policy.missing is not None:
        look.because(f"{policy.missing} does not exist, so usbguard-daemon does not start")
        return None
    return policy


def _rules(look: Look) -> Json:
    policy = _in_force(look)
    if policy is None:
        return None
    return [
        {
            "position": index + 1,
            "target": rule.target,
            "attributes": [f"{one.name} {one.operator} {{ {' '.join(one.values)} }}" for one in rule.attributes],
            "admits_everything": usbguard_policy.admits_everything(rule),
            "admits_storage": usbguard_policy.admits_storage(policy.rules, index),
            "source": policy.sources[index],
            "line": rule.line,
        }
        for index, rule in enumerate(policy.rules)
    ]


def _classes(look: Look) -> Json:
    policy = _in_force(look)
    if policy is None:
        return None
    records = []
    for name, number in _CLASSES:
        decision = usbguard_policy.decide(policy.rules, number, policy.implicit)
        rule = None if decision.rule is None else policy.rules[decision.rule]
        records.append(
            {
                "name": name,
                "class": f"{number:02x}",
                "decision": decision.target,
                "explicit": rule is not None,
                "source": _CONFIG if decision.rule is None else policy.sources[decision.rule],
                "line": None if rule is None else rule.line,
            }
        )
    return records


# ---- the running half ----------------------------------------------------------------------------------------------


def _controllers(look: Look) -> Json:
    try:
        names = look.runtime.names(_DEVICES)
    except MissingError:
        return []
    records = []
    for name in names:
        if name.startswith("usb") and name[3:].isdigit():
            path = f"{_DEVICES}/{name}/authorized_default"
            text = look.running_text(path)
            records.append({"name": name, "authorized_default": text and text.strip(), "source": path})
    return records


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts(
        {
            "usbguard.settings": _settings,
            "usbguard.rules": _rules,
            "usbguard.refused": _refused,
            "usbguard.classes": _classes,
            "usb.controllers": _controllers,
        }
    )


COLLECTOR = Collector(
    id="usbguard",
    facts=(
        FactSpec(
            "usbguard.settings",
            "object",
            "Settings of usbguard-daemon with its defaults filled in.",
            fields={
                "implicit_policy_target": "text: allow, block or reject what no rule matches",
                "present_device_policy": "text: for devices present at start: allow, block, reject, keep, apply-policy",
                "present_controller_policy": "text: the same for controllers",
                "inserted_device_policy": "text: for later ones: block, reject, apply-policy",
                "authorized_default": "text: state new devices get from the kernel: keep, none, all, internal",
                "restore_controller_device_state": "flag: the permissive state comes back when the daemon stops",
                "rule_file": "text: RuleFile; null: not set",
                "rule_folder": "text: RuleFolder; null: not set",
                "ipc_users": "list: users who may talk to the daemon",
                "ipc_groups": "list: groups that may",
                "ipc_files": "text: folder of access control files; null: not set",
                "ipc_names": "list: names of the files in it, each a user (or :group) with rights of its own",
                "audit_backend": "text: FileAudit, LinuxAudit; null: no audit",
                "source": "text: file",
                "lines": "object: setting to the line that set it",
            },
            sensitive={"ipc_users": "user", "ipc_groups": "user", "ipc_names": "user"},
        ),
        spec("usbguard.refused", "usbguard-daemon"),
        FactSpec(
            "usbguard.rules",
            "table",
            "Rules in the order they are tried.",
            fields={
                "position": "number: 1 is tried first",
                "target": "text: allow, block or reject",
                "attributes": "list: name operator { values }",
                "admits_everything": "flag: allows any device",
                "admits_storage": "flag: allows a device with a mass storage interface that no earlier rule stops",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"attributes": "serial"},
        ),
        FactSpec(
            "usbguard.classes",
            "table",
            "What happens to a device of one class: audio, hid, storage, smart-card, video.",
            fields={
                "name": "text: name of the class",
                "class": "text: class number, hexadecimal",
                "decision": "text: allow, block or reject; some: only part of the class is allowed",
                "explicit": "flag: a rule decides, not the implicit target",
                "source": "text: file of what decides",
                "line": "number: line of the rule; null: implicit target",
            },
        ),
        FactSpec(
            "usb.controllers",
            "table",
            "USB controllers of the running system, by name.",
            facet="runtime",
            fields={
                "name": "text: usbN",
                "authorized_default": "text: 0 new devices stay off, 1 on, 2 internal ones on; null: not told",
                "source": "text: file",
            },
        ),
    ),
    collect=collect,
)
