"""Whether later pictures still look like those that were learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tui import told
from tui.language import tr
from tui.paint import Line, clip, fit, rule, wrap

_NUMBER = 9
_LOOKS = {"alike": ("✓", "good"), "shifted": ("!", "warn"), "drifted": ("✗", "bad")}
_FEW = 50
_BROKEN_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of later pictures beside those that were learned from."""

    name: str
    then: float | None
    now: float | None
    psi: float | None
    chance: float | None
    ks: float | None
    verdict: str


@dataclass(frozen=True, slots=True)
class PictureDrift:
    """What `engine data drift` found.

    Attributes:
        path: Of the later pictures.
        dataset: Id of the data set that was learned from.
        learned: How many pictures that was.
        files: How many were looked at.
        pictures: How many of them are pictures.
        broken: Why the others are none.
        verdict: "alike", "shifted" or "drifted": the worst of the features.
        features: Each of them.
    """

    path: str
    dataset: str
    learned: int
    files: int
    pictures: int
    broken: tuple[str, ...]
    verdict: str
    features: tuple[Feature, ...]


def read_drift(document: Any, path: str) -> PictureDrift | None:
    """What the command printed; None where it found nothing out."""
    found = told.mapping(document)
    if not found.get("verdict"):
        return None
    broken = told.mappings(found.get("broken"))
    return PictureDrift(
        path=path,
        dataset=told.text(found.get("dataset")),
        learned=told.whole(found.get("training_pictures")) or 0,
        files=told.whole(found.get("files")) or 0,
        pictures=told.whole(found.get("pictures")) or 0,
        broken=tuple(f"{one.get('where') or ''}: {one.get('message') or ''}" for one in broken),
        verdict=told.text(found.get("verdict")),
        features=tuple(
            Feature(
                name=told.text(one.get("name")),
                then=told.number(one.get("mean_then")),
                now=told.number(one.get("mean")),
                psi=told.number(one.get("psi")),
                chance=told.number(one.get("chance")),
                ks=told.number(one.get("ks")),
                verdict=told.text(one.get("verdict")),
            )
            for one in told.mappings(found.get("features"))
        ),
    )


def verdict_line(found: PictureDrift, width: int) -> Line:
    """The verdict in a line."""
    sign, look = _LOOKS.get(found.verdict, ("?", "warn"))
    said = tr("{count} pictures of {path}", count=f"{found.pictures:,}", path=found.path)
    word = word_of(found.verdict)
    return [(f" {sign} {word}", look), (clip(f"  {said}", max(0, width - 4 - len(word))), "dim")]


def drift_lines(found: PictureDrift, width: int) -> list[Line]:
    """The verdict, and each feature then and now."""
    counts = tr("{now} of {files} pictures beside the {then} that were learned from",
                now=f"{found.pictures:,}", files=f"{found.files:,}",
                then=f"{found.learned:,}")  # fmt: skip
    sign, look = _LOOKS.get(found.verdict, ("?", "warn"))
    lines: list[Line] = [[(f" {sign} {text}", look)] for text in wrap(_verdict(found), width - 4)]
    lines += [[(f" {text}", "dim")] for text in wrap(counts, width - 2)]
    if found.pictures < _FEW:
        said = tr("so few tell little: name {count} or more", count=_FEW)
        lines += [[(f" {text}", "warn")] for text in wrap(said, width - 2)]
    lines += [[], rule(width, tr("What they look like"), f"data set {found.dataset}")]
    heads = (tr("then"), tr("now"), "PSI", tr("by chance"), "KS")
    label = max(12, *(len(one.name) for one in found.features)) if found.features else 12
    head: Line = [(f" {fit('', label)}", "dim")]
    lines.append([*head, *((fit(text, _NUMBER + 1, "right"), "dim") for text in heads)])
    for one in found.features:
        mark, tone = _LOOKS.get(one.verdict, ("?", "warn"))
        row: Line = [(f" {fit(tr(one.name), label)}", "")]
        for value, form in (
            (one.then, ".1f"), (one.now, ".1f"), (one.psi, ".3f"), (one.chance, ".3f"),
            (one.ks, ".3f"),
        ):  # fmt: skip
            text = "–" if value is None else format(value, form)
            row.append((fit(text, _NUMBER + 1, "right"), ""))
        lines.append([*row, (f"  {mark} {word_of(one.verdict)}", tone)])
    if found.broken:
        count = f"{len(found.broken):,}"
        single, several = (
            tr("1 file gave no picture"),
            tr("{count} files gave no picture", count=count),
        )
        lines += [[], rule(width, single if len(found.broken) == 1 else several)]
        for problem in found.broken[:_BROKEN_SHOWN]:
            lines += [[(f" {text}", "warn")] for text in wrap(problem, width - 2)]
    return lines


def word_of(verdict: str) -> str:
    """A verdict in the language of who looks."""
    words = {
        "alike": tr("alike"),
        "shifted": tr("shifted"),
        "drifted": tr("drifted"),
        "unknown": tr("too little is known"),
    }
    return words.get(verdict, verdict)


def _verdict(found: PictureDrift) -> str:
    sentences = {
        "alike": tr("They look like what was learned from."),
        "shifted": tr("They look a little different from what was learned from."),
        "drifted": tr(
            "They look different from what was learned from: see how they are taken, and train "
            "on such pictures too."
        ),
    }
    return sentences.get(found.verdict, found.verdict)
