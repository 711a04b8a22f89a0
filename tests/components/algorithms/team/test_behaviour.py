"""What learners of a team promise: masks, absent agents, sharing, rewards, turns, temperatures, states, errors."""

import io

import numpy as np
import pytest
import torch
from gymnasium import spaces

from wattloom.components.algorithms.csac import CSAC
from wattloom.components.algorithms.hasac import HASAC
from wattloom.components.algorithms.hatd3 import HATD3
from wattloom.components.algorithms.masac import MASAC
from wattloom.components.algorithms.matd3 import MATD3
from wattloom.components.algorithms.on_policy.distributions import Categorical
from wattloom.components.algorithms.sac import SAC, SACLearner
from wattloom.components.algorithms.team.batch import TeamBatch
from wattloom.components.algorithms.team.heads import Choices, SquashedGaussian
from wattloom.components.algorithms.team.policies import UnitShape
from wattloom.components.algorithms.team.soft_learner import SoftTeamLearner
from wattloom.environment import EnvironmentSpec
from wattloom.errors import ConfigError, RunError
from wattloom.seeding import Seeds

GROUPS = {"a": "twins", "d": "twins"}
ENDS = {"masks": True, "leaving": True, "groups": GROUPS, "start_at": 1.0, "limit": 8.0}
CASES = [
    pytest.param(SAC, {}, id="isac"),
    pytest.param(SAC, {"share_parameters": True, "reward_sharing": 0.5}, id="isac-shared"),
    pytest.param(MASAC, {"share_parameters": True}, id="masac-shared"),
    pytest.param(MASAC, {"reward_sharing": 0.0}, id="masac-individual"),
    pytest.param(HASAC, {}, id="hasac"),
    pytest.param(HASAC, {"reward_sharing": 0.5, "engine": "autograd"}, id="hasac-weighted-autograd"),
]


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_resumes_exactly_and_never_breaks_a_mask(loop, crew, small, assert_same, kind, options):
    def start():
        return loop(kind(updates_per_step=0.3, **small | options), crew(**ENDS), seed=2)

    whole, first = start().step(40), start().step(23)
    file = io.BytesIO()
    state, environment = first.state()
    torch.save(state, file)
    file.seek(0)
    second = start().restore(torch.load(file, weights_only=True), environment).step(17)
    assert_same(second.state()[0], whole.state()[0])
    assert first.reports + second.reports == whole.reports
    assert all(np.isfinite(value) for _, _, figures in whole.reports for value in figures.values())
    illegal = 0
    greedy = whole.algorithm.policy(3, explore=False)
    for t in whole.transitions:
        masks = t.snapshot.action_masks
        for actions in (t.actions, greedy.act(t.snapshot)):
            illegal += (~masks["a"][np.arange(3), actions["a"]]).sum() + (actions["b"][:, 1] == 1).sum()
    assert illegal == 0
    assert any(not t.snapshot.action_masks["a"].all() for t in whole.transitions)


@pytest.mark.parametrize(("kind", "options"), CASES)
def test_both_engines_agree(loop, crew, small, kind, options):
    both = [loop(kind(**small | options | {"engine": engine}), crew(**ENDS)).step(20) for engine in ("analytic", "autograd")]
    for (_, _, mine), (_, _, theirs) in zip(both[0].reports, both[1].reports, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-4, abs=2e-5)
    assert len(both[0].reports) >= 8


