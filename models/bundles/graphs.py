"""What no ONNX file of a bundle may hold."""

from __future__ import annotations

from models.bundles.graph_format import graph_message

_OPERATOR_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})


def graph_problem(content: bytes) -> str | None:
    """Why an ONNX file must not be run: it reaches outside itself; None where it may be.

    Operators beyond ONNX's own are code of somebody's, and data outside the file is not covered
    by the file's hash.
    """
    from google.protobuf.message import DecodeError

    try:
        model = graph_message().FromString(content)
    except DecodeError as error:
        return f"is not an ONNX file: {error}"
    if model.functions:
        return "defines functions of its own"
    domains = {entry.domain for entry in model.opset_import}
    graphs = [model.graph]
    while graphs:
        graph = graphs.pop()
        tensors = [*graph.initializer]
        for sparse in graph.sparse_initializer:
            tensors += [sparse.values, sparse.indices]
        for node in graph.node:
            domains.add(node.domain)
            for attribute in node.attribute:
                graphs += [attribute.g, *attribute.graphs]
                tensors += [attribute.t, *attribute.tensors]
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    tensors += [sparse.values, sparse.indices]
        if any(tensor.external_data or tensor.data_location for tensor in tensors):
            return "wants data from outside the file"
    if custom := domains - _OPERATOR_DOMAINS:
        return f"uses operators of {sorted(custom)[0]!r}"
    return None
