"""Kernel modules: which are loaded, what modprobe may do with each, which exist, and which carry a signature.

Settings are merged as libkmod does it: all files sorted by name (the same name in an earlier folder hides later ones),
all `blacklist` lines count, and of several `install` lines for a module the first one decides.
Sources: modprobe.d(5), kmod libkmod/libkmod-config.c and libkmod-module.c; proc(5); Linux kernel/module/signing.c,
Documentation/ABI/testing/sysfs-module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from scanner.collectors.base import Collector, Look, each_argument, reason_of
from scanner.collectors.kernel_trees import KernelTree, kernel_trees
from scanner.collectors.unpack import unpack
from scanner.model.errors import LimitError, MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.model.records import dataclass
from scanner.parsers import kernel_state, modprobe_conf, module_signature
from scanner.parsers.modprobe_conf import Directive

_FOLDERS = ("/etc/modprobe.d", "/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d")
_KERNEL = re.compile(r"vmlinuz-((?!0-rescue)[0-9].*)")
_MAX_MODULE = 128 << 20
_MAX_SHOWN = 50


@dataclass(frozen=True, slots=True)
class _Line:
    source: str
    item: Directive


def _settings(look: Look) -> list[_Line]:
    """Every directive of every file, in the order in which libkmod reads them."""
    found: list[_Line] = []
    for path in look.drop_ins(_FOLDERS, ".conf"):
        entry = look.entry(path)
        if path.rpartition("/")[2].startswith(".") or entry is None or entry.type != "file":
            continue
        text = look.try_text(path)
        if text is None:
            continue
        try:
            found.extend(_Line(path, item) for item in modprobe_conf.parse(text))
        except ParseError as error:
            look.gap(path, reason_of(error))
    return found


def _table(look: Look) -> Json:
    return [
        {
            "directive": line.item.kind,
            "module": line.item.module,
            "value": line.item.value,
            "source": line.source,
            "line": line.item.line,
        }
        for line in look.shared(_settings)
    ]


def _unknown_kernels(look: Look) -> list[str]:
    """Kernels of /boot without a folder of modules: what is built into them nobody can say."""
    known = {tree.release for tree in look.shared(kernel_trees)}
    found = [match[1] for name in look.try_names("/boot") if (match := _KERNEL.fullmatch(name))]
    return sorted(set(found) - known)


def _availability(trees: Sequence[KernelTree], unknown: Sequence[str], name: str) -> str | None:
    """The worst that any installed kernel says: builtin, then module, then absent; None when nobody can say."""
    if any(name in tree.builtin for tree in trees):
        return "builtin"
    if any(name in tree.modules for tree in trees):
        return "module"
    return "absent" if trees and not unknown and all(tree.complete for tree in trees) else None


def _module(look: Look, argument: str) -> Json:
    name = modprobe_conf.module_name(argument)
    settings = look.shared(_settings)
    trees = look.shared(kernel_trees)
    install = next(
        (line for line in settings if line.item.kind == "install" and modprobe_conf.matches(name, line.item.module)),
        None,
    )
    blacklist = next((line for line in settings if line.item.kind == "blacklist" and line.item.module == name), None)
    command = install.item.value if install is not None else None
    return {
        "module": name,
        "availability": _availability(trees, look.shared(_unknown_kernels), name),
        "blacklisted": blacklist is not None,
        "install": command,
        "install_blocked": command is not None and modprobe_conf.does_nothing(command),
        "install_source": f"{install.source}:{install.item.line}" if install is not None else None,
        "blacklist_source": f"{blacklist.source}:{blacklist.item.line}" if blacklist is not None else None,
    }


def _loaded(look: Look) -> Json:
    # Read without a digest: the reference counts in it change all the time.
    try:
        data = look.runtime.read("/proc/modules")
    except MissingError:
        look.because("/proc/modules does not exist: this kernel cannot load modules")
        return None
    look.saw(Evidence("/proc/modules"))
    modules = kernel_state.loaded_modules(data.decode("utf-8", "surrogateescape"))
    return [
        {"name": one.name, "users": list(one.users), "state": one.state, "taints": one.taints}
        for one in sorted(modules, key=lambda one: one.name)
    ]


def _is_signed(look: Look, path: str) -> bool:
    """Whether the module at `path` ends in a signature. Raises TargetError and ParseError."""
    entry = look.entry(path)
    if entry is None:
        raise MissingError(f"{path} leads nowhere")
    if path.endswith(".ko"):
        start = max(entry.size - module_signature.TAIL_LENGTH, 0)
        return module_signature.trailer(look.peek(path, start, module_signature.TAIL_LENGTH), entry.size) is not None
    if entry.size > _MAX_MODULE:
        raise LimitError(f"{path} is longer than {_MAX_MODULE} bytes")
    data = unpack(look.target.tree.read(path, _MAX_MODULE), _MAX_MODULE)
    return module_signature.trailer(data[-module_signature.TAIL_LENGTH :], len(data)) is not None


def _signatures_of(look: Look, tree: KernelTree) -> dict[str, Json]:
    signed = 0
    unsigned: list[str] = []
    unreadable: dict[str, list[str]] = {}
    paths = sorted(path for paths in tree.modules.values() for path in paths)
    for path in paths:
        try:
            if _is_signed(look, path):
                signed += 1
            else:
                unsigned.append(path)
        except ParseError as error:
            unreadable.setdefault(reason_of(error), []).append(path)
        except NotCollectedError as error:
            unreadable.setdefault(str(error), []).append(path)
        except TargetError as error:
            unreadable.setdefault(reason_of(error), []).append(path)
    for reason, places in unreadable.items():
        look.gap(f"{places[0]} and {len(places) - 1} more" if len(places) > 1 else places[0], reason)
    return {
        "kernel": tree.release,
        "total": len(paths),
        "signed": signed,
        "unsigned": unsigned[:_MAX_SHOWN],
        "unsigned_count": len(unsigned),
        "unreadable_count": sum(map(len, unreadable.values())),
        "source": tree.folder,
    }


def _signatures(look: Look) -> Json:
    trees = look.shared(kernel_trees)
    if not trees:
        raise NotCollectedError("no kernel is part of this target: nothing in /usr/lib/modules")
    return [_signatures_of(look, tree) for tree in trees]


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(
        {
            "kernel.modules.loaded": _loaded,
            "kernel.modules.settings": _table,
            "kernel.modules.signatures": _signatures,
        }
    )
    yield from each_argument(look, "kernel.module", _module)


COLLECTOR = Collector(
    id="kernel_modules",
    facts=(
        FactSpec(
            "kernel.modules.loaded",
            "table",
            "Modules in the running kernel, by name.",
            facet="runtime",
            fields={
                "name": "text: with _ for -",
                "users": "list: names of modules that use it",
                "state": "text: Live, Loading, Unloading",
                "taints": "text: letters, E = no valid signature, O = out of tree, P = proprietary, F = forced",
            },
        ),
        FactSpec(
            "kernel.modules.settings",
            "table",
            "Every modprobe.d directive in the order it is read.",
            fields={
                "directive": "text: blacklist, install, options, softdep, alias, remove",
                "module": "text: name with _ for -, or a glob",
                "value": "text: rest of the line, null for blacklist",
                "source": "text: file",
                "line": "number: line",
            },
        ),
        FactSpec(
            "kernel.module",
            "object",
            "Whether one module exists, and what modprobe would do with it.",
            fields={
                "module": "text: name with _ for -",
                "availability": "text: builtin, module, absent (no installed kernel has it), null = no complete kernel",
                "blacklisted": "flag: a blacklist line stops loading it through an alias (hardware, file system)",
                "install": "text: the command that runs instead of loading it, null",
                "install_blocked": "flag: that command does nothing, so modprobe never loads it",
                "install_source": "text: file:line, null",
                "blacklist_source": "text: file:line, null",
            },
            argument="name of the module",
        ),
        FactSpec(
            "kernel.modules.signatures",
            "table",
            "Signature trailers of the module files of each kernel; who signed is not judged here.",
            on_demand=True,
            fields={
                "kernel": "text: release",
                "total": "number: module files",
                "signed": "number: files with a well-formed signature trailer",
                "unsigned": f"list: paths of files without one, the first {_MAX_SHOWN}",
                "unsigned_count": "number: files without one",
                "unreadable_count": "number: files that could not be judged (each reason is a gap)",
                "source": "text: folder",
            },
        ),
    ),
    collect=collect,
)
