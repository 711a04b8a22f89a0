"""The sequential update: whose turn it is, the compound factor, and improvement of the team on cooperative matrix games."""

import itertools

import numpy as np
import pytest
import torch

from wattloom.components.algorithms.haa2c import HAA2C
from wattloom.components.algorithms.happo import HAPPO
from wattloom.components.algorithms.hatrpo import HATRPO
from wattloom.components.algorithms.mappo import MAPPO
from wattloom.components.algorithms.turns import turns

SMALL = {"rollout_steps": 10, "critic_epochs": 1, "hidden_sizes": (8,)}
FAMILY = pytest.mark.parametrize("kind", [HAPPO, HAA2C, HATRPO])


def test_turns():
    generator = torch.Generator().manual_seed(1)
    assert turns("fixed", 4, generator) == [0, 1, 2, 3]
    assert turns("reverse", 4, generator) == [3, 2, 1, 0]
    drawn = [tuple(turns("random", 3, generator)) for _ in range(600)]
    counts = {order: drawn.count(order) for order in itertools.permutations(range(3))}
    assert min(counts.values()) > 60


def joint_log_prob(algorithm, i):
    """Log-density of agent i's stored actions under its present policy, computed from the buffer with torch.distributions."""
    actor = algorithm.actors[i]
    name = algorithm.spec.agents[i].name
    rows = torch.from_numpy(algorithm.rollout.observations[name][:-1].reshape(algorithm._block, -1)).double()
    net = {key: tensor.double() for key, tensor in ((k, actor.params.member(0)[k]) for k in actor.params.shapes)}
    x = rows
    for layer in [key for key in net if "layer" in key]:
        x = torch.tanh(x @ net[layer][0, :-1] + net[layer][0, -1])
    head = x @ net["net.head"][0, :, :-1].T + net["net.head"][0, :, -1]
    actions = algorithm.rollout.actions[name].reshape(algorithm._block, -1)
    if actor.kind.free:
        scaled = torch.from_numpy((actions - 0.5) / 2.5)
        return torch.distributions.Normal(head, net["log_std"][0, :, 0].exp()).log_prob(scaled).sum(1).double()
    parts = head.split(actor.kind.counts, 1)
    chosen = torch.from_numpy(actions)
    return sum(torch.distributions.Categorical(logits=p).log_prob(chosen[:, k]) for k, p in enumerate(parts)).double()


@FAMILY
@pytest.mark.parametrize("order", ["fixed", "reverse"])
@pytest.mark.parametrize(("dtype", "bar"), [(torch.float32, 1e-6), (torch.float64, 1e-10)], ids=["single", "double"])
def test_each_agent_sees_the_product_of_the_ratios_before_it(loop, crew, in_precision, dtype, bar, kind, order):
    """The advantages that a turn works on are A times the product of what earlier turns changed, computed here from the networks."""
    with in_precision(dtype):
        _watch_factors(loop, crew, bar, kind, order)


def _watch_factors(loop, crew, bar, kind, order):
    extra = {} if kind is HATRPO else {"learning_rate": 0.01}
    algorithm = kind(update_order=order, **SMALL, **extra)
    loop(algorithm, crew()).step(9)
    worked, before, original = [], {}, algorithm.take_turn

    def watched(actor):
        if not worked:
            before.update({i: joint_log_prob(algorithm, i) for i in range(4)})
        worked.append((actor.names[0], actor.column("advantage")[0, :, 0].clone()))
        return original(actor)

    algorithm.take_turn = watched
    plain = {}
    improve = algorithm.improve
    algorithm.improve = lambda advantages: (plain.update(enumerate(advantages.copy())), improve(advantages))[1]
    clear = algorithm.rollout.clear
    algorithm.rollout.clear = lambda: None  # keep the rows for this test
    policy = algorithm.policy(3, True)
    env = crew()
    snapshot = env.reset(seed=3)
    from wattloom.algorithm import Transition

    actions = policy.act(snapshot)
    algorithm.observe(Transition(snapshot, actions, env.step(actions)))
    assert algorithm.update() is not None
    expected_order = ["a", "b", "c", "d"] if order == "fixed" else ["d", "c", "b", "a"]
    assert [name for name, _ in worked] == expected_order
    factor = torch.ones(algorithm._block, dtype=torch.float64)
    for name, seen in worked:
        i = "abcd".index(name)
        torch.testing.assert_close(seen.double(), torch.from_numpy(plain[i]).double() * factor, rtol=bar, atol=bar)
        factor *= (joint_log_prob(algorithm, i) - before[i]).exp()
    assert float((factor - 1.0).abs().max()) > 0.01
    clear()


