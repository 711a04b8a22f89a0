"""ONNX, opset 20: one self-contained graph that any ONNX runtime executes without Python."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from wattloom.components.exporters.protocol import Inputs, Outputs, Runner
from wattloom.errors import MissingExtraError

if TYPE_CHECKING:
    from torch import nn

SUFFIX = ".onnx"
OPSET = 20


def write(policy: nn.Module, sample: Inputs, path: Path, metadata: Mapping[str, str]) -> None:
    """Trace, check and write the graph; ``metadata`` becomes its ``metadata_props``."""
    onnx = _package("onnx")
    _package("onnxscript")
    tensors = tuple(torch.from_numpy(np.array(value)) for value in sample.values())
    rows = torch.export.Dim("rows", min=1)
    outputs = list(policy(*tensors))
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of operators of packages that are not installed
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # and of its progress
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            policy,
            tensors,
            dynamo=True,
            input_names=list(sample),
            output_names=outputs,
            dynamic_shapes=tuple({0: rows} for _ in tensors),
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(path))


def load(path: Path) -> Runner:
    """Return the graph on onnxruntime, one thread."""
    runtime = _package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Inputs) -> Outputs:
        return dict(zip(names, session.run(names, dict(inputs)), strict=True))

    return run


def _package(name: str) -> Any:
    """Import an optional package."""
    try:
        return __import__(name)
    except ImportError as error:
        raise MissingExtraError("wattloom export --format onnx", "export") from error
