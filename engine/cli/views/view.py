"""What a kind of data has to know of itself, so that commands which show it need not.

A command reads the same for forecasters and classifiers. Whatever differs is asked of one object,
which the data type picks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from engine.store import Version


@dataclass(frozen=True)
class Column:
    """A measure in the list of versions.

    Attributes:
        title: Its heading.
        is_main: Whether it stays where other kinds of data need columns, too.
    """

    title: str
    is_main: bool = False


class View(ABC):
    """How one kind of data is shown."""

    data_type: ClassVar[str]
    examples: ClassVar[str]
    """What models of it learn from, in the plural."""
    columns: ClassVar[tuple[Column, ...]]

    @abstractmethod
    def cells(self, scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """What stands in the columns of a version.

        Args:
            scores: Of its evaluation: "overall" of the candidate and of each contender.
        """

    def comparable(self, version: Version) -> dict[str, Any]:
        """What versions of this kind are compared by, as JSON-able data."""
        training, evaluation = (version.lineage[name] for name in ("training", "evaluation"))
        model = training.get("model", {})
        return {
            "id": version.id,
            "data_type": version.data_type,
            "model_type": version.model_type,
            **self.measures(evaluation),
            "dataset": training["dataset"],
            **self.shape(training, evaluation),
            "seed": model.get("seed"),
            "hyperparameters": model.get("hyperparameters", {}),
            "training_seconds": training.get("fit", {}).get("seconds"),
            "run": training.get("run"),
            "forced": version.lineage.get("forced", ""),
        }

    @abstractmethod
    def measures(self, evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """The main numbers of a version, and that of its baseline, by name."""

    @abstractmethod
    def shape(self, training: Mapping[str, Any], evaluation: Mapping[str, Any]) -> dict[str, Any]:
        """What else two versions of one type may differ in, by name."""

    @abstractmethod
    def what(self, model: Mapping[str, Any]) -> Iterator[str]:
        """What a model takes and gives, in words.

        Args:
            model: As its training describes it; of an old version some may be missing.
        """

    @abstractmethod
    def learnt_from(self, training: Mapping[str, Any]) -> str:
        """Which data a version was trained on, in words."""

    @abstractmethod
    def evaluation_lines(self, evaluation: Mapping[str, Any]) -> list[str]:
        """The measurements of a candidate beside those of its contenders, columns aligned.

        Args:
            evaluation: What eval_flow left, `scores` being the main numbers of each contender. One
                of an older version may lack some of it.
        """

    @abstractmethod
    def detail_lines(self, evaluation: Mapping[str, Any]) -> Iterator[str]:
        """What more is known of how good a version is; nothing where the numbers are all.

        Args:
            evaluation: As the version's lineage has it, `scores` being all of each contender.
        """


def score_table(
    heading: str,
    titles: Sequence[str],
    rows: Mapping[str, Sequence[str]],
    *,
    width: int,
) -> list[str]:
    """Lay out measurements as lines of text, names on the left and numbers on the right.

    Args:
        heading: Above the names.
        titles: Of the columns.
        rows: Name to its cells.
        width: Columns of text for each measure, at least.
    """
    label = max(len(text) for text in (heading, *rows))
    sizes = [
        max(width, len(title) + 1, *(len(row[at]) + 2 for row in rows.values()))
        for at, title in enumerate(titles)
    ]
    lines = []
    for name, cells in ((heading, titles), *rows.items()):
        numbers = "".join(f"{cell:>{size}}" for cell, size in zip(cells, sizes, strict=True))
        lines.append(f"{name:<{label}}{numbers}")
    return lines


def names_of(evaluation: Mapping[str, Any]) -> dict[str, str]:
    """What the contenders of an evaluation are called in a table, by their label."""
    return {
        label: f"{evaluation['model_type']} (candidate)" if label == "candidate" else label
        for label in evaluation["scores"]
    }


def number(value: float | None, form: str = ".3f") -> str:
    """A measure that may not exist: nothing scales the errors of a series that never changed."""
    return "-" if value is None else format(value, form)


def percent(value: float | None) -> str:
    """A share in hundredths of percents, as accuracies are compared."""
    return "-" if value is None else f"{value * 100:.2f} %"
