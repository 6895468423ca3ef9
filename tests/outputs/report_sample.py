"""Synthetic assessments for the report tests, built from the project's own dataclasses."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

from scanner.model.fact import Evidence
from scanner.model.result import CONTROL_STATUSES, STATUSES, Assessment, ControlResult, Result, Status

NOW = "2026-11-20T12:00:00Z"
COVERAGE = ("automated", "partial", "manual", "inherited", "not_applicable", "not_yet")
SEVERITIES = ("critical", "high", "medium", "low", "info")

_TOPICS = (
    ("sshd-root-login-disabled", "Root cannot log in over SSH", "/etc/ssh/sshd_config", "sshd.options"),
    ("luks-tpm2-pcrs", "Automatic unlock is bound to Secure Boot state and the boot image", "/dev/vda3", "luks.tpm"),
    ("kernel-lockdown", "The kernel runs in lockdown mode confidentiality", "/proc/cmdline", "kernel.cmdline"),
    (
        "firewalld-drop",
        "The default firewall zone drops what is not allowed",
        "/etc/firewalld/zones/a.xml",
        "firewalld",
    ),
    ("auditd-enabled", "The audit daemon starts at boot", "/usr/lib/systemd/system/auditd.service", "systemd.units"),
    ("shadow-permissions", "Only root can read the password hashes", "/etc/shadow", "files.entry:/etc/shadow"),
    ("sysctl-kptr-restrict", "Kernel addresses are hidden from users", "/etc/sysctl.d/90-kptr.conf", "sysctl.values"),
    ("usbguard-policy", "USB devices that nobody approved are blocked", "/etc/usbguard/rules.conf", "usbguard.rules"),
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def result(
    number: int,
    status: Status,
    *,
    severity: str = "medium",
    half: str | None = None,
    waiver: Mapping[str, Any] | None = None,
    claim: str | None = None,
    evidence: tuple[Evidence, ...] | None = None,
) -> Result:
    """One result; the number chooses its subject."""
    rule, title, source, fact = _TOPICS[number % len(_TOPICS)]
    name = rule if number < len(_TOPICS) else f"{rule}-{number}"
    seen = "not_required" if status in ("manual", "not_applicable") else status
    facets = {"persistent": seen, "runtime": "not_required"}
    if half:
        facets = {"persistent": "pass", "runtime": "not_required" if status == "pass" else "unknown"}
    found = {
        "pass": f"keyword permitrootlogin, value no, at {source}:12",
        "fail": f"keyword permitrootlogin, value yes, at {source}:12",
        "error": f"{fact} could not be read: permission: {source}",
        "unknown": f"{fact} was not collected: the root file system is encrypted",
        "not_applicable": f"{fact} is empty",
        "manual": "a person must answer",
    }[status]
    expected = f"each {fact} with keyword permitrootlogin: value one of no, prohibit-password"
    return Result(
        instance=f"{name}@{sha(name)[:8]}",
        rule=name,
        title=title,
        upstream=(f"upstream_{name.replace('-', '_')}",),
        status=status,
        facets=facets,
        params={"allowed": ["no", "prohibit-password"]} if number % 3 == 0 else {},
        param_sources={"allowed": "framework cis-rhel10"} if number % 3 == 0 else {},
        severity=severity,
        explanation=(f"{half} only: the running half was not required: " if half else "")
        + f"expected {expected}; found {found}",
        expected=expected,
        found=found,
        evidence=evidence
        if evidence is not None
        else (
            Evidence(source, line=12, sha256=None if "shadow" in source else sha(source + str(number % 90))),
            *((Evidence(f"/usr/lib/assay/sample/{number:04d}.conf", line=3, sha256=sha(str(number))),) * (number % 2)),
        ),
        facts=(fact,),
        half=half,
        waiver=waiver,
        claim_verdict=claim,
    )


def waiver(**changes: Any) -> dict[str, Any]:
    return {
        "id": "W-12",
        "reason": "The maintenance port stays open until the field tool is replaced",
        "owner": "platform team",
        "approver": "CISO",
        "ticket": "SEC-481",
        "expires": "2027-03-31",
        "expired": False,
        **changes,
    }


def rules_of(results: list[Result], mappings: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        one.rule: {
            "title": one.title,
            "severity": one.severity,
            "area": "sample",
            "rationale": "A password that can be tried over the network will be tried. "
            "With a direct root login nobody can say which person was at work.",
            "mappings": dict(mappings),
            "remediation": {
                "summary": "Set the value in a drop-in file and reload the service.",
                "commands": [
                    "echo 'PermitRootLogin no' > /etc/ssh/sshd_config.d/10-root.conf",
                    "systemctl reload sshd",
                ],
                "disruption": "restart",
            },
            "references": ["sshd_config(5), PermitRootLogin"],
            "claim_notes": {"overclaim": "The mechanism named cannot see this."} if one.claim_verdict else {},
        }
        for one in results
    }


def counts(order: tuple[str, ...], words: list[str]) -> dict[str, int]:
    counted = Counter(words)
    return {word: counted[word] for word in order if counted[word]}


def framework_summary(
    mine: list[ControlResult], by_name: Mapping[str, Result], about: Mapping[str, Any]
) -> dict[str, Any]:
    names = sorted({name for control in mine for name in control.results})
    statuses: list[str] = [by_name[name].status for name in names]
    summary = {
        "version": "1.0",
        "kind": "requirements",
        "fit": "exact",
        "fit_reason": "written for any system",
        "fit_note": "",
        "counts": counts(CONTROL_STATUSES, [control.status for control in mine]),
        "coverage": counts(COVERAGE, [control.coverage for control in mine]),
        "controls": len(mine),
        "results": counts(STATUSES, statuses),
        "rules_selected": len(names),
        "rules_judged": sum(status in ("pass", "fail") for status in statuses),
        "persistent_half": sum(by_name[name].half is not None for name in names),
        **about,
    }
    if summary["kind"] == "claims":
        verdicts = [by_name[name].claim_verdict or "" for name in names]
        summary["claims"] = counts(tuple(sorted(set(verdicts))), verdicts)
    return summary


def assessment(
    results: list[Result],
    controls: list[ControlResult],
    frameworks: Mapping[str, Mapping[str, Any]],
    reasons: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The assessment JSON of these results and controls."""
    by_name = {one.instance: one for one in results}
    asked = [one for one in results if one.status not in ("not_applicable", "manual")]
    judged = sum(one.status in ("pass", "fail") for one in asked)
    return Assessment(
        tool={"name": "assay", "version": "0.1.0"},
        content_digest="sha256:" + sha("content"),
        target={
            "kind": "image",
            "identity": {
                "platform": "linux",
                "os_id": "velaos",
                "os_like": ["almalinux", "rhel"],
                "os_name": "VelaOS 2.4 (beta)",
                "os_version": "10.1",
                "platform_id": "platform:el10",
                "variant_id": "thinclient",
                "image_version": "2.4.0-rc3",
                "arch": "x86_64",
                "host_name": "vela-0042",
            },
            "digest": "sha256:" + sha("image"),
            "layout": {"container": "raw disk image", "partitions": 5, "root": "ext4 in partition 3"},
        },
        facts_digest="sha256:" + sha("facts"),
        profiles=(
            {
                "id": "velaos-image",
                "title": "VelaOS image, all frameworks",
                "require": "persistent",
                "fit": "exact",
                "fit_reason": "the target is velaos 10.1",
                "min_coverage": 80,
                "instances": len(results),
            },
        ),
        evaluated_at=NOW,
        results=tuple(results),
        controls=tuple(controls),
        summary={
            name: framework_summary([one for one in controls if one.framework == name], by_name, about)
            for name, about in frameworks.items()
        },
        completeness={
            "complete": not reasons,
            "reasons": list(reasons),
            "selected": len(results),
            "judged": judged,
            "applicable": len(asked),
            "percent": judged * 100 // len(asked) if asked else 0,
            "counts": counts(STATUSES, [one.status for one in results]),
            "persistent_half": sum(one.half is not None for one in results),
        },
        rules=rules_of(results, {"cis-rhel10": ["5.1.20"]}),
        unread=(
            {"fact": "audit.runtime", "state": "not_collected", "reason": "an image does not run", "rules": 3},
            {"fact": "files.suid", "state": "present", "reason": "permission: /var/lib/private", "rules": 1},
            {"fact": "rpmdb.packages", "state": "error", "reason": "malformed: offset 4096: no page", "rules": 12},
        ),
    ).to_json()


