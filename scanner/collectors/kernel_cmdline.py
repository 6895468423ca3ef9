"""Kernel command lines: the one the running kernel got, those the next boots may use, and what they are written from.

`effective` holds, for every parameter whose law we know, the value that the kernel makes of the whole line (see
`scanner.parsers.kernel_effective`), so that a rule compares one value.
Sources: proc(5); kernel-install(8); GNU GRUB manual, "Simple configuration"; bootc kernel arguments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look
from scanner.collectors.boot_entries import BootEntry, boot_entries, bootc_kernel_arguments
from scanner.collectors.cmdline_secrets import public_value
from scanner.model.errors import NotCollectedError, ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import kernel_cmdline, quoted_words
from scanner.parsers.kernel_effective import EFFECTIVE_KEYS, effective

_KERNEL_INSTALL = ("/etc/kernel/cmdline", "/usr/lib/kernel/cmdline")
_DEFAULTS = "/etc/default/grub"
_DEFAULTS_FOLDER = "/etc/default/grub.d"


def _shown(line: kernel_cmdline.CommandLine) -> dict[str, Json]:
    return {
        "parameters": [{"name": one.name, "value": public_value(one.name, one.value)} for one in line.parameters],
        "init_arguments": list(line.init_arguments),
        "effective": effective(line.parameters),
    }


def _running(look: Look) -> Json:
    text = look.running_text("/proc/cmdline")
    if text is None:
        look.because("/proc/cmdline does not exist")
        return None
    return _shown(kernel_cmdline.parse(text))


def _record(entry: BootEntry) -> dict[str, Json]:
    return {
        "entry": entry.id,
        "kind": entry.kind,
        "title": entry.title,
        "version": entry.version,
        "kernel": entry.kernel,
        "default": entry.default,
        "rescue": entry.rescue,
        "tries_left": entry.tries_left,
        "uki": entry.uki,
        "profile": entry.profile,
        "embedded": entry.embedded,
        "add_ons": list(entry.add_ons),
        "source": entry.source,
        "line": entry.line,
        **_shown(kernel_cmdline.parse(entry.options)),
    }


def _configured(look: Look) -> Json:
    entries = look.shared(boot_entries)
    if not entries:
        if not look.names("/boot"):
            # A container root, or /boot on a partition of its own: what boots this system is decided elsewhere.
            raise NotCollectedError("no boot entry, and /boot is empty or not part of this target")
        look.because("no boot entry: no loader entries, no kernel in a grub.cfg and no bootc kargs.d")
        return None
    return [_record(entry) for entry in entries]


def _grub_defaults(look: Look) -> list[dict[str, Json]] | None:
    """Shell assignments of /etc/default/grub and grub.d, in the order grub-mkconfig sources them."""
    paths = [path for path in (_DEFAULTS,) if look.entry(path) is not None]
    paths += [f"{_DEFAULTS_FOLDER}/{name}" for name in look.names(_DEFAULTS_FOLDER) if name.endswith(".cfg")]
    if not paths:
        return None
    found: dict[str, dict[str, Json]] = {}
    for path in paths:
        for key, value, added in _assignments(look.text(path) or ""):
            before = str(found[key]["value"]) if key in found else ""
            known = {name: str(record["value"]) for name, record in found.items()}
            text = re.sub(r"\$\{?(\w+)\}?", lambda name, known=known: known.get(name[1], ""), value)  # type: ignore[misc]  # bound per turn
            found[key] = {"key": key, "value": before + text if added else text, "source": path}
    return [found[key] for key in sorted(found)]


def _assignments(text: str) -> Iterator[tuple[str, str, bool]]:
    """`NAME=value` and `NAME+=value` words of a shell file."""
    try:
        words = quoted_words.split(text, comments=True)
    except ValueError as error:
        raise ParseError(f"not a shell file: {error}") from None
    for word in words:
        found = re.match(r"(\w+)(\+?)=", word, re.ASCII)
        if found:
            yield found[1], word[found.end() :], bool(found[2])


def _default_grub(look: Look) -> Json:
    records = look.shared(_grub_defaults)
    if records is None:
        look.because(f"{_DEFAULTS} does not exist")
        return None
    return list(records)


def _templates(look: Look) -> Json:
    found = []
    for path in _KERNEL_INSTALL:
        text = look.text(path)
        if text is not None:
            # kernel-install joins the lines; comments are lines that begin with `#`.
            lines = [line for line in text.split("\n") if not line.lstrip().startswith("#")]
            found.append(BootEntry("kernel-install", "cmdline", None, None, None, " ".join(lines), path, None))
            break
    found += bootc_kernel_arguments(look)
    defaults = {str(one["key"]): one for one in look.shared(_grub_defaults) or ()}
    keys = [key for key in ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT") if key in defaults]
    if keys:
        options = " ".join(str(defaults[key]["value"]) for key in keys)
        source = str(defaults[keys[0]]["source"])
        found.append(BootEntry("grub-mkconfig", "default-grub", None, None, None, options, source, None))
    if not found:
        look.because("neither /etc/kernel/cmdline, bootc kargs.d nor GRUB_CMDLINE_LINUX in /etc/default/grub")
        return None
    return [
        {
            "template": entry.id,
            "kind": entry.kind,
            "source": entry.source,
            **_shown(kernel_cmdline.parse(entry.options)),
        }
        for entry in found
    ]


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from look.facts(
        {
            "kernel.cmdline.running": _running,
            "kernel.cmdline.configured": _configured,
            "kernel.cmdline.templates": _templates,
            "grub.defaults": _default_grub,
        }
    )


_LINE_FIELDS = {
    "parameters": "list: {name (with _ for -), value (null for a bare flag)} in order, up to a bare --",
    "init_arguments": "list: words after --, which the kernel does not read",
    "effective": f"object: what the kernel makes of the line, null = its default: {', '.join(EFFECTIVE_KEYS)}",
}

COLLECTOR = Collector(
    id="kernel_cmdline",
    facts=(
        FactSpec(
            "kernel.cmdline.running",
            "object",
            "The command line of the running kernel.",
            facet="runtime",
            fields=_LINE_FIELDS,
            sensitive={"parameters": "address"},
        ),
        FactSpec(
            "kernel.cmdline.configured",
            "table",
            "Every entry that can be booted, in menu order; absent when there is none.",
            fields={
                "entry": "text: id of the entry, its title in a grub.cfg",
                "kind": "text: bls, uki (a unified kernel image without an entry file), grub.cfg, or kargs.d (a bootc"
                " image that is not installed yet)",
                "title": "text: as the menu shows it, null",
                "version": "text: version of the entry, null",
                "kernel": "text: path of the kernel as the loader knows it, null",
                "default": "flag: booted when nobody chooses; null when that cannot be told",
                "rescue": "flag: an entry for repairs",
                "tries_left": "number: boot attempts left, null without boot counting",
                "uki": "text: path of the unified kernel image that is started, null for a kernel on its own",
                "profile": "number: profile of that image, null without",
                "embedded": "flag: the line lies inside the image, so that with Secure Boot on no menu changes it; null"
                " without an image",
                "add_ons": "list: paths of the add-ons whose command lines stand at the end (each counts with and"
                " without, as the firmware may refuse it)",
                "source": "text: file",
                "line": "number: line of the first options, null",
                **_LINE_FIELDS,
            },
            sensitive={"parameters": "address"},
        ),
        FactSpec(
            "kernel.cmdline.templates",
            "table",
            "What entries of later kernels are written from; says nothing about entries that exist.",
            fields={
                "template": "text: kernel-install, bootc image, or grub-mkconfig",
                "kind": "text: cmdline, kargs.d, or default-grub",
                "source": "text: file",
                **_LINE_FIELDS,
            },
            sensitive={"parameters": "address"},
        ),
        FactSpec(
            "grub.defaults",
            "table",
            "Settings of /etc/default/grub and grub.d, the last assignment of each, sorted by key.",
            fields={"key": "text: GRUB_…", "value": "text: value", "source": "text: file"},
            sensitive={"value": "address"},
        ),
    ),
    collect=collect,
)
