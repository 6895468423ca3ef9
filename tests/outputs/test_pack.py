"""What the report of a bundle is made of: brand, logo, words, the boot chain, and how far a framework was assessed."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scanner.engine.content import load
from scanner.files import content_root
from scanner.model.errors import AssayError, UsageError
from scanner.outputs._view import view_of
from scanner.outputs.pack import boot
from scanner.outputs.pack.brand import contrast, kept, read_brand, restored
from scanner.outputs.pack.charts import assessed
from scanner.outputs.pack.logo import check_logo
from scanner.outputs.pack.model import Brand
from scanner.outputs.pack.texts import LANGUAGES, Words, check, flat, shipped
from scanner.outputs.pack.view import pack_view
from tests.outputs.pack_sample import pack, png
from tests.outputs.report_sample import result, sample

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 0h9v9z" fill="#123456"/></svg>'


def brand_file(folder: Path, **given: str) -> Path:
    path = folder / "brand.yaml"
    path.write_text(yaml.safe_dump({"schema": "brand/v1", **given}))
    return path


# ---- brand -----------------------------------------------------------------------------------------------------------


def test_a_brand_is_read_kept_and_restored(tmp_path: Path) -> None:
    (tmp_path / "logo.png").write_bytes(png())
    path = brand_file(
        tmp_path, name="ACME", logo="logo.png", colour="#7A1F2B", language="de", signer="E. M.", role="CISO"
    )
    brand = read_brand(path, paper="letter")
    assert (brand.name, brand.colour, brand.language, brand.paper) == ("ACME", "#7a1f2b", "de", "letter")
    assert restored(dict(kept(brand, "sha256:1"))) == (brand, "sha256:1")
    assert read_brand(path, "en").language == "en"


def test_without_a_brand_file_it_is_ours() -> None:
    assert read_brand(None) == Brand()
    assert restored(dict(kept(Brand(), ""))) == (Brand(), "")


def test_a_language_of_the_reader(tmp_path: Path) -> None:
    texts = yaml.safe_load((content_root() / "reports/templates/pack.en.yaml").read_text())
    texts["language"] = "fr"
    texts["contents"] = "Sommaire"
    (tmp_path / "fr.yaml").write_text(yaml.safe_dump(texts, allow_unicode=True))
    brand = read_brand(brand_file(tmp_path, language="fr.yaml"))
    assert brand.language == "fr"
    assert Words(brand.texts or {})("contents") == "Sommaire"
    assert restored(dict(kept(brand, "")))[0] == brand


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"colour": "#ffd700"}, "contrast of 1.4 to 1"),
        ({"colour": "red"}, "not written #rrggbb"),
        ({"colour": "#123456}; @import 'x'"}, "not written #rrggbb"),
        ({"language": "xx"}, "no texts in the language 'xx'"),
        ({"paper": "A3; margin: 0"}, "no paper"),
        ({"font": "Arial"}, "unknown: font"),
        ({"name": "x" * 81}, "longer than 80"),
        ({"logo": "missing.png"}, "cannot be read"),
        ({"schema": "other"}, "not a brand file"),
    ],
)
def test_what_a_brand_file_may_not_say(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(AssayError, match=re.escape(said)):
        read_brand(brand_file(tmp_path, **given))


def test_contrast_is_that_of_the_guidelines() -> None:
    assert round(contrast("#000000"), 1) == 21.0
    assert round(contrast("#ffffff"), 1) == 1.0
    assert round(contrast("#767676"), 2) == 4.54


@pytest.mark.parametrize(
    "settings",
    [b"", b"[]", b"{}", b'{"schema":1}', b"[" * 100_000, b'{"schema":"pack-report/v1","key":"","logo":"","texts":{}}'],
)
def test_settings_that_we_did_not_write_are_refused(settings: bytes) -> None:
    with pytest.raises(UsageError):
        restored({"brand/report.json": settings})


# ---- logo ------------------------------------------------------------------------------------------------------------


def test_a_png_is_written_anew_without_what_rode_along() -> None:
    from PIL import Image, PngImagePlugin

    out, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("Comment", "canary")
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(out, "PNG", pnginfo=info)
    data = check_logo(out.getvalue(), "logo").data
    assert b"canary" in out.getvalue()
    assert b"canary" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert (image.mode, image.getpixel((0, 0))) == ("RGB", (255, 255, 255))


def test_a_plain_svg_is_taken() -> None:
    assert check_logo(SVG, "logo").kind == "svg"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"x" * 600_000,
        png()[:40],
        png()[:16] + b"\x00\x01\x00\x00\x00\x01\x00\x00" + png()[24:],
        SVG.replace(b"<path", b"<script>alert(1)</script><path"),
        SVG.replace(b"<path", b'<path onload="alert(1)"'),
        SVG.replace(b"<path", b'<image href="file:///etc/passwd"/><path'),
        SVG.replace(b'"#123456"', b'"url(http://192.0.2.1/)"'),
        SVG.replace(b"<path", b"<style>@import 'x'</style><path"),
        SVG.replace(b"<path", b"<foreignObject/><path"),
        SVG.replace(b"<path", b'<path style="fill:red"'),
        b'<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "b">]>' + SVG,
        SVG.replace(b"<path", b"<g>" * 3000 + b"<path"),
        SVG.replace(b"http://www.w3.org/2000/svg", b"http://www.w3.org/1999/xhtml"),
    ],
)
def test_pictures_that_do_more_or_are_none(data: bytes) -> None:
    with pytest.raises(UsageError):
        check_logo(data, "logo")


# ---- words -----------------------------------------------------------------------------------------------------------


def test_every_language_has_every_text() -> None:
    for language in LANGUAGES:
        check(shipped(language), language)
        assert shipped(language)["language"] == language


def test_every_text_that_a_template_asks_for_is_there() -> None:
    folder = content_root() / "reports/templates"
    asked = {
        key
        for name in ("pack.body.j2", "pack.parts.j2", "pack.supply.j2", "pack.html.j2", "pack.pdf.html.j2")
        for key in re.findall(r'\bt\("([a-z_.]+[a-z_])"[,)]', (folder / name).read_text())
    }
    there = flat(shipped("en"))
    assert len(asked) > 100
    assert {key for key in asked if key not in there and f"{key}.many" not in there} == set()


def test_words_fill_in_and_count_and_evaluate_nothing() -> None:
    words = Words({"a": {"one": "{n} thing", "many": "{n} things"}, "b": "{x} {x.__class__} {y}"})
    assert (words("a", n=1), words("a", n=0), words("a", n=2)) == ("1 thing", "0 things", "2 things")
    assert words("b", x="{y}") == "{y} {x.__class__} {y}"
    assert words.word("status", "no_such_word") == "no such word"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda texts: texts.pop("contents"),
        lambda texts: texts.update(more="x"),
        lambda texts: texts.update(contents=" "),
        lambda texts: texts.update(contents="{secret}"),
        lambda texts: texts.update(contents="x" * 5000),
    ],
)
def test_a_language_file_that_does_not_fit(spoil: Any) -> None:
    texts = dict(shipped("en"))
    spoil(texts)
    with pytest.raises(UsageError):
        check(texts, "own.yaml")


# ---- boot chain and charts -------------------------------------------------------------------------------------------


def links(**statuses: str) -> dict[str, boot.Link]:
    """The chain of results of these rules (written with _) with these statuses."""
    made = [
        dataclasses.replace(result(at, status), rule=name.replace("_", "-"), instance=f"{name}@{at}")  # type: ignore[arg-type]
        for at, (name, status) in enumerate(statuses.items())
    ]
    assessment = sample()
    assessment["results"] = [one.to_json() for one in made]
    assessment["controls"] = []
    assessment["rules"] = {}
    return {one.name: one for one in boot.chain(view for group in view_of(assessment).groups for view in group.results)}


def test_a_link_that_nobody_asked_about_is_unknown() -> None:
    assert {(one.status, one.asked) for one in links().values()} == {("unknown", False)}


def test_a_link_is_a_pass_only_when_all_of_it_was_asked() -> None:
    assert links(boot_command_line_sealed="pass")["image"].status == "pass_in_part"
    whole = links(boot_command_line_sealed="pass", boot_image_holds_no_disk_key="pass")
    assert whole["image"].status == "pass"
    assert links(boot_command_line_sealed="not_applicable")["image"].status == "unknown"


@pytest.mark.parametrize("worse", ["fail", "error", "unknown", "manual"])
def test_the_worst_of_a_link_decides(worse: str) -> None:
    found = links(luks_tpm2_pcrs="pass", partitions_encrypted=worse)
    assert found["keys"].status == worse


def test_the_chain_names_rules_that_exist() -> None:
    named = {rule for groups in boot.LINKS.values() for group in groups for rule in group}
    assert named <= load().rules.keys()
    assert set(boot.LINKS) == set(shipped("en")["boot"]["links"])


@pytest.mark.parametrize(
    ("control", "word"),
    [
        ({"status": "pass", "coverage": "automated"}, "rules"),
        ({"status": "fail", "coverage": "partial"}, "rules_in_part"),
        ({"status": "pass_in_part", "coverage": "partial"}, "rules_in_part"),
        ({"status": "not_applicable", "coverage": "automated"}, "not_applicable"),
        ({"status": "unknown", "coverage": "automated"}, "not_assessed"),
        ({"status": "error", "coverage": "automated"}, "not_assessed"),
        ({"status": "manual", "coverage": "manual"}, "not_assessed"),
        ({"status": "manual", "coverage": "manual", "answered": {"holds": False}}, "not_assessed"),
        ({"status": "manual", "coverage": "manual", "answered": {"holds": True}}, "person"),
        ({"status": "something new", "coverage": "automated"}, "not_assessed"),
    ],
)
def test_what_counts_as_assessed(control: dict[str, Any], word: str) -> None:
    assert assessed("x", [control]).counts == ((word, 1),)


def test_an_answer_that_ended_leaves_the_control_open() -> None:
    before = pack_view(pack()).totals["manual"]
    over = sample()
    for control in over["controls"]:
        if control["answered"]:
            control["answered"]["holds"] = False
    assert pack_view(pack(over)).totals["manual"] == before + 1


def test_targets_of_one_name_are_told_apart() -> None:
    other = sample()
    other["target"]["identity"]["host_name"] = "vela-0043"
    names = [one.name for one in pack_view(pack(sample(), other, other)).targets]
    assert names == [
        "VelaOS 2.4 (beta) (vela-0042)",
        "VelaOS 2.4 (beta) (vela-0043) #2",
        "VelaOS 2.4 (beta) (vela-0043) #3",
    ]


def test_an_unknown_word_is_shown_as_unknown() -> None:
    odd = sample()
    odd["controls"][0]["status"] = "excellent"
    view = pack_view(pack(odd))
    assert view.targets[0].frameworks[0].rows[0].control.mark == "unknown"
