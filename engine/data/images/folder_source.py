"""A folder with one folder a class."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from engine.data.images.found import FoundFile, FoundFiles, refuse_too_many
from engine.data.images.naming import clean_name, find_alike, spot_of
from engine.data.problems import Problems, listing
from engine.errors import DataError, StorageError
from engine.plurals import counted

_LAYOUT = "Put the pictures into one folder a class: cats/1.png, dogs/1.png"
_OF_DESKTOPS = frozenset({"thumbs.db", "desktop.ini"})
"""What Windows leaves in every folder it has shown."""

_LEFT_OUT = {
    "root": "{count} [file|files] beside the folders of the classes [was|were] left out",
    "hidden": "{count} hidden [file or folder|files or folders] [was|were] left out",
    "link": "{count} [link|links] [was|were] left out, as [it|they] may lead anywhere",
    "special": "{count} [thing that is no file|things that are no files] [was|were] left out",
    "empty": "{count} [folder|folders] without pictures [is|are] no [class|classes]",
}


@dataclass
class _LeftOut:
    limit: int
    names: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def notes(self) -> tuple[str, ...]:
        notes = []
        for kind, title in _LEFT_OUT.items():
            names = self.names[kind]
            if names:
                spots = [spot_of(name) for name in names[: self.limit]]
                notes.append(f"{counted(title, len(names))}: {listing(spots, len(names))}")
        return tuple(notes)


def find_in_folder(folder: Path, where: str, *, most: int, limit: int) -> FoundFiles:
    """Find the pictures of a folder: the folders in it are the classes.

    Folders within a class are read too. Links, hidden files and files beside the classes are left
    out and reported.

    Args:
        folder: With the classes.
        where: Its name, for messages.
        most: Refuse more files than this.
        limit: How many files a message lists.

    Raises:
        DataError: There are no classes, too many files, or names that are too much alike.
        StorageError: A folder cannot be read.
    """
    left_out = _LeftOut(limit)
    files: list[FoundFile] = []
    classes: list[str] = []
    for entry in _entries(folder, where):
        if not _is_kept(entry, entry.name, left_out):
            continue
        if not entry.is_dir(follow_symlinks=False):
            left_out.names["root"].append(clean_name(entry.name))
            continue
        before = len(files)
        for name, path in _within(entry, left_out, where):
            files.append(FoundFile(clean_name(name), clean_name(entry.name), path))
            refuse_too_many(len(files), most, where)
        if len(files) == before:
            left_out.names["empty"].append(clean_name(entry.name))
        else:
            classes.append(entry.name)
    if not files:
        beside = len(left_out.names["root"])
        there = counted("{count} [file lies|files lie] directly in it", beside) if beside else ""
        raise DataError(
            "no class with a picture is found in this folder" + (f"; {there}" if there else ""),
            where=where,
            fix=_LAYOUT,
        )
    problems = Problems(limit)
    find_alike(classes, problems)
    problems.raise_if_any(where)
    return FoundFiles(tuple(sorted(files, key=lambda file: file.name)), left_out.notes())


def _within(top: os.DirEntry[str], left_out: _LeftOut, where: str) -> list[tuple[str, Path]]:
    """Names and paths of the files of a class."""
    found = []
    waiting = [(top.name, Path(top.path))]
    while waiting:
        within, folder = waiting.pop()
        for entry in _entries(folder, where):
            name = f"{within}/{entry.name}"
            if not _is_kept(entry, name, left_out):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((name, Path(entry.path)))
            else:
                found.append((name, Path(entry.path)))
    return found


def _is_kept(entry: os.DirEntry[str], name: str, left_out: _LeftOut) -> bool:
    kind = None
    if entry.name.startswith(".") or entry.name.casefold() in _OF_DESKTOPS:
        kind = "hidden"
    elif entry.is_symlink():
        kind = "link"
    elif not entry.is_dir(follow_symlinks=False) and not entry.is_file(follow_symlinks=False):
        kind = "special"
    if kind is not None:
        left_out.names[kind].append(clean_name(name))
    return kind is None


def _entries(folder: Path, where: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise StorageError(
            f"the folder {str(folder)!r} cannot be read ({error.strerror or error})",
            where=where,
            fix="Check its permissions and the disk",
        ) from error
