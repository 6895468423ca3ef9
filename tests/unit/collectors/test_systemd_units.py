"""systemd units of a tree: what counts as masked, enabled, started at boot, and what was not there at all."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.model.fact import Json
from tests.support import Content, build, fact_of

UNITS = "/usr/lib/systemd/system"
ETC = "/etc/systemd/system"
BASE: dict[str, Content] = {
    f"{UNITS}/default.target": ("link", "multi-user.target"),
    f"{UNITS}/multi-user.target": "[Unit]\nRequires=basic.target\n",
    f"{UNITS}/graphical.target": "[Unit]\nRequires=multi-user.target\n",
    f"{UNITS}/basic.target": "[Unit]\nRequires=sysinit.target\nWants=sockets.target timers.target\n",
    f"{UNITS}/sysinit.target": "[Unit]\nDescription=x\n",
    f"{UNITS}/sockets.target": "[Unit]\nDescription=x\n",
    f"{UNITS}/timers.target": "[Unit]\nDescription=x\n",
    f"{UNITS}/sshd.service": (
        "[Unit]\nAfter=network.target\n[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\n"
    ),
    f"{UNITS}/sshd.socket": "[Socket]\nListenStream=22\nAccept=yes\n[Install]\nWantedBy=sockets.target\n",
    f"{UNITS}/sshd@.service": "[Service]\nExecStart=-/usr/sbin/sshd -i\n",
}


def tree(tmp_path: Path, files: Mapping[str, Content]) -> Path:
    return build(tmp_path, {**BASE, **files})


def units(tmp_path: Path, files: Mapping[str, Content]) -> dict[str, dict[str, Json]]:
    fact = fact_of(tree(tmp_path, files), "systemd.units")
    assert fact.state == "present", fact.reason
    return {record["name"]: record for record in fact.value}


def test_a_unit_that_nobody_starts(tmp_path: Path) -> None:
    sshd = units(tmp_path, {})["sshd.service"]
    assert (sshd["state"], sshd["start"], sshd["enabled"], sshd["masked"]) == ("disabled", "manual", False, False)
    assert sshd["exec_start"] == ["/usr/sbin/sshd -D"]
    assert sshd["after"] == ["network.target"]
    assert sshd["source"] == f"{UNITS}/sshd.service"


def test_what_has_no_file_is_not_in_the_table(tmp_path: Path) -> None:
    assert "cups.service" not in units(tmp_path, {})


@pytest.mark.parametrize(
    "content",
    [
        ("link", "/dev/null"),
        ("link", "../../../dev/null"),
        ("link", "/usr/../dev/null"),
        ("link", "//dev/.//null"),
        "",
        ("link", "null.service"),
    ],
)
def test_masks(tmp_path: Path, content: Content) -> None:
    files: dict[str, Content] = {f"{ETC}/sshd.service": content}
    if content == ("link", "null.service"):
        files[f"{ETC}/null.service"] = ("link", "/dev/null")
    sshd = units(tmp_path, files)["sshd.service"]
    assert (sshd["state"], sshd["start"], sshd["masked"]) == ("masked", "never", True)
    assert sshd["masked_by"] == ("empty" if content == "" else "link")


@pytest.mark.parametrize("target", ["../../dev/null", "/usr/dev/null", "/lib/../dev/null", "/dev/zero"])
def test_links_that_only_look_like_masks(tmp_path: Path, target: str) -> None:
    files: dict[str, Content] = {"/lib": ("link", "usr/lib"), f"{ETC}/sshd.service": ("link", target)}
    sshd = units(tmp_path, files)["sshd.service"]
    assert not sshd["masked"]
    assert sshd["start"] == "unknown"


def test_a_mask_through_usrmerge(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/lib": ("link", "usr/lib"),
        f"{ETC}/sshd.service": ("link", "/lib/systemd/system/gone.service"),
        f"{UNITS}/gone.service": ("link", "/dev/null"),
    }
    assert units(tmp_path, files)["sshd.service"]["masked"]


def test_a_mask_in_run_does_not_last(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/run/systemd/system/sshd.service": ("link", "/dev/null")}
    assert units(tmp_path, files)["sshd.service"]["state"] == "disabled"


def test_a_vendor_mask_is_overridden(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/debug-shell.service": ("link", "/dev/null"),
        f"{ETC}/debug-shell.service": "[Service]\nExecStart=/bin/sh\n",
        f"{ETC}/sysinit.target.wants/debug-shell.service": ("link", "../debug-shell.service"),
    }
    shell = units(tmp_path, files)["debug-shell.service"]
    assert (shell["masked"], shell["start"], shell["enabled"]) == (False, "boot", True)


def test_a_link_in_a_target_that_is_not_started(tmp_path: Path) -> None:
    link: Content = ("link", f"{UNITS}/sshd.service")
    sshd = units(tmp_path, {f"{ETC}/graphical.target.wants/sshd.service": link})["sshd.service"]
    assert (sshd["enabled"], sshd["start"], sshd["wanted_by"]) == (True, "manual", ["graphical.target"])
    other = units(tmp_path / "b", {f"{ETC}/multi-user.target.wants/sshd.service": link})["sshd.service"]
    assert (other["enabled"], other["start"], other["state"]) == (True, "boot", "enabled")


def test_a_dangling_wants_link_still_asks(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"{ETC}/multi-user.target.wants/sshd.service": ("link", "/nowhere/sshd.service")}
    assert units(tmp_path, files)["sshd.service"]["start"] == "boot"


def test_a_vendor_wants_link_can_be_taken_back(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/multi-user.target.wants/sshd.service": ("link", "../sshd.service"),
        f"{ETC}/multi-user.target.wants/sshd.service": ("link", "/dev/null"),
    }
    sshd = units(tmp_path, files)["sshd.service"]
    assert (sshd["start"], sshd["enabled"]) == ("manual", False)


def test_enabled_under_another_name(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{ETC}/ssh.service": ("link", f"{UNITS}/sshd.service"),
        f"{ETC}/multi-user.target.wants/ssh.service": ("link", "../ssh.service"),
    }
    found = units(tmp_path, files)
    assert (found["sshd.service"]["start"], found["sshd.service"]["enabled"]) == ("boot", True)
    assert (found["ssh.service"]["state"], found["ssh.service"]["alias_of"]) == ("alias", "sshd.service")
    assert found["ssh.service"]["start"] == "boot"


def test_started_on_demand(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"{ETC}/sockets.target.wants/sshd.socket": ("link", f"{UNITS}/sshd.socket")}
    found = units(tmp_path, files)
    assert found["sshd.socket"]["start"] == "boot"
    assert (found["sshd@.service"]["start"], found["sshd@.service"]["started_by"]) == ("demand", ["sshd.socket"])
    assert found["sshd.service"]["start"] == "manual"


def test_drop_ins_by_name_and_rank(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/sshd.service.d/10-a.conf": "[Service]\nExecStart=\nExecStart=/bin/vendor\n",
        f"{ETC}/sshd.service.d/10-a.conf": "[Service]\nExecStart=\nExecStart=/bin/admin\n",
        f"{UNITS}/sshd.service.d/20-b.conf": "[Service]\nUser=nobody\n",
        f"{ETC}/sshd.service.d/20-b.conf": ("link", "/dev/null"),
        f"{ETC}/sshd.service.d/readme": "[Service]\nUser=root\n",
        f"{ETC}/service.d/05-all.conf": "[Service]\nUser=all\n",
    }
    sshd = units(tmp_path, files)["sshd.service"]
    assert sshd["exec_start"] == ["/bin/admin"]
    assert sshd["user"] == "all"
    assert sshd["drop_ins"] == [f"{ETC}/service.d/05-all.conf", f"{ETC}/sshd.service.d/10-a.conf"]


def test_instances(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/getty@.service": "[Service]\nExecStart=/sbin/agetty %I\n[Install]\nDefaultInstance=tty1\nWantedBy=x.target\n",
        f"{ETC}/multi-user.target.wants/getty@tty1.service": ("link", f"{UNITS}/getty@.service"),
        f"{ETC}/multi-user.target.wants/getty@tty2.service": ("link", f"{UNITS}/getty@.service"),
        f"{ETC}/getty@tty2.service": ("link", "/dev/null"),
    }
    found = units(tmp_path, files)
    assert (found["getty@tty1.service"]["state"], found["getty@tty1.service"]["start"]) == ("enabled", "boot")
    assert found["getty@tty1.service"]["file"] == f"{UNITS}/getty@.service"
    assert found["getty@tty2.service"]["start"] == "never"
    assert found["getty@.service"]["start"] == "manual"


def test_a_file_that_systemd_would_refuse(tmp_path: Path) -> None:
    root = tree(tmp_path, {f"{UNITS}/odd.service": "[Service\nExecStart=/bin/x\n"})
    fact = fact_of(root, "systemd.units")
    (odd,) = [record for record in fact.value if record["name"] == "odd.service"]
    assert (odd["state"], odd["start"]) == ("bad", "unknown")
    assert any("odd.service" in gap for gap in fact.gaps)


def test_an_unreadable_folder_is_an_error(tmp_path: Path) -> None:
    root = tree(tmp_path, {f"{ETC}/x.service": "[Service]\nExecStart=/bin/x\n"})
    loop = root / "usr/local/lib/systemd"
    loop.mkdir(parents=True)
    os.symlink("system", loop / "system")
    # It might mask or replace any unit.
    assert fact_of(root, "systemd.units").state == "error"


def test_no_systemd_is_absent(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/hostname": "x\n"}), "systemd.units")
    assert (fact.state, fact.complete) == ("absent", True)


def test_default_target(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"{ETC}/default.target": ("link", "/usr/lib/systemd/system/graphical.target")}
    fact = fact_of(tree(tmp_path, files), "systemd.default_target")
    assert fact.value == {
        "target": "graphical.target",
        "source": f"{ETC}/default.target",
        "masked": False,
        "found": True,
    }
    assert fact_of(build(tmp_path / "b", {"/etc/x": ""}), "systemd.default_target").state == "absent"


def test_sockets_and_timers(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/x.timer": "[Timer]\nOnCalendar=daily\n[Install]\nWantedBy=timers.target\n",
        f"{ETC}/x.timer.d/y.conf": "[Timer]\nOnCalendar=\nOnCalendar=weekly\n",
        f"{ETC}/timers.target.wants/x.timer": ("link", f"{UNITS}/x.timer"),
    }
    root = tree(tmp_path, files)
    (socket,) = fact_of(root, "systemd.sockets").value
    assert (socket["unit"], socket["port"], socket["family"], socket["start"]) == ("sshd.socket", 22, "inet", "manual")
    (timer,) = fact_of(root, "systemd.timers").value
    assert (timer["on_calendar"], timer["starts"], timer["start"]) == (["weekly"], "x.service", "boot")


def test_presets_are_information(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/systemd/system-preset/90-default.preset": "enable sshd.service\ndisable *\n",
        "/etc/systemd/system-preset/10-own.preset": "disable sshd.service\n",
    }
    assert units(tmp_path, files)["sshd.service"]["preset"] == "disable"


def test_same_answer_as_systemctl(tmp_path: Path) -> None:
    if shutil.which("systemctl") is None:
        pytest.skip("systemctl is not installed: make test installs systemd")
    real = Path("/usr/lib/systemd/system")
    names = [
        path.name for path in sorted(real.iterdir()) if path.suffix in (".service", ".socket", ".target", ".timer")
    ]
    if len(names) < 40:
        pytest.skip("too few unit files here: make test installs systemd")
    root = build(tmp_path, {f"{ETC}/multi-user.target.wants": None, "/lib": ("link", "usr/lib"), UNITS: None})
    for name in names:
        shutil.copy2(real / name, root / UNITS.lstrip("/") / name, follow_symlinks=False)
    services = [name for name in names if name.endswith(".service") and "@" not in name]
    for index, name in enumerate(services):
        place = root / ETC.lstrip("/")
        if index % 5 == 0:
            os.symlink(f"/lib/systemd/system/{name}", place / "multi-user.target.wants" / name)
        elif index % 5 == 1:
            os.symlink("/dev/null", place / name)
        elif index % 5 == 2:
            (place / name).write_text("")
        elif index % 5 == 3:
            os.symlink(f"/usr/lib/systemd/system/{name}", place / f"also-{name}")
    found = {record["name"]: record["state"] for record in fact_of(root, "systemd.units").value}
    said = subprocess.run(
        ["systemctl", f"--root={root}", "is-enabled", *found], capture_output=True, text=True, check=False
    ).stdout.split()
    if len(said) != len(found):
        said = [_ask(root, name) for name in found]
    assert dict(zip(found, said, strict=True)) == found


def _ask(root: Path, name: str) -> str:
    done = subprocess.run(
        ["systemctl", f"--root={root}", "is-enabled", name], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "bad"


@pytest.mark.parametrize(("value", "forced"), [("1", True), ("0", False), ("yes SYSTEMD_SULOGIN_FORCE=no", False)])
def test_a_rescue_shell_without_password(tmp_path: Path, value: str, forced: bool) -> None:
    files: dict[str, Content] = {
        f"{UNITS}/rescue.service": "[Service]\nExecStart=-/usr/lib/systemd/systemd-sulogin-shell rescue\n",
        f"{ETC}/rescue.service.d/x.conf": f"[Service]\nEnvironment=SYSTEMD_SULOGIN_FORCE={value}\n",
    }
    rescue = units(tmp_path, files)["rescue.service"]
    assert rescue["sulogin_force"] is forced
    assert rescue["exec"] == "-/usr/lib/systemd/systemd-sulogin-shell rescue"


def test_a_link_that_can_be_no_alias_hides_nothing(tmp_path: Path) -> None:
    sshd = units(tmp_path, {f"{ETC}/sshd.service": ("link", f"{UNITS}/sshd.socket")})["sshd.service"]
    assert (sshd["state"], sshd["source"], sshd["enabled"]) == ("disabled", f"{UNITS}/sshd.service", False)
