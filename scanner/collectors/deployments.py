"""Image deployments: ostree and bootc slots, where their images come from, and what verifies those images.

On an ostree system deployments are directories of one file system that share one object store: they are slots to boot
from, not partitions. Sources: ostree `src/libostree/ostree-sysroot.c`, bootc `crates/lib/src/spec.rs`,
ostree-prepare-root(1), containers-policy.json(5), containers-registries.d(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import container_policy, ostree

_SYSROOTS = ("", "/sysroot")
_DEPLOYMENT = re.compile(r"([0-9a-f]{64})\.([0-9]{1,9})\Z")
_POLICIES = ("/etc/containers/policy.json", "/root/.config/containers/policy.json")
_REGISTRIES = ("/etc/containers/registries.d", "/root/.config/containers/registries.d")
_PREPARE_ROOT = ("/etc/ostree/prepare-root.conf", "/usr/lib/ostree/prepare-root.conf")
_COMPOSEFS_KEY = "/etc/ostree/initramfs-root-binding.key"


# ---- containers policy ---------------------------------------------------------------------------------------------


def _policies(look: Look) -> list[tuple[str, container_policy.Policy]]:
    found = []
    for path in _POLICIES:
        text = look.text(path)
        if text is not None:
            found.append((path, container_policy.parse_policy(text)))
    return found


def _attachments(look: Look) -> list[tuple[str, container_policy.Attachment]]:
    found: list[tuple[str, container_policy.Attachment]] = []
    for folder in _REGISTRIES:
        for name in look.try_names(folder):
            path = f"{folder}/{name}"
            text = look.try_text(path) if name.endswith(".yaml") else None
            if text is None:
                continue
            try:
                found.extend((path, item) for item in container_policy.parse_registries(text))
            except ParseError as error:
                look.gap(path, reason_of(error))
    return found


def _policy(look: Look) -> Json:
    policies = look.shared(_policies)
    if not policies:
        look.because(f"{_POLICIES[0]} does not exist")
        return None
    attachments = [item for _, item in look.shared(_attachments)]
    records = []
    for path, policy in policies:
        for rule in policy:
            missing = [key for key in rule.key_paths if not _is_file(look, key)]
            records.append(
                {
                    "transport": rule.transport,
                    "scope": rule.scope,
                    "types": list(rule.types),
                    "demands": rule.demands,
                    "keys": list(rule.key_paths),
                    "keys_found": (bool(rule.key_paths) or rule.inline_keys) and not missing,
                    "identities": list(rule.identities),
                    "attachments": _finds_signatures(rule, attachments),
                    "source": path,
                }
            )
    return records


def _finds_signatures(rule: container_policy.Rule, found: list[container_policy.Attachment]) -> bool:
    """Whether sigstore signatures beside an image of this scope are looked for at all."""
    return container_policy.attachment_for(found, rule.scope)


def _is_file(look: Look, path: str) -> bool:
    entry = look.entry(path) if path.startswith("/") else None
    return entry is not None and entry.type == "file" and entry.size > 0


def _registries(look: Look) -> Json:
    return [
        {
            "scope": item.scope,
            "use_sigstore_attachments": item.sigstore,
            "lookaside": item.lookaside,
            "source": path,
            "line": item.line,
        }
        for path, item in look.shared(_attachments)
    ]


# ---- ostree --------------------------------------------------------------------------------------------------------


def _deployments(look: Look) -> Json:
    records = [*_ostree_records(look), *_composefs_records(look)]
    if not records and not any(look.entry(f"{top}/ostree/repo") is not None for top in _SYSROOTS):
        look.because("neither /ostree nor /sysroot/ostree has a repository")
        return None
    return records


def _ostree_records(look: Look) -> Iterator[dict[str, Json]]:
    entries = _boot_entries(look)
    seen: set[str] = set()
    for top in _SYSROOTS:
        base = f"{top}/ostree/deploy"
        real = look.real(base)
        if real is None or real in seen:
            continue
        seen.add(real)
        for stateroot in look.try_names(base):
            folder = f"{base}/{stateroot}/deploy"
            for name in look.try_names(folder):
                match = _DEPLOYMENT.match(name)
                if match is None:
                    continue
                path = f"{folder}/{name}"
                yield {
                    "stateroot": stateroot,
                    "checksum": match[1],
                    "serial": int(match[2]),
                    "backend": "ostree",
                    "boot_entry": entries.get(look.real(path) or ""),
                    **_origin(look, f"{path}.origin"),
                }


def _composefs_records(look: Look) -> Iterator[dict[str, Json]]:
    seen: set[str] = set()
    for top in ("/sysroot", ""):
        base = f"{top}/state/deploy"
        real = look.real(base)
        if real is None or real in seen or look.entry(f"{top}/composefs") is None:
            continue
        seen.add(real)
        for name in look.try_names(base):
            folder = f"{base}/{name}"
            own = f"{folder}/{name}.origin"
            path = own if look.entry(own) is not None else f"{folder}/.origin"
            yield {
                "stateroot": None,
                "checksum": name,
                "serial": 0,
                "backend": "composefs",
                "boot_entry": None,
                **_origin(look, path),
            }


def _origin(look: Look, path: str) -> dict[str, Json]:
    """Where the deployment's image comes from and what verifies it, by its origin file and the containers policy."""
    record: dict[str, Json] = dict.fromkeys(
        ("image", "transport", "verification", "refspec", "policy_scope", "policy_demands")
    )
    record["source"] = path
    text = look.try_text(path)
    if text is None:
        return record
    try:
        groups = ostree.parse_keyfile(text)
        origin = groups.get("origin", {})
        record["refspec"] = origin.get("refspec") or origin.get("baserefspec")
        written = origin.get("container-image-reference")
        if written is None:
            return record
        reference = ostree.image_reference(written)
    except ParseError as error:
        look.gap(path, reason_of(error))
        return record
    record.update(image=reference.image, transport=reference.transport, verification=reference.verification)
    try:
        policies = look.shared(_policies)
    except (ParseError, TargetError) as error:
        look.gap(_POLICIES[0], reason_of(error))
        return record
    if policies:
        rules = [container_policy.rule_for(policy, reference.transport, reference.image) for _, policy in policies]
        # Which file is read depends on the caller's home folder: the weakest answer is the safe one.
        weakest = min(rules, key=lambda rule: ("nothing", "signature", "reject").index(rule.demands))
        record["policy_scope"] = weakest.scope or weakest.transport or "default"
        record["policy_demands"] = weakest.demands
    return record


