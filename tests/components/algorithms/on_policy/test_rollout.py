"""What a rollout stores: true successors, who took part, whose continuation is worth 0; and its exact continuation."""

import io

import numpy as np
import pytest
import torch

from wattloom.algorithm import Transition
from wattloom.components.buffers.rollout import RolloutBuffer
from wattloom.environment import EnvironmentSpec
from wattloom.errors import RunError


def play(environment, steps, buffer=None, seed=5):
    """Fill a buffer with random actions; return it and the transitions."""
    buffer = buffer or RolloutBuffer(EnvironmentSpec.of(environment), steps)
    for i, spec in enumerate(environment.agents):
        spec.action_space.seed(seed + i)
    snapshot, seen = environment.reset(seed=seed), []
    for _ in range(steps):
        actions = {s.name: np.stack([s.action_space.sample() for _ in range(environment.num_envs)]) for s in environment.agents}
        result = environment.step(actions)
        seen.append(Transition(snapshot, actions, result))
        buffer.add(seen[-1])
        snapshot = environment.reset(mask=result.ended) if result.ended.any() else result.snapshot
    return buffer, seen


def test_rows_are_what_was_seen_and_done(crew):
    buffer, seen = play(crew(masks=True), 20)
    assert buffer.full
    for name in "abcd":
        assert np.array_equal(buffer.observations[name][:-1], np.stack([t.snapshot.observations[name] for t in seen]))
        assert np.array_equal(buffer.actions[name], np.stack([t.actions[name] for t in seen]))
    assert np.array_equal(buffer.state[:-1], np.stack([t.snapshot.state for t in seen]))
    assert np.array_equal(buffer.masks["a"], np.stack([t.snapshot.action_masks["a"] for t in seen]))
    assert not buffer.masks["a"].all()
    assert np.array_equal(buffer.rewards, np.stack([[t.result.rewards[n] for t in seen] for n in "abcd"]))


@pytest.mark.parametrize("steps", [20, 21])
def test_a_cut_episode_keeps_its_true_last_observation(crew, steps):
    buffer, seen = play(crew(horizon=7, limit=1.2), steps)
    times, copies = buffer.final_rows()
    truncated = np.stack([t.result.truncated for t in seen])
    expected = [(t, n) for t in range(steps - 1) for n in range(3) if truncated[t, n]]
    assert expected
    assert np.stack([t.result.terminated for t in seen]).any()
    assert list(zip(times.tolist(), copies.tolist(), strict=True)) == expected
    for k, (t, n) in enumerate(expected):
        assert np.array_equal(buffer.finals("b")[k], seen[t].result.snapshot.observations["b"][n])
        assert np.array_equal(buffer.finals("/state")[k], seen[t].result.snapshot.state[n])
        assert not np.array_equal(buffer.finals("b")[k], buffer.observations["b"][t + 1, n])
    assert np.array_equal(buffer.observations["b"][-1], seen[-1].result.snapshot.observations["b"])


def test_an_agent_that_left_is_worth_nothing_and_one_that_was_cut_bootstraps(crew):
    buffer, _ = play(crew(leaving=True, horizon=7), 7)
    b, c = 1, 2
    assert buffer.active[c, :, 0].tolist() == [True] * 3 + [False] * 4
    assert buffer.active[b, :, 0].tolist() == [True] * 5 + [False] * 2
    assert buffer.terminated[c, :, 0].tolist() == [False, False, True, False, False, False, False]
    assert not buffer.terminated[b].any()
    assert buffer.ended[b, 4].all()
    assert not buffer.ended[b, :4].any()
    assert not buffer.team_ended[:6].any()
    times, _ = buffer.final_rows()
    assert 4 in times
    assert 2 not in times


def test_without_a_central_state_the_observations_stand_side_by_side(crew):
    buffer, seen = play(crew(state=False), 9)
    assert np.array_equal(buffer.state[3], np.concatenate([seen[3].snapshot.observations[n] for n in "abcd"], axis=1))
    assert buffer.state_width == 15


def test_state_is_complete_and_loads_with_weights_only(crew):
    environment = crew(masks=True, leaving=True, horizon=4)
    buffer, _ = play(environment, 20)
    partial = RolloutBuffer(EnvironmentSpec.of(environment), 20)
    _, seen = play(crew(masks=True, leaving=True, horizon=4), 20, RolloutBuffer(EnvironmentSpec.of(environment), 20))
    for t in seen[:11]:
        partial.add(t)
    file = io.BytesIO()
    torch.save(partial.state_dict(), file)
    file.seek(0)
    again = RolloutBuffer(EnvironmentSpec.of(environment), 20)
    again.load_state_dict(torch.load(file, weights_only=True))
    for t in seen[11:]:
        again.add(t)
    mine, theirs = again.state_dict(), buffer.state_dict()
    assert len(mine["finals"]) == len(theirs["finals"]) > 1
    for name, tensor in theirs["arrays"].items():
        assert torch.equal(mine["arrays"][name], tensor), name
    assert np.array_equal(again.finals("/state"), buffer.finals("/state"))
    assert np.array_equal(again.final_rows(), buffer.final_rows())


def test_a_rollout_of_other_agents_is_refused(crew):
    buffer, _ = play(crew("ab"), 5)
    with pytest.raises(RunError, match="observations/b"):
        RolloutBuffer(EnvironmentSpec.of(crew("a")), 5).load_state_dict(buffer.state_dict())
    narrow = buffer.state_dict()
    narrow["arrays"]["state"] = narrow["arrays"]["state"][..., :-1]
    with pytest.raises(RunError, match="'state' has shape"):
        RolloutBuffer(EnvironmentSpec.of(crew("ab")), 5).load_state_dict(narrow)


def test_a_rollout_of_other_copies_is_left_behind(crew):
    buffer, _ = play(crew("ab"), 5)
    other = RolloutBuffer(EnvironmentSpec.of(crew("ab", num_envs=10)), 5)
    other.load_state_dict(buffer.state_dict())
    assert other.filled == 0
