"""What the two switches of off-policy learners do, in plain NumPy: a linear schedule of learning rates, and running statistics of observations."""

import numpy as np
import pytest
import torch

from wattloom.components.algorithms.csac import CSAC
from wattloom.components.algorithms.hasac import HASAC
from wattloom.components.algorithms.hatd3 import HATD3
from wattloom.components.algorithms.masac import MASAC
from wattloom.components.algorithms.matd3 import MATD3
from wattloom.components.algorithms.sac import SAC
from wattloom.components.algorithms.td3 import TD3
from wattloom.environment import EnvironmentSpec
from wattloom.errors import RunError
from wattloom.seeding import Seeds

SOFT, DELAYED = (SAC, CSAC, MASAC, HASAC), (TD3, MATD3, HATD3)
RATES = {"actor_learning_rate": 0.1, "critic_learning_rate": 0.02}
NORMED = {"normalize_observations": True}
ENDS = {"leaving": True, "start_at": 2.0}


def made(kind, crew, boxes, **options):
    """A team that the algorithm can serve: mixed choices and boxes, boxes alone, or choices alone."""
    return boxes(**options) if kind in DELAYED else crew("abd" if kind is CSAC else "abcd", **options)


def rates_of(algorithm):
    return {optimiser.learning_rate for learner in algorithm.learners.values() for optimiser in learner.optimisers}


@pytest.mark.parametrize("kind", SOFT + DELAYED)
def test_learning_rates_fall_linearly_over_the_env_steps_of_the_run(loop, crew, boxes, small, kind):
    rates = RATES | ({"alpha_learning_rate": 0.003} if kind in SOFT else {})
    algorithm = kind(learning_rate_schedule="linear", updates_per_step=1 / 3, **rates | small)
    run = loop(algorithm, made(kind, crew, boxes))  # three copies
    algorithm.total_steps = 48
    run.step(11)
    for env_steps in (33, 36, 39, 42, 45):  # before the steps that are learned from; nothing was learned before the 33rd
        run.step(1)
        assert algorithm.env_steps == env_steps + 3
        assert sorted(rates_of(algorithm)) == pytest.approx(sorted(rate * (1 - env_steps / 48) for rate in rates.values()))
    constant = loop(kind(**rates | small), made(kind, crew, boxes)).step(14).algorithm
    assert rates_of(constant) == set(rates.values())


def learned(algorithm):
    """Every parameter, by path; neither moments nor streams nor counts."""

    def leaves(tree, path):
        if isinstance(tree, dict):
            return {k: v for key, branch in tree.items() if "adam" not in key for k, v in leaves(branch, f"{path}/{key}").items()}
        return {path: tree} if isinstance(tree, torch.Tensor) and tree.is_floating_point() else {}

    return leaves(algorithm.state_dict()["learners"], "")


@pytest.mark.parametrize("kind", SOFT + DELAYED)
def test_the_schedule_reaches_everything_that_is_learned(loop, crew, boxes, small, kind, assert_same):
    """After the end of the run policies, critics, targets and temperatures stand still."""
    algorithm = kind(learning_rate_schedule="linear", **small)
    run = loop(algorithm, made(kind, crew, boxes))
    algorithm.total_steps = 3
    before = learned(algorithm)
    assert run.step(20).reports
    assert_same(learned(algorithm), before)
    algorithm.total_steps = 1_000
    run.step(2)
    assert not any(torch.equal(before[path], now) for path, now in learned(algorithm).items())


def seen_by(run, name):
    """Everything that an agent saw while it took part, from the transitions."""
    flags = [t.snapshot.active[name] if t.snapshot.active else np.ones(run.environment.num_envs, bool) for t in run.transitions]
    rows = [t.snapshot.observations[name][active] for t, active in zip(run.transitions, flags, strict=True)]
    return np.concatenate(rows).astype(np.float64)


