"""`engine data drift`: whether pictures still look like those that the model learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import CommandLine, json_option, pass_command_line, workspace_option
from models.data_types import IMAGE

if TYPE_CHECKING:
    from engine.data.images.drift import FeatureDrift
    from engine.data.images.later import LaterPictures

_MOST = 10_000
_FEW = 50
_BROKEN_SHOWN = 5


@click.command("drift")
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--dataset",
    "dataset_id",
    metavar="ID",
    help="Hold them against this one; default: what the champion of images learnt from.",
)
@click.option(
    "--most",
    type=click.IntRange(1, 100_000),
    default=_MOST,
    show_default=True,
    metavar="N",
    help="Of more files, look at so many that are spread over all of them.",
)
@json_option
@workspace_option
@pass_command_line
def drift(line: CommandLine, paths: tuple[Path, ...], dataset_id: str | None, most: int) -> int:
    """Hold later pictures against those that the deployed model of images learnt from.

    PATH is a PNG or JPEG file, or a folder of them; their classes need not be known. Compared are
    brightness, contrast, sharpness and the colours, by the population stability index (PSI) and
    the Kolmogorov-Smirnov distance (KS). Pictures have shifted above a PSI of 0.1 and drifted
    above 0.25, unless chance alone brings about as much with so few of them.

    Exit status 1 when they have drifted. For series, see `engine quality` and `engine data
    anomalies`.
    """
    from engine.cli.exit_codes import ExitCode
    from engine.cli.output import write_json
    from engine.data.images.dataset import open_image_dataset
    from engine.data.images.drift import drift_of, worst_of
    from engine.data.images.later import read_later

    workspace = line.workspace.create()
    dataset = open_image_dataset(workspace.datasets, dataset_id or _learnt_from(line))
    later = read_later(paths, dataset, most=most)
    found = drift_of(dataset.reference, later.pixels)
    verdict = worst_of(found)
    if line.json:
        write_json(
            {
                "dataset": dataset.id,
                "training_pictures": dataset.reference.pictures,
                "files": later.files,
                "pictures": len(later.pixels),
                "broken": [problem.to_dict() for problem in later.broken],
                "verdict": verdict,
                "features": [one.to_dict() for one in found],
            }
        )
    else:
        _write(dataset.id, dataset.reference.pictures, later, found, verdict)
    return ExitCode.FAILED if verdict == "drifted" else ExitCode.OK


def _learnt_from(line: CommandLine) -> str:
    """The data set of the champion of images, or the latest one where none serves."""
    from engine.cli.data_sets import default_dataset
    from engine.cli.versions import alias_states, resolve_version

    if alias_states(line)[IMAGE].champion is None:
        return default_dataset(line, IMAGE)
    return str(resolve_version(line, "champion", IMAGE).lineage["training"]["dataset"])


def _write(
    dataset: str, then: int, later: LaterPictures, found: list[FeatureDrift], verdict: str
) -> None:
    from rich.table import Table

    from engine.cli.diagnostics import report_error, report_note
    from engine.cli.output import write_table, write_text

    for problem in later.broken[:_BROKEN_SHOWN]:
        report_error(problem)
    if len(later.broken) > _BROKEN_SHOWN:
        report_note(f"{len(later.broken):,} files gave no picture; all: engine data drift --json")
    now = len(later.pixels)
    write_text(f"{now:,} of {later.files:,} pictures beside the {then:,} of training, {dataset}")
    shown = Table("", "then", "now", "PSI", "by chance", "KS", "", box=None, pad_edge=False)
    for one in found:
        numbers = (f"{one.mean_then:.1f}", f"{one.mean:.1f}")
        shown.add_row(one.name, *numbers, *_decimals(one), one.verdict)
    write_table(shown)
    write_text(_SENTENCES[verdict])
    if now < _FEW:
        write_text(f"{now:,} pictures tell little: name {_FEW} or more.")


def _decimals(one: FeatureDrift) -> tuple[str, ...]:
    return tuple(f"{value:.3f}" for value in (one.psi, one.chance, one.ks))


_SENTENCES: dict[str, str] = {
    "alike": "They look like what was learnt from.",
    "shifted": "They look a little different from what was learnt from: keep an eye on them.",
    "drifted": "They look different from what was learnt from: check how they are taken, and train "
    "on such pictures, too.",
}
