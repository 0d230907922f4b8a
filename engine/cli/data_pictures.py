"""`engine data show` of a data set of pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from models.data_types import IMAGE

if TYPE_CHECKING:
    from engine.cli.options import CommandLine
    from engine.data.images.dataset import ImageDataset
    from models.drift.distribution import Distribution

_LOW, _MIDDLE, _HIGH = 5, 50, 95


def show_pictures(line: CommandLine, dataset_id: str, *, is_latest: bool) -> None:
    """Show what is in a data set of pictures, what the rules did to it, and what they look like.

    Raises:
        NotFoundError: There is none of this id.
        DataError: It holds no pictures, or was changed.
    """
    from engine.cli.output import write_json
    from engine.data.images.dataset import open_image_dataset

    dataset = open_image_dataset(line.workspace.datasets, dataset_id)
    if line.json:
        write_json(_data(dataset, is_latest))
    else:
        _write(dataset)


def _data(dataset: ImageDataset, is_latest: bool) -> dict[str, Any]:
    height, width, channels = dataset.shape
    manifest = dataset.manifest
    return {
        "id": dataset.id,
        "name": dataset.name,
        "data_type": IMAGE,
        "is_latest": is_latest,
        "source": manifest["source"],
        "height": height,
        "width": width,
        "channels": channels,
        "fit": dataset.fit,
        "classes": list(dataset.classes),
        "parts": manifest["parts"],
        "counts": manifest["counts"],
        "report": dataset.report,
        "reference": dataset.reference.to_dict(),
    }


def _write(dataset: ImageDataset) -> None:
    from rich.table import Table
    from rich.text import Text

    from engine.cli.output import write_table, write_text
    from engine.data.images.splitting import PARTS
    from engine.text import printable

    write_text(f"{dataset.id} ({dataset.name})")
    counts, report = dataset.manifest["counts"], dataset.report
    # The table below tells of the classes; reports that are older do not say which ones do.
    of_classes = report.get("class_sentences", ())
    for sentence in report["sentences"]:
        if sentence not in of_classes:
            write_text(f"  {printable(sentence)}")
    write_text(f"  Brought to size by {dataset.fit}")
    shown = Table("class", *PARTS, "share of training", box=None, pad_edge=False)
    shares = dataset.reference.classes
    for name in dataset.classes:
        numbers = (f"{counts[name][part]:,}" for part in PARTS)
        shown.add_row(Text(printable(name)), *numbers, f"{shares[name] * 100:.1f} %")
    write_table(shown)
    write_text(f"what the {dataset.reference.pictures:,} training pictures look like")
    looks = Table("", "mean", "spread", "5 %", "middle", "95 %", box=None, pad_edge=False)
    for name, kept in dataset.reference.features.items():
        looks.add_row(name, *(f"{value:.1f}" for value in _numbers(kept)))
    write_table(looks)


def _numbers(kept: Distribution) -> tuple[float, ...]:
    quantiles = (float(kept.quantiles[at]) for at in (_LOW, _MIDDLE, _HIGH))
    return (kept.mean, kept.std, *quantiles)
