"""What systemd runs, seen through control groups when systemctl cannot be asked."""

from pathlib import Path

from tests.support import build, fact_of

GROUPS = "/sys/fs/cgroup/system.slice"


def test_services_with_processes(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/proc/x": "",
            "/run/systemd/system": None,
            f"{GROUPS}/sshd.service/cgroup.procs": "1\n",
            f"{GROUPS}/system-getty.slice/getty@tty1.service/cgroup.procs": "2\n",
            f"{GROUPS}/run-r12ab.service/cgroup.procs": "3\n",
            f"{GROUPS}/cgroup.procs": "",
        },
    )
    fact = fact_of(root, "systemd.running", runtime=True)
    assert [record["name"] for record in fact.value] == ["getty@tty1.service", "sshd.service"]
    assert fact.facet == "runtime"
    # What has no process may still be active: nobody may conclude that it is not.
    assert not fact.complete


def test_another_service_manager(tmp_path: Path) -> None:
    root = build(tmp_path, {"/proc/x": "", "/run/openrc": None})
    assert fact_of(root, "systemd.running", runtime=True).state == "not_collected"


def test_nothing_runs_in_an_image(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/run/systemd/system": None}), "systemd.running").state == "not_collected"


def test_no_control_groups(tmp_path: Path) -> None:
    root = build(tmp_path, {"/proc/x": "", "/run/systemd/system": None})
    assert fact_of(root, "systemd.running", runtime=True).state == "not_collected"