def test_an_absent_agent_leaves_the_factor_alone(loop, crew):
    algorithm = HAPPO(**(SMALL | {"rollout_steps": 7, "learning_rate": 0.05}))
    run = loop(algorithm, crew(leaving=True))
    ratios = []
    for actor in algorithm.actors:
        actor.ratio = lambda original=actor.ratio: ratios.append(original()) or ratios[-1]
    absent = {}
    algorithm.take_turn = lambda actor, original=algorithm.take_turn: (absent.setdefault(actor.names[0], 0), original(actor))[1]
    run.step(7)
    order = list(absent)
    gone = ratios[order.index("c")][0].reshape(7, 3)[3:]
    assert torch.equal(gone, torch.ones_like(gone))
    assert float((ratios[order.index("c")][0].reshape(7, 3)[:3] - 1.0).abs().max()) > 1e-4


COORDINATION = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
CLIMBING = np.array([[11.0, -30.0, 0.0], [-30.0, 7.0, 6.0], [0.0, 0.0, 5.0]])
THREE = np.fromfunction(lambda i, j, k: -((i - 2.0) ** 2) - (j - k) ** 2 - 0.5 * (k - 1.0) ** 2, (3, 3, 3))


def expected_payoff(algorithm, payoff):
    """Exact expected payoff of the present policies, from their probabilities."""
    value = payoff
    for net in (actor.params.member(e) for actor in algorithm.actors for e in range(len(actor.names))):
        x = torch.ones(1)
        for layer in [key for key in net if "layer" in key]:
            x = torch.tanh(x @ net[layer][0, :-1] + net[layer][0, -1])
        p = (net["net.head"][0, :, :-1] @ x + net["net.head"][0, :, -1]).softmax(0).double().numpy()
        value = np.tensordot(p, value, axes=(0, 0))
    return float(value)


def payoffs(loop, matrix_game, algorithm, payoff, updates, copies=1024):
    run = loop(algorithm, matrix_game(payoff, num_envs=copies))
    found = [expected_payoff(algorithm, payoff)]
    for _ in range(updates):
        run.step(algorithm.rollout_steps)
        found.append(expected_payoff(algorithm, payoff))
    return np.array(found)


GAMES = pytest.mark.parametrize("game", [COORDINATION, CLIMBING, THREE], ids=["coordination", "climbing", "three"])
ONE_STEP = {"rollout_steps": 1, "hidden_sizes": (16,), "value_scale": "none", "critic_learning_rate": 0.01}


@GAMES
@FAMILY
def test_the_team_improves_at_every_update(loop, matrix_game, kind, game):
    """Each update of a sequential algorithm raises the exact team payoff, up to the noise of 4,096 sampled joint actions."""
    extra = {} if kind is HATRPO else {"learning_rate": 2e-3, "epochs": 5, "entropy_coefficient": 0.0}
    found = payoffs(loop, matrix_game, kind(**ONE_STEP, **extra), game, 40, copies=4096)
    spread = game.max() - game.min()
    assert np.diff(found).min() > -2e-3 * spread
    assert found[-1] - found[0] > 0.1 * spread


@GAMES
@pytest.mark.parametrize("kind", [HAPPO, HAA2C, HATRPO, MAPPO])
def test_the_team_ends_in_an_equilibrium(loop, matrix_game, kind, game):
    """At the end no agent alone gains more than 5 % of the spread; where the best joint action is within reach, that is what is played."""
    extra = {} if kind is HATRPO else {"learning_rate": 5e-3, "epochs": 5, "entropy_coefficient": 0.0}
    algorithm = kind(**ONE_STEP, **extra)
    found = payoffs(loop, matrix_game, algorithm, game, 150, copies=256)
    policy = algorithm.policy(1, explore=False)
    environment = matrix_game(game, num_envs=1)
    actions = policy.act(environment.reset(seed=1))
    played = tuple(int(actions[spec.name][0]) for spec in environment.agents)
    for axis in range(game.ndim):
        line = game[(*played[:axis], slice(None), *played[axis + 1 :])]
        assert game[played] >= line.max() - 0.05 * (game.max() - game.min())
    assert found[-1] > game[played] - 0.1 * (game.max() - game.min())
    if game is not CLIMBING:
        assert game[played] == game.max()
