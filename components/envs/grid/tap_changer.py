"""On-load tap changers: a lever that moves the voltage of a whole network by steps.

At the substation the tap changer is ideal and in front of the network: it multiplies the voltage there by k = 1 + n s, with position n and step s. It
may stop between positions (``continuous``), because that costs nothing: voltages V = k V' and injections S solve a network whose slacks hold k V_S
exactly where V' and S / k^2 solve the one of the tables. Inside the network only whole positions exist: each is a variant of the network, prepared
once.

An action is a target: 0 is the position of the tables, 1 the highest, -1 the lowest; the changer goes there by at most so many positions a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from wattloom.components.envs.grid.devices import Deed, Device, Lever, Reported
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Inputs, Integers, State
from wattloom.components.sources.protocol import Calendar
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError
from wattloom.figures import Figure


@dataclass
class SubstationTap:
    """A tap changer at the substation, for every network; several slacks move together.

    Attributes:
        positions: Positions up, and as many down.
        step_percent: Change of the voltage a position, per cent of that of the tables.
        mode: ``"discrete"``: whole positions; ``"continuous"``: anything between.
        largest_move: Positions a step at most.
        usd_per_position: USD for each position moved, the wear.
        agent: Name of an agent of its own that sees the whole network; None: the one that looks after the substation.

    Raises:
        ConfigError: A value out of range.
    """

    positions: int = 8
    step_percent: float = 1.25
    mode: Literal["discrete", "continuous"] = "discrete"
    largest_move: float = 2
    usd_per_position: float = 1.0
    agent: str | None = None

    def __post_init__(self) -> None:
        if self.positions < 1 or not 0 < self.positions * self.step_percent < 50:
            raise ConfigError(
                f"tap_changer.positions={self.positions}, step_percent={self.step_percent}: give at least 1 and together less than 50 %"
            )
        if self.mode not in ("discrete", "continuous"):
            raise ConfigError(f"tap_changer.mode={self.mode!r}: choose discrete or continuous")
        _check(self.largest_move, self.usd_per_position)

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device:
        """Put it in front of a network."""
        bus = int(feeder.slack[0])
        return _Substation(self, bus)


@dataclass
class TransformerTap:
    """The tap changers of the network's own transformers, which move together, by whole positions.

    Attributes:
        trafos: pandapower numbers; None: every transformer at the substation that has one.
        largest_move: Positions a step at most.
        usd_per_position: USD for each position moved and transformer, the wear.
        agent: Name of an agent of its own that sees the whole network; None: the one that looks after the low-voltage bus.

    Raises:
        ConfigError: A value out of range.
    """

    trafos: Sequence[int] | None = None
    largest_move: float = 2
    usd_per_position: float = 1.0
    agent: str | None = None

    def __post_init__(self) -> None:
        _check(self.largest_move, self.usd_per_position)

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device:
        """Find the transformers.

        Raises:
            ConfigError: No such transformer, or none with a tap changer.
        """
        table = feeder.model.to_pandapower().trafo
        slacks = feeder.model.bus_index[feeder.slack]
        chosen = list(table.index[table.hv_bus.isin(slacks) & table.in_service]) if self.trafos is None else list(self.trafos)
        if not chosen:
            raise ConfigError(
                f"tap_changer=transformer: network '{feeder.model.name}' has no transformer at its substation; use tap_changer=substation"
            )
        for trafo in chosen:
            if trafo not in table.index:
                raise ConfigError(f"tap_changer.trafos: network '{feeder.model.name}' has no transformer {trafo}")
        low, high, now = (table[column].loc[chosen].to_numpy(dtype=np.float64) for column in ("tap_min", "tap_max", "tap_pos"))
        if not (np.isfinite([low, high, now]).all() and (low < high).all()):
            raise ConfigError(
                f"tap_changer.trafos={[int(t) for t in chosen]}: network '{feeder.model.name}' gives them no range of positions"
            )
        bus = int(feeder.model.bus_positions([int(table.lv_bus.at[chosen[0]])])[0])
        return _Transformers(self, bus, tuple(int(trafo) for trafo in chosen), low.astype(int), high.astype(int), now.astype(int))


def _check(largest_move: float, usd: float) -> None:
    """Refuse limits out of range."""
    if not largest_move > 0:
        raise ConfigError(f"tap_changer.largest_move={largest_move}: give a positive number")
    if not (usd >= 0 and np.isfinite(usd)):
        raise ConfigError(f"tap_changer.usd_per_position={usd}: give a number from 0")


class _Changer(Device):
    """The movement that both have in common; positions count from that of the tables, -down .. up."""

    columns = (Column("tap_position", "1", "none"), Column("tap_moves", "1", "lower"))
    figures = (Figure.total("tap_moves", Column("taps_moved", "1", "lower")),)

    def __init__(self, bus: int, agent: str | None, down: int, up: int, largest_move: float, usd: float, whole: bool) -> None:
        self.levers, self.seen, self.agent = (Lever("tap", bus),), (("tap", bus),), agent
        self.reported = (Reported("tap_position", whole=whole), Reported("tap_moves", "sum", whole))
        self._down, self._up, self._largest, self._usd, self._whole = float(down), float(up), largest_move, usd, whole

    def initial(self, num_envs: int) -> State:
        return {"tap": np.zeros((num_envs, 1))}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator]) -> None:
        tap = state["tap"].copy()
        tap[copies] = 0.0
        state["tap"] = tap

    def rest(self, state: State, inputs: Inputs) -> Deed:
        return self._at(state["tap"], np.zeros_like(state["tap"]))

    def run(self, state: State, inputs: Inputs, action: Floats, last: Array) -> Deed:
        target = np.where(action > 0, action * self._up, action * self._down)
        move = np.clip((np.rint(target) if self._whole else target) - state["tap"], -self._largest, self._largest)
        move = np.trunc(move) if self._whole else move
        return self._at(state["tap"] + move, np.abs(move))

    def observe(self, state: State) -> Floats:
        position: Floats = state["tap"] / max(self._down, self._up)
        return position

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Return the position, counted from that of the tables, and how far it moved."""
        return np.stack([deed.metrics["tap_position"], deed.metrics["tap_moves"]], axis=1)

    def _at(self, position: Floats, moved: Floats) -> Deed:
        metrics = {"tap_position": position[:, 0].copy(), "tap_moves": moved[:, 0].copy()}
        return Deed({"tap": position}, moved * self._usd, metrics)