def assert_statistics(norm, rows):
    assert norm.count == len(rows)
    np.testing.assert_allclose(norm.mean, rows.mean(0), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(norm.square / norm.count, rows.var(0), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", SOFT + DELAYED)
def test_statistics_are_those_of_all_rows_that_were_seen(loop, crew, boxes, small, kind):
    """From the first uniform step on, and of an agent only while it takes part."""
    run = loop(kind(**NORMED | small), made(kind, crew, boxes, **ENDS)).step(25)
    norms, names = run.algorithm.norms, list(run.environment.arrays)
    states = np.concatenate([t.snapshot.state for t in run.transitions]).astype(np.float64)
    if kind is CSAC:
        assert_statistics(norms.units["team"], states)
        return
    for name in names:
        assert_statistics(norms.units[name], seen_by(run, name))
    assert norms.units["c"].count < norms.units["a"].count
    assert (norms.state is None) == (kind in (SAC, TD3))
    if norms.state is not None:
        assert_statistics(norms.state, states)


def test_a_group_has_common_statistics(loop, crew, small):
    run = loop(SAC(share_parameters=True, **NORMED | small), crew("abd", groups={"a": "twins", "d": "twins"}, start_at=1.0)).step(14)
    norms = run.algorithm.norms
    assert set(norms.units) == {"twins", "b"}
    assert norms.agents["a"] is norms.agents["d"] is norms.units["twins"]
    assert_statistics(norms.units["twins"], np.concatenate([seen_by(run, "a"), seen_by(run, "d")]))


def columns_of(algorithm):
    """Statistics by the replay column that they scale."""
    names = {f"{name}/{key}": norm for name, norm in algorithm.norms.agents.items() for key in ("observation", "next_observation")}
    return names | {key: algorithm.norms.state for key in ("state", "next_state") if algorithm.norms.state}


@pytest.mark.parametrize("kind", SOFT + DELAYED)
def test_rows_are_stored_raw_and_scaled_when_they_are_drawn(loop, crew, boxes, small, kind):
    algorithm = loop(kind(**NORMED | small), made(kind, crew, boxes, **ENDS)).step(25).algorithm
    buffer, scaled = algorithm.buffer, columns_of(algorithm)
    algorithm.sample()
    raw = buffer._rows[buffer._index]
    assert {column for column in buffer.columns if column.endswith(("observation", "state"))} == set(scaled)
    for column, place in buffer.slices.items():
        if column not in scaled:
            assert torch.equal(buffer.batch[:, place], raw[:, place])
            continue
        norm = scaled[column]
        deviation = np.sqrt(norm.square / norm.count + 1e-8)
        expected = np.clip((raw[:, place].numpy() - norm.mean) / deviation, -10.0, 10.0)
        np.testing.assert_allclose(buffer.batch[:, place].numpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_replay_is_the_same_with_and_without(loop, crew, small):
    """While actions are uniform, so that both see the same world."""
    small = small | {"learning_starts": 1_000}
    rows = [loop(HASAC(**small | options), crew(**ENDS)).step(20).algorithm.buffer.state_dict()["rows"] for options in ({}, NORMED)]
    assert torch.equal(*rows)


@pytest.mark.parametrize("kind", SOFT + DELAYED)
def test_acting_and_learning_see_the_same_numbers(loop, crew, boxes, small, kind):
    """A policy acts on a stored observation as the learner's rows say: scaling by hand and acting without statistics gives the same action."""
    run = loop(kind(**NORMED | small), made(kind, crew, boxes, start_at=2.0)).step(25)
    algorithm, snapshot = run.algorithm, run.snapshot
    scaled = run.algorithm.policy(3, explore=False).act(snapshot)
    seen = {name: norm(snapshot.state if kind is CSAC else snapshot.observations[name]) for name, norm in algorithm.norms.agents.items()}
    for norm in algorithm.norms.units.values():
        norm.enabled = False
    by_hand = type(snapshot)(snapshot.observations if kind is CSAC else seen, seen["team"] if kind is CSAC else snapshot.state)
    assert all(np.array_equal(scaled[name], action) for name, action in algorithm.policy(3, explore=False).act(by_hand).items())
    raw = algorithm.policy(3, explore=False).act(snapshot)
    assert not all(np.array_equal(scaled[name], raw[name]) for name in raw)


@pytest.mark.parametrize("explore", [False, True])
@pytest.mark.parametrize("kind", SOFT + DELAYED)
def test_only_collecting_moves_the_statistics(loop, crew, boxes, small, kind, explore, assert_same):
    run = loop(kind(**NORMED | small), made(kind, crew, boxes)).step(20)
    before = run.algorithm.norms.state_dict()
    policy, elsewhere = run.algorithm.policy(3, explore), made(kind, crew, boxes, start_at=50.0)
    snapshot = elsewhere.reset(seed=1)
    for _ in range(5):
        snapshot = elsewhere.step(policy.act(snapshot)).snapshot
    assert_same(run.algorithm.norms.state_dict(), before)
    run.step(1)
    assert all(after["count"] > before["units"][name]["count"] for name, after in run.algorithm.norms.state_dict()["units"].items())


@pytest.mark.parametrize("kind", [SAC, CSAC, HATD3])
def test_a_trained_policy_plays_on_any_number_of_copies(loop, crew, boxes, small, kind):
    """What evaluation does: the state of 3 copies acts on 10, by the statistics that it was saved with."""
    trained = loop(kind(**NORMED | small), made(kind, crew, boxes, start_at=2.0)).step(20).algorithm
    many = made(kind, crew, boxes, num_envs=10)
    other = kind(**NORMED | small)
    other.setup(EnvironmentSpec.of(many), Seeds(8), 100)
    other.load_state_dict(trained.state_dict())
    snapshot = many.reset(seed=3)
    mine, theirs = (algorithm.policy(10, explore=False).act(snapshot) for algorithm in (trained, other))
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)
    for algorithm in (trained, other):
        algorithm.sample()
    assert torch.equal(trained.buffer.batch, other.buffer.batch)


@pytest.mark.parametrize("options", [NORMED, {}], ids=["with", "without"])
def test_a_state_of_the_other_kind_is_refused(loop, crew, small, options):
    saved = loop(HASAC(**options | small), crew()).step(14).algorithm.state_dict()
    other = {} if options else NORMED
    said = f"trained with algorithm.normalize_observations={str(bool(options)).lower()}, here it is {str(not options).lower()}"
    with pytest.raises(RunError, match=said):
        loop(HASAC(**other | small), crew()).algorithm.load_state_dict(saved)