def test_team_of_one_is_sac(loop, drift, small, double):
    """The general learner and the tuned one do the same to a single agent with continuous actions."""
    algorithm = SAC(**small)
    algorithm.learning_starts = 1_000
    loop(algorithm, drift(agents=(("a", 3, 2),), limit=6.0)).step(60)
    own = algorithm.learners["a"]
    assert isinstance(own, SACLearner)
    batch = TeamBatch.alone(algorithm._batches["a"])
    general = SoftTeamLearner(algorithm, batch, [(UnitShape("a", (0,), 3, 16), SquashedGaussian(2))], Seeds(9))
    general.policies[0].params.data.copy_(own.online.section("actor").data)
    for params in (general.critics.params, general.critics.target):
        params.data.copy_(own.online.section("critic").data)
    general.policies[0]._generator.set_state(own._generator.get_state())
    for _ in range(5):
        algorithm.sample()
        assert general.update()() == pytest.approx(own.update()(), rel=1e-9)
    torch.testing.assert_close(general.policies[0].params.data, own.online.section("actor").data, rtol=0, atol=1e-10)
    torch.testing.assert_close(general.critics.target.data, own.target.data, rtol=0, atol=1e-10)
    torch.testing.assert_close(general.log_alpha, own.log_alpha, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", [MASAC, HASAC, MATD3, HATD3])
@pytest.mark.parametrize(("sharing", "streams"), [(1.0, 1), (0.5, 3), (0.0, 3)])
def test_one_pair_of_critics_where_all_earn_the_same(loop, boxes, small, kind, sharing, streams):
    run = loop(kind(reward_sharing=sharing, **small), boxes()).step(12)
    assert len(run.algorithm.team.critics.params["head"]) == 2 * streams
    stored = run.algorithm.buffer.stored("team/reward" if streams == 1 else "b/reward")[:, 0].numpy()
    rewards = [np.concatenate([t.result.rewards[name] for t in run.transitions]) for name in "abc"]
    np.testing.assert_allclose(stored, (1 - sharing) * rewards[1] + sharing * np.mean(rewards, axis=0), rtol=1e-5)


def test_groups_share_one_policy_and_are_told_apart(loop, crew, small):
    algorithm = loop(MASAC(share_parameters=True, **small), crew("ad", groups=GROUPS, state=False)).step(20).algorithm
    assert [policy.name for policy in algorithm.team.policies] == ["twins"]
    seen = torch.ones(3, 4)
    first, second = (algorithm.actor(name, 3)(seen, None, None) for name in "ad")
    params = algorithm.team.policies[0].params
    with torch.no_grad():
        params["layer_0"][0, 5] = params["layer_0"][0, 4]  # the rows of the two one-hots
    assert torch.equal(algorithm.actor("a", 3)(seen, None, None), algorithm.actor("d", 3)(seen, None, None))
    assert first.shape == second.shape == (3, 3)


def test_agents_of_a_group_with_unequal_shapes(crew, small):
    with pytest.raises(ConfigError, match="share_parameters=true needs agents of one group"):
        MASAC(share_parameters=True, **small).setup(EnvironmentSpec.of(crew("ab", groups={"a": "g", "b": "g"})), Seeds(1), 10)


@pytest.mark.parametrize(
    ("counts", "expected"), [((3,), 0.5 * np.log(3.0)), ((2, 3), 0.5 * (np.log(2.0) + np.log(3.0))), ((7,), 0.5 * np.log(7.0))]
)
def test_the_target_entropy_of_choices_is_a_share_of_the_largest_not_0(counts, expected):
    """The shape of a Discrete space is empty, so a target of -0.98 log(1 / prod(shape)) is 0 whatever the number of choices."""
    head = Choices(Categorical(counts))
    assert head.target_entropy(0.5, None) == pytest.approx(expected)
    assert head.target_entropy(0.5, None) > 0.0


def test_the_target_entropy_of_masked_choices_is_that_of_the_allowed_ones():
    head = Choices(Categorical((2, 3)))
    penalty = torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, -1e10, 0.0, 0.0, -1e10]]).T
    expected = [np.log(2.0) + np.log(3.0), np.log(2.0)]
    torch.testing.assert_close(head.target_entropy(1.0, penalty), torch.tensor(expected, dtype=torch.float32))


def test_entropies_of_choices_go_to_their_targets(loop, crew, small):
    keys = small | {"batch_size": 64, "target_entropy_share": 0.6, "alpha_learning_rate": 0.03, "actor_learning_rate": 3e-3}
    run = loop(HASAC(gamma=0.0, alpha=0.3, updates_per_step=0.34, **keys), crew("ab", horizon=30)).step(350)
    for name, largest in (("a", np.log(3.0)), ("b", np.log(6.0))):
        entropy = np.mean([figures[f"{name}/entropy"] for _, _, figures in run.reports[-100:]])
        assert entropy == pytest.approx(0.6 * largest, abs=0.15)


@pytest.mark.parametrize(("kind", "order"), [(HASAC, "fixed"), (HASAC, "reverse"), (HATD3, "fixed"), (HATD3, "reverse")])
def test_agents_take_turns_in_the_order_that_is_said(loop, boxes, small, kind, order):
    algorithm = kind(update_order=order, **small)
    run = loop(algorithm, boxes()).step(12)
    taken = []
    for policy in algorithm.team.policies:
        improve = policy.improve
        policy.improve = lambda *a, name=policy.name, improve=improve: (taken.append(name), improve(*a))[1]
    run.step(1)
    assert taken[:3] == (["a", "b", "c"] if order == "fixed" else ["c", "b", "a"])


