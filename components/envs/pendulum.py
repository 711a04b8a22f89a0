"""The torque-limited pendulum swing-up, equal step for step to Gymnasium's ``Pendulum-v1``.

A uniform rod of mass m and length l hangs from a motor. With the angle theta measured from upright and the moment of inertia J = m l^2 / 3 about
its end, Newton's second law reads

    J theta'' = m g (l / 2) sin(theta) + u      so      theta'' = 3 g / (2 l) sin(theta) + 3 / (m l^2) u,

integrated by the semi-implicit Euler rule (the new velocity moves the angle). The motor is too weak to lift the rod at once, so it must swing.

Source: K. Furuta et al., "Swing-up control of inverted pendulum using pseudo-state feedback" (1992), for the task; the Gymnasium environment
``Pendulum-v1`` for its numbers, its start states and its reward. Angles and speeds are float64 and the torque is float32, as there: theta and its
rate agree bit for bit, rewards to the rounding of a square (below 1e-9).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.components.envs.pendulum_picture import draw_pendulum
from wattloom.environment import AgentSpec, Array, Column, Snapshot
from wattloom.errors import ConfigError

AGENT = "pendulum"
UPRIGHT = 0.2  # rad, closer than this counts as standing
METRICS = (
    Column("angle_error", "rad", "lower"),
    Column("upright", "1", "higher"),
    Column("torque", "N m", "lower"),
    Column("work", "J", "lower"),
)


class Pendulum(BatchedEnvironment):
    """Swing a rod upright and hold it there; one agent, one torque.

    Observation ``(cos theta, sin theta, theta_dot)``, float32. Action: torque in N m. Reward: ``-(theta^2 + 0.1 theta_dot^2 + 0.001 u^2)`` with theta
    in [-pi, pi), of the state acted in. An episode never terminates; it is truncated at ``horizon``. ``reset(options=...)`` takes ``x_init`` (rad)
    and ``y_init`` (rad/s), the half-widths of the uniform start, one value or one a copy.

    Args:
        g: Gravity, m/s^2.
        mass: Mass of the rod, kg.
        length: Length of the rod, m.
        dt: Simulated time a step, s.
        max_torque: Largest torque, N m.
        max_speed: Largest angular speed, rad/s.
        horizon: Steps an episode; None: endless.
        velocity: False hides theta_dot, which makes the task one of memory.
        num_envs: Number of independent copies.

    Raises:
        ConfigError: A value out of range.
    """

    reset_options = ("x_init", "y_init")
    references = ("zero", "swing_up")

    def __init__(
        self,
        g: float = 10.0,
        mass: float = 1.0,
        length: float = 1.0,
        dt: float = 0.05,
        max_torque: float = 2.0,
        max_speed: float = 8.0,
        horizon: int | None = 200,
        velocity: bool = True,
        num_envs: int = 1,
    ) -> None:
        for name, value in {"mass": mass, "length": length, "dt": dt, "max_torque": max_torque, "max_speed": max_speed}.items():
            if not (value > 0 and math.isfinite(value)):
                raise ConfigError(f"env.{name} must be a positive number, not {value}")
        if not math.isfinite(g):
            raise ConfigError(f"env.g must be a finite number, not {g}")
        super().__init__((_agent(max_torque, max_speed, velocity),), num_envs, horizon, METRICS, step_seconds=dt)
        self.g, self.mass, self.length, self.dt = g, mass, length, dt
        self.max_torque, self.max_speed, self.velocity = max_torque, max_speed, velocity
        self.arrays = {
            "theta": np.zeros(self.num_envs),  # rad from upright
            "theta_dot": np.zeros(self.num_envs),  # rad/s
            "torque": np.zeros(self.num_envs, dtype=np.float32),  # N m, the last one applied
        }

    def _begin(self, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Draw theta from U(-x_init, x_init) and its rate from U(-y_init, y_init)."""
        bound = self._start_bounds(options)[copies]
        uniform = np.array([generator.random(2) for generator in generators])
        start = -bound + (bound + bound) * uniform
        self.arrays["theta"][copies] = start[:, 0]
        self.arrays["theta_dot"][copies] = start[:, 1]
        self.arrays["torque"][copies] = 0.0

    def _start_bounds(self, options: Mapping[str, Any]) -> Array:
        """Return float64 ``(num_envs, 2)``: half-widths of the start, rad and rad/s."""
        bound = np.empty((self.num_envs, 2))
        bound[:, 0] = options.get("x_init", math.pi)
        bound[:, 1] = options.get("y_init", 1.0)
        return bound

    def _advance(self, actions: Mapping[str, Array]) -> Outcome:
        """Apply the torque for ``dt`` seconds."""
        theta, theta_dot = self.arrays["theta"], self.arrays["theta_dot"]
        g, m, l, dt = self.g, self.mass, self.length, self.dt  # noqa: E741 - the symbol of the equation
        u = actions[AGENT][:, 0]  # float32, and so are its products with plain numbers

        error = angle_normalize(theta)
        cost = error * error + 0.1 * (theta_dot * theta_dot) + 0.001 * (u * u)

        acceleration = 3 * g / (2 * l) * np.sin(theta) + 3.0 / (m * l**2) * u
        new_theta_dot = np.minimum(np.maximum(theta_dot + acceleration * dt, -self.max_speed), self.max_speed)
        self.arrays = {"theta": theta + new_theta_dot * dt, "theta_dot": new_theta_dot, "torque": u.copy()}

        distance, effort = np.abs(error), np.abs(u).astype(np.float64)
        metrics = {
            "angle_error": distance,
            "upright": (distance < UPRIGHT).astype(np.float64),
            "torque": effort,
            "work": effort * np.abs(new_theta_dot) * dt,
        }
        return Outcome({AGENT: -cost}, None, metrics)

    def _observe(self) -> Snapshot:
        """Return the tip of the unit rod and, unless hidden, the angular speed."""
        theta = self.arrays["theta"]
        observation = np.empty((self.num_envs, 3 if self.velocity else 2), dtype=np.float32)
        observation[:, 0] = np.cos(theta)
        observation[:, 1] = np.sin(theta)
        if self.velocity:
            observation[:, 2] = self.arrays["theta_dot"]
        return Snapshot({AGENT: observation})

    def render(self, index: int = 0) -> Array:
        """Draw the rod, its pivot and the torque of copy ``index``: uint8 ``(256, 256, 3)``."""
        return draw_pendulum(float(self.arrays["theta"][index]), float(self.arrays["torque"][index]) / self.max_torque)


def angle_normalize(theta: Array) -> Array:
    """Return the angle in [-pi, pi), rad."""
    wrapped: Array = (theta + math.pi) % (2 * math.pi) - math.pi
    return wrapped


def _agent(max_torque: float, max_speed: float, velocity: bool) -> AgentSpec:
    """Declare the one agent."""
    high = np.array([1.0, 1.0, max_speed] if velocity else [1.0, 1.0], dtype=np.float32)
    columns = (Column("cos_theta", "1"), Column("sin_theta", "1"), Column("theta_dot", "rad/s"))
    return AgentSpec(
        AGENT,
        spaces.Box(-high, high, dtype=np.float32),
        spaces.Box(-max_torque, max_torque, (1,), np.float32),
        columns if velocity else columns[:2],
        (Column("torque", "N m"),),
    )
