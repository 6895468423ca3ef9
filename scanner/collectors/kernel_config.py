"""Options that the installed kernels were built with, and those of the running one.

Sources: Linux Documentation/kbuild/kconfig.rst; `/usr/lib/modules/<release>/config` (Fedora, RHEL, bootc),
`/boot/config-<release>` (Debian, Alpine, SUSE), `/proc/config.gz` (CONFIG_IKCONFIG_PROC, kernel/configs.c).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, each_argument, reason_of
from scanner.collectors.kernel_trees import KernelTree, kernel_trees
from scanner.collectors.unpack import gunzip
from scanner.model.errors import MissingError, NotCollectedError, ParseError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers import kernel_config
from scanner.parsers.kernel_config import Option

_MAX_CONFIG = 4 << 20
# With a release in the name: neither Alpine's vmlinuz-lts nor the copy of a kernel that is called 0-rescue.
_KERNEL_FILE = re.compile(r"(?:config|vmlinuz)-(?!0-rescue)[0-9]")


def _places(release: str, folder: str | None) -> list[str]:
    inside = [f"{folder}/config"] if folder is not None else []
    return [*inside, f"/boot/config-{release}"]


def _configs(look: Look) -> dict[str, tuple[str, dict[str, Option]]]:
    """(path, options) of every kernel that can be booted, by release; a gap for one without a readable config."""
    folders: dict[str, str | None] = {tree.release: tree.folder for tree in look.shared(kernel_trees)}
    for name in look.try_names("/boot"):
        if _KERNEL_FILE.match(name):
            folders.setdefault(name.partition("-")[2], None)
    found: dict[str, tuple[str, dict[str, Option]]] = {}
    for release, folder in sorted(folders.items()):
        for path in _places(release, folder):
            text = look.try_text(path, _MAX_CONFIG)
            if text is None:
                continue
            try:
                found[release] = (path, kernel_config.parse(text))
            except ParseError as error:
                look.gap(path, reason_of(error))
            break
    # Nobody can say how such a kernel was built; that is no absence of an option.
    for release in sorted(set(folders) - set(found)):
        look.gap(f"kernel {release}", "unsupported: this kernel came without a configuration that can be read")
    return found


def _option_name(text: str) -> str:
    return text.removeprefix("CONFIG_")


def _installed(look: Look, name: str) -> Json:
    configs = look.shared(_configs)
    if not configs:
        if not look.names("/usr/lib/modules") and not any(name.startswith("vmlinuz") for name in look.names("/boot")):
            raise NotCollectedError("no kernel is part of this target: neither /usr/lib/modules/* nor /boot/vmlinuz-*")
        return None
    option = _option_name(name)
    return [
        {"kernel": release, "value": options[option].value if option in options else None, "source": path}
        for release, (path, options) in configs.items()
    ]


def _running_options(look: Look) -> dict[str, Option] | None:
    """From /proc/config.gz, else from the file of the running release; None when neither is there."""
    try:
        packed = look.runtime.read("/proc/config.gz", _MAX_CONFIG)
    except MissingError:
        release = (look.running_text("/proc/sys/kernel/osrelease") or "").strip()
        if not release or "/" in release:
            raise NotCollectedError("the running kernel does not say its release") from None
        for path in _places(release, f"/usr/lib/modules/{release}"):
            text = look.text(path, _MAX_CONFIG)
            if text is not None:
                return kernel_config.parse(text)
        return None
    look.saw(Evidence("/proc/config.gz"))
    return kernel_config.parse(gunzip(packed, _MAX_CONFIG).decode("utf-8", "surrogateescape"))


def _running(look: Look, name: str) -> Json:
    options = look.shared(_running_options)
    if options is None:
        look.because("the running kernel's configuration is neither in /proc/config.gz nor in a file of its release")
        return None
    option = options.get(_option_name(name))
    return {"value": option.value if option is not None else None}


def _summary(look: Look, tree: KernelTree) -> dict[str, Json]:
    image = next((path for path in tree.images if look.entry(path) is not None), None)
    config = next((path for path in _places(tree.release, tree.folder) if look.entry(path) is not None), None)
    return {
        "kernel": tree.release,
        "modules": len(tree.modules),
        "builtin_modules": len(tree.builtin),
        "image": image,
        "config": config,
        "source": tree.folder,
    }


def _kernels(look: Look) -> Json:
    trees = look.shared(kernel_trees)
    if not trees:
        look.because("no kernel has a folder in /usr/lib/modules")
        return None
    return [_summary(look, tree) for tree in trees]


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts({"kernel.installed": _kernels})
    yield from each_argument(look, "kernel.config", _installed)
    yield from each_argument(look, "kernel.config.running", _running)


COLLECTOR = Collector(
    id="kernel_config",
    facts=(
        FactSpec(
            "kernel.installed",
            "table",
            "Kernels of the tree, by release.",
            fields={
                "kernel": "text: release, as uname -r will say it",
                "modules": "number: module files",
                "builtin_modules": "number: modules built into the kernel",
                "image": "text: path of the kernel image, null",
                "config": "text: path of its build configuration, null",
                "source": "text: folder of its modules",
            },
        ),
        FactSpec(
            "kernel.config",
            "table",
            "One build option in every installed kernel.",
            fields={
                "kernel": "text: release",
                "value": "text: y, m, n (said to be off), a number or a text; null = not mentioned, so off as well",
                "source": "text: file",
            },
            argument="name of the option, with or without CONFIG_",
        ),
        FactSpec(
            "kernel.config.running",
            "object",
            "One build option of the running kernel.",
            facet="runtime",
            fields={"value": "text: as in kernel.config"},
            argument="name of the option, with or without CONFIG_",
        ),
    ),
    collect=collect,
)
