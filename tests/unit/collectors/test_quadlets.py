"""Containers that systemd starts."""

from pathlib import Path

from tests.support import build, fact_of


def test_quadlets(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/usr/share/containers/systemd/web.container": "[Container]\nImage=q/web:1\nPublishPort=80:80\n",
            "/etc/containers/systemd/web.container.d/x.conf": "[Container]\nPublishPort=\nPublishPort=127.0.0.1:81:80\n",
            "/usr/share/containers/systemd/off.container": "[Container]\nImage=q/off\n",
            "/etc/containers/systemd/off.container": ("link", "/dev/null"),
            "/etc/containers/systemd/host.container": "[Container]\nImage=q/host\nNetwork=host\n",
            "/etc/containers/systemd/data.volume": "[Volume]\n",
        },
    )
    host, web = fact_of(root, "containers.quadlets").value
    assert (host["name"], host["host_network"], host["publishes"]) == ("host.container", True, [])
    assert (web["image"], web["publishes"], web["host_network"]) == ("q/web:1", ["127.0.0.1:81:80"], False)


def test_none_and_malformed(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/etc/x": ""}), "containers.quadlets").value == []
    root = build(tmp_path / "b", {"/etc/containers/systemd/x.container": "[Container\n"})
    assert fact_of(root, "containers.quadlets").gaps
