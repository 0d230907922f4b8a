"""The launch form of a flow: what is typed, what it differs from, and the request that it makes."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.schema import RunDetail, RunInfo
from models.data_types import DATA_TYPES, IMAGE, TIMESERIES
from tui.flows.values import NULL, FormField, Reading, override, override_text, path_of, read, shown

DATA_TYPE = "data_type"
MODEL = "model.model_type"
DATA = "dataset.file_path"
TAGS, PRIORITY = "--tag", "--priority"
_COMMON = ("--data-type", "--model-type", "--epochs", "--data", "--seed", "--threads", "--force")
# `engine rerun` has no option for what belongs to one flow only.
_RERUN_FLAGS = frozenset(("data_type", "model_type", "epochs", "data", "seed", "threads"))
_LAUNCH_FIELDS = (
    FormField(TAGS, "", "tags", "tags", option=TAGS,
              help="Words that the run can be found by, with blanks between them.",
              allowed="letters, digits and _ . : -"),
    FormField(PRIORITY, "", "priority", "int", low=-100, high=100, default="0", option=PRIORITY,
              help="Of runs that wait, those of a higher number start first.",
              allowed="whole number, -100 to 100"),
)  # fmt: skip


def kind_of(run: RunInfo) -> str:
    """The kind of data that a run is about."""
    return str(run.parameters.get(DATA_TYPE) or TIMESERIES)


def _kind_field(usual: str) -> FormField:
    return FormField(DATA_TYPE, "", DATA_TYPE, "choice", choices=DATA_TYPES, default=usual,
                     option="--data-type",
                     help="What the flow works on; each kind of data has settings of its own.",
                     allowed=" | ".join(DATA_TYPES))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What a launch asks for.

    Attributes:
        flow: Which flow.
        flags: Values by flag name.
        overrides: `key=value` texts.
        tags: Its tags; None: those of the run that is launched again.
        priority: Its priority; None: that of the run that is launched again.
        again: Id of the run that is launched again, with the rest as changes; "": a fresh launch.
    """

    flow: str
    flags: tuple[tuple[str, Any], ...] = ()
    overrides: tuple[str, ...] = ()
    tags: tuple[str, ...] | None = ()
    priority: int | None = 0
    again: str = ""

    def settings(self) -> list[str]:
        """The arguments that choose the settings."""
        said: list[str] = []
        for name, value in self.flags:
            said += [f"--{name.replace('_', '-')}", str(value)]
        for text in self.overrides:
            said += ["--set", text]
        return said

    def command(self) -> str:
        """The `engine` command that does the same."""
        begun = ["rerun", self.again[:8]] if self.again else ["run", self.flow]
        said = ["engine", *begun, *self.settings()]
        for tag in self.tags or ():
            said += ["--tag", tag]
        if self.priority is not None and (self.priority or self.again):
            said += ["--priority", str(self.priority)]
        return shlex.join(said)


@dataclass(frozen=True)
class Earlier:
    """A run and what it was asked for."""

    run: RunInfo
    overrides: tuple[str, ...]
    flags: dict[str, Any]

    @classmethod
    def of(cls, detail: RunDetail) -> Earlier:
        """What the engine tells of a run."""
        return cls(detail.run, detail.overrides, detail.flags)


