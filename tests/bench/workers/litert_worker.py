"""LiteRT (TensorFlow Lite), with its XNNPACK delegate and the network that Keras exported."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import common


def open_network(job: SimpleNamespace) -> common.Network:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(common.exported(job, "tflite"), num_threads=job.threads)
    input_index = interpreter.get_input_details()[0]["index"]
    output_index = interpreter.get_output_details()[0]["index"]
    allocated = 0

    def probabilities(images: Any) -> Any:
        nonlocal allocated
        batch = images.reshape(-1, 28, 28, 1)
        if len(batch) != allocated:
            interpreter.resize_tensor_input(input_index, batch.shape)
            interpreter.allocate_tensors()
            allocated = len(batch)
        interpreter.set_tensor(input_index, batch)
        interpreter.invoke()
        return interpreter.get_tensor(output_index)

    return probabilities


common.serve(open_network)
