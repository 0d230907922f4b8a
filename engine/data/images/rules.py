"""Rules on pictures: each fault stops with a list of all there are, or is mended and reported."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace

import numpy as np

from engine.config.image_settings import ImageDatasetSettings, ImageRules, ImageSplitSettings
from engine.data.images.loading import LoadedPictures
from engine.data.images.naming import spot_of
from engine.data.images.report import PictureReport
from engine.data.images.splitting import PARTS, Part, part_of
from engine.data.problems import Problems, Spot, listing, shown
from engine.data.rule_work import RuleWork
from engine.plurals import counted
from models.arrays import BoolArray, IntArray

_FEWEST_CLASSES = 2


@dataclass(frozen=True, eq=False)
class CleanPictures:
    """Pictures that passed the rules, and where each belongs.

    Args:
        loaded: All that were read.
        rows: int64 (n,), places in `loaded` of those that were kept, sorted by part, then name.
        parts: Part of each of them.
        classes: Names of the classes, sorted.
        report: What the rules did.
    """

    loaded: LoadedPictures
    rows: IntArray
    parts: tuple[Part, ...]
    classes: tuple[str, ...]
    report: PictureReport


def validate_pictures(loaded: LoadedPictures, settings: ImageDatasetSettings) -> CleanPictures:
    """Hold the pictures against every rule at once, and split them.

    Args:
        loaded: What `load_data` read.
        settings: With the rules and the split.

    Raises:
        DataError: A rule that is set to `error` is broken, fewer than two classes are left, or a
            class has nothing to learn from. All that was found is listed.
    """
    rules = settings.rules
    work = RuleWork(rules, Problems(rules.max_errors_listed), notes=list(loaded.notes))
    _broken(loaded, work)
    if not loaded.names:
        work.problems.raise_if_any(loaded.source)
    kept = np.ones(len(loaded.names), dtype=np.bool_)
    kept &= ~_in_conflict(loaded, work)
    kept &= ~_repeated(loaded, kept, work)
    kept &= ~_of_small_classes(loaded, kept, work)
    classes = tuple(sorted({loaded.labels[row] for row in np.flatnonzero(kept)}))
    _too_few_classes(classes, work)
    clean = _split(loaded, np.flatnonzero(kept), classes, settings)
    _unlearnt(clean.report, settings.split, work)
    work.problems.raise_if_any(loaded.source)
    _flat(clean, work)
    notes = tuple(work.notes)
    return replace(clean, report=replace(clean.report, changes=tuple(work.changes), notes=notes))


def _broken(loaded: LoadedPictures, work: RuleWork[ImageRules]) -> None:
    spots = [spot_of(one.name, one.what, row=one.row) for one in loaded.broken]
    title = "{count} [file gives|files give] no picture"
    if work.rules.broken == "error" or not loaded.names:
        accepts = ", or set dataset.rules.broken: skip" if loaded.names else ""
        work.problems.add(
            "broken",
            title if loaded.names else f"not one picture can be read: {title}",
            f"Save them anew as PNG or JPEG, or remove them{accepts}",
            count=len(spots),
            spots=spots,
        )
    else:
        work.changed("broken", f"{title} and [was|were] left out", len(spots), spots)


def _in_conflict(loaded: LoadedPictures, work: RuleWork[ImageRules]) -> BoolArray:
    """Pictures that are there under more than one label."""
    labels = defaultdict(set)
    for sha256, label in zip(loaded.sha256, loaded.labels, strict=True):
        labels[sha256].add(label)
    found = np.array([len(labels[sha256]) > 1 for sha256 in loaded.sha256], dtype=np.bool_)
    # Those that are the same stand side by side.
    rows = sorted(np.flatnonzero(found).tolist(), key=lambda row: (loaded.sha256[row], row))
    spots = [spot_of(loaded.names[row], f"class {shown(loaded.labels[row])}") for row in rows]
    title = "{count} [picture is|pictures are] there under different classes"
    if work.rules.conflicts == "error":
        work.problems.add(
            "conflicts",
            title,
            "Keep each in one class, or set dataset.rules.conflicts: drop",
            count=len(spots),
            spots=spots,
        )
    else:
        work.changed("conflicts", f"{title} and [was|were] left out", len(spots), spots)
    return found


def _repeated(loaded: LoadedPictures, kept: BoolArray, work: RuleWork[ImageRules]) -> BoolArray:
    """Pictures to leave out as there is an equal one before them."""
    first: dict[str, int] = {}
    again = np.zeros(len(loaded.names), dtype=np.bool_)
    spots = []
    for row in np.flatnonzero(kept).tolist():
        before = first.setdefault(loaded.sha256[row], row)
        if before != row:
            again[row] = True
            spots.append(spot_of(loaded.names[row], f"shows what {loaded.names[before]!r} does"))
    title = "{count} [picture is|pictures are] there already"
    if work.rules.duplicates == "error":
        work.problems.add(
            "duplicates",
            title,
            "Remove them, or set dataset.rules.duplicates: keep | drop",
            count=len(spots),
            spots=spots,
        )
    elif work.rules.duplicates == "drop":
        work.changed("duplicates", f"{title} and [was|were] left out", len(spots), spots)
        return again
    elif spots:
        told = listing(spots[: work.rules.max_errors_listed], len(spots))
        work.notes.append(f"{counted(title, len(spots))} and kept: {told}")
    return np.zeros_like(again)


def _of_small_classes(
    loaded: LoadedPictures, kept: BoolArray, work: RuleWork[ImageRules]
) -> BoolArray:
    """Pictures of classes with too few of them."""
    counts = Counter(loaded.labels[row] for row in np.flatnonzero(kept).tolist())
    least = work.rules.min_pictures_a_class
    # A class may have lost all that it had to the rules before.
    small = {name: counts[name] for name in sorted(set(loaded.labels)) if counts[name] < least}
    spots = [
        Spot(remark=f"{shown(name)} ({counted('{count} [picture|pictures]', count)})")
        for name, count in small.items()
    ]
    title = f"{{count}} [class has|classes have] fewer than {least:,} pictures"
    if work.rules.small_classes == "error":
        work.problems.add(
            "small_classes",
            title,
            "Add pictures, lower dataset.rules.min_pictures_a_class, or set "
            "dataset.rules.small_classes: drop",
            count=len(spots),
            spots=spots,
        )
        # They stay, so that each is named only once: as a problem.
        return np.zeros_like(kept)
    work.changed("small_classes", f"{title} and [was|were] left out", len(spots), spots)
    return np.array([label in small for label in loaded.labels], dtype=np.bool_)


def _too_few_classes(classes: tuple[str, ...], work: RuleWork[ImageRules]) -> None:
    if len(classes) < _FEWEST_CLASSES:
        named = f", {shown(classes[0])}" if classes else ""
        work.problems.add(
            "classes",
            f"there is nothing to tell apart: {{count}} [class|classes] left{named}"
            if classes
            else "no class is left",
            "Give pictures of two classes or more",
            count=max(len(classes), 1),
        )


def _split(
    loaded: LoadedPictures, kept: IntArray, classes: tuple[str, ...], settings: ImageDatasetSettings
) -> CleanPictures:
    part = {row: part_of(loaded.sha256[row], settings.split) for row in kept.tolist()}
    # Rows are in the order of names already, and sorting keeps it.
    rows = sorted(part, key=lambda row: PARTS.index(part[row]))
    counts: dict[str, dict[Part, int]] = {name: dict.fromkeys(PARTS, 0) for name in classes}
    for row in rows:
        counts[loaded.labels[row]][part[row]] += 1
    sides = loaded.sides[kept] if len(kept) else loaded.sides
    sizes = sides.prod(axis=1)
    smallest, largest = sides[sizes.argmin()].tolist(), sides[sizes.argmax()].tolist()
    report = PictureReport(
        source=loaded.source,
        source_format=loaded.format,
        source_sha256=loaded.source_sha256,
        pictures_found=len(loaded.names) + len(loaded.broken),
        pictures_kept=len(rows),
        counts=counts,
        height=loaded.pixels.shape[1],
        width=loaded.pixels.shape[2],
        channels=loaded.pixels.shape[3],
        smallest=(smallest[0], smallest[1]),
        largest=(largest[0], largest[1]),
    )
    return CleanPictures(
        loaded=loaded,
        rows=np.array(rows, dtype=np.int64),
        parts=tuple(part[row] for row in rows),
        classes=classes,
        report=report,
    )


def _unlearnt(report: PictureReport, split: ImageSplitSettings, work: RuleWork[ImageRules]) -> None:
    """Find classes and parts that the draw left empty."""
    shares: dict[Part, float] = {
        "training": 1.0 - split.validation_share - split.test_share,
        "validation": split.validation_share,
        "test": split.test_share,
    }
    for part in PARTS:
        if shares[part] <= 0 and part != "training":
            continue
        lacking = [name for name, counts in report.counts.items() if not counts[part]]
        spots = [Spot(remark=shown(name)) for name in lacking]
        title = f"{{count}} [class has|classes have] no picture for {part}"
        if lacking and (part == "training" or not report.of_part(part)):
            work.problems.add(
                f"split/{part}",
                title,
                "Add pictures (which part one belongs to is drawn by its content), change the "
                "shares in dataset.split, or draw anew with another dataset.split.seed",
                count=len(lacking),
                spots=spots,
            )
        elif lacking:
            told = listing(spots[: work.rules.max_errors_listed], len(spots))
            work.notes.append(f"{counted(title, len(lacking))}: {told}")


def _flat(clean: CleanPictures, work: RuleWork[ImageRules]) -> None:
    """Note pictures that show nothing: often a camera that failed, or a mask."""
    loaded = clean.loaded
    flat = [
        row
        for row in sorted(clean.rows.tolist())
        if np.ptp(loaded.pixels[row], axis=(0, 1)).max() == 0
    ]
    if flat:
        spots = [spot_of(loaded.names[row]) for row in flat[: work.rules.max_errors_listed]]
        title = "{count} [picture has|pictures have] one colour throughout"
        work.notes.append(f"{counted(title, len(flat))}: {listing(spots, len(flat))}")
