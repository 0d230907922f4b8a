"""The parts of the ONNX file format that the check of a bundle looks at.

The package `onnx` describes all of it, and takes most of a second to import: whatever only serves
goes without. Field numbers are those of onnx.proto (https://github.com/onnx/onnx), which never
change; fields that are not named here are skipped by the reader.
"""

from __future__ import annotations

import functools
from typing import Any

_REPEATED = "*"

# Of each message: its fields, with number and type. A message without fields is only counted.
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Model": {
        "graph": (7, "Graph"),
        "opset_import": (8, "OperatorSet*"),
        "functions": (25, "Function*"),
    },
    "OperatorSet": {"domain": (1, "string")},
    "Function": {},
    "Graph": {
        "node": (1, "Node*"),
        "initializer": (5, "Tensor*"),
        "sparse_initializer": (15, "SparseTensor*"),
    },
    "Node": {"attribute": (5, "Attribute*"), "domain": (7, "string")},
    "Attribute": {
        "t": (5, "Tensor"),
        "g": (6, "Graph"),
        "tensors": (10, "Tensor*"),
        "graphs": (11, "Graph*"),
        "sparse_tensor": (22, "SparseTensor"),
        "sparse_tensors": (23, "SparseTensor*"),
    },
    "Tensor": {"external_data": (13, "Entry*"), "data_location": (14, "int32")},
    "SparseTensor": {"values": (1, "Tensor"), "indices": (2, "Tensor")},
    "Entry": {},
}


@functools.cache
def graph_message() -> type[Any]:
    """The protobuf message of an ONNX file; `FromString` reads one."""
    from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message_factory import GetMessageClass

    plain = {"string": FieldDescriptorProto.TYPE_STRING, "int32": FieldDescriptorProto.TYPE_INT32}
    file = FileDescriptorProto(name="graph_format.proto", package="graph_format", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind) in fields.items():
            field = message.field.add(name=field_name, number=number)
            field.label = FieldDescriptorProto.LABEL_OPTIONAL
            if kind.endswith(_REPEATED):
                field.label = FieldDescriptorProto.LABEL_REPEATED
            type_name = kind.removesuffix(_REPEATED)
            field.type = plain.get(type_name, FieldDescriptorProto.TYPE_MESSAGE)
            if type_name not in plain:
                field.type_name = f".graph_format.{type_name}"
    # A pool of its own: the package `onnx` may be imported in the same process.
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    model: type[Any] = GetMessageClass(pool.FindMessageTypeByName("graph_format.Model"))
    return model
