"""A policy that stands alone: masks, several choices, parameters shared within a group, statistics."""

import numpy as np
import pytest
import torch

from wattloom.components.algorithms.ippo import IPPO
from wattloom.spaces import choices


@pytest.mark.parametrize("options", [{"masks": True}, {"groups": {"a": "twins", "d": "twins"}}], ids=["masks", "shared"])
def test_module_equals_policy(loop, crew, options):
    algorithm = IPPO(hidden_sizes=(8,), rollout_steps=5, share_parameters="groups" in options, normalize_observations=True)
    run = loop(algorithm, crew(**options)).step(12)
    acted = algorithm.policy(3, explore=False).act(run.snapshot)
    for agent in run.environment.agents:
        inputs = [torch.from_numpy(run.snapshot.observations[agent.name])]
        if options.get("masks") and choices(agent.action_space):
            inputs.append(torch.from_numpy(run.snapshot.action_masks[agent.name]))
        module = algorithm.module(agent.name)
        action = module(*inputs)["action"].numpy()
        assert module.standardise.active
        if choices(agent.action_space):
            np.testing.assert_array_equal(action, acted[agent.name])
        else:
            np.testing.assert_allclose(action, np.clip(acted[agent.name], -2.0, 3.0), atol=1e-6)


def test_a_masked_choice_is_never_taken(loop, crew):
    run = loop(IPPO(hidden_sizes=(8,), rollout_steps=5), crew("ab", masks=True)).step(6)
    module = run.algorithm.module("a")
    seen = torch.randn(50, 4, generator=torch.Generator().manual_seed(1))
    free = module(seen)["action"]
    mask = torch.ones(50, 3, dtype=torch.bool).scatter_(1, free[:, None], False)
    assert (module(seen, mask)["action"] != free).all()
