"""What the NFS server exports: /etc/exports, then /etc/exports.d/*.exports. Source: exports(5)."""

from __future__ import annotations

from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import nfs_exports

_MAIN = "/etc/exports"
_FOLDER = "/etc/exports.d"
_KERBEROS = frozenset({"krb5", "krb5i", "krb5p"})


def _exports(look: Look) -> Json:
    names = [name for name in look.try_names(_FOLDER) if name.endswith(".exports") and not name.startswith(".")]
    if look.entry(_MAIN) is None and not names:
        look.because("neither /etc/exports nor a file in /etc/exports.d exists")
        return None
    records: list[Json] = []
    for path in [_MAIN, *(f"{_FOLDER}/{name}" for name in names)]:
        try:
            found = nfs_exports.parse(look.try_text(path) or "")
        except ParseError as error:
            look.gap(path, reason_of(error))
            continue
        records += [
            {
                "path": export.path,
                "client": export.client,
                "options": list(export.options),
                "security": list(export.security),
                "kerberos_only": _KERBEROS.issuperset(export.security),
                "can_encrypt": "krb5p" in export.security,
                "source": path,
                "line": export.line,
            }
            for export in found
        ]
    return records


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"nfs.exports": _exports})


COLLECTOR = Collector(
    id="nfs",
    facts=(
        FactSpec(
            "nfs.exports",
            "table",
            "Each pair of exported directory and client, in the order of the files; absent where no file exports.",
            sensitive={"client": "host"},
            fields={
                "path": "text: directory",
                "client": "text: host, network, netgroup or *",
                "options": "list: options, those of the line first",
                "security": "list: security flavours that are accepted; sys when none is named",
                "kerberos_only": "flag: all of them are krb5, krb5i or krb5p",
                "can_encrypt": "flag: krb5p is among them, so that a client may ask for encryption",
                "source": "text: file",
                "line": "number: line",
            },
        ),
    ),
    collect=collect,
)
