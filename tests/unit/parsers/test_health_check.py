"""What health-check scripts really test."""

import pytest

from scanner.parsers.health_check import BEHAVIOURS, Surroundings, read

AROUND = Surroundings()

REAL = [
    ('[ "$(getenforce)" = "Enforcing" ]', "selinux-enforcing"),
    ("set -e\ngetenforce | grep -qx Enforcing", "selinux-enforcing"),
    ('mode=$(getenforce)\nif [[ "$mode" != "Enforcing" ]]; then\n  exit 1\nfi\nexit 0', "selinux-enforcing"),
    ('if [ "$(cat /sys/fs/selinux/enforce)" != 1 ]; then exit 1; fi', "selinux-enforcing"),
    ("sestatus | grep -q '^Current mode: *enforcing' || exit 1", "selinux-enforcing"),
    (
        "grep -Eq '^[[:space:]]*SELINUX[[:space:]]*=[[:space:]]*enforcing' /etc/selinux/config || exit 1",
        "selinux-config",
    ),
    ('. /etc/selinux/config\n[ "$SELINUX" = enforcing ] || { echo no; exit 1; }', None),
    ("systemctl is-active --quiet firewalld.service || exit 1", "firewalld-active"),
    ('state=$(firewall-cmd --state 2>/dev/null); [ "$state" = running ]', "firewalld-active"),
    ("systemctl is-active usbguard >/dev/null || exit 1", "usbguard-active"),
    ('[ "$(systemctl show -p ActiveState --value usbguard)" = active ]', "usbguard-active"),
    ("cosign verify --key /etc/pki/c.pub registry.example/os:stable || exit 1", "cosign-any"),
    (
        "d=$(bootc status --json | jq -r .status.booted.image.imageDigest)\n"
        'cosign verify --key /etc/pki/c.pub "registry.example/os@${d}" >/dev/null || exit 1',
        "cosign-digest",
    ),
    ("systemctl is-active --quiet vela-agent.service", "agent-active"),
    (
        "now=$(date +%s)\nlast=$(stat -c %Y /run/vela/heartbeat 2>/dev/null || echo 0)\n"
        "if (( now - last > 300 )); then exit 1; fi",
        "agent-heartbeat",
    ),
    ('[ -n "$(find /var/lib/vela/heartbeat -mmin -5 2>/dev/null)" ] || exit 1', "agent-heartbeat"),
    ("lsblk -o NAME,TYPE | grep -q crypt || exit 1", "luks-any"),
    ('case "$(findmnt -no SOURCE /)" in /dev/mapper/luks-*) ;; *) exit 1;; esac', "luks-root"),
    ('lsblk -no TYPE "$(findmnt -n -o SOURCE /)" | grep -qx crypt', "luks-root"),
    ("cryptsetup status luks-root >/dev/null 2>&1 || exit 1", "luks-root"),
    ("grep -q '\\[confidentiality\\]' /sys/kernel/security/lockdown || exit 1", "lockdown"),
    ("grep -qF '[confidentiality]' /sys/kernel/security/lockdown", "lockdown"),
    ('case "$(cat /sys/kernel/security/lockdown)" in *"[confidentiality]"*) exit 0;; *) exit 1;; esac', "lockdown"),
    ("nm-online -q -t 30 || exit 1", "network-online"),
    ("systemctl is-active network-online.target", "network-online"),
    ("for i in $(seq 1 30); do pgrep -x cage >/dev/null && exit 0; sleep 1; done\nexit 1", "kiosk-alive"),
    ("loginctl list-sessions --no-legend | grep -q kiosk", "kiosk-alive"),
]


@pytest.mark.parametrize(("text", "behaviour"), [(text, name) for text, name in REAL if name])
def test_real_tests(text: str, behaviour: str) -> None:
    found = read(text, AROUND)
    assert found.undecided is None
    assert behaviour in found.tests
    assert not found.vacuous