def _boot_entries(look: Look) -> dict[str, str]:
    """Boot loader entry by the real path of the deployment that its `ostree=` argument leads to."""
    found: dict[str, str] = {}
    folder = "/boot/loader/entries"
    for name in look.try_names(folder):
        text = look.try_text(f"{folder}/{name}") if name.endswith(".conf") else None
        for line in (text or "").splitlines():
            if not line.startswith("options"):
                continue
            for word in line.split()[1:]:
                if word.startswith("ostree=/"):
                    for top in _SYSROOTS:
                        real = look.real(top + word.removeprefix("ostree="))
                        if real is not None:
                            found.setdefault(real, f"{folder}/{name}")
    return found


def _prepare_root(look: Look) -> Json:
    for path in _PREPARE_ROOT:
        text = look.text(path)
        if text is None:
            continue
        groups = ostree.parse_keyfile(text)
        composefs, sysroot = groups.get("composefs", {}), groups.get("sysroot", {})
        enabled = composefs.get("enabled", "no").lower()
        key = composefs.get("keypath", _COMPOSEFS_KEY)
        return {
            "composefs": {"true": "yes", "1": "yes", "false": "no", "0": "no"}.get(enabled, enabled),
            "key": key,
            "key_found": _is_file(look, key),
            "sysroot_readonly": sysroot.get("readonly", "false").lower() == "true",
            "root_transient": groups.get("root", {}).get("transient", "false").lower() == "true",
            "etc_transient": groups.get("etc", {}).get("transient", "false").lower() == "true",
            "source": path,
        }
    look.because(f"{_PREPARE_ROOT[1]} does not exist")
    return None


# ---- running -------------------------------------------------------------------------------------------------------


