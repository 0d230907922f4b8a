"""A LightGBM booster as an ONNX TreeEnsembleRegressor node.

Features and thresholds stay float64, so each decision is the one that LightGBM takes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.errors import ModelProblem


def tree_ensemble(booster: Any, table: str, output: str) -> Any:
    """The node that maps the tensor `table` (rows, features) to `output` (rows, 1).

    Raises:
        ModelProblem: A split that a comparison of numbers cannot express.
    """
    from onnx import helper, numpy_helper

    nodes = _Nodes()
    for number, tree in enumerate(booster.dump_model()["tree_info"]):
        nodes.add_tree(number, tree["tree_structure"])
    return helper.make_node(
        "TreeEnsembleRegressor",
        [table],
        [output],
        domain="ai.onnx.ml",
        n_targets=1,
        aggregate_function="SUM",
        post_transform="NONE",
        nodes_treeids=nodes.tree,
        nodes_nodeids=nodes.node,
        nodes_featureids=nodes.feature,
        nodes_modes=nodes.mode,
        nodes_truenodeids=nodes.if_true,
        nodes_falsenodeids=nodes.if_false,
        nodes_values_as_tensor=numpy_helper.from_array(
            np.array(nodes.threshold, dtype=np.float64), "thresholds"
        ),
        target_treeids=nodes.leaf_tree,
        target_nodeids=nodes.leaf_node,
        target_ids=[0] * len(nodes.leaf_node),
        target_weights_as_tensor=numpy_helper.from_array(
            np.array(nodes.leaf_value, dtype=np.float64), "leaf_values"
        ),
    )


class _Nodes:
    """The parallel lists that ONNX describes trees with."""

    def __init__(self) -> None:
        self.tree: list[int] = []
        self.node: list[int] = []
        self.feature: list[int] = []
        self.mode: list[str] = []
        self.if_true: list[int] = []
        self.if_false: list[int] = []
        self.threshold: list[float] = []
        self.leaf_tree: list[int] = []
        self.leaf_node: list[int] = []
        self.leaf_value: list[float] = []

    def add_tree(self, tree: int, root: dict[str, Any]) -> None:
        """Number the nodes of a tree in the order of a walk, and append them."""
        count = 0
        # A parent learns the numbers of its children when they are reached.
        waiting: list[tuple[dict[str, Any], list[int] | None, int]] = [(root, None, 0)]
        while waiting:
            node, parent_list, parent_at = waiting.pop()
            if parent_list is not None:
                parent_list[parent_at] = count
            if "leaf_value" in node:
                self._append(tree, count, "LEAF", 0, 0.0)
                self.leaf_tree.append(tree)
                self.leaf_node.append(count)
                self.leaf_value.append(float(node["leaf_value"]))
            else:
                if node["decision_type"] != "<=":
                    raise ModelProblem(f"a split of type {node['decision_type']!r} has no ONNX")
                self._append(
                    tree, count, "BRANCH_LEQ", node["split_feature"], float(node["threshold"])
                )
                at = len(self.node) - 1
                waiting.append((node["right_child"], self.if_false, at))
                waiting.append((node["left_child"], self.if_true, at))
            count += 1

    def _append(self, tree: int, node: int, mode: str, feature: int, threshold: float) -> None:
        self.tree.append(tree)
        self.node.append(node)
        self.mode.append(mode)
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.if_true.append(0)
        self.if_false.append(0)
