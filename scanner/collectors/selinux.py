"""SELinux as it is stored: mode, policy and its permissive types, booleans, module store, labels of files.

Sources: selinux_config(5), semanage.conf(5) (store-root), file_contexts(5), libselinux src/load_policy.c. The mode can
be overridden on the kernel command line (`enforcing=`, `selinux=`); that is the subject of the kernel.cmdline facts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, each_argument, reason_of
from scanner.model.errors import LimitError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import cil, file_contexts, selinux_config, selinux_policy
from scanner.parsers.selinux_config import Config
from scanner.parsers.selinux_policy import Policy
from scanner.target import limits

_CONFIG = "/etc/selinux/config"
_POLICY_NAME = re.compile(r"policy\.([0-9]{1,4})\Z")
_TYPE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_MAX_MODULES = 4000


def _config(look: Look) -> Config | None:
    text = look.text(_CONFIG)
    if text is None:
        return None
    config = selinux_config.parse(text)
    if not _TYPE_NAME.match(config.type) or config.type in (".", ".."):
        raise ParseError(f"SELINUXTYPE is no name of a folder: {config.type[:80]!r}", line=config.type_line)
    return config


def _root(look: Look) -> tuple[str, str] | None:
    """Policy type and its folder; None (with the reason) when SELinux is not set up."""
    config = look.shared(_config)
    if config is None:
        look.because(f"{_CONFIG} does not exist")
        return None
    return config.type, f"/etc/selinux/{config.type}"


def _config_record(look: Look) -> Json:
    config = look.shared(_config)
    if config is None:
        look.because(f"{_CONFIG} does not exist")
        return None
    return {
        "mode": config.mode,
        "type": config.type,
        "source": _CONFIG,
        "line": config.mode_line,
        "type_line": config.type_line,
    }


# ---- the compiled policy -------------------------------------------------------------------------------------------


def _policy(look: Look) -> tuple[str, Policy] | None:
    """The policy of the highest version, which is the one that is loaded."""
    root = _root(look)
    if root is None:
        return None
    folder = f"{root[1]}/policy"
    versions = [int(found.group(1)) for name in look.names(folder) if (found := _POLICY_NAME.match(name))]
    if not versions:
        look.because(f"no policy.* in {folder}")
        return None
    path = f"{folder}/policy.{max(versions)}"
    data = look.data(path)
    if data is None:
        look.because(f"{path} leads nowhere")
        return None
    return path, selinux_policy.parse(data)


def _policy_record(look: Look) -> Json:
    found = _policy_or_reason(look)
    if found is None:
        return None
    path, policy = found
    return {
        "path": path,
        "version": policy.version,
        "mls": policy.mls,
        "handle_unknown": policy.handle_unknown,
        "permissive_types": list(policy.permissive),
        "types": len(policy.types),
    }


def _policy_or_reason(look: Look) -> tuple[str, Policy] | None:
    """`_policy`, computed once; the reason for its absence is given to each fact that asks."""
    found = look.shared(_policy)
    if found is None:
        root = _root(look)
        if root is not None:
            look.because(f"there is no compiled policy in {root[1]}/policy")
    return found


def _type(look: Look, name: str) -> Json:
    found = _policy_or_reason(look)
    if found is None:
        return None
    path, policy = found
    return {"name": name, "defined": name in policy.types, "permissive": name in policy.permissive, "source": path}


def _booleans(look: Look) -> Json:
    found = _policy_or_reason(look)
    if found is None:
        return None
    path, policy = found
    return [{"name": name, "value": policy.booleans[name], "source": path} for name in sorted(policy.booleans)]


# ---- the module store ----------------------------------------------------------------------------------------------


def _store(look: Look, policy_type: str) -> str | None:
    """The folder of active modules: where semanage.conf says, /etc/selinux on ostree systems, /var/lib/selinux else."""
    roots = ["/etc/selinux", "/var/lib/selinux"]
    for line in (look.text("/etc/selinux/semanage.conf") or "").split("\n"):
        name, equals, value = line.partition("#")[0].partition("=")
        if equals and name.strip() == "store-root" and value.strip().startswith("/"):
            roots.insert(0, value.strip().rstrip("/"))
    for root in roots:
        folder = f"{root}/{policy_type}/active/modules"
        if look.entry(folder) is not None:
            return folder
    return None


def _modules_permissive(look: Look) -> Json:
    root = _root(look)
    if root is None:
        return None
    store = _store(look, root[0])
    if store is None:
        look.because("there is no module store")
        return None
    records = []
    for name, (priority, folder) in sorted(_active_modules(look, store).items()):
        for one in _permissive_of(look, folder):
            records.append(
                {"type": one.type, "module": name, "priority": priority, "source": f"{folder}/cil", "line": one.line}
            )
    return sorted(records, key=lambda record: (str(record["type"]), str(record["module"])))


def _active_modules(look: Look, store: str) -> dict[str, tuple[int, str]]:
    """Name to (priority, folder): the highest priority of a name is in force, disabled names are not."""
    disabled = set(look.names(f"{store}/disabled"))
    active: dict[str, tuple[int, str]] = {}
    for priority in look.names(store):
        if not (priority.isascii() and priority.isdigit() and len(priority) <= 3):
            continue
        for name in look.names(f"{store}/{priority}"):
            if name not in disabled and int(priority) >= active.get(name, (0, ""))[0]:
                active[name] = (int(priority), f"{store}/{priority}/{name}")
    if len(active) > _MAX_MODULES:
        raise LimitError(f"more than {_MAX_MODULES} modules in {store}")
    return active


def _permissive_of(look: Look, folder: str) -> list[cil.Permissive]:
    path = f"{folder}/cil"
    try:
        data = look.data(path)
        if data is not None:
            return cil.permissive_types(cil.unpacked(data, limits.MAX_FILE))
        look.gap(folder, "unsupported: the module has no cil file")
    except (TargetError, ParseError) as error:
        look.gap(path, reason_of(error))
    return []


# ---- labels --------------------------------------------------------------------------------------------------------


def _contexts(look: Look) -> list[file_contexts.Spec]:
    """Specifications of the configured policy type, in the order in which they count; none without a policy."""
    root = _root(look)
    base = f"{root[1]}/contexts/files/file_contexts" if root else None
    specs: list[file_contexts.Spec] = []
    for path in (base, f"{base}.homedirs", f"{base}.local") if base else ():
        specs += file_contexts.parse(look.text(path) or "", path)
    return specs


def _substitutions(look: Look) -> list[list[file_contexts.Substitution]]:
    root = _root(look)
    base = f"{root[1] if root else ''}/contexts/files/file_contexts"
    return [file_contexts.parse_substitutions(look.text(f"{base}.{end}") or "") for end in ("subs", "subs_dist")]


def _label(look: Look, path: str) -> Json:
    entry = look.entry(path, follow=False)
    if entry is None:
        look.because(f"{path} does not exist")
        return None
    name = path
    for one in look.shared(_substitutions):
        name = file_contexts.rewritten(name, one)
    spec = file_contexts.expected(look.shared(_contexts), name, entry.type)
    expected = None if spec is None else spec.label
    data = look.xattr(path, "security.selinux", follow=False)
    actual = None if data is None else data.rstrip(b"\0").decode("utf-8", "backslashreplace")
    return {
        "path": path,
        "expected": expected,
        "actual": actual,
        "expected_type": _type_of(expected),
        "actual_type": _type_of(actual),
        "matches": expected is not None and _type_of(expected) == _type_of(actual),
        "source": None if spec is None else spec.source,
        "line": None if spec is None else spec.line,
    }


def _type_of(label: str | None) -> str | None:
    parts = (label or "").split(":")
    return parts[2] if len(parts) >= 3 else None


def _autorelabel(look: Look) -> Json:
    return look.entry("/.autorelabel", follow=False) is not None


def collect(look: Look) -> Iterator[Fact]:
    """The facts that were asked for."""
    yield from look.facts(
        {
            "selinux.config": _config_record,
            "selinux.policy": _policy_record,
            "selinux.booleans": _booleans,
            "selinux.modules_permissive": _modules_permissive,
            "selinux.autorelabel": _autorelabel,
        }
    )
    yield from each_argument(look, "selinux.type", _type)
    yield from each_argument(look, "selinux.contexts", _label)


COLLECTOR = Collector(
    id="selinux",
    facts=(
        FactSpec(
            "selinux.config",
            "object",
            "/etc/selinux/config as libselinux reads it.",
            fields={
                "mode": "text: enforcing, permissive or disabled; null: no valid line, which means permissive",
                "type": "text: policy type, targeted by default",
                "source": "text: file",
                "line": "number: line of the mode; null: no valid line",
                "type_line": "number: line of the type; null: the default",
            },
        ),
        FactSpec(
            "selinux.policy",
            "object",
            "The compiled policy of the configured type; absent: there is none, nothing can be enforced.",
            fields={
                "path": "text: file",
                "version": "number: policy version",
                "mls": "flag: with levels and categories",
                "handle_unknown": "text: deny, reject or allow what the policy does not know",
                "permissive_types": "list: types whose rules are never enforced",
                "types": "number: how many types it defines",
            },
        ),
        FactSpec(
            "selinux.type",
            "object",
            "One type in the compiled policy.",
            fields={
                "name": "text: type",
                "defined": "flag: the policy has it",
                "permissive": "flag: its rules are never enforced",
                "source": "text: policy file",
            },
            argument="name of a type",
        ),
        FactSpec(
            "selinux.booleans",
            "table",
            "Booleans and the value the compiled policy starts with, by name.",
            fields={"name": "text: boolean", "value": "flag: on", "source": "text: policy file"},
        ),
        FactSpec(
            "selinux.modules_permissive",
            "table",
            "Statements in active modules of the store that make a type permissive, by type.",
            fields={
                "type": "text: type",
                "module": "text: module",
                "priority": "number: its priority",
                "source": "text: file",
                "line": "number: line in the (unpacked) file",
            },
        ),
        FactSpec("selinux.autorelabel", "value", "Whether /.autorelabel asks for a relabelling at the next boot."),
        FactSpec(
            "selinux.contexts",
            "object",
            "The label a file should have by file_contexts, and the one it has.",
            fields={
                "path": "text: path",
                "expected": "text: label by file_contexts; null: none",
                "actual": "text: security.selinux; null: not labelled",
                "expected_type": "text: type in it",
                "actual_type": "text: type in it",
                "matches": "flag: both have the same type",
                "source": "text: file of the specification",
                "line": "number: its line",
            },
            argument="path",
        ),
    ),
    collect=collect,
)
