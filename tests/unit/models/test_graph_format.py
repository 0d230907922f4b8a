from __future__ import annotations

import onnx
import pytest

from models.bundles.graph_format import graph_message


def messages(message: object, official: object) -> dict[str, tuple[object, object]]:
    """Each message reachable from one, by name, beside the one of ONNX's own description."""
    found: dict[str, tuple[object, object]] = {}
    waiting = [(message, official)]
    while waiting:
        ours, theirs = waiting.pop()
        if ours.name in found:
            continue
        found[ours.name] = ours, theirs
        for field in ours.fields:
            if field.message_type:
                waiting.append((field.message_type, theirs.fields_by_name[field.name].message_type))
    return found


MESSAGES = messages(graph_message().DESCRIPTOR, onnx.ModelProto.DESCRIPTOR)


@pytest.mark.parametrize("name", MESSAGES)
def test_fields_are_numbered_as_in_the_format_itself(name: str) -> None:
    ours, theirs = MESSAGES[name]

    for field in ours.fields:
        official = theirs.fields_by_name[field.name]
        # An enumeration travels as the number that it is.
        kinds = {official.type, field.TYPE_INT32 if official.enum_type else official.type}
        assert field.number == official.number
        assert field.is_repeated == official.is_repeated
        assert field.type in kinds


def test_every_place_that_can_hold_a_graph_or_numbers_is_looked_at() -> None:
    looked_into = {"GraphProto", "NodeProto", "AttributeProto", "TensorProto", "SparseTensorProto"}
    counted = {"Function", "Entry"}  # any at all is refused

    for ours, theirs in MESSAGES.values():
        for field in theirs.fields:
            kind = field.message_type and field.message_type.name
            if kind in looked_into and ours.name not in counted:
                assert field.name in ours.fields_by_name, f"{ours.name}.{field.name}"
    assert {theirs.name for _, theirs in MESSAGES.values()} >= looked_into
