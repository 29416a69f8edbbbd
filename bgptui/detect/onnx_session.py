"""An ONNX graph in memory, ready to run."""

from typing import Any

import numpy as np

from bgptui.detect.scaling import Floats


class OnnxSession:
    """One input, float32 outputs. One thread: for graphs this small two are slower."""

    def __init__(self, graph: bytes) -> None:
        import onnxruntime  # noqa: PLC0415 - 100 ms that a command without models saves

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # Run once a minute: what an arena keeps meanwhile is better given back.
        options.enable_cpu_mem_arena = False
        options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name

    def run(self, rows: Floats) -> list[Floats]:
        outputs: list[Any] = self._session.run(None, {self._input: rows})
        return [np.asarray(output, dtype=np.float32) for output in outputs]
