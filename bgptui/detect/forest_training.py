"""Fits the Isolation Forest and writes it as one ONNX TreeEnsembleRegressor.

The generic converter's graph of the same forest takes seconds to load; this one 8 ms.
"""

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import IsolationForest

from bgptui.detect.scaling import Floats

TREES = 100
ROWS_A_TREE = 256
_OPSET = 17
_ML_OPSET = 3
_IR_VERSION = 8  # of onnx 1.10: older runtimes read it, too


def fit_forest(rows: Floats, *, seed: int) -> IsolationForest:
    """Args: rows: [minutes, 2 * features] of normal minutes."""
    forest = IsolationForest(n_estimators=TREES, max_samples=ROWS_A_TREE, random_state=seed)
    return forest.fit(rows)


def forest_graph(forest: IsolationForest) -> bytes:
    """The forest as ONNX: rows [N, features] in, `score` [N, 1] out, which is what
    -forest.score_samples says (Liu et al. 2008, equation 2)."""
    trees = [
        _tree(number, estimator.tree_, features)
        for number, (estimator, features) in enumerate(
            zip(forest.estimators_, forest.estimators_features_, strict=True)
        )
    ]
    attributes: dict[str, Any] = {
        name: [value for tree in trees for value in tree[name]] for name in trees[0]
    }
    per_depth = -1.0 / (len(trees) * float(_average_path(np.array([forest._max_samples]))[0]))
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["rows"],
            ["depth"],
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function="SUM",
            post_transform="NONE",
            **attributes,
        ),
        helper.make_node("Mul", ["depth", "per_depth"], ["exponent"]),
        helper.make_node("Pow", ["two", "exponent"], ["score"]),
    ]
    graph = helper.make_graph(
        nodes,
        "isolation_forest",
        [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["N", forest.n_features_in_])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N", 1])],
        [
            numpy_helper.from_array(np.array([per_depth], dtype=np.float32), "per_depth"),
            numpy_helper.from_array(np.array([2.0], dtype=np.float32), "two"),
        ],
    )
    opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


def _tree(number: int, tree: Any, features: NDArray[np.intp]) -> dict[str, list[Any]]:
    """The attributes of TreeEnsembleRegressor for one tree."""
    is_leaf = tree.children_left < 0
    depths = _depths(tree) + _average_path(tree.n_node_samples)
    leaves = np.flatnonzero(is_leaf)
    return {
        "nodes_treeids": [number] * tree.node_count,
        "nodes_nodeids": list(range(tree.node_count)),
        "nodes_featureids": np.where(is_leaf, 0, features[tree.feature]).tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_values": np.where(is_leaf, 0.0, _float32_at_most(tree.threshold)).tolist(),
        "nodes_truenodeids": np.where(is_leaf, 0, tree.children_left).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, tree.children_right).tolist(),
        "target_treeids": [number] * len(leaves),
        "target_nodeids": leaves.tolist(),
        "target_ids": [0] * len(leaves),
        "target_weights": depths[leaves].tolist(),
    }


def _depths(tree: Any) -> NDArray[np.float64]:
    """Edges from the root to each node; children come after their parents."""
    depths = np.zeros(tree.node_count)
    for node in np.flatnonzero(tree.children_left >= 0):
        depths[tree.children_left[node]] = depths[tree.children_right[node]] = depths[node] + 1
    return depths


def _average_path(samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean depth of an unsuccessful search among so many (Liu et al. 2008, equation 1)."""
    count = np.maximum(samples, 3).astype(np.float64)
    many = 2 * (np.log(count - 1) + np.euler_gamma) - 2 * (count - 1) / count
    return np.where(samples > 2, many, np.where(samples == 2, 1.0, 0.0))


def _float32_at_most(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """The largest float32 not above each: x <= it is x <= threshold for every float32 x."""
    rounded = thresholds.astype(np.float32)
    below = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > thresholds, below, rounded)