CIS = {
    "title": "CIS Red Hat Enterprise Linux 10 Benchmark",
    "short": "CIS RHEL 10",
    "version": "1.0.1",
    "fit": "by_analogy",
    "fit_reason": "velaos 10.1 says it is like rhel 10",
    "fit_note": "The ids are those for Red Hat Enterprise Linux 10; on this system they are applied by analogy.",
}
STIG = {
    "title": "DISA STIG Red Hat Enterprise Linux 10",
    "short": "STIG RHEL 10",
    "version": "V1R2",
    "fit": "by_analogy",
    "fit_reason": "velaos 10.1 says it is like rhel 10",
    "fit_note": "This STIG is written for RHEL 10.",
}
CLAIMS = {
    "title": "VelaOS security architecture: the vendor's claims",
    "short": "VelaOS claims",
    "version": "v2.x beta",
    "kind": "claims",
    "fit_reason": "the target is velaos 10.1",
}


def sample() -> dict[str, Any]:
    """A small assessment in which every status, word and corner of the reports occurs."""
    results = [
        result(0, "fail", severity="critical"),
        result(1, "fail", severity="high", waiver=waiver(), claim="overclaim"),
        result(2, "fail", severity="medium", waiver=waiver(id="W-3", expires="2026-01-31", expired=True)),
        result(3, "error", severity="high"),
        result(4, "unknown", severity="high", claim="not_evaluable"),
        result(5, "not_applicable", severity="low"),
        result(6, "manual", severity="info", evidence=()),
        result(7, "pass", severity="medium", half="persistent half", claim="partly_proven"),
        result(8, "pass", severity="high", claim="proven"),
        result(9, "unknown", severity="low", half="persistent half"),
        result(10, "fail", severity="low", claim="refuted"),
        result(11, "manual", severity="low", claim="external", evidence=()),
    ]
    names = [one.instance for one in results]

    def control(
        framework: str, id: str, title: str, status: str, coverage: str, *used: int, **more: Any
    ) -> ControlResult:
        return ControlResult(framework, id, title, status, coverage, tuple(names[one] for one in used), **more)

    controls = [
        control("cis-rhel10", "5.1.20", "Root login over SSH is off", "fail", "automated", 0, 7),
        control("cis-rhel10", "1.1.1", "Disk keys are sealed", "fail", "partial", 1),
        control("cis-rhel10", "1.1.2", "Boot loader is locked", "error", "automated", 3),
        control("cis-rhel10", "2.2.1", "Audit starts at boot", "unknown", "automated", 4, 9),
        control("cis-rhel10", "2.2.2", "Accounts are reviewed", "manual", "manual", note="Who reviews them, and when?"),
        control("cis-rhel10", "3.1.1", "USB is guarded", "pass", "automated", 7),
        control("cis-rhel10", "3.1.2", "Kernel pointers are hidden", "pass_in_part", "partial", 8),
        control("cis-rhel10", "4.1.1", "Wireless is off", "not_applicable", "automated", 5),
        control(
            "cis-rhel10", "4.1.2", "A site visit took place", "manual", "inherited", note="The data centre provides it."
        ),
        control("cis-rhel10", "6.1.1", "Journald compresses", "unknown", "not_yet"),
        control(
            "cis-rhel10",
            "6.1.2",
            "Log reviews take place",
            "manual",
            "manual",
            answered={
                "verdict": "met",
                "by": "A. Reviewer",
                "date": "2026-10-01",
                "valid_until": "2027-10-01",
                "holds": True,
                "statement": "Reviewed every month.",
                "evidence": [{"name": "minutes of 1 October", "sha256": "ab" * 32}],
            },
        ),
        control("velaos", "velaos.disk.seal", "Unlock is bound to PCRs 7 and 11", "fail", "automated", 1),
        control("velaos", "velaos.audit.on", "Audit always runs", "unknown", "automated", 4),
        control("velaos", "velaos.usb.guard", "USB is blocked", "pass", "automated", 7),
        control("velaos", "velaos.kernel.kptr", "Addresses are hidden", "pass", "automated", 8),
        control("velaos", "velaos.net.drop", "No open port", "fail", "automated", 10),
        control("velaos", "velaos.process.review", "Builds are reviewed", "manual", "manual", 11),
    ]
    return assessment(
        results,
        controls,
        {"cis-rhel10": CIS, "velaos": CLAIMS},
        reasons=("1 rule ended in error: something needed could not be read",),
    )