def _is_booted(look: Look) -> bool:
    return look.runtime.exists("/run/ostree-booted") or " composefs=" in f" {look.running_text('/proc/cmdline') or ''}"


def _booted(look: Look) -> Json:
    return _is_booted(look)


def _status(look: Look) -> Json:
    if not _is_booted(look):
        look.because("/run/ostree-booted does not exist: not booted from an image deployment")
        return None
    status = ostree.parse_status(look.command("bootc", "status", "--json"))
    slots = [status.pop(name) for name in ("booted", "staged", "rollback")]
    return {**status, "slots": [slot for slot in slots if slot is not None]}


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts(
        {
            "containers.policy": _policy,
            "containers.registries": _registries,
            "ostree.deployments": _deployments,
            "ostree.prepare_root": _prepare_root,
            "ostree.booted": _booted,
            "bootc.status": _status,
        }
    )


COLLECTOR = Collector(
    id="deployments",
    facts=(
        FactSpec(
            "containers.policy",
            "table",
            "Signature policy for images, the default first, then by transport and scope; root's own file after /etc.",
            fields={
                "transport": "text: docker, oci …; null for the default of all",
                "scope": "text: registry, repository or reference; empty for the default of its transport",
                "types": "list: requirement types; all of them must be met",
                "demands": "text: reject, signature or nothing",
                "keys": "list: key files",
                "keys_found": "flag: a key is named, and every key file named is there and not empty",
                "identities": "list: types of signedIdentity",
                "attachments": "flag: registries.d lets sigstore signatures beside the image be found",
                "source": "text: policy file",
            },
            sensitive={"scope": "host"},
        ),
        FactSpec(
            "containers.registries",
            "table",
            "Entries of registries.d, by file.",
            fields={
                "scope": "text: registry or repository; empty for default-docker",
                "use_sigstore_attachments": "flag: signatures beside the image are used; null when not said",
                "lookaside": "text: place of separate signatures; null when not said",
                "source": "text: file",
                "line": "number: line",
            },
            sensitive={"scope": "host", "lookaside": "host"},
        ),
        FactSpec(
            "ostree.deployments",
            "table",
            "Deployments on the disk; absent where there is no ostree repository.",
            fields={
                "stateroot": "text: operating system name of ostree; null for the composefs backend",
                "checksum": "text: commit, or digest of the composefs image",
                "serial": "number: deployment serial",
                "backend": "text: ostree or composefs",
                "boot_entry": "text: boot loader entry that starts it; null when none was found",
                "image": "text: container image; null when it does not come from one",
                "transport": "text: docker, oci …",
                "verification": "text: policy, remote or none, by the image reference of the origin file",
                "refspec": "text: ostree ref; null when it comes from a container image",
                "policy_scope": "text: part of policy.json that holds for the image",
                "policy_demands": "text: reject, signature or nothing; null without a policy",
                "source": "text: origin file",
            },
            sensitive={"image": "host"},
        ),
        FactSpec(
            "ostree.prepare_root",
            "object",
            "How the initramfs sets up the root (the copy inside the initramfs is the one that counts).",
            fields={
                "composefs": "text: no, yes, maybe, signed or verity",
                "key": "text: public key for signed",
                "key_found": "flag: that key is there",
                "sysroot_readonly": "flag: /sysroot is mounted read-only",
                "root_transient": "flag: / is thrown away at reboot",
                "etc_transient": "flag: /etc is thrown away at reboot",
                "source": "text: file",
            },
        ),
        FactSpec("ostree.booted", "value", "Whether the system runs from an image deployment.", facet="runtime"),
        FactSpec(
            "bootc.status",
            "object",
            "What `bootc status` says; absent when not booted from an image deployment.",
            facet="runtime",
            fields={
                "image": "text: image that updates come from",
                "transport": "text: registry, oci …",
                "signature": "text: containerPolicy, insecure, ostreeRemote:<name>; null when nothing is verified",
                "boot_order": "text: default or rollback",
                "rollback_queued": "flag: the next boot is a rollback",
                "type": "text: bootcHost; null when bootc does not manage this system",
                "slots": "list: booted, staged and rollback with image, digest, version, signature, checksum, verity",
            },
        ),
    ),
    collect=collect,
)
