"""The distribution grid: agents set the reactive power of inverters and the power of batteries, the network answers with voltages and losses.

One class serves every task. What is simulated is decided by its parts, each a class of its own: the network, the assets, who looks after what, which
stretch of data an episode is, what is seen, what is earned, and when an episode ends by itself (:mod:`wattloom.components.envs.grid.protocol`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.components.envs.grid import protocol
from wattloom.components.envs.grid.assets import Assets
from wattloom.components.envs.grid.devices import Devices, Kind
from wattloom.components.envs.grid.metrics import StepMetrics, figures, metric_columns
from wattloom.components.envs.grid.network import Network
from wattloom.components.envs.grid.peers import peers
from wattloom.components.envs.grid.profiles import Profiles
from wattloom.components.envs.grid.protocol import Dispatch, Flow, Inputs, Record, Territory, part_problem
from wattloom.components.envs.grid.termination import Limits
from wattloom.components.power_flow.protocol import Backend
from wattloom.components.sources.protocol import Source, Table
from wattloom.environment import AgentSpec, Array, Column, Snapshot
from wattloom.errors import ConfigError

if TYPE_CHECKING:
    from wattloom.components.envs.grid.render import Map
    from wattloom.components.envs.grid.report import GridReport
    from wattloom.plots import Plot
    from wattloom.reports import Played


def _check(band: Sequence[float], observation: protocol.Observation, reward: protocol.Reward) -> None:
    """Raise a ConfigError on a band that is none and on parts that lack a method."""
    if len(band) != 2 or not band[0] < band[1]:
        raise ConfigError(f"env.band={list(band)}: give the lowest and the highest voltage of the supply band, e.g. [0.95, 1.05]")
    for name, part, kind in (("observation", observation, protocol.Observation), ("reward", reward, protocol.Reward)):
        if missing := part_problem(part, kind):
            raise ConfigError(f"{name}={type(part).__name__} lacks {missing}: a part of env=grid needs them")


class Grid(BatchedEnvironment):
    """A distribution network of exchangeable parts; one agent a territory.

    An agent's action has one entry a battery of its own, then one an inverter: the battery's power as a share of its rating (discharge positive) and the
    reactive power as a share of what the inverter has left, all in [-1, 1].

    Args:
        network: Feeder and loads.
        assets: Inverters and batteries.
        territories: Which agent has which buses.
        profiles: Calendar and episodes.
        demand: Demand, one column.
        solar: Power of the panels over their rating, column ``solar`` (or the first).
        observation: What agents see.
        reward: What agents earn.
        termination: When an episode ends by itself.
        power_flow: How the network is solved.
        price: Price of energy, USD/MWh (column 0); None: 0.
        flexible_load: Controllable loads; None: none.
        ev_charger: Chargers of electric vehicles; None: none.
        tap_changer: On-load tap changer; None: none.
        topology: Agent that switches lines; None: none.
        band: p.u., supply band of the metrics.
        data_seed: Seed of generated sources.
        num_envs: Number of independent copies.

    Attributes:
        feeder, fleet, devices, territories, rows: The prepared parts.
        record: Everything that happened in the last step.

    Raises:
        ConfigError: Parts that do not fit one another; see each part's ``prepare``.
    """

    reset_options = ("start_day",)
    references = ("zero", "constant:constant+columns.pv=1", "droop", "opf")
    action_dtype: type[np.floating] = np.float32  # of the action spaces
    precision: type[np.floating] = np.float64  # in which actions are carried out

    def __init__(
        self,
        network: Network,
        assets: Assets,
        territories: protocol.Territories,
        profiles: Profiles,
        demand: Table | Source,
        solar: Table | Source,
        observation: protocol.Observation,
        reward: protocol.Reward,
        termination: Limits,
        power_flow: Backend,
        price: Table | Source | None = None,
        flexible_load: Kind | None = None,
        ev_charger: Kind | None = None,
        tap_changer: Kind | None = None,
        topology: Kind | None = None,
        band: Sequence[float] = (0.95, 1.05),
        data_seed: int = 0,
        num_envs: int = 1,
    ) -> None:
        _check(band, observation, reward)
        self.band = (float(band[0]), float(band[1]))
        self.feeder = network.prepare(power_flow)
        self.fleet = assets.prepare(self.feeder, profiles.step_hours)
        kinds = [kind for kind in (flexible_load, ev_charger, tap_changer, topology) if kind is not None]
        self.devices = Devices(kinds, self.feeder, profiles.calendar, data_seed)
        self.fleet.device_bus = self.devices.buses
        self.territories = self.devices.assign(territories.prepare(self.feeder, self.fleet), self.feeder.n_bus)
        self.rows = profiles.prepare({"demand": demand, "solar": solar, "price": price}, self.feeder, self.fleet, data_seed)
        self.observation, self.reward, self.termination = observation, reward, termination
        for part in (observation, reward):
            self._check_knows_devices(part)
            part.bind(self)
        low, high = observation.bounds["state"]
        super().__init__(
            peers([self._spec(territory) for territory in self.territories]),
            num_envs,
            profiles.horizon,
            metric_columns(self.devices),
            state_space=spaces.Box(low, high, dtype=np.float32),
            shared_reward=reward.shared,
            step_seconds=60.0 * profiles.step_minutes,
        )
        self._metrics, self._fresh = StepMetrics(self), np.ones(num_envs, dtype=bool)
        self.figures = (*figures(len(np.setdiff1d(self.feeder.live, self.feeder.slack))), *self.devices.figures)
        self._names = tuple(territory.name for territory in self.territories)
        self._battery_entries, self._pv_entries, self._lever_entries = (self._entries(kind) for kind in ("batteries", "pvs", "levers"))
        self.record: Record | None = None
        self._map: Map | None = None
        self.arrays = self._initial(num_envs)

    def _check_knows_devices(self, part: protocol.Observation | protocol.Reward) -> None:
        """Refuse a part that would not see the further devices.

        Raises:
            ConfigError: There are devices, and it knows inverters and batteries alone.
        """
        if self.devices and not getattr(part, "knows_devices", False):
            raise ConfigError(
                f"{type(part).__name__} knows inverters and batteries alone; further devices need observation=grid, reward=voltage"
            )

    def _initial(self, num_envs: int) -> dict[str, Array]:
        """Return every changing array, one row a copy."""
        shape = (num_envs, self.feeder.n_bus)
        return {
            **self.rows.initial(num_envs),
            **self.fleet.initial(num_envs),
            **self.devices.initial(num_envs),
            "begun": np.zeros(num_envs, dtype=bool),
            "violated": np.zeros(num_envs, dtype=bool),
            **{name: np.zeros(shape) for name in ("p_inj", "q_inj")},
            "vm": np.ones(shape),
            "voltage": np.ones(shape, dtype=np.complex128),
        }

    def _spec(self, territory: Territory) -> AgentSpec:
        """Declare one agent."""
        name, fleet = territory.name, self.fleet
        low, high = self.observation.bounds[name]
        batteries = (Column(f"battery_{fleet.battery_numbers[k]}", "1") for k in territory.batteries)
        pvs = (Column(f"pv_{fleet.pv_numbers[k]}", "1") for k in territory.pvs)
        levers = (Column(self.devices.levers[k].name, "1") for k in territory.levers)
        own = -np.ones(len(territory.batteries) + len(territory.pvs))
        actions, labels = self.devices.space(name, own, self.action_dtype)
        seen = spaces.Box(low, high, dtype=np.float32)
        return AgentSpec(name, seen, actions, self.observation.columns[name], (*batteries, *pvs, *levers), labels)

    def _entries(self, kind: str) -> Array:
        """Return where the actions of ``batteries``, ``pvs`` or ``levers`` lie in those of all agents laid end to end, in table order."""
        first, where = 0, dict[int, int]()
        for territory in self.territories:
            for name in ("batteries", "pvs", "levers"):
                columns = getattr(territory, name).tolist()
                where |= {column: first + k for k, column in enumerate(columns)} if name == kind else {}
                first += len(columns)
        return np.array([where[column] for column in sorted(where)], dtype=np.int64)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: Array | None = None, options: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Begin new episodes; a copy that is seeded carries nothing over from the episode before it."""
        seeded = np.array([s is not None for s in seed]) if isinstance(seed, Sequence) else np.full(self.num_envs, seed is not None)
        self._fresh = seeded if len(seeded) == self.num_envs else np.ones(self.num_envs, dtype=bool)
        return super().reset(seed=seed, mask=mask, options=options)

    def _begin(self, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Choose days and states of charge, and look at the network before anybody acts."""
        state = self.arrays
        fresh = self._fresh[copies] | ~state["begun"][copies]
        self.rows.begin(state, copies, generators, fresh, options)
        self.fleet.begin(state, copies, generators, fresh)
        self.devices.begin(state, copies, generators)
        inputs = self.rows.inputs(state["solved"])
        dispatch = self.fleet.idle(state, inputs)
        p_inj, q_inj, flow = self.solve(inputs, dispatch)
        seen = {
            "vm": np.where(flow.converged[:, None], self._alive(flow.vm), 1.0),
            "voltage": flow.voltage,
            "p_inj": p_inj,
            "q_inj": q_inj,
            "pv_p": dispatch.pv_p,
            "pv_q": dispatch.pv_q,
            "battery_p": dispatch.battery_p,
            "begun": np.ones(self.num_envs, dtype=bool),
            "violated": np.zeros(self.num_envs, dtype=bool),
        }
        for name, value in seen.items():
            changed = state[name].copy()
            changed[copies] = value[copies]
            state[name] = changed

    def _advance(self, actions: Mapping[str, Array]) -> Outcome:
        """Simulate one step and pay for it."""
        record = self.simulate(actions)
        self.record = record
        rewards, parts = self.reward.rewards(self.arrays, record)
        rewards, parts, penalty = self._penalise(record, rewards, parts)
        self.rows.advance(self.arrays, record.moved)
        return Outcome(rewards, record.terminated, self._metrics(record, parts, penalty))

    def simulate(self, actions: Mapping[str, Array]) -> Record:
        """Carry out the actions in the row that is due and solve the network; time does not go on yet."""
        state = self.arrays
        inputs = self.rows.inputs(state["row"])
        last = self.elapsed + 1 >= self.rows.profiles.horizon
        joint = np.concatenate([actions[name].reshape(self.num_envs, -1) for name in self._names], axis=1).astype(
            self.precision, copy=False
        )
        dispatch = self.fleet.run(state, inputs, joint.take(self._battery_entries, axis=1), joint.take(self._pv_entries, axis=1))
        if self.devices:
            levers = joint.take(self._lever_entries, axis=1).astype(np.float64, copy=False)
            dispatch.devices = self.devices.run(state, inputs, levers, last)
            state.update(dispatch.devices.after)
        p_inj, q_inj, flow = self.solve(inputs, dispatch)
        limits = self.termination
        violated, converged = limits.violated(flow), flow.converged
        terminated = limits.ends(violated, converged)
        vm = self._alive(limits.known(flow, state["vm"]))
        loss, bought = flow.loss_mw, self.feeder.import_mw(p_inj, q_inj, flow)
        if not converged.all():  # nothing can be said of them
            loss, bought = np.where(converged, loss, 0.0), np.where(converged, bought, 0.0)
        state.update(
            soc=dispatch.soc,
            pv_p=dispatch.pv_p,
            pv_q=dispatch.pv_q,
            battery_p=dispatch.battery_p,
            vm=vm,
            voltage=flow.voltage,
            p_inj=p_inj,
            q_inj=q_inj,
            violated=violated & terminated,
        )
        return Record(inputs, dispatch, flow, p_inj, q_inj, vm, loss, bought, violated, terminated, ~terminated, last)

    def solve(self, inputs: Inputs, dispatch: Dispatch) -> tuple[Array, Array, Flow]:
        """Return the net injections (MW, MVAr) and what the network makes of them; devices that do nothing in ``dispatch`` rest."""
        p_inj, q_inj = self.feeder.fixed_p - inputs.load_p, self.feeder.fixed_q - inputs.load_q
        self.fleet.inject(dispatch, p_inj, q_inj)
        if not self.devices:
            return p_inj, q_inj, self.feeder.solve(p_inj, q_inj)
        deeds = dispatch.devices if dispatch.devices is not None else self.devices.rest(self.arrays, inputs)
        deeds.inject(p_inj, q_inj)
        setting = deeds.setting if deeds.setting.scale is not None or deeds.setting.states is not None else None
        return p_inj, q_inj, self.feeder.solve(p_inj, q_inj, setting)

    def _alive(self, vm: Array) -> Array:
        """Show 1 p.u. at buses that have no supply."""
        if len(self.feeder.live) == self.feeder.n_bus:
            return vm
        shown = np.ones_like(vm)
        shown[:, self.feeder.live] = vm[:, self.feeder.live]
        return shown

    def _penalise(
        self, record: Record, rewards: Mapping[str, Array], parts: Mapping[str, Array]
    ) -> tuple[Mapping[str, Array], Mapping[str, Array], Array]:
        """Charge violations and power flows without a solution to every agent; the penalty returned is the sum over the agents."""
        lost = self.termination.penalty(record.violated, record.flow.converged)
        if not lost.any():
            return rewards, parts, np.zeros(self.num_envs)
        if self.termination.replace_reward:
            keep = lost == 0.0
            rewards = {name: np.where(keep, value, 0.0) for name, value in rewards.items()}
            parts = {name: np.where(keep, value, 0.0) for name, value in parts.items()}
        share = 1 if self.shared_reward else len(self._names)
        return {name: value - lost for name, value in rewards.items()}, parts, -lost * share

    def _observe(self) -> Snapshot:
        """Return what is visible now."""
        observations, central = self.observation.observe(self.arrays)
        return Snapshot(observations, central)

    def report(self, played: Played) -> GridReport:
        """Return what keeps the steps of ``played`` for the tables of an evaluation."""
        from wattloom.components.envs.grid.report import GridReport

        return GridReport(self, played)

    @property
    def plots(self) -> Mapping[str, Plot]:
        """Pictures of an evaluation, by name."""
        from wattloom.components.envs.grid.plots import grid_plots

        return grid_plots(self)

    def render(self, index: int = 0) -> Array:
        """Draw copy ``index`` as a map coloured by voltage: uint8 ``(400, 640, 3)``."""
        from wattloom.components.envs.grid.render import Map

        if self._map is None:
            self._map = Map.of(self.feeder)
        state, fleet = self.arrays, self.fleet
        charge, power = state["soc"][index] / fleet.capacity_mwh, state["pv_p"][index] / fleet.pv_mw
        soc = dict(zip(fleet.battery_bus.tolist(), charge.tolist(), strict=True))
        sun = dict(zip(fleet.pv_bus.tolist(), power.tolist(), strict=True))
        return self._map.draw(state["vm"][index], self.feeder.live, self.band, soc, sun)