def large(stig: int = 434, cis: int = 328) -> dict[str, Any]:
    """An assessment as large as the budget of the PDF names: 434 + 328 controls, 480 rules."""
    statuses: tuple[Status, ...] = ("pass", "pass", "pass", "fail", "pass", "unknown", "pass", "not_applicable", "pass")
    results = []
    for number in range(480):
        status = "error" if number % 97 == 5 else "manual" if number % 41 == 7 else statuses[number % len(statuses)]
        half = "persistent half" if status == "pass" and number % 4 == 0 else None
        results.append(result(number, status, severity=SEVERITIES[(number * 7) % 5], half=half))
    controls = []
    for framework, size, offset in (("cis-rhel10", cis, 0), ("stig-rhel10", stig, 150)):
        for number in range(size):
            one = results[(number + offset) % len(results)]
            coverage = COVERAGE[(0, 0, 0, 1, 0, 2, 0, 1, 5)[number % 9]]
            judged = coverage in ("automated", "partial")
            rolled = "pass_in_part" if one.status == "pass" and coverage == "partial" else one.status
            controls.append(
                ControlResult(
                    framework,
                    f"RHEL-10-{600000 + number * 10}"
                    if framework.startswith("stig")
                    else f"{number // 40}.{number % 40}.1",
                    f"{one.title}, as the benchmark asks for it in part {number}",
                    rolled if judged else "manual" if coverage == "manual" else "unknown",
                    coverage,
                    (one.instance,) if judged else (),
                    note="Which people may do this, and who reviews it? Evidence: the list."
                    if coverage == "manual"
                    else "",
                )
            )
    return assessment(results, controls, {"cis-rhel10": CIS, "stig-rhel10": STIG})
