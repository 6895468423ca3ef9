"""`assay bundle`: pack evidence, verdicts and reports into one signed file, and verify such a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli import key as keys
from scanner.cli import shared, signed
from scanner.model.errors import InputError, UsageError

if TYPE_CHECKING:
    from scanner.bundle.parts import Attachment, Previous, Subject
    from scanner.bundle.private_keys import Signer
    from scanner.bundle.redaction import Opening
    from scanner.engine.content import Content

__all__ = ["app"]

app = typer.Typer(
    name="bundle", help="Signed evidence bundles: make and verify.", no_args_is_help=True, rich_markup_mode=None
)

_Files = list[Path] | None
_Say = Callable[[str], None]


@app.command(
    "create",
    epilog="Example: assay bundle create assessment.json --snapshot snapshot.json --key vendor.key -o pack.zip",
)
def create(
    assessments: Annotated[
        list[str],
        typer.Argument(metavar="ASSESSMENT…", help="Assessments: one for each target that the pack is about."),
    ],
    snapshot: Annotated[
        _Files, typer.Option("--snapshot", help="The snapshot of an assessment; repeatable, found by its digest.")
    ] = None,
    sbom: Annotated[_Files, typer.Option("--sbom", help="SBOM to pack; repeatable.")] = None,
    diff: Annotated[_Files, typer.Option("--diff", help="Result of `sbom diff --json`; repeatable.")] = None,
    signatures: Annotated[
        _Files, typer.Option("--signatures", help="Result of `assay verify` as JSON; repeatable.")
    ] = None,
    attach: Annotated[
        list[str] | None,
        typer.Option("--attach", metavar="FRAMEWORK:CONTROL=FILE", help="Document for a control; repeatable."),
    ] = None,
    report: Annotated[
        list[str] | None,
        typer.Option("--report", metavar="FORMAT", help="Reports of each target, beside that of the pack; repeatable."),
    ] = None,
    brand: Annotated[
        Path | None, typer.Option("--brand", metavar="FILE", help="Name, logo, colour and language of the report.")
    ] = None,
    lang: Annotated[str, typer.Option("--lang", metavar="en|de", help="Language of the report.")] = "",
    paper: Annotated[str, typer.Option("--paper", metavar="A4|letter", help="Paper of the PDF report.")] = "",
    redact: Annotated[
        str,
        typer.Option("--redact", metavar="LEVEL", help="Hide what outsiders need not know: network, device or all."),
    ] = "",
    redaction_secret: Annotated[
        Path | None, typer.Option("--redaction-secret", help="File with 32 secret bytes or more, for --redact.")
    ] = None,
    openings: Annotated[
        str, typer.Option("--openings", metavar="PATH", help="Where to write what opens hidden values; keep it.")
    ] = "",
    texts: Annotated[
        str, typer.Option("--texts", metavar="DIR", help="Official texts that `assay controls import` wrote.")
    ] = "",
    key: Annotated[Path | None, typer.Option("--key", help="Private key that signs (PEM, or cosign's).")] = None,
    password_file: keys.PasswordOption = None,
    keyless: Annotated[
        bool, typer.Option("--keyless", help="Sign by identity with sigstore (needs --online).")
    ] = False,
    identity_token: Annotated[
        Path | None, typer.Option("--identity-token-file", help="OpenID Connect token for --keyless.")
    ] = None,
    tsa: Annotated[
        str, typer.Option("--tsa", metavar="URL", help="Timestamp authority to ask (RFC 3161; needs --online).")
    ] = "",
    online: Annotated[bool, typer.Option("--online", help="Allow the network, for --keyless and --tsa.")] = False,
    previous: Annotated[
        str, typer.Option("--previous", metavar="BUNDLE", help="The bundle before this one; it joins its chain.")
    ] = "",
    chain: Annotated[str, typer.Option("--chain", help="Name of the chain; else the target's system id.")] = "",
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="PATH", help="pack.zip, or a folder with / at the end.")
    ] = "",
    content: shared.ContentOption = None,
    allow_override: shared.OverrideOption = False,
    clock: shared.ClockOption = "",
    quiet: shared.QuietOption = False,
) -> None:
    """Pack assessments with their evidence, rules and reports, and sign it. Each is judged again first."""
    from scanner.bundle import container
    from scanner.bundle.creating import bundle_files, match_snapshots
    from scanner.bundle.manifest import ENVELOPE, KEYLESS, MANIFEST, TIMESTAMP
    from scanner.bundle.parts import Parts
    from scanner.bundle.redaction import openings_file
    from scanner.bundle.signing import envelope, signature_in
    from scanner.files import write_secret
    from scanner.outputs.pack.brand import read_brand

    if not output:
        raise UsageError("where to?", hint="-o pack.zip")
    if key is None and not keyless:
        raise UsageError("a bundle is signed", hint="--key vendor.key (assay key generate makes one), or --keyless")
    if (keyless or tsa) and not online:
        raise UsageError("--keyless and --tsa use the network, and nothing does without --online", hint="add --online")
    if tsa and key is None:
        raise UsageError("--tsa stamps the signature of a key; keyless signatures are stamped by sigstore")
    look = read_brand(brand, lang, paper)
    signer = _signer(key, password_file)
    say: _Say = (lambda _: None) if quiet else (lambda text: shared.say(f"assay: {text}"))
    before = _previous(previous)
    values = shared.settings(content=content, clock=clock, texts=texts)
    subjects = match_snapshots(
        {name: shared.read_assessment(name) for name in assessments},
        {str(path): shared.read_snapshot(str(path)) for path in snapshot or ()},
    )
    book = shared.load_content(values["content"], allow_override)
    hidden: list[Opening] = []
    if redact:
        if redaction_secret is None or not openings:
            raise UsageError(
                "--redact needs --redaction-secret and --openings", hint="head -c 32 /dev/urandom > secret"
            )
        if Path(openings).exists():
            raise UsageError(f"{openings} is there already", hint="openings are kept: choose another name")
        say("hiding values")
        subjects = _redacted(subjects, book, redact, _read(redaction_secret), hidden)
    made = [name for name, wanted in ((ENVELOPE, key), (KEYLESS, keyless), (TIMESTAMP, tsa)) if wanted]
    parts = Parts(
        subjects,
        chain=chain or (before.chain if before else _chain(subjects[0].assessment)),
        created_at=shared.now(values["clock"]),
        clock="given" if shared.clock_given(values["clock"]) else "system",
        reports=tuple(dict.fromkeys(report or ())),
        sboms=_documents(sbom),
        diffs=_documents(diff),
        signatures=_documents(signatures),
        texts=_texts(subjects, values["texts"]),
        attachments=tuple(_attachment(one) for one in attach or ()),
        previous=before,
        redaction=redact,
        companions=tuple(made),
        brand=look,
        key=signer.public.id if signer is not None else "",
    )
    files = bundle_files(parts, book, say)
    if signer is not None:
        files[ENVELOPE] = envelope(files[MANIFEST], signer)
    if keyless:
        from scanner.bundle.keyless_signing import sign_keyless

        say("signing keyless")
        token = _read(identity_token).decode("ascii", "replace").strip() if identity_token else ""
        files[KEYLESS] = sign_keyless(files[MANIFEST], token)
    if tsa:
        from scanner.bundle.timestamping import request_timestamp

        say("asking for a timestamp")
        files[TIMESTAMP] = request_timestamp(tsa, signature_in(files[ENVELOPE]))
    if redact:
        write_secret(openings, openings_file(hidden, files[MANIFEST]))
    container.write(output, files)
    if not quiet:
        total = sum(map(len, files.values()))
        shared.say(f"assay: {output}: {len(files)} files, {total // 1024} KiB, chain {parts.chain}")


@app.command("verify", epilog="Example: assay bundle verify pack.zip --key vendor.pub")
def verify(
    bundle: Annotated[str, typer.Argument(help="The bundle: a zip file, or a folder.")],
    key: signed.KeyOption = None,
    identity: signed.IdentityOption = "",
    issuer: signed.IssuerOption = "",
    identity_pattern: signed.IdentityPatternOption = "",
    issuer_pattern: signed.IssuerPatternOption = "",
    trusted_root: signed.RootOption = None,
    tsa_cert: Annotated[
        Path | None, typer.Option("--tsa-cert", help="Certificates of the timestamp authority that must have stamped.")
    ] = None,
    previous: Annotated[
        str, typer.Option("--previous", metavar="BUNDLE", help="The bundle that this one must follow.")
    ] = "",
    accept_content: Annotated[
        list[str] | None,
        typer.Option("--accept-content", metavar="DIGEST", help="Digest of other rules that you trust; repeatable."),
    ] = None,
    openings: Annotated[
        Path | None, typer.Option("--openings", help="What the vendor laid open: proves hidden values.")
    ] = None,
    reports: Annotated[
        bool, typer.Option("--reports", help="Render the reports again too: they must be what the assessment says.")
    ] = False,
    output: Annotated[str, typer.Option("-o", "--output", metavar="PATH", help="Write the result as JSON.")] = "",
    json: shared.JsonOption = False,
    quiet: shared.QuietOption = False,
) -> None:
    """Verify signature, files, chain and rules of a bundle, and judge its evidence again. Ends 4 when a link fails."""
    from scanner.bundle import container
    from scanner.bundle.case import Case
    from scanner.bundle.redaction import read_openings
    from scanner.bundle.verifying import verify_bundle
    from scanner.supply_chain.signing.result import RefusedError

    trust = signed.Trust(key or (), identity, issuer, identity_pattern, issuer_pattern, trusted_root)
    wanted = signed.wanted_signers(trust, tsa_cert)
    say: _Say = (lambda _: None) if quiet or json else shared.Progress(quiet)
    before = _previous(previous)
    try:
        files = container.read(bundle)
    except RefusedError as error:
        raise RefusedError(error.message, where=bundle) from None
    case = Case(
        files,
        wanted,
        shared.load_content(None, False),
        shared.now(""),
        previous=before,
        accepted=tuple(accept_content or ()),
        reports=reports,
        openings=read_openings(_read(openings), str(openings)) if openings else (),
        say=say,
    )
    found = verify_bundle(case)
    if isinstance(say, shared.Progress):
        say.done()
    document = found.to_json()
    if output:
        from scanner.files import write_output
        from scanner.model.canonical import canonical

        write_output(output, canonical(document) + b"\n")
    if json and output != "-":
        shared.print_json(document)
    elif not quiet and output != "-":
        from scanner.outputs.terminal.bundle_verdict import text

        shared.echo(text(document, bundle))
    if not found.ok:
        raise typer.Exit(4)


def _redacted(
    subjects: Sequence[Subject], content: Content, level: str, secret: bytes, hidden: list[Opening]
) -> tuple[Subject, ...]:
    """The subjects without what the level names; the openings are added to `hidden`."""
    from scanner.bundle.redaction import redact

    found = redact(subjects, content, level, secret)
    hidden += found.openings
    return found.subjects


def _texts(subjects: Sequence[Subject], folder: str) -> dict[str, Any]:
    """The official texts of every framework that is assessed here."""
    from scanner.cli.official_texts import supplied

    return {name: one for subject in subjects for name, one in supplied(subject.assessment, folder).items()}


def _signer(path: Path | None, password_file: Path | None) -> Signer | None:
    if path is None:
        return None
    from scanner.bundle.private_keys import load_private_key

    data = _read(path)
    secret = keys.password(password_file) if b"ENCRYPTED" in data else b""
    return load_private_key(data, str(path), secret or None)


def _previous(name: str) -> Previous | None:
    """The bundle before, from a bundle or from its manifest alone."""
    if not name:
        return None
    from scanner.bundle import container
    from scanner.bundle.manifest import MANIFEST
    from scanner.bundle.wholeness import previous_of

    if name.endswith(".json"):
        return previous_of(_read(Path(name)), name)
    files = container.read(name)
    if MANIFEST not in files:
        raise InputError("it holds no manifest", where=name)
    return previous_of(files[MANIFEST], name)


def _documents(paths: Sequence[Path] | None) -> tuple[tuple[str, bytes], ...]:
    return tuple((path.name, _read(path)) for path in paths or ())


def _attachment(text: str) -> Attachment:
    from scanner.bundle.parts import Attachment

    control, equals, path = text.rpartition("=")
    framework, colon, name = control.partition(":")
    if not (equals and colon and framework and name and path):
        raise UsageError(f"--attach {text}: write FRAMEWORK:CONTROL=FILE", hint="hipaa:164.312(a)(1)=policy.pdf")
    return Attachment(framework, name, Path(path).name, _read(Path(path)))


def _chain(assessment: Mapping[str, Any]) -> str:
    identity = assessment["target"]["identity"] or {}
    return str(identity.get("os_id") or "unnamed")


def _read(path: Path) -> bytes:
    from scanner import files

    return files.read_bytes(path)