def test_targets_of_delayed_policies_wait_for_their_turn(loop, boxes, small):
    algorithm = MATD3(policy_delay=3, updates_per_step=1 / 3, **small)
    run = loop(algorithm, boxes()).step(11)
    policy = algorithm.team.policies[0]
    for update in range(1, 7):
        before = policy.params.data.clone(), policy.target.data.clone(), algorithm.team.critics.target.data.clone()
        run.step()
        after = policy.params.data, policy.target.data, algorithm.team.critics.target.data
        assert [torch.equal(a, b) for a, b in zip(before, after, strict=True)] == [update % 3 != 0] * 3
        assert ("a/actor_loss" in run.reports[-1][2]) == (update % 3 == 0)


def test_centralised_sac_acts_and_learns_as_one(loop, crew, small):
    environment = crew("ad", masks=False)
    run = loop(CSAC(**small), environment).step(30)
    buffer, steps = run.algorithm.buffer, run.transitions
    np.testing.assert_allclose(buffer.stored("team/observation").numpy(), np.concatenate([t.snapshot.state for t in steps]), rtol=1e-6)
    earned = np.concatenate([(t.result.rewards["a"] + t.result.rewards["d"]) / 2 for t in steps])
    np.testing.assert_allclose(buffer.stored("team/reward")[:, 0].numpy(), earned, rtol=1e-5)
    one_hots = np.concatenate([np.concatenate([np.eye(3)[t.actions[n]] for n in "ad"], axis=1) for t in steps])
    np.testing.assert_array_equal(buffer.stored("team/action").numpy(), one_hots)


def test_centralised_sac_cannot_mix_choices_and_boxes(crew, small):
    with pytest.raises(ConfigError, match=r"algorithm=csac plays all agents by one action.*choose algorithm=masac"):
        CSAC(**small).setup(EnvironmentSpec.of(crew("ac")), Seeds(1), 10)


@pytest.mark.parametrize("kind", [MATD3, HATD3])
def test_deterministic_policies_need_continuous_actions(crew, small, kind):
    with pytest.raises(ConfigError, match=f"algorithm={kind.name} needs continuous actions"):
        kind(**small).setup(EnvironmentSpec.of(crew()), Seeds(1), 10)


def test_choices_with_another_start(loop, drift, small):
    """Discrete(3, start=5) is learned as 0, 1, 2 and acted as 5, 6, 7."""
    environment = drift(agents=(("a", 3, 1),), num_envs=2)
    agent = environment.agents[0]
    object.__setattr__(agent, "action_space", spaces.Discrete(3, start=5))
    algorithm = SAC(**small)
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(1), 100)
    code = algorithm.codes["a"]
    assert code.to_unit(np.array([5, 7])).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert code.from_unit(np.array([[0.0, 1, 0], [0, 0, 1]])).tolist() == [6, 7]


def test_a_state_of_other_agents_names_the_difference(loop, crew, small):
    state, _ = loop(HASAC(**small), crew("ab")).step(20).state()
    other = loop(HASAC(**small), crew("ad"))
    with pytest.raises(RunError, match=r"saved policies are of \['a', 'b'\], this environment has \['a', 'd'\]"):
        other.algorithm.load_state_dict(state["algorithm"])
    wider = loop(HASAC(**small | {"hidden_sizes": (12, 9)}), crew("ab"))
    with pytest.raises(RunError, match="layer_1' has shape"):
        wider.algorithm.load_state_dict(state["algorithm"])


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        (HASAC, "update_order", "rand"),
        (HATD3, "update_order", "none"),
        (MASAC, "share_parameters", "yes"),
        (MASAC, "reward_sharing", 1.5),
        (MATD3, "policy_delay", 0),
        (HATD3, "target_noise_clip", -0.1),
        (CSAC, "alpha", 0.0),
        (HASAC, "target_entropy_share", -0.1),
    ],
)
def test_values_out_of_range_name_their_key(kind, key, value):
    with pytest.raises(ConfigError, match=f"algorithm.{key} must"):
        kind(**{key: value})
