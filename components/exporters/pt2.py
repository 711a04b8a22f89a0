"""PyTorch's own exported program (``torch.export``): needs torch to run, and no code of ours."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from wattloom.components.exporters.protocol import Inputs, Outputs, Runner

if TYPE_CHECKING:
    from torch import nn

SUFFIX = ".pt2"


def write(policy: nn.Module, sample: Inputs, path: Path, metadata: Mapping[str, str]) -> None:
    """Trace and write the program; ``metadata`` lies beside it as extra files."""
    tensors = tuple(torch.from_numpy(np.array(value)) for value in sample.values())
    rows = torch.export.Dim("rows", min=1)
    program = torch.export.export(policy, tensors, dynamic_shapes=tuple({0: rows} for _ in tensors))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(program, str(path), extra_files={f"{key}.txt": value for key, value in metadata.items()})


def load(path: Path) -> Runner:
    """Return the program as torch runs it."""
    module = torch.export.load(str(path)).module()

    def run(inputs: Inputs) -> Outputs:
        with torch.inference_mode():
            outputs = module(*(torch.from_numpy(np.array(value)) for value in inputs.values()))
        return {name: value.numpy() for name, value in outputs.items()}

    return run
