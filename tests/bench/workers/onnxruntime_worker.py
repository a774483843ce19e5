"""ONNX Runtime with the network that PyTorch exported."""

from __future__ import annotations

from types import SimpleNamespace

import common


def open_network(job: SimpleNamespace) -> common.Network:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    session = onnxruntime.InferenceSession(
        common.exported(job, "onnx"), options, providers=["CPUExecutionProvider"]
    )
    return lambda images: session.run(None, {"images": images.reshape(-1, 1, 28, 28)})[0]


common.serve(open_network)
