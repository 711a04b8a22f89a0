"""Controllable loads: a part of a bus's demand that may be served later, or earlier, but is served.

With the shiftable power P(t) = share * load(t), an action a and the energy owed e (MWh, negative where it was served in advance):

    p = a P        e' = e + p h        -E <= e <= E,    E = window_hours * share * table load

p is taken off the load (it counts as injected); reactive load goes with the active one. Where e' would leave its window, p is cut so that e' ends on the
edge, as with a battery: all energy that is not drawn now is owed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.grid.assets import sites
from wattloom.components.envs.grid.devices import Deed, Device, Lever, Reported, at_buses
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Inputs, State
from wattloom.components.sources.protocol import Calendar
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError
from wattloom.figures import Figure

COUNT = 2  # loads, where nobody says

REPORTED = (
    Reported("drawn_mw"),
    Reported("put_off_mw"),
    Reported("put_off_mvar"),
    Reported("shifted_mwh", "sum"),
    Reported("owed_mwh", "last"),
)


@dataclass
class FlexibleLoads:
    """Loads of which a share can be shifted in time.

    Attributes:
        buses: Their buses; None: ``count`` of them, spread over the network.
        count: Number of them, None for two.
        share: Share of the load that can be shifted.
        window_hours: h of that share at table load which may be owed, or served in advance.
        shift_usd_per_mwh: USD for each MWh moved.
        owed_usd_per_mwh: USD for each MWh still owed at the end of an episode; what was served in advance is not paid back.

    Raises:
        ConfigError: A value out of range.
    """

    buses: Sequence[int] | None = None
    count: int | None = None
    share: float = 0.3
    window_hours: float = 2.0
    shift_usd_per_mwh: float = 2.0
    owed_usd_per_mwh: float = 200.0

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ConfigError(f"flexible_load.share={self.share}: give 0 < share <= 1")
        if not self.window_hours > 0:
            raise ConfigError(f"flexible_load.window_hours={self.window_hours}: give a positive number")
        for name in ("shift_usd_per_mwh", "owed_usd_per_mwh"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"flexible_load.{name}={getattr(self, name)}: give a number from 0")

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device:
        """Place them in a network.

        Raises:
            ConfigError: An unknown bus, or one without load.
        """
        return _Placed(self, feeder, calendar.step_seconds / 3600)


class _Placed(Device):
    columns = (Column("load_shifted", "MWh", "none"), Column("load_owed", "MWh", "lower"))
    figures = (
        Figure.total("load_shifted", Column("energy_shifted", "MWh")),
        Figure.end("load_owed", Column("energy_owed", "MWh", "lower")),
    )

    def __init__(self, kind: FlexibleLoads, feeder: Feeder, hours: float) -> None:
        self._kind, self._hours = kind, hours
        numbers = sites("flexible_load.", kind.buses, kind.count, COUNT, feeder)
        self._bus = feeder.model.bus_positions(numbers)
        for number, bus in zip(numbers, self._bus, strict=True):
            if not feeder.load_p[bus] > 0:
                raise ConfigError(f"flexible_load.buses: bus {number} of network '{feeder.model.name}' has no load to shift")
        self._window = kind.window_hours * kind.share * feeder.load_p[self._bus]
        self._reactive = feeder.load_q[self._bus] / feeder.load_p[self._bus]
        self.levers = tuple(Lever(f"load_{number}", int(bus)) for number, bus in zip(numbers, self._bus, strict=True))
        self.seen = tuple((f"owed_{number}", int(bus)) for number, bus in zip(numbers, self._bus, strict=True))
        self.reported = at_buses("load", numbers, REPORTED)

    def initial(self, num_envs: int) -> State:
        return {"load_owed": np.zeros((num_envs, len(self.levers)))}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator]) -> None:
        owed = state["load_owed"].copy()
        owed[copies] = 0.0
        state["load_owed"] = owed

    def rest(self, state: State, inputs: Inputs) -> Deed:
        return Deed({}, np.zeros_like(state["load_owed"]), {})

    def run(self, state: State, inputs: Inputs, action: Floats, last: Array) -> Deed:
        owed, hours, kind = state["load_owed"], self._hours, self._kind
        power = action * (kind.share * np.maximum(inputs.load_p.take(self._bus, axis=1), 0.0))
        after = owed + power * hours
        inside = np.clip(after, -self._window, self._window)
        power = np.where(after == inside, power, (inside - owed) / hours)
        moved = np.abs(power) * hours
        cost = kind.shift_usd_per_mwh * moved + kind.owed_usd_per_mwh * np.where(last[:, None], np.maximum(inside, 0.0), 0.0)
        metrics = {"load_shifted": moved.sum(axis=1), "load_owed": inside.sum(axis=1)}
        return Deed({"load_owed": inside}, cost, metrics, power, power * self._reactive)

    def observe(self, state: State) -> Floats:
        share: Floats = state["load_owed"] / self._window
        return share

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Return what each whole load draws, what of it is put off (negative: served in advance), the energy moved, and what is owed then."""
        assert deed.p is not None
        assert deed.q is not None
        drawn = inputs.load_p.take(self._bus, axis=1) - deed.p
        return np.concatenate([drawn, deed.p, deed.q, np.abs(deed.p) * self._hours, deed.after["load_owed"]], axis=1)