class _Substation(_Changer):
    def __init__(self, kind: SubstationTap, bus: int) -> None:
        whole = kind.mode == "discrete"
        super().__init__(bus, kind.agent, kind.positions, kind.positions, kind.largest_move, kind.usd_per_position, whole)
        self._step = kind.step_percent / 100
        self.reported += (Reported("tap_voltage_ratio"),)

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Further: the voltage at the substation over that of the tables."""
        assert deed.scale is not None
        return np.concatenate([super().report(inputs, deed), deed.scale[:, None]], axis=1)

    def _at(self, position: Floats, moved: Floats) -> Deed:
        deed = super()._at(position, moved)
        deed.scale = 1.0 + position[:, 0] * self._step
        return deed


class _Transformers(_Changer):
    def __init__(self, kind: TransformerTap, bus: int, trafos: tuple[int, ...], low: Integers, high: Integers, now: Integers) -> None:
        down, up = int((now - low).min()), int((high - now).min())
        super().__init__(bus, kind.agent, down, up, kind.largest_move, kind.usd_per_position * len(trafos), True)
        self.trafos, self._now = trafos, now
        self.reported += tuple(Reported(f"tap_position_trafo_{trafo}", whole=True) for trafo in trafos)

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Further: the position of each transformer, as its own table counts."""
        assert deed.states is not None
        return np.concatenate([super().report(inputs, deed), deed.states], axis=1)

    def _at(self, position: Floats, moved: Floats) -> Deed:
        deed = super()._at(position, moved)
        deed.states = np.rint(position).astype(np.int64) + self._now
        return deed
