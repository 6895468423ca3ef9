"""The audit daemon's log folder and the files in it: who owns them and who may read them.

Where the log lies is auditd.conf's log_file. Source: auditd.conf(5), log_file and log_group.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.files import record_of
from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import auditd_conf

_CONFIG = "/etc/audit/auditd.conf"
_COPIED = ("path", "type", "owner", "owner_name", "group", "group_name", "mode")


def _log_files(look: Look) -> Json:
    text = look.text(_CONFIG)
    if text is None:
        look.because(f"{_CONFIG} does not exist")
        return None
    try:
        daemon = auditd_conf.parse(text)
    except ParseError as error:
        raise ParseError(f"{_CONFIG}: {error}") from error
    if daemon.refused:
        # The line may be the one that names the place.
        raise ParseError(f"{_CONFIG}: {daemon.refused[0]}; auditd does not start")
    values = daemon.values
    log, group = str(values["log_file"]), str(values["log_group"])
    folder = posixpath.dirname(log)
    if look.entry(folder) is None:
        raise NotCollectedError(f"{folder} does not exist in this tree: the audit daemon makes it when it starts")
    paths = [folder, *(f"{folder}/{name}" for name in look.names(folder))]
    records: list[Json] = []
    for path in paths:
        try:
            record = record_of(look, path)
        except TargetError as error:
            look.gap(path, reason_of(error))
            continue
        if record is not None:
            records.append(
                {
                    **{key: record[key] for key in _COPIED},
                    "folder": path == folder,
                    "log_group": group,
                    "group_expected": record["group"] == "0" or (group != "root" and record["group_name"] == group),
                    "group_configured": record["group"] == "0" if group == "root" else record["group_name"] == group,
                    "source": path,
                }
            )
    return records


def collect(look: Look) -> Iterator[Fact]:
    """Yield the wanted fact."""
    yield from look.facts({"audit.log_files": _log_files})


COLLECTOR = Collector(
    id="audit_log_files",
    facts=(
        FactSpec(
            "audit.log_files",
            "table",
            "The folder of the audit log, then what lies in it, by name; absent where auditd is not configured.",
            fields={
                "path": "text: path",
                "folder": "flag: this is the folder itself",
                "type": "text: file, directory …",
                "owner": "text: uid",
                "owner_name": "text: user name; null: no local user",
                "group": "text: gid",
                "group_name": "text: group name; null: no local group",
                "mode": "text: permission bits",
                "log_group": "text: group that auditd.conf gives the log to, root by default",
                "group_expected": "flag: the group is root or that group",
                "group_configured": "flag: the group is that group",
                "source": "text: path",
            },
        ),
    ),
    collect=collect,
)
