"""The pendulum against Gymnasium's own, and against the law of energy."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from wattloom.components.envs.pendulum import Pendulum, angle_normalize
from wattloom.components.envs.pendulum_picture import draw_pendulum
from wattloom.errors import ActionError, ConfigError

ROUNDING = 1e-9  # of the squares in the reward; see the module's head


def gymnasiums(num_envs, **kwargs):
    return gymnasium.make_vec("Pendulum-v1", num_envs=num_envs, vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED}, **kwargs)


@pytest.mark.parametrize("g", [10.0, 9.81])
def test_equals_gymnasium_step_for_step_over_several_episodes(g):
    copies = 6
    ours, theirs = Pendulum(g=g, num_envs=copies), gymnasiums(copies, g=g)
    stream = np.random.default_rng(0)
    np.testing.assert_array_equal(ours.reset(seed=42).observations["pendulum"], theirs.reset(seed=42)[0])
    for step in range(1, 601):
        action = stream.uniform(-2.5, 2.5, (copies, 1)).astype(np.float32)
        result, (observation, reward, terminated, truncated, _) = ours.step({"pendulum": action}), theirs.step(action)
        np.testing.assert_array_equal(result.snapshot.observations["pendulum"], observation)
        np.testing.assert_allclose(result.rewards["pendulum"], reward, rtol=0, atol=ROUNDING)
        np.testing.assert_array_equal(result.truncated, truncated)
        assert not result.terminated.any()
        assert not terminated.any()
        assert result.truncated.all() == (step % 200 == 0)
        if truncated.any():  # unseeded: both continue their streams
            again = ours.reset(mask=truncated).observations["pendulum"]
            np.testing.assert_array_equal(again, theirs.reset(options={"reset_mask": truncated})[0])


def test_the_whole_state_stays_bit_equal_not_only_the_observation():
    ours, theirs = Pendulum(), gymnasium.make("Pendulum-v1").unwrapped
    ours.reset(seed=3)
    theirs.reset(seed=3)
    stream = np.random.default_rng(1)
    for _ in range(1000):  # long enough for the angle to leave [-pi, pi]
        action = stream.uniform(-2, 2, 1).astype(np.float32)
        ours.needs_reset[:] = ours._any_needs_reset = False
        ours.step({"pendulum": action[None]})
        theirs.step(action)
        assert (ours.arrays["theta"][0], ours.arrays["theta_dot"][0]) == tuple(theirs.state)


def test_reset_options_are_gymnasiums():
    options = {"x_init": 0.3, "y_init": 0.1}
    ours = Pendulum(num_envs=4).reset(seed=9, options=options).observations["pendulum"]
    np.testing.assert_array_equal(ours, gymnasiums(4).reset(seed=9, options=dict(options))[0])
    own = Pendulum(num_envs=2).reset(seed=9, options={"x_init": np.array([0.0, 3.0])}).observations["pendulum"]
    assert own[0, 0] == 1.0
    with pytest.raises(ConfigError, match="did you mean 'x_init'"):
        Pendulum().reset(options={"xinit": 1.0})


def test_metrics_say_what_happened_in_their_units():
    env = Pendulum()
    assert {column.name: column.unit for column in env.metric_columns} == {
        "angle_error": "rad",
        "upright": "1",
        "torque": "N m",
        "work": "J",
        "clipped_actions": "1",
    }
    env.reset(seed=1, options={"x_init": 0.0, "y_init": 0.0})
    metrics = env.step({"pendulum": np.array([[3.0]], dtype=np.float32)}).metrics
    assert metrics["angle_error"] == [0.0]
    assert metrics["upright"] == [1.0]
    assert metrics["torque"] == [2.0]
    assert metrics["work"] == pytest.approx([2.0 * 0.3 * 0.05])  # u theta_dot dt, with theta_dot = 3 / (m l^2) u dt
    assert metrics["clipped_actions"] == [1.0]


def test_energy_is_conserved_without_torque_as_the_step_shrinks():
    drift = []
    for dt in (1e-3, 1e-4):
        env = Pendulum(g=9.81, mass=2.0, length=0.7, dt=dt, max_speed=100.0, horizon=None)
        env.reset(seed=5)
        inertia = 2.0 * 0.7**2 / 3
        energies = []
        for _ in range(round(1.0 / dt)):
            env.step({"pendulum": np.zeros((1, 1), dtype=np.float32)})
            theta, rate = env.arrays["theta"][0], env.arrays["theta_dot"][0]
            energies.append(0.5 * inertia * rate**2 + 2.0 * 9.81 * 0.35 * np.cos(theta))
        drift.append(np.ptp(energies) / np.ptp(2.0 * 9.81 * 0.35 * np.array([-1, 1])))
    assert drift[0] < 1e-2
    assert drift[1] < 0.15 * drift[0]  # first order in dt


def test_torque_lifts_a_static_rod_by_the_textbook_angle():
    env = Pendulum(g=0.0, mass=2.0, length=0.5, dt=0.01, max_torque=5.0, max_speed=1000.0)
    env.reset(seed=1, options={"x_init": 0.0, "y_init": 0.0})
    for _ in range(100):
        env.step({"pendulum": np.array([[4.0]], dtype=np.float32)})
    assert env.arrays["theta_dot"][0] == pytest.approx(4.0 / (2.0 * 0.25 / 3) * 1.0)  # u / J t


def test_without_velocity_the_rest_is_the_same():
    full, hidden = Pendulum(num_envs=2), Pendulum(num_envs=2, velocity=False)
    np.testing.assert_array_equal(full.reset(seed=1).observations["pendulum"][:, :2], hidden.reset(seed=1).observations["pendulum"])
    assert [column.name for column in hidden.agents[0].observation_columns] == ["cos_theta", "sin_theta"]
    action = {"pendulum": np.ones((2, 1), dtype=np.float32)}
    one, two = full.step(action), hidden.step(action)
    np.testing.assert_array_equal(one.rewards["pendulum"], two.rewards["pendulum"])


@pytest.mark.parametrize(
    ("key", "value"),
    [("mass", 0.0), ("length", -1.0), ("dt", 0.0), ("max_torque", float("nan")), ("max_speed", float("inf")), ("g", float("inf"))],
)
def test_values_out_of_range_name_the_key(key, value):
    with pytest.raises(ConfigError, match=f"env.{key} must be"):
        Pendulum(**{key: value})


def test_wrong_actions_name_agent_and_copy():
    env = Pendulum(num_envs=3)
    env.reset(seed=1)
    with pytest.raises(ActionError, match="'pendulum' is NaN in copy 1"):
        env.step({"pendulum": np.array([[0.0], [np.nan], [0.0]])})
    with pytest.raises(ActionError, match=r"'pendulum' has shape \(2, 1\), expected \(3, 1\)"):
        env.step({"pendulum": np.zeros((2, 1))})


def test_angles_are_wrapped_into_half_open_interval():
    np.testing.assert_allclose(angle_normalize(np.array([0.0, np.pi, -np.pi, 3.5 * np.pi])), [0.0, -np.pi, -np.pi, -0.5 * np.pi])


def test_the_picture_shows_where_the_rod_points_and_which_way_the_torque_turns():
    def red(picture):
        return (picture[..., 0] > 150) & (picture[..., 1] < 100)

    upright, hanging = red(draw_pendulum(0.0, 0.0)), red(draw_pendulum(np.pi, 0.0))
    assert upright[:128].sum() > 5 * upright[128:].sum()
    assert hanging[128:].sum() > 5 * hanging[:128].sum()
    left = red(draw_pendulum(np.pi / 2, 0.0))  # positive angles turn counter-clockwise
    assert left[:, :128].sum() > 5 * left[:, 128:].sum()
    blue, orange = draw_pendulum(np.pi, 1.0), draw_pendulum(np.pi, -1.0)
    assert ((blue[..., 2] > 150) & (blue[..., 0] < 80)).sum() > 200
    assert ((orange[..., 0] > 200) & (orange[..., 2] < 80)).sum() > 200
    np.testing.assert_array_equal(draw_pendulum(0.3, 0.0), draw_pendulum(0.3 + 2 * np.pi, 0.0))


def test_render_draws_the_asked_copy():
    env = Pendulum(num_envs=2)
    env.reset(seed=1)
    assert (env.render(0) != env.render(1)).any()
    np.testing.assert_array_equal(env.render(1), draw_pendulum(env.arrays["theta"][1], 0.0))
