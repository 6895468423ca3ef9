"""Opening the arguments of `assay gate`, and judging those that were not judged before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner.cli import shared, signed
from scanner.model.errors import UsageError

if TYPE_CHECKING:
    from scanner.engine.content import Content
    from scanner.frameworks.inputs import Inputs
    from scanner.gate.deciding import Compared
    from scanner.gate.opening import Opened
    from scanner.gate.supply import Paper
    from scanner.model.control import Profile
    from scanner.model.snapshot import Snapshot
    from scanner.target.base import Target

__all__ = ["Images", "Opener", "unsigned", "verified_image"]


@dataclass(frozen=True, slots=True)
class Images:
    """How an image is opened."""

    slot: str = ""
    platform: str = ""
    keys: Sequence[Path] = ()


class Opener:
    """Opens arguments with what the command line says. What was not judged yet is judged as the other side was: by its
    profiles and parameters, unless the command line names profiles."""

    def __init__(
        self,
        trust: signed.Trust,
        accepted: tuple[str, ...],
        images: Images,
        values: Mapping[str, Any],
        params: Mapping[str, str],
        content: Callable[[], Content],
        quiet: bool,
    ) -> None:
        self._trust, self._accepted, self._images = trust, accepted, images
        self._values, self._params, self._content, self._quiet = values, params, content, quiet
        self._like: Mapping[str, Any] | None = None
        self._profiles: list[Profile] = []
        self._names: tuple[str, ...] = tuple(values["profile"])

    def open(self, names: Sequence[str]) -> list[Opened]:
        """The arguments in their order; targets are read last. Raises UsageError, InputError, RefusedError."""
        from scanner.gate import opening

        # Loaded whether or not a side is signed: a key that is none is said, and not passed over.
        wanted = None if self._trust.names_nobody else signed.wanted_signers(self._trust)
        found: dict[int, Opened] = {}
        for number, name in enumerate(names):
            if opening.is_bundle(name):
                now = shared.now(self._values["clock"])
                trusted = opening.Trusted(wanted, self._content, now, self._accepted)
                found[number] = opening.open_bundle(name, trusted)
            elif shared.is_document(name):
                found[number] = opening.open_document(name)
        self._follow(list(found.values()))
        for number, name in enumerate(names):
            if number not in found:
                subject = opening.Subject(snapshot=self._taken(name))
                found[number] = opening.Opened(name, "target", (subject,))
        return [found[number] for number in range(len(names))]

    def _follow(self, opened: Sequence[Opened]) -> None:
        """Remember by what the sides that are judged already were judged, the new release before its baseline."""
        for one in opened:
            for subject in one.subjects:
                if self._like is None and subject.assessment is not None and subject.assessment.get("inputs"):
                    self._like = subject.assessment
            if one.baseline is not None and not self._names:
                self._names = one.baseline.sides[0].profiles

    def _taken(self, name: str) -> Snapshot:
        """The snapshot of a target: every fact of the content, and those that only its profiles ask for."""
        from scanner.cli import pipeline
        from scanner.collectors.take import take
        from scanner.frameworks.inputs import selection

        opened: Target = shared.open_target(
            name,
            slot=self._images.slot or None,
            platform=self._images.platform or None,
            keys=self._images.keys,
        )
        try:
            shared.say_slot(opened, quiet=self._quiet)
            book = self._content()
            given = self._inputs(pipeline.identify(opened))
            asked = pipeline.wanted_facts(selection(book, given.profiles, given.params)[1])
            progress = shared.Progress(self._quiet)
            snapshot = take(opened, sorted({*asked, *pipeline.every_fact(book)}), progress=progress)
            progress.done()
            return snapshot
        finally:
            opened.close()

    def _inputs(self, identity: Mapping[str, Any]) -> Inputs:
        """With what something is judged that was not judged yet."""
        from scanner.cli import pipeline
        from scanner.frameworks.inputs import inputs_of

        book = self._content()
        # Waivers are of the side that carries them; the gate has its own.
        values = {**self._values, "waivers": ""}
        if self._like is not None and not self._values["profile"]:
            like = inputs_of(self._like, book)
            given = pipeline.inputs(like.profiles, {**like.params, **self._params}, values)
            coverage = like.min_coverage if given.min_coverage is None else given.min_coverage
            return replace(given, answers=given.answers or like.answers, min_coverage=coverage)
        if not self._profiles:
            # Of two targets, the first one (the new release) chooses for both.
            self._profiles = pipeline.chosen_profiles(book, self._names, identity, quiet=self._quiet)
        return pipeline.inputs(self._profiles, self._params, values)

    def again(self, new: Opened) -> Inputs:
        """With what both sides are judged again: what the command line names, else as the new release was judged."""
        from scanner.frameworks.inputs import inputs_of

        subject = new.subjects[0]
        if subject.snapshot is None:
            raise UsageError(
                "an assessment alone cannot be judged again",
                where=new.name,
                hint="name its snapshot or bundle in its place",
            )
        if subject.assessment is not None and subject.assessment.get("inputs") and not self._values["profile"]:
            return replace(inputs_of(subject.assessment, self._content()), clock=shared.now(self._values["clock"]))
        return self._inputs(_identity(subject.snapshot))

    def compared(self, opened: Opened, again: Inputs | None) -> Compared:
        """The sides of what was opened, judged where they were not; `again`: judged with these inputs in any case."""
        from scanner.gate.judging import compared

        return compared(opened, lambda snapshot: self._inputs(_identity(snapshot)), self._content, again)


def unsigned(opened: Sequence[Opened], trust: signed.Trust) -> list[str]:
    """Names of the sides that nobody signed although the command line says who must have; a target is read here, and a
    document is plain JSON."""
    return [] if trust.names_nobody else [one.name for one in opened if one.source not in ("bundle", "target")]


def verified_image(path: Path, trust: signed.Trust, platform: str) -> Paper:
    """What `assay verify` says of an OCI layout or archive. Raises UsageError, InputError, NotCollectedError."""
    from scanner.gate.supply import Paper
    from scanner.supply_chain.signing.deciding import decide
    from scanner.supply_chain.signing.oci_layouts import Layout
    from scanner.supply_chain.signing.verifying import look_at_image

    if trust.names_nobody:
        raise UsageError("--image needs who must have signed it", hint="--key vendor.pub, or --identity and --issuer")
    wanted = signed.wanted_signers(trust)
    with signed.layout_at(path) as tree:
        found = decide(look_at_image(Layout(tree), str(path), wanted, platform=platform), wanted)
    return Paper(str(path), "verify", found.to_json())


def _identity(snapshot: Snapshot) -> Mapping[str, Any]:
    identity = snapshot.target.get("identity") or {}
    assert isinstance(identity, dict)
    return identity
