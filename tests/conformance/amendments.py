"""Scenarios that, as written, do not make the state they speak of, and the commands that complete them.

Each is completed right after the script and counted apart. Only what the scenario plainly means is added; what it says
is never changed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Amendment:
    """`pattern` is searched in `rule/name`; `commands` run in the tree after the script."""

    pattern: re.Pattern[str]
    commands: str
    why: str


AMENDMENTS = (
    Amendment(
        re.compile(r"^(audit_|directory_access_var_log_audit).*/auditctl_"),
        "sed -i 's%^ExecStart=/sbin/auditctl$%& -R /etc/audit/audit.rules%' /usr/lib/systemd/system/audit-rules.service",
        "the unit is changed to call auditctl alone, which loads nothing: -R and the file of rules are added",
    ),
    Amendment(
        re.compile(r"^sysctl_.*\.pass\.sh$"),
        "grep -qs . /etc/sysctl.d/99-sysctl.conf || ln -s ../sysctl.conf /etc/sysctl.d/99-sysctl.conf",
        "emptying /etc/sysctl.d also takes away the link through which systemd reads /etc/sysctl.conf: it is put back",
    ),
    Amendment(
        re.compile(r"^dconf_gnome_"),
        "dconf update",
        "key files are written but not compiled; that the compiled data base is fresh is a public rule of its own",
    ),
)
"""In the order in which they are applied."""


def amendments(scenario: str) -> list[Amendment]:
    """Those that apply to `rule/name`."""
    return [one for one in AMENDMENTS if one.pattern.search(scenario)]
