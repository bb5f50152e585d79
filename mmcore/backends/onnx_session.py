"""ONNX Runtime sessions as this project opens them."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

QUIET = 3  # errors only


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A session on the CPU that sends nothing home and gives its memory back when it is dropped.

    The arena is off: it would keep the largest batch ever seen for as long as the session lives.
    """
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads leave the cores to others
    options.log_severity_level = QUIET
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
