"""Holding a document against a target, both ways.

What makes a difference: another version, a component on one side only, other content, a file that runs and that nothing
claims. What makes none: order, spelling, qualifiers, an epoch or a release that the document leaves out, a package that
is listed as its source, metadata beyond what can be seen. What nobody can say is said to be unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from scanner.model.canonical import printable
from scanner.supply_chain.making.inventory import Inventory, Item
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.survey import WHOLE, survey
from scanner.supply_chain.model import Bom, Component
from scanner.supply_chain.truth import wording
from scanner.supply_chain.truth.built_in import BUILT_IN, ListedFiles, is_packed, told_parts
from scanner.supply_chain.truth.claims import ANY, Claim, claim_of, same_version
from scanner.supply_chain.truth.listed_files import Listed, check_files
from scanner.supply_chain.truth.matching import Pairs, pair
from scanner.supply_chain.truth.result import KINDS, Difference, Truth, Unknown
from scanner.target.base import Target

__all__ = ["verify"]

_INSTALLED = ("rpm", "deb", "apk", "pypi", "npm")
_PACKAGES = (*_INSTALLED, "gem", "composer", *BUILT_IN)
_LOST = frozenset({"component", "element", "package", "file", "line"})
"""What a loader drops that may be a component as a whole."""
_TRUSTED_KEY = "gpg-pubkey"
"""Name under which rpm files a trusted key as if it were a package; some generators list it."""
_DISTRIBUTED = {
    "pypi": ("python3-{}", "python-{}", "py3-{}", "{}", "python3.11-{}", "python3.12-{}"),
    "npm": ("node-{}", "nodejs-{}", "{}"),
    "gem": ("ruby-{}", "rubygem-{}", "{}"),
}
"""How distributions call the packages of another ecosystem."""
_NAMELESS_ARCHIVE = "they have no coordinates, and no component has their path, digest or name"
_SHOWN = 5


def verify(bom: Bom, target: Target, progress: Callable[[str], None] | None = None) -> Truth:
    """Compare `bom` with what is on `target`."""
    inventory = survey(target, progress)
    site = Site(target)
    return _Check(bom, inventory, site).result(target)


class _Check:
    """One comparison; each step adds what it finds."""

    def __init__(self, bom: Bom, inventory: Inventory, site: Site) -> None:
        self._bom = bom
        self._inventory = inventory
        self._site = site
        self._differences: list[Difference] = []
        self._unknown: dict[tuple[str, str], list[str]] = {}
        self._notes: list[str] = []
        self._covered: set[str] = set()
        self._found: set[str] = set()
        self._omitted: list[Item] = []
        self._claims = [claim_of(one) for one in bom.components if self._is_claim(one)]
        self._imprecise = self._by_source = 0

    def result(self, target: Target) -> Truth:
        """Run all steps."""
        groups: dict[str, list[Claim]] = {}
        for claim in self._claims:
            groups.setdefault(claim.ecosystem, []).append(claim)
        self._systems()
        for kind in _PACKAGES:
            self._packages(kind, groups.pop(kind, []))
        strays = {printable(stray.path): stray for stray in self._inventory.strays}
        listed = check_files(self._site, groups.pop("file", []), strays)
        self._files(listed)
        self._containers(groups.pop("oci", []))
        self._nameless(groups.pop(ANY, []))
        for kind, claims in sorted(groups.items()):
            self._say_unknown(f"{kind} components", f"{kind} packages cannot be looked for", claims)
        self._left_out()
        self._strays(listed)
        self._gaps()
        return self._truth(target)

    # ---- what is compared with what ------------------------------------------------------------------------------

    def _is_claim(self, one: Component) -> bool:
        if one.ref == self._bom.subject or one.scope == "excluded":
            return False
        return one.name != _TRUSTED_KEY and not (one.type == "operating-system" and one.purl is None)

    def _systems(self) -> None:
        """The system that the document describes, or says that the packages are of."""
        system = self._inventory.system
        if system is None:
            return
        names = {str(system[key]).lower() for key in ("id", "name", "image_id") if system.get(key)}
        versions = [str(system[key]) for key in ("version_id", "image_version") if system.get(key)]
        shown = system.get("pretty_name") or " ".join([str(system.get("id")), *versions[:1]])
        for one in self._bom.components:
            if one.type != "operating-system" or (one.purl is not None and one.ref != self._bom.subject):
                continue  # a kernel
            if one.name.lower() not in names:
                if one.ref != self._bom.subject:
                    self._differs(
                        one, f"The document is of {one.name} {one.version}; the target is {shown}.", str(shown)
                    )
                else:
                    self._notes.append(
                        f"the document describes {one.name} {one.version}; the target calls itself {shown}"
                    )
            elif one.version and versions and not any(_within(one.version, version) for version in versions):
                self._differs(one, f"The document is of {one.name} {one.version}; the target is {shown}.", str(shown))

    def _differs(self, one: Component, says: str, shown: str) -> None:
        listed = f"{one.name} {one.version}".strip()
        self._differences.append(
            Difference("system_differs", "", one.name, says, listed, shown, one.ref, one.place, "/etc/os-release")
        )

    def _items(self, *kinds: str) -> list[Item]:
        return [item for item in self._inventory.items if item.ecosystem in kinds]

    def _packages(self, kind: str, claims: list[Claim]) -> None:
        pairs = pair(kind, claims, self._items(kind))
        self._take(pairs)
        known = self._inventory.managers.get(kind, f"the target has no {kind} database")
        lost: list[Claim] = []
        by_key = {item.key: item for item in self._inventory.items} if pairs.wrong and kind in BUILT_IN else {}
        for claim, item, what in pairs.wrong:
            if kind in BUILT_IN and known != WHOLE and is_packed(item, by_key):
                lost.append(claim)  # it may speak of another part, which nothing here shows
                continue
            self._found.add(claim.component.ref)
            self._covered.add(item.key)
            self._differences.append(wording.wrong(claim, item, what))
        for claim, others in pairs.absent:
            owner = self._distributed(kind, claim)
            if owner is not None:
                self._found.add(claim.component.ref)
            elif known != WHOLE:
                lost.append(claim)
            else:
                self._differences.append(wording.absent(claim, others))
        if lost:
            self._say_unknown(f"{kind} components", known, lost)
        told = told_parts(self._items(kind), self._covered) if kind in BUILT_IN else set()
        self._omitted += [
            item
            for item in pairs.omitted
            if not item.owner or (item.type == "library" and not told.isdisjoint(item.inside))
        ]
        wronged = {item.key for _, item, _ in pairs.wrong}
        self._omitted = [item for item in self._omitted if item.key not in wronged]

    def _distributed(self, kind: str, claim: Claim) -> Item | None:
        """The package of the distribution that is the same software: its metadata for pip may have been left out."""
        forms = {form.format(claim.name.replace("/", "-").lstrip("@")) for form in _DISTRIBUTED.get(kind, ())}
        for item in self._items("rpm", "deb", "apk"):
            if item.name.lower() in forms and same_version(ANY, claim.version, item.version):
                return item
        return None

    def _take(self, pairs: Pairs) -> None:
        for claim, item in pairs.same:
            self._found.add(claim.component.ref)
            self._covered.add(item.key)
            self._hashes(claim, item)
        self._imprecise += pairs.imprecise
        self._by_source += pairs.by_source

    def _hashes(self, claim: Claim, item: Item) -> None:
        for algorithm, found in sorted(item.hashes.items()):
            listed = claim.component.hashes.get(algorithm)
            if listed is not None and listed != found:
                self._differences.append(wording.other_hash(claim, item, algorithm, listed, found))
        name = "assay:kernel:module-names-sha256"
        listed, found = claim.component.properties.get(name, ""), item.properties.get(name, "")
        if listed and found and listed != found:
            self._differences.append(wording.other_hash(claim, item, "names of its modules", listed, found))

    def _files(self, listed: Listed) -> None:
        self._differences += listed.differences
        self._found |= listed.refs
        for name, why in listed.unsure:
            self._unknown.setdefault(("listed files", why), []).append(name)
        if listed.relative:
            why = "their names are relative to a source tree"
            self._unknown.setdefault(("listed files", why), []).extend(listed.relative)

    def _containers(self, claims: list[Claim]) -> None:
        items = self._items("container")
        by_digest = {item.hashes["sha256"]: item for item in items if "sha256" in item.hashes}
        unmatched: list[Claim] = []
        for claim in claims:
            digest = claim.version.removeprefix("sha256:")
            same = [item for item in items if item.name.rpartition("/")[2].lower() == claim.name]
            item = by_digest.get(digest) or next((one for one in same if one.key not in self._covered), None)
            if item is None:
                unmatched.append(claim)
                continue
            self._covered.add(item.key)
            self._found.add(claim.component.ref)
            if digest not in by_digest and claim.version.startswith("sha256:") and "sha256" in item.hashes:
                self._differences.append(wording.wrong(claim, item, "version_differs"))
        if not unmatched:
            return
        if any("assay:stored" not in item.properties for item in items):
            self._differences += [wording.absent(claim, ()) for claim in unmatched]
        else:
            self._say_unknown("container images", "the target has no store of container images", unmatched)

    def _nameless(self, claims: list[Claim]) -> None:
        """Components that do not say how they are installed: by path, by content, then by name."""
        by_path = {
            item.properties["assay:path"]: item for item in self._inventory.items if "assay:path" in item.properties
        }
        by_hash = {
            item.hashes["sha256"]: item
            for item in self._inventory.items
            if "sha256" in item.hashes and item.ecosystem != "container"
        }
        left: list[Claim] = []
        for claim in claims:
            item = next((by_path[path] for path in claim.paths if path in by_path), None)
            item = item or by_hash.get(claim.component.hashes.get("sha256", ""))
            if item is not None:
                self._agree(claim, item)
            elif self._is_gone(claim):
                self._differences.append(wording.absent(claim, ()))
            else:
                left.append(claim)
        pairs = pair(ANY, left, [item for item in self._inventory.items if item.ecosystem != "container"])
        before = set(self._covered)
        self._take(pairs)
        unsure = [claim for claim, _ in pairs.absent]
        for claim, item, what in pairs.wrong:
            if item.key in before:
                unsure.append(claim)
            else:
                self._covered.add(item.key)
                self._found.add(claim.component.ref)
                self._differences.append(wording.wrong(claim, item, what))
        programs = {stray.path.rpartition("/")[2] for stray in self._inventory.strays}
        unsure = [claim for claim in unsure if claim.component.name not in programs]
        if unsure:
            why = "they have no package URL that says how they are installed, and nothing has their name"
            self._say_unknown("components", why, unsure)

    def _agree(self, claim: Claim, item: Item) -> None:
        self._covered.add(item.key)
        self._found.add(claim.component.ref)
        if same_version(ANY, claim.version, item.version):
            self._hashes(claim, item)
        else:
            self._differences.append(wording.wrong(claim, item, "version_differs"))

    def _is_gone(self, claim: Claim) -> bool:
        path = claim.component.properties.get("assay:path", "")
        return (path.startswith("/") and self._site.canonical(path) is None) or (
            bool(path) and self._site.entry(path, follow=False) is None
        )

    # ---- what the document leaves out ----------------------------------------------------------------------------

    def _left_out(self) -> None:
        """Items without component. What a package owns is told by that package."""
        others = [item for item in self._items("kernel", "efi", "firmware", "flatpak", "container") if not item.owner]
        files = ListedFiles(self._claims)
        for item in [*self._omitted, *others]:
            if item.key in self._covered or item.properties.get("assay:stored") == "no":
                continue
            if item.ecosystem == "maven" and files.have(item):
                continue
            if item.ecosystem == "maven" and item.purl is None:
                self._unknown.setdefault(("Java archives", _NAMELESS_ARCHIVE), []).append(item.place)
                continue
            self._differences.append(wording.omitted(item))

    def _strays(self, listed: Listed) -> None:
        paths = listed.paths | {path for claim in self._claims for path in claim.paths}
        paths.update(
            path
            for item in self._items(*BUILT_IN)
            for path in item.inside
            if item.type == "application" and item.key in self._covered
        )
        hashes = {value for claim in self._claims for value in claim.component.hashes.values()}
        names = {claim.component.name for claim in self._claims if claim.ecosystem not in (*_INSTALLED, "file", "oci")}
        items = {item.key: item for item in self._inventory.items}
        for stray in self._inventory.strays:
            if printable(stray.path) in paths or stray.sha256 in hashes or stray.sha1 in hashes:
                continue
            if stray.owner:
                if stray.owner in self._covered:
                    self._differences.append(wording.changed(stray, items[stray.owner]))
            elif stray.path.rpartition("/")[2] not in names:
                self._differences.append(wording.unclaimed(stray))

    # ---- what nobody can say -------------------------------------------------------------------------------------

    def _say_unknown(self, what: str, why: str, claims: Sequence[Claim]) -> None:
        self._unknown.setdefault((what, why), []).extend(claim.shown for claim in claims)

    def _gaps(self) -> None:
        for gap in self._inventory.gaps:
            self._unknown.setdefault((gap.what, gap.why), []).extend([gap.place] * gap.count)
        for one in self._bom.dropped:
            if one.what in _LOST:
                self._unknown.setdefault((f"{one.what} of the document", one.why), []).extend([one.place] * one.count)

    def _truth(self, target: Target) -> Truth:
        if self._imprecise:
            self._notes.append(f"{self._imprecise} components are listed with a part of their version only")
        if self._by_source:
            self._notes.append(f"{self._by_source} packages are listed under their source package")
        order = {kind: number for number, kind in enumerate(KINDS)}
        bom, system = self._bom, self._inventory.system or {}
        return Truth(
            document={
                "source": bom.source,
                "format": bom.format,
                "spec": bom.spec,
                "sha256": bom.sha256,
                "name": bom.name,
                "created": bom.created,
            },
            target={
                "kind": target.kind,
                "digest": target.digest,
                "name": system.get("pretty_name") or system.get("id"),
            },
            differences=tuple(
                sorted(
                    self._differences, key=lambda one: (order[one.kind], one.ecosystem, one.name, one.listed, one.ref)
                )
            ),
            unknown=tuple(
                Unknown(what, why, len(names), tuple(_examples(names)))
                for (what, why), names in sorted(self._unknown.items())
            ),
            notes=tuple(self._notes),
            counts={
                "listed": len(self._claims),
                "listed_found": len({claim.component.ref for claim in self._claims} & self._found),
                "installed": len(self._inventory.items),
                "installed_listed": len(self._covered),
                "strays": len(self._inventory.strays),
            },
        )


def _within(listed: str, found: str) -> bool:
    """Whether one is the other with more parts behind a dot: 12 and 12.5."""
    return listed == found or listed.startswith(f"{found}.") or found.startswith(f"{listed}.")


def _examples(names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name][:_SHOWN]