class LaunchForm:
    """One form of a flow, for one kind of data.

    Args:
        data: What `engine config form` told.

    Attributes:
        flow: Which flow.
        data_type: The kind of data, which stays: another has another form.
        sections: Meaning of each section by its dotted key.
        fields: The inputs by key, in their order.
        texts: What was typed, by key; what is not there has its default.
        as_set: Settings that are given by `--set` although they have an option.
        last: The last run of the flow.
        again: The run that is launched again, None for a fresh launch.
        refused: What the engine's check says is wrong, by key; "" for what belongs to no field.
        checked: The request that the engine's check was asked about last.
        notes: What that check said although nothing is wrong.
        missing: The typed data file, where there is none.
        revision: Goes up with every change.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self.flow: str = data["flow"]
        self.data_type: str = data["data_type"]
        self.sections: dict[str, str] = {}
        self.fields: dict[str, FormField] = {}
        self.texts: dict[str, str] = {}
        self.as_set: set[str] = set()
        self.last: Earlier | None = None
        self.again: Earlier | None = None
        self.refused: dict[str, str] = {}
        self.checked: Request | None = None
        self.notes: tuple[str, ...] = ()
        self.missing = ""
        self.revision = 0
        self._requests: dict[bool, tuple[int, Request]] = {}
        self._then: dict[str, dict[str, str]] = {}
        self.renew(data)

    def renew(self, data: dict[str, Any]) -> None:
        """Take over other defaults: the configuration may have changed. What is typed stays."""
        self.sections = {**self.sections, **data["sections"]}
        kind = _kind_field(data["usual_data_type"])
        known = [kind, *map(FormField.of, data["fields"]), *_LAUNCH_FIELDS]
        raw = {key: field for key, field in self.fields.items() if field.kind == "raw"}
        self.fields = raw | {field.key: field for field in known}
        self._then.clear()
        self.checked = None
        self.put_back(self.texts, self.as_set)

    # Values

    def text(self, key: str) -> str:
        """What stands in a field."""
        return self.texts.get(key, self.fields[key].default)

    def set(self, key: str, text: str) -> None:
        """Type a text into a field."""
        self.as_set.discard(key)
        self._put(key, text)
        if key == DATA:
            self._look_for_file()

    def reset(self, keys: Iterable[str]) -> None:
        """Give fields their defaults again; what the form is made for stays."""
        for key in keys:
            if key != DATA_TYPE:
                self.set(key, self.fields[key].default)

    def take(self, earlier: Earlier) -> None:
        """Fill in what a run was asked for, and nothing else."""
        self.texts.clear()
        self.as_set.clear()
        for key, (text, is_set) in self._texts_of(earlier).items():
            self._put(key, text)
            if is_set and self.fields[key].option:
                self.as_set.add(key)
        self._put(DATA_TYPE, self.data_type)
        self._look_for_file()
        self.revision += 1

    def put_back(self, texts: dict[str, str], as_set: Iterable[str] = ()) -> None:
        """Fill in what was typed before; keys that there are not any more are dropped."""
        self.texts = {
            key: text
            for key, text in texts.items()
            if key in self.fields and text.strip() != self.fields[key].default
        }
        self._put(DATA_TYPE, self.data_type)
        self.as_set = {key for key in as_set if key in self.texts}
        self._look_for_file()
        self.revision += 1

    def _put(self, key: str, text: str) -> None:
        if text.strip() == self.fields[key].default:
            self.texts.pop(key, None)
        else:
            self.texts[key] = text
        self.refused.pop(key, None)
        self.revision += 1

    def _look_for_file(self) -> None:
        text = self.texts.get(DATA, "").strip()
        self.missing = ""
        if text not in ("", NULL) and DATA not in self.as_set:
            path = path_of(text)
            # Pictures may lie in a folder.
            is_there = Path(path).is_file() or (self.data_type == IMAGE and Path(path).is_dir())
            self.missing = "" if is_there else path

    def _texts_of(self, earlier: Earlier) -> dict[str, tuple[str, bool]]:
        """What a run was asked for: text by key, and whether `--set` gave it."""
        # Its model or a file may have said it.
        found: dict[str, tuple[str, bool]] = {DATA_TYPE: (kind_of(earlier.run), False)}
        for one in earlier.overrides:
            key, text = override_text(one)
            found[key] = (text, True)
        options = {field.flag: field.key for field in self.fields.values() if field.option}
        for name, value in earlier.flags.items():
            found[options.get(name, name)] = (shown(value), False)
        if earlier.run.tags:
            found[TAGS] = (" ".join(earlier.run.tags), False)
        if earlier.run.priority:
            found[PRIORITY] = (str(earlier.run.priority), False)
        for key in found:
            if key not in self.fields:
                # A setting that the form does not ask for is shown all the same.
                section, _, name = key.rpartition(".")
                self.fields[key] = FormField(key, section, name, "raw")
                self.sections.setdefault(section, "")
        return found

    # What is seen

    @property
    def model(self) -> str:
        """The model type that is chosen, "" where the flow has none."""
        return self.text(MODEL) if MODEL in self.fields else ""

    def is_used(self, field: FormField) -> bool:
        """Whether a field means something: another model's hyper-parameters do not."""
        return not field.models or self.model in ("", *field.models)

    def common(self) -> list[FormField]:
        """What most launches change, in the order of the options."""
        by_option = {
            field.option: field
            for field in self.fields.values()
            if field.option and self.is_used(field)
        }
        return [by_option[name] for name in (*_COMMON, TAGS, PRIORITY) if name in by_option]

    def of_section(self, section: str) -> list[FormField]:
        """The fields of a section but those that stand above all sections.

        Hyper-parameters of the chosen model type come before those that it hands on to others.
        """
        fields = [
            field
            for field in self.fields.values()
            if field.section == section and not field.option and self.is_used(field)
        ]
        return sorted(fields, key=lambda field: self.model not in field.owners)

    def changed(self) -> list[FormField]:
        """Fields that differ from their defaults."""
        return [
            self.fields[key]
            for key in self.fields
            if key in self.texts and self.is_used(self.fields[key])
        ]

    def differing(self, earlier: Earlier) -> list[tuple[FormField, str]]:
        """Fields that differ from what a run was asked for, with its text."""
        then = self.texts_then(earlier)
        return [
            (field, then.get(field.key, field.default))
            for field in self.fields.values()
            if self.is_used(field)
            and then.get(field.key, field.default).strip() != self.text(field.key).strip()
        ]

    def texts_then(self, earlier: Earlier) -> dict[str, str]:
        """What would stand in each field if a run were launched again now."""
        known = self._then.get(earlier.run.id)
        if known is None:
            given = {key: text for key, (text, _) in self._texts_of(earlier).items()}
            known = {key: given.get(key, field.default) for key, field in self.fields.items()}
            self._then = {earlier.run.id: known}
        return known

    # What is wrong

    def reading(self, field: FormField) -> Reading:
        """The value of a field, or what is wrong with it."""
        return read(field, self.text(field.key))

    def problem(self, field: FormField) -> str:
        """What is wrong with a field, "" if nothing is known to be."""
        return self._typed_problem(field) or self.refused.get(field.key, "")

    def _typed_problem(self, field: FormField) -> str:
        return self.reading(field).problem if field.key in self.texts else ""

    @property
    def is_readable(self) -> bool:
        """Whether every typed text means something."""
        return not any(self._typed_problem(field) for field in self.changed())

    def problems(self) -> list[tuple[str, str]]:
        """Everything that is wrong: key, "" for what belongs to no field, and message."""
        found = [
            (field.key, said)
            for field in self.fields.values()
            if self.is_used(field) and (said := self.problem(field))
        ]
        seen = {key for key, _ in found}
        return [*found, *((key, said) for key, said in self.refused.items() if key not in seen)]

    def as_data(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "flow": self.flow,
            "command": self.request().command(),
            "values": {key: self.text(key) for key in self.fields},
            "changed": {field.key: field.default for field in self.changed()},
            "problems": dict(self.problems()),
        }

    # What is asked for

    def request(self) -> Request:
        """What the launch of this form asks for."""
        return self._kept(fresh=False)

    def fresh_request(self) -> Request:
        """The same as a launch that knows no earlier run: what a check is asked about."""
        return self._kept(fresh=True)

    def _kept(self, *, fresh: bool) -> Request:
        known = self._requests.get(fresh)
        if known is not None and known[0] == self.revision:
            return known[1]
        made = self._changes() if self.again is not None and not fresh else None
        request = made or self._fresh()
        self._requests[fresh] = (self.revision, request)
        return request

    def _fresh(self) -> Request:
        flags: list[tuple[str, Any]] = []
        overrides: list[str] = []
        for field in self.changed():
            if field.key in (TAGS, PRIORITY):
                continue
            value = self._value(field)
            if field.option and value is not None and self._is_typed(field):
                flags.append((field.flag, self._flag_value(field, value)))
            else:
                overrides.append(self._override(field, value))
        return Request(self.flow, tuple(flags), tuple(overrides), self._tags(), self._priority())

    def _changes(self) -> Request | None:
        """The same as changes of an earlier run; None where no option can say them."""
        earlier = self.again
        assert earlier is not None
        flags: list[tuple[str, Any]] = []
        overrides: list[str] = []
        tags: tuple[str, ...] | None = None
        priority: int | None = None
        for field, _ in self.differing(earlier):
            value = self._value(field)
            if field.key == TAGS:
                if not self._tags():
                    return None
                tags = self._tags()
            elif field.key == PRIORITY:
                priority = self._priority()
            elif field.flag in earlier.flags or field.key in earlier.flags:
                # A flag is stronger than any `--set`: only another one can change it, and the
                # default of the data file means another folder than the option does.
                is_lost = field.key == DATA and field.key not in self.texts
                if field.flag not in _RERUN_FLAGS or value is None or is_lost:
                    return None
                flags.append((field.flag, self._flag_value(field, value)))
            elif field.flag in _RERUN_FLAGS and value is not None and self._is_typed(field):
                flags.append((field.flag, self._flag_value(field, value)))
            else:
                overrides.append(self._override(field, value))
        return Request(self.flow, tuple(flags), tuple(overrides), tags, priority, earlier.run.id)

    def _is_typed(self, field: FormField) -> bool:
        return field.key in self.texts and field.key not in self.as_set

    def _flag_value(self, field: FormField, value: Any) -> Any:
        return path_of(value) if field.key == DATA else value

    def _value(self, field: FormField) -> Any:
        reading = self.reading(field)
        # What cannot be read is shown in the command as it stands; it is not launched.
        return self.text(field.key).strip() if reading.problem else reading.value

    def _override(self, field: FormField, value: Any) -> str:
        if field.kind == "raw" or self._typed_problem(field):
            return f"{field.key}={self.text(field.key).strip()}"
        return override(field.key, value)

    def _tags(self) -> tuple[str, ...]:
        value = self.reading(self.fields[TAGS]).value
        return tuple(value) if value is not None else ()

    def _priority(self) -> int:
        value = self.reading(self.fields[PRIORITY]).value
        return int(value) if value is not None else 0
