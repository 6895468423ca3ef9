"""An image judged by the signature policy of a device (policy.json): would it be accepted, and does that mean anything?

Every requirement of the scope that holds for the reference must be met by signatures of its own keys, each naming an
image that its `signedIdentity` accepts; a signature of an index does not count, as a device looks at the image that it
takes from it. A scope that accepts anything verifies nothing, which is no success here.

Source: containers-policy.json(5).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from scanner.model.errors import InputError, ParseError, UsageError
from scanner.parsers.container_policy import Policy, Requirement, Rule, parse_policy, rule_for
from scanner.parsers.signed_identity import image_name
from scanner.supply_chain.signing.documents import decode_base64
from scanner.supply_chain.signing.keys import PublicKey, load_public_key
from scanner.supply_chain.signing.oci_layouts import Layout
from scanner.supply_chain.signing.result import Finding, Looked, RefusedError, Verification
from scanner.supply_chain.signing.verifying import look_at_image
from scanner.supply_chain.signing.wanted import Wanted

__all__ = ["judge", "read_policy"]

KeyFile = Callable[[str], bytes]
"""The bytes of a key file by the path that the policy names. Raises InputError."""


def read_policy(data: bytes, where: str) -> Policy:
    """The policy in a file. Raises InputError for one that the library refuses: then a device accepts no image."""
    try:
        return parse_policy(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("the policy is not UTF-8 text", where=where) from None
    except ParseError as error:
        raise InputError(f"the policy is not one that a device accepts: {error.message}", where=where) from None


def judge(
    layout: Layout, name: str, policy: Policy, reference: str, key_file: KeyFile, *, platform: str = ""
) -> Verification:
    """Whether a device with this policy accepts the image under `reference` because of who signed it.

    `reference`: the name that the device would pull (transport docker), with tag or digest. Raises UsageError,
    InputError, TargetError.
    """
    asked = _asked(reference)
    rule = rule_for(policy, "docker", asked)
    scope = rule.scope or (f"the default of {rule.transport}" if rule.transport else "the default of all")
    chosen, *above = layout.choose(platform)
    if chosen.is_index:
        raise UsageError("an index of several images: a device takes one of them", hint="choose one with --platform")
    if rule.demands != "signature":
        said = (
            "the policy rejects every image here"
            if rule.demands == "reject"
            else "the policy accepts anything here, and verifies nothing"
        )
        return Verification(name, "image", chosen.digest, "failed", f"{said} (scope {scope})", ())
    return _joined(layout, name, rule, scope, asked, key_file, platform, [one.digest for one in (chosen, *above)])


def _asked(reference: str) -> str:
    """The reference in its full form. Raises UsageError."""
    try:
        found = image_name(reference)
    except ParseError as error:
        raise UsageError(error.message, hint="write it as HOST/NAME:TAG or HOST/NAME@sha256:…") from None
    if found.bare:
        raise UsageError(f"{reference}: which image of the repository?", hint="add a tag or a digest")
    return found.name + (f":{found.tag}" if found.tag else "") + (f"@{found.digest}" if found.digest else "")


def _joined(
    layout: Layout,
    name: str,
    rule: Rule,
    scope: str,
    asked: str,
    key_file: KeyFile,
    platform: str,
    digests: Sequence[str],
) -> Verification:
    """All requirements of a rule, the verdict by the first that is not met."""
    findings: list[Finding] = []
    counted: list[int] = []
    looked: Looked | None = None
    problems: list[tuple[str, str]] = []
    for number, one in enumerate(rule.requirements, 1):
        if one.type == "insecureAcceptAnything":
            continue  # beside others it asks for nothing
        unsupported = _unsupported(one)
        if unsupported:
            problems.append(("unsupported", f"requirement {number}: {unsupported}"))
            continue
        looked = look_at_image(layout, name, Wanted(_keys(one, key_file)), platform=platform)
        made = [_judged(finding, one, asked, digests[0]) for finding in looked.findings]
        good = [at for at, finding in enumerate(made) if finding.ok]
        counted += [len(findings) + at for at in good]
        findings += made
        if not good:
            problems.append(("failed", f"requirement {number} ({one.identity.type}) is not met: {_why(made, looked)}"))
    digest = asked.partition("@")[2]
    if digest and digest not in digests:
        problems.insert(0, ("failed", f"the image is {digests[0]}, not the one that was asked for, {digest}"))
    if looked is not None and looked.problem:
        problems.insert(0, ("failed", looked.problem))
    problems.sort(key=lambda one: one[0])  # what failed goes before what is unsupported
    state, reason = problems[0] if problems else ("verified", f"accepted as {asked}: all requirements are met")
    return Verification(
        name,
        "image",
        digests[0],
        state,
        f"{reason} (scope {scope})",
        tuple(findings),
        () if problems else tuple(counted),
        tuple(digests[1:]),
        looked.platform if looked is not None else "",
        looked.notes if looked is not None else (),
    )


def _unsupported(one: Requirement) -> str:
    if one.type == "signedBy":
        return "unsupported: OpenPGP signatures (signedBy)"
    if one.authority:
        return "unsupported: keys by certificate authority (fulcio, pki)"
    return "unsupported: proof of a transparency log (rekorPublicKey)" if one.log else ""


def _keys(one: Requirement, key_file: KeyFile) -> tuple[PublicKey, ...]:
    keys = [load_public_key(key_file(path), path) for path in one.key_paths]
    for data in one.key_data:
        try:
            keys.append(load_public_key(decode_base64(data, "keyData"), "keyData"))
        except RefusedError as error:
            raise InputError(error.message, where="policy") from None
    return tuple(keys)


def _judged(found: Finding, one: Requirement, asked: str, digest: str) -> Finding:
    """The finding as the requirement sees it: only a signature of an image counts, and only one for this name."""
    if not found.ok:
        return found
    if found.kind != "simple-signing":
        return replace(found, state="unsupported", reason="a policy looks at cosign's simple signatures alone")
    if found.subject != digest:
        return replace(found, state="failed", reason="genuine, but over the index and not over the image itself")
    signed = found.details.get("reference", "")
    if one.identity.accepts(asked, signed):
        return found
    reason = f"genuine, but for {signed or 'no name'}, which {one.identity.type} does not accept for {asked}"
    return replace(found, state="failed", reason=reason)


def _why(made: Sequence[Finding], looked: Looked) -> str:
    simple = [one for one in made if one.kind == "simple-signing"]
    return simple[0].reason if simple else f"no signature is attached to {looked.subject}"
