"""Containers that systemd starts from Quadlet files, and what they open.

Source: podman-systemd.unit(5): search path for root, `[Container]` keys Image, PublishPort, Network; drop-ins as for
units.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers.systemd_unit import Unit, parse

_FOLDERS = ("/etc/containers/systemd", "/usr/local/share/containers/systemd", "/usr/share/containers/systemd")
_SECTIONS = {".container": "Container", ".pod": "Pod", ".kube": "Kube"}


def _containers(look: Look) -> Json:
    chosen: dict[str, str] = {}
    for folder in _FOLDERS:
        for name in look.try_names(folder):
            if name.endswith(tuple(_SECTIONS)):
                chosen.setdefault(name, f"{folder}/{name}")
    records = []
    for name, path in sorted(chosen.items()):
        if look.link(path) == "/dev/null":
            continue
        unit = _unit(look, name, path)
        if unit is None:
            continue
        section = next(value for suffix, value in _SECTIONS.items() if name.endswith(suffix))
        networks = unit.values(section, "Network")
        records.append(
            {
                "name": name,
                "image": unit.last(section, "Image"),
                "publishes": unit.values(section, "PublishPort"),
                "host_network": "host" in networks,
                "networks": networks,
                "source": path,
            }
        )
    return records


def _unit(look: Look, name: str, path: str) -> Unit | None:
    drop_ins = look.drop_ins([f"{folder}/{name}.d" for folder in _FOLDERS], ".conf")
    parts = []
    for part in (path, *drop_ins):
        text = look.try_text(part)
        if text is None:
            continue
        try:
            parts.append(parse(text))
        except ParseError as error:
            look.gap(part, reason_of(error))
    return Unit.of(parts) if parts else None


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield look.fact("containers.quadlets", _containers)


COLLECTOR = Collector(
    id="quadlets",
    facts=(
        FactSpec(
            "containers.quadlets",
            "table",
            "Containers, pods and kube files of root that systemd starts, by name.",
            fields={
                "name": "text: file name",
                "image": "text: image; null when not set",
                "publishes": "list: PublishPort= values",
                "host_network": "flag: it shares the host's network",
                "networks": "list: Network= values",
                "source": "text: file",
            },
            sensitive={"publishes": "address", "image": "host"},
        ),
    ),
    collect=collect,
)