@pytest.mark.parametrize(
    "text",
    [
        "# getenforce must say Enforcing\nexit 0",
        "getenforce\nexit 0",
        "getenforce | grep -q Enforcing || echo 'not enforcing'\nexit 0",
        "f() { systemctl is-active --quiet firewalld; echo ok; }\nset -e\nif f; then exit 0; fi\nexit 1",
        "set -e\nf() { local s=$(systemctl is-active firewalld); echo $s; }\nf",
        "systemctl is-active firewalld || exit 256",
        "systemctl is-active firewalld &\nexit 0",
        "n=0\nuntil systemctl is-active -q firewalld; do n=$((n+1)); if [ $n -ge 3 ]; then break; fi; done",
    ],
)
def test_vacuous(text: str) -> None:
    found = read(text, AROUND)
    assert found.tests == ()
    assert found.vacuous


@pytest.mark.parametrize(
    "text",
    [
        "grep -q enforcing /etc/selinux/config || exit 1",
        "grep -q SELINUX=enforcing /etc/selinux/config || exit 1",
        "grep -q confidentiality /sys/kernel/security/lockdown || exit 1",
        "grep -q [confidentiality] /sys/kernel/security/lockdown || exit 1",
        "grep -q '[confidentiality]' /sys/kernel/security/lockdown || exit 1",
        "grep -q lockdown=confidentiality /proc/cmdline || exit 1",
        "systemctl is-enabled --quiet firewalld || exit 1",
        "set -e\nsystemctl is-active firewalld | tee /run/log\necho done",
        "ping -c1 x || exit 0\ncosign verify --key k registry.example/os@sha256:00 || exit 1",
        "test -f /run/vela/heartbeat || exit 1",
        "exit 1",
        # With SELinux off there is no such file, the comparison is an error, and the check succeeds.
        'if [ "$(cat /sys/fs/selinux/enforce)" -ne 1 ]; then exit 1; fi',
        "/usr/libexec/vela/getenforce | grep -q Enforcing || exit 1",
        "getenforce() { echo Enforcing; }\n[ $(getenforce) = Enforcing ] || exit 1",
    ],
)
def test_not_a_test_of_anything_that_is_claimed(text: str) -> None:
    assert not set(read(text, AROUND).tests) - {"luks-any"}


def test_a_tag_is_not_the_booted_digest() -> None:
    assert read("cosign verify --key k registry.example/os:stable || exit 1", AROUND).tests == ("cosign-any",)


def test_some_encrypted_volume_is_not_the_root() -> None:
    assert read("lsblk -o NAME,TYPE | grep -q crypt || exit 1", AROUND).tests == ("luks-any",)


def test_a_check_that_skips_when_the_tool_is_missing() -> None:
    text = "command -v cosign >/dev/null || exit 0\ncosign verify --key k x/os:stable || exit 1"
    assert read(text, AROUND).tests == ()
    assert read(text, Surroundings(installed=lambda name: True)).tests == ("cosign-any",)
    assert read(text, Surroundings(installed=lambda name: False)).tests == ()


def test_helpers_of_another_file() -> None:
    text = ". /usr/lib/vela/lib.sh\nrequire firewalld"
    assert read(text, AROUND).undecided is not None
    library = 'require() { systemctl is-active --quiet "$1" || exit 1; }\n'
    assert read(text, Surroundings(script=lambda path: (True, library))).tests == ("firewalld-active",)


def test_several_at_once() -> None:
    text = (
        'check() { "$@" || { echo "failed: $*"; FAILED=1; }; }\nFAILED=0\n'
        "check systemctl is-active --quiet firewalld\ncheck systemctl is-active --quiet usbguard\nexit $FAILED"
    )
    assert read(text, AROUND).tests == ("firewalld-active", "usbguard-active")


def test_the_first_line_counts_only_when_the_script_is_run_by_it() -> None:
    text = "#!/bin/bash -e\nsystemctl is-active --quiet firewalld\nexit 0\n"
    assert read(text, AROUND).tests == ()
    assert read(text, AROUND, direct=True).tests == ("firewalld-active",)


def test_what_cannot_be_followed() -> None:
    for text in ("import os\nos.system('getenforce')\n", "eval $x", "exit 0\r\n", "\0"):
        found = read(text, AROUND)
        assert (found.tests, found.vacuous) == ((), False)
        assert found.undecided


def test_every_behaviour_has_a_real_test() -> None:
    assert {name for _, name in REAL if name} == set(BEHAVIOURS)
