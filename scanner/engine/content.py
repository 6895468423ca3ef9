"""Loading content: rules, frameworks and profiles from one or more folders, checked once, cached by digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

import scanner
from scanner import files
from scanner.engine.form import FormError
from scanner.engine.rule_form import build_rule, check_rule
from scanner.model.errors import ContentError, UsageError
from scanner.model.records import dataclass
from scanner.model.rule import Rule

__all__ = ["Content", "Documents", "RuleBook", "digest_of", "from_files", "load"]

_CACHE_VERSION = "5"


@dataclass(frozen=True, slots=True)
class Documents:
    """Parsed YAML documents of the content by relative path, and the digest of the files they came from.

    Rules come without their `tests`, which only `rules lint` and `rules test` need: `paths` says where to read them.
    """

    rules: Mapping[str, Any]
    paths: Mapping[str, Path]
    controls: Mapping[str, Any]
    digest: str
    overrides: tuple[str, ...]


class RuleBook(Mapping[str, Rule]):
    """Rules by id, built when first asked for, without their cases; public ids are aliases."""

    def __init__(self, documents: Mapping[str, Any], paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._raw = {raw["id"]: (path, raw) for path, raw in documents.items()}
        self._built: dict[str, Rule] = {}
        self._alias: dict[str, list[str]] = {}
        for rule, (_, raw) in self._raw.items():
            for alias in raw.get("upstream", ()):
                self._alias.setdefault(alias, []).append(rule)

    def __getitem__(self, key: str) -> Rule:
        if key not in self._built:
            path, raw = self._raw[key]
            self._built[key] = build_rule(raw, path.rpartition("/")[0], path)
        return self._built[key]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._raw))

    def __len__(self) -> int:
        return len(self._raw)

    def document(self, rule: str) -> Mapping[str, Any]:
        """The whole YAML document of a rule, read anew."""
        from scanner.engine import yaml_text

        path = self._paths[f"rules/{self._raw[rule][0]}"]
        document: Mapping[str, Any] = yaml_text.load(files.read_bytes(path), str(path))
        return document

    def with_cases(self, rule: str) -> Rule:
        """The rule with its own test cases, read anew."""
        path, _ = self._raw[rule]
        return build_rule(self.document(rule), Path(path).parent.as_posix(), path)

    def named(self, name: str) -> list[Rule]:
        """The rule called `name`, or the rules equivalent to the public rule `name`. Raises UsageError."""
        bare = name.partition("@")[0].removeprefix("xccdf_org.ssgproject.content_rule_")
        ids = [bare] if bare in self._raw else self._alias.get(bare, [])
        if not ids:
            from difflib import get_close_matches

            near = get_close_matches(bare, [*self._raw, *self._alias], 1)
            raise UsageError(
                f"there is no rule {name!r}",
                hint=f"did you mean {near[0]}?" if near else "assay rules list shows all",
            )
        return [self[one] for one in ids]


@dataclass(frozen=True, slots=True)
class Content:
    """All rules, and the documents of frameworks and profiles. `paths`: the files they came from, by relative name."""

    rules: RuleBook
    controls: Mapping[str, Any]
    digest: str
    overrides: tuple[str, ...]
    paths: Mapping[str, Path] = field(default_factory=dict)


def load(extra: tuple[Path, ...] = (), *, allow_override: bool = False, cache: bool = True) -> Content:
    """The shipped content plus every folder of `extra` (same layout). Raises ContentError with file and line.

    An extra folder may not replace a shipped file unless `allow_override`; the digest covers every file and says so.
    """
    documents = _documents((files.content_root(), *extra), allow_override, cache)
    book = RuleBook(documents.rules, documents.paths)
    return Content(book, documents.controls, documents.digest, documents.overrides, documents.paths)


def from_files(data: Mapping[str, bytes], overrides: tuple[str, ...] = ()) -> Content:
    """Content from the bytes of its files by relative name (`rules/…`, `controls/…`). Raises ContentError."""
    parsed = _parsed({name: (Path(name), data[name]) for name in data})
    sums = {name: hashlib.sha256(data[name]).hexdigest() for name in data}
    return Content(RuleBook(parsed["rules"], {}), parsed["controls"], digest_of(sums, overrides), overrides)


def digest_of(sums: Mapping[str, str], overrides: Iterable[str]) -> str:
    """The content digest: `sha256:` over name and SHA-256 (hex) of every file, and the names that were overridden."""
    lines = [f"{name} {sums[name]}\n" for name in sorted(sums)]
    lines += [f"override {name}\n" for name in sorted(overrides)]
    return "sha256:" + hashlib.sha256("".join(lines).encode()).hexdigest()


def _documents(roots: tuple[Path, ...], allow_override: bool, cache: bool) -> Documents:
    chosen, overrides = _chosen(roots, allow_override)
    remembered = _cache_file(chosen, overrides) if cache else None
    known = _remembered(remembered)
    if known is None:
        data = {name: (path, files.read_bytes(path)) for name, path in chosen.items()}
        sums = {name: hashlib.sha256(content).hexdigest() for name, (_, content) in data.items()}
        known = {"digest": digest_of(sums, overrides), **_parsed(data)}
        _remember(remembered, known)
    return Documents(known["rules"], chosen, known["controls"], known["digest"], tuple(overrides))


def _chosen(roots: tuple[Path, ...], allow_override: bool) -> tuple[dict[str, Path], list[str]]:
    """The content files by relative name, later folders replacing earlier ones where that is allowed."""
    chosen: dict[str, Path] = {}
    rules: dict[str, str] = {}
    overrides: list[str] = []
    for number, root in enumerate(roots):
        if not root.is_dir():
            raise UsageError(
                f"there is no content folder {root}", hint="--content names a folder with rules/ or controls/"
            )
        found = files.below(root, ("rules", "controls"), ".yaml")
        if number and not found:
            raise UsageError(f"{root} holds no rules/**/*.yaml and no controls/**/*.yaml")
        for name, path in found.items():
            before = rules.get(path.stem) if name.startswith("rules/") else name if name in chosen else None
            if before is not None and number:
                if not allow_override:
                    hint = "rename it, or say --allow-override"
                    raise ContentError(f"{path.stem} is already shipped as {before}", where=str(path), hint=hint)
                overrides.append(name)
                del chosen[before]
            if name.startswith("rules/"):
                rules[path.stem] = name
            chosen[name] = path
    return chosen, overrides


def _parsed(chosen: Mapping[str, tuple[Path, bytes]]) -> dict[str, dict[str, Any]]:
    from scanner.engine import yaml_text

    out: dict[str, dict[str, Any]] = {"rules": {}, "controls": {}}
    ids: dict[str, str] = {}
    for name, (path, data) in sorted(chosen.items()):
        document = yaml_text.load(data, str(path))
        if name.startswith("rules/"):
            try:
                check_rule(document, path.stem)
            except FormError as error:
                line = yaml_text.place(data, error.path)
                raise ContentError(
                    str(error), where=f"{path}:{line}", hint="docs/rules.md describes the form"
                ) from None
            if path.stem in ids:
                raise ContentError(f"the rule {path.stem} stands twice: also in {ids[path.stem]}", where=str(path))
            ids[path.stem] = name
            out["rules"][name.removeprefix("rules/")] = {key: document[key] for key in document if key != "tests"}
        else:
            out["controls"][name.removeprefix("controls/")] = document
    return out


def _cache_file(chosen: Mapping[str, Path], overrides: list[str]) -> Path | None:
    """Where the parsed documents of exactly these files, unchanged since, are remembered."""
    folder = files.cache_folder()
    if folder is None:
        return None
    stamps = "\n".join(f"{name} {files.stamp(path)}" for name, path in sorted(chosen.items()))
    key = hashlib.sha256(f"{_CACHE_VERSION} {scanner.__version__} {overrides}\n{stamps}".encode()).hexdigest()
    return folder / f"content-{key[:32]}.json"


def _remembered(path: Path | None) -> dict[str, Any] | None:
    if path is None or not path.is_file():
        return None
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return data if isinstance(data, dict) and {"digest", "rules", "controls"} <= set(data) else None


def _remember(path: Path | None, known: Mapping[str, Any]) -> None:
    if path is None:
        return
    try:
        for old in path.parent.glob("content-*.json"):
            old.unlink(missing_ok=True)
        files.write_output(str(path), json.dumps(known, ensure_ascii=False).encode())
    except (OSError, UsageError):
        return
