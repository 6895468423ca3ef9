"""Greenboot's checks, settings and boot counting."""

import os
from collections.abc import Mapping
from pathlib import Path

from tests.support import Content, build, fact_of

LIB = "/usr/lib/greenboot/check"
ETC = "/etc/greenboot/check"
ENFORCING = '#!/bin/bash\n[ "$(getenforce)" = Enforcing ] || exit 1\n'
BASE: dict[str, Content] = {
    "/usr/libexec/greenboot/greenboot": "#!/bin/bash\n",
    "/etc/greenboot/greenboot.conf": "# x\nGREENBOOT_MAX_BOOT_ATTEMPTS=2\nDISABLED_HEALTHCHECKS=()\n",
    f"{LIB}/required.d/02_watchdog.sh": "exit 0\n",
    f"{ETC}/required.d/10_selinux.sh": ENFORCING,
    f"{ETC}/wanted.d/20_firewalld.sh": "systemctl is-active -q firewalld\n",
}
ENV = "# GRUB Environment Block\nboot_counter=2\nboot_success=0\n" + "#" * 900


def names(tmp_path: Path, files: Mapping[str, Content]) -> list[str]:
    fact = fact_of(build(tmp_path, {**BASE, **files}), "greenboot.checks")
    assert fact.state == "present", fact.reason
    return [record["name"] for record in fact.value]


def test_checks(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, BASE), "greenboot.checks")
    watchdog, selinux, firewalld = fact.value
    assert (watchdog["stock"], watchdog["vacuous"], watchdog["tests"]) == (True, True, [])
    assert (selinux["kind"], selinux["stock"], selinux["tests"]) == ("required", False, ["selinux-enforcing"])
    assert (firewalld["kind"], firewalld["tests"]) == ("wanted", ["firewalld-active"])
    assert fact.complete


def test_disabled_checks_are_left_out(tmp_path: Path) -> None:
    conf = 'DISABLED_HEALTHCHECKS=(\n  "02_watchdog.sh" # x\n)\nDISABLED_HEALTHCHECKS+=(10_selinux.sh)\n'
    root = build(tmp_path, {**BASE, "/etc/greenboot/greenboot.conf": conf})
    assert [record["name"] for record in fact_of(root, "greenboot.checks").value] == ["20_firewalld.sh"]
    assert fact_of(root, "greenboot.settings").value["disabled"] == ["02_watchdog.sh", "10_selinux.sh"]


def test_classic_runs_scripts_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{ETC}/required.d/sub/30_x.sh": "exit 1\n",
        f"{ETC}/required.d/40_program": "exit 1\n",
    }
    root = build(tmp_path, {**BASE, **files})
    os.chmod(root / f"{ETC.lstrip('/')}/required.d/40_program", 0o755)
    assert [r["name"] for r in fact_of(root, "greenboot.checks").value][:3] == [
        "02_watchdog.sh",
        "10_selinux.sh",
        "30_x.sh",
    ]


def test_the_rust_one_runs_what_is_executable(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{ETC}/required.d/sub/30_x.sh": "exit 1\n",
        f"{ETC}/required.d/40_program": "#!/usr/bin/env bash\nsystemctl is-active -q firewalld\n",
        f"{ETC}/required.d/50_off": "exit 1\n",
    }
    root = build(tmp_path, {**BASE, **files})
    (root / "usr/libexec/greenboot/greenboot").write_bytes(b"\x7fELF\x02")
    os.chmod(root / f"{ETC.lstrip('/')}/required.d/40_program", 0o755)
    fact = fact_of(root, "greenboot.checks")
    assert [r["name"] for r in fact.value if r["kind"] == "required"] == [
        "02_watchdog.sh",
        "10_selinux.sh",
        "40_program",
    ]
    assert fact.value[2]["tests"] == ["firewalld-active"]
    assert fact_of(root, "greenboot.settings").value["flavour"] == "rs"


def test_what_cannot_be_followed_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{ETC}/required.d/60_x.sh": 'eval "$X"\n',
        f"{ETC}/required.d/61_y.sh": b"\x7fELF\x00",
    }
    fact = fact_of(build(tmp_path, {**BASE, **files}), "greenboot.checks")
    assert len(fact.gaps) == 2
    assert [r["vacuous"] for r in fact.value if not r["readable"]] == [None, None]


def test_settings(tmp_path: Path) -> None:
    root = build(tmp_path, BASE)
    assert fact_of(root, "greenboot.settings").value == {
        "flavour": "classic",
        "max_boot_attempts": 2,
        "disabled": [],
        "watchdog_check": False,
        "source": "/etc/greenboot/greenboot.conf",
    }
    (root / "etc/greenboot/greenboot.conf").write_text("GREENBOOT_MAX_BOOT_ATTEMPTS=many\n")
    assert fact_of(root, "greenboot.settings").state == "error"
    (root / "etc/greenboot/greenboot.conf").write_text("if true; then X=1; fi\n")
    assert fact_of(root, "greenboot.checks").state == "error"


def test_absent(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/x": ""})
    for name in ("greenboot.checks", "greenboot.settings", "greenboot.boot_counting"):
        assert fact_of(root, name).state == "absent"


def test_boot_counting(tmp_path: Path) -> None:
    good = (
        'insmod increment\nif [ "${boot_counter}" = "0" ]; then\n  set default=1\nelse\n  decrement boot_counter\nfi\n'
    )
    root = build(tmp_path, {"/boot/grub2/grubenv": ENV, "/boot/grub2/grub.cfg": good})
    assert fact_of(root, "greenboot.boot_counting").value == {
        "boot_counter": "2",
        "boot_success": "0",
        "environment": "/boot/grub2/grubenv",
        "snippet": "/boot/grub2/grub.cfg",
    }
    (root / "boot/grub2/grub.cfg").write_text("# decrement boot_counter\n# set default=1\n")
    assert fact_of(root, "greenboot.boot_counting").value["snippet"] is None
    (root / "boot/grub2/grubenv").write_text("nonsense")
    assert fact_of(root, "greenboot.boot_counting").state == "error"
