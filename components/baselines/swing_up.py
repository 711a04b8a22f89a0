"""Swing-up of the pendulum by energy shaping, and a linear catch at the top.

K. J. Åström and K. Furuta, "Swinging up a pendulum by energy control", Automatica 36 (2000) 287-295. With theta measured from upright and
J = m l^2 / 3 about the pivot, the energy of the rod relative to rest at the pivot's height is

    E = J theta_dot^2 / 2 + m g (l / 2) cos(theta),      dE/dt = u theta_dot,

so a torque ``u = k (E_top - E) theta_dot`` moves the energy towards that of the upright rest (equation 7, for a torque). Near the top
``u = -k_p theta - k_d theta_dot`` holds the rod; k_p must exceed the gravity torque's slope m g l / 2 there.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from gymnasium import spaces

from wattloom.algorithm import Algorithm, Policy
from wattloom.components.baselines.memoryless import MemorylessPolicy
from wattloom.environment import Array, EnvironmentSpec, Snapshot
from wattloom.errors import ConfigError
from wattloom.seeding import Seeds


class SwingUp(Algorithm):
    """Energy control below, a linear controller above; reads ``(cos theta, sin theta, theta_dot)``, knows the rod, learns nothing.

    Args:
        g: Gravity, m/s^2.
        mass: Mass of the rod, kg.
        length: Length of the rod, m.
        energy_gain: k, torque in N m for each joule missing and each rad/s.
        catch_angle: Angle from upright below which the linear controller may act, rad.
        angle_gain: k_p, N m/rad.
        speed_gain: k_d, N m a (rad/s).

    Raises:
        ConfigError: A value that is not positive.
    """

    learns = False

    def __init__(
        self,
        g: float = 10.0,
        mass: float = 1.0,
        length: float = 1.0,
        energy_gain: float = 1.0,
        catch_angle: float = 0.7,
        angle_gain: float = 10.0,
        speed_gain: float = 3.0,
    ) -> None:
        values = {"g": g, "mass": mass, "length": length, "energy_gain": energy_gain, "catch_angle": catch_angle}
        for name, value in (values | {"angle_gain": angle_gain, "speed_gain": speed_gain}).items():
            if not value > 0:
                raise ConfigError(f"algorithm.{name} must be greater than 0, not {value}")
        self.inertia = mass * length**2 / 3.0  # kg m^2 about the pivot
        self.top_energy = mass * g * length / 2.0  # J, upright and at rest
        self.energy_gain, self.catch_angle = energy_gain, catch_angle
        self.angle_gain, self.speed_gain = angle_gain, speed_gain

    def setup(self, spec: EnvironmentSpec, seeds: Seeds, total_steps: int) -> None:
        """Find the pendulum.

        Raises:
            ConfigError: The environment is not a pendulum with one torque and the observation ``(cos theta, sin theta, theta_dot)``.
        """
        super().setup(spec, seeds, total_steps)
        agent = spec.agents[0]
        space = agent.action_space
        fits = len(spec.agents) == 1 and agent.observation_space.shape == (3,) and isinstance(space, spaces.Box) and space.shape == (1,)
        if not fits or not isinstance(space, spaces.Box):
            raise ConfigError(
                "algorithm=swing_up controls a single torque from the observation (cos theta, sin theta, theta_dot); "
                f"agent '{agent.name}' has {agent.observation_space} and {space}: use env=pendulum"
            )
        self._agent, self._low, self._high = agent.name, space.low, space.high

    def policy(self, num_envs: int, explore: bool) -> Policy:
        """Return the controller."""
        return MemorylessPolicy(self._act)

    def _act(self, snapshot: Snapshot) -> Mapping[str, Array]:
        cos, sin, theta_dot = snapshot.observations[self._agent].astype(np.float64).T
        torque = self.torque(np.arctan2(sin, cos), theta_dot)
        return {self._agent: np.clip(torque[:, None], self._low, self._high).astype(np.float32)}

    def torque(self, theta: Array, theta_dot: Array) -> Array:
        """Return the wanted torque, N m ``(n,)``, for theta in rad from upright and theta_dot in rad/s."""
        energy = 0.5 * self.inertia * theta_dot**2 + self.top_energy * np.cos(theta)
        direction = np.where(theta_dot == 0.0, 1.0, theta_dot)  # at rest either way is up
        pump = self.energy_gain * (self.top_energy - energy) * direction
        catch = -self.angle_gain * theta - self.speed_gain * theta_dot
        return np.where(np.abs(theta) < self.catch_angle, catch, pump)
