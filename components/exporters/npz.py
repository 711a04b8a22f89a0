"""Plain NumPy arrays: weights, statistics and bounds by name, for a controller that has nothing but a matrix product.

One agent acts by::

    x = clip((observation - mean) * inverse, -10, 10)         # where the file has 'mean'
    x = [x, one_hot]                                          # where it has 'one_hot'
    x = activation(hidden_i_weight @ x + hidden_i_bias)       # i = 0, 1, …
    h = head_weight @ x + head_bias
    choices:   action = start + argmax of each part of h      # parts of lengths 'counts'
    mean:      action = clip(middle + half_width h, low, high)
    squashed:  action = clip(low + half_width (tanh(h[:n]) + 1), low, high)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from wattloom.components.exporters.protocol import Inputs, Outputs, Runner
from wattloom.components.networks.deployed import Choices, DeployedPolicy, Squashed
from wattloom.components.networks.masking import ILLEGAL
from wattloom.environment import Array
from wattloom.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

SUFFIX = ".npz"
_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {"tanh": np.tanh, "relu": lambda x: np.maximum(x, np.float32(0.0))}


def write(policy: nn.Module, sample: Inputs, path: Path, metadata: Mapping[str, str]) -> None:
    """Write every array by name, and ``metadata`` as texts ``about_…``.

    Raises:
        UsageError: A user's algorithm whose module is built otherwise; the other formats serve any module.
    """
    if not isinstance(policy, DeployedPolicy):
        raise UsageError(f"--format npz knows perceptrons only, not {type(policy).__name__}: use --format onnx or pt2")
    arrays: dict[str, Any] = {"activation": policy.perceptron.nonlinearity.__name__, "shape": sample["observation"].shape[1:]}
    for i, layer in enumerate(policy.perceptron.hidden):
        arrays |= _layer(f"hidden_{i}", cast(torch.nn.Linear, layer))
    arrays |= _layer("head", policy.perceptron.head) | _head(policy.head)
    for name in ("standardise.mean", "standardise.inverse", "one_hot"):
        value = policy.state_dict().get(name)
        if value is not None:
            arrays[name.rpartition(".")[2]] = value.numpy().reshape(-1)
    np.savez(path, **(arrays | {f"about_{key}": value for key, value in metadata.items()}))


def _layer(name: str, layer: torch.nn.Linear) -> dict[str, Array]:
    return {f"{name}_weight": layer.weight.detach().numpy(), f"{name}_bias": layer.bias.detach().numpy()}


def _head(head: nn.Module) -> dict[str, Any]:
    """Return the arrays that turn a head into an action."""
    if isinstance(head, Choices):
        return {"kind": "choices", "counts": head.counts, "start": head.starts, "single": head.single}
    bounds = {name: value.numpy() for name, value in head.state_dict().items() if name in ("low", "high", "half_width", "middle")}
    return {"kind": "squashed" if isinstance(head, Squashed) else "mean", "action_shape": np.array(head.shape, np.int64), **bounds}


def load(path: Path) -> Runner:
    """Return the arrays' policy, computed with NumPy by the formula of this module."""
    arrays = dict(np.load(path))
    activation = _ACTIVATIONS[str(arrays["activation"])]
    depth = sum(name.startswith("hidden_") and name.endswith("_weight") for name in arrays)

    def run(inputs: Inputs) -> Outputs:
        x = inputs["observation"].reshape(len(inputs["observation"]), -1)
        if "mean" in arrays:
            x = np.clip((x - arrays["mean"]) * arrays["inverse"], -10, 10)
        if "one_hot" in arrays:
            x = np.concatenate([x, np.broadcast_to(arrays["one_hot"], (len(x), len(arrays["one_hot"])))], 1)
        for i in range(depth):
            x = activation(x @ arrays[f"hidden_{i}_weight"].T + arrays[f"hidden_{i}_bias"])
        head = x @ arrays["head_weight"].T + arrays["head_bias"]
        return {"action": _action(arrays, head, inputs.get("action_mask"))}

    return run


def _action(arrays: Mapping[str, Array], head: Array, mask: Array | None) -> Array:
    """Return the greedy action of each row."""
    if str(arrays["kind"]) == "choices":
        logits = head if mask is None else np.where(mask, head, head + np.float32(ILLEGAL))
        parts = np.split(logits, np.cumsum(arrays["counts"])[:-1], axis=1)
        chosen = [part.argmax(1) + start for part, start in zip(parts, arrays["start"], strict=True)]
        return chosen[0] if bool(arrays["single"]) else np.stack(chosen, 1)
    if str(arrays["kind"]) == "squashed":
        value = arrays["low"] + arrays["half_width"] * (np.tanh(head[:, : len(arrays["low"])]) + np.float32(1.0))
    else:
        value = arrays["middle"] + arrays["half_width"] * head
    action: Array = np.clip(value, arrays["low"], arrays["high"]).reshape(-1, *arrays["action_shape"])
    return action
