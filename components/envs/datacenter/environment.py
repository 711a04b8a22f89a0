"""The data center: three agents shift work, set the supply temperature and run a battery, while weather and carbon intensity change.

One class serves every model. What is simulated is decided by its parts, each a class of its own behind a small protocol
(:mod:`wattloom.components.envs.datacenter.protocol`): which stretch of data an episode is, the work queue, the servers, the hall's air, the cooling
plant, the battery, what is observed and what is rewarded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces

from wattloom.batched import BatchedEnvironment, Outcome
from wattloom.components.envs.datacenter import protocol
from wattloom.components.envs.datacenter.figures import FIGURES
from wattloom.components.envs.datacenter.metrics import COLUMNS, first_fault, step_metrics
from wattloom.components.envs.datacenter.part_checks import check_controls, check_views, joined
from wattloom.components.envs.datacenter.protocol import AGENTS, ActionKind, Control, Record, Site, Table
from wattloom.components.envs.datacenter.render import Strip
from wattloom.components.sources.protocol import Source, table_of_part
from wattloom.environment import AgentSpec, Array, Snapshot
from wattloom.errors import ConfigError, EnvironmentFault


class DataCenter(BatchedEnvironment):
    """A data center of exchangeable parts; agents ``load_shifting``, ``cooling`` and ``battery``.

    Args:
        episode: Start, length and noise of an episode; reads the sources.
        workload: Demand, share of capacity (column 0). This and the next two may be None for an episode that reads no sources.
        weather: Columns ``dry_bulb`` and ``wet_bulb``, °C.
        carbon: Carbon intensity of the grid, g CO2/kWh (column 0).
        price: Price of energy, USD/MWh (column 0); None: 0.
        load_shifting: Work queue.
        it_load: Servers.
        hall: Air handlers and room.
        cooling: Cooling plant.
        battery: Battery.
        observation: What agents see.
        reward: What agents earn.
        losses: Uninterruptible supply and other site loads; None: none.
        actions: ``"discrete"`` (three choices an agent) or ``"continuous"`` (one number in [-1, 1]).
        data_seed: Seed of generated sources.
        num_envs: Number of independent copies.

    Raises:
        ConfigError: A part that lacks a method, or a value out of range.
    """

    figures = FIGURES
    references = (
        "no_op:datacenter_rules",
        "rules:datacenter_rules+load_shifting=carbon_threshold+cooling=trim_and_respond+battery=carbon_threshold",
        "coldest:datacenter_rules+cooling=coldest+battery=carbon_threshold",
        "mpc:receding_horizon+replan_steps=8",
    )

    def __init__(
        self,
        episode: protocol.Episode,
        workload: Table | Source | None,
        weather: Table | Source | None,
        carbon: Table | Source | None,
        load_shifting: protocol.LoadShifting,
        it_load: protocol.ItLoad,
        hall: protocol.Hall,
        cooling: protocol.Cooling,
        battery: protocol.Battery,
        observation: protocol.Observation,
        reward: protocol.Reward,
        price: Table | Source | None = None,
        losses: protocol.Losses | None = None,
        actions: ActionKind = "discrete",
        data_seed: int = 0,
        num_envs: int = 1,
    ) -> None:
        self.episode, self.load_shifting, self.it_load, self.hall = episode, load_shifting, it_load, hall
        self.cooling, self.battery, self.observation, self.reward, self.losses = cooling, battery, observation, reward, losses
        if actions not in ("discrete", "continuous"):
            raise ConfigError(f"env.actions={actions!r}: choose discrete or continuous")
        if num_envs < 1 or data_seed < 0:
            raise ConfigError(f"env.num_envs={num_envs}, data_seed={data_seed}: give at least 1, and at least 0")
        self._check_parts()
        self.site = Site(it_load.nameplate_w, episode.step_seconds, episode.horizon, it_load.dynamic_w)
        self.horizon = episode.horizon
        sources = {"workload": workload, "weather": weather, "carbon": carbon, "price": price}
        self._bind({name: source for name, source in sources.items() if source is not None}, data_seed, num_envs)
        controls = dict(zip(AGENTS, (load_shifting.control(actions), hall.control(actions), battery.control(actions)), strict=True))
        check_controls(controls)
        self._discrete = actions == "discrete"
        low, high = observation.bounds["state"]
        super().__init__(
            self._specs(controls),
            num_envs,
            episode.horizon,
            COLUMNS,
            state_space=spaces.Box(low, high, dtype=np.float32),
            step_seconds=episode.step_seconds,
        )
        self.reset_options = tuple(episode.reset_options)
        self.record: Record | None = None
        self._strips: dict[int, Strip] = {}
        self._fresh = np.ones(num_envs, dtype=bool)
        self.arrays = joined((episode, load_shifting, hall, battery, observation, reward), num_envs)
        check_views(battery, load_shifting, self.arrays, num_envs)

    def _check_parts(self) -> None:
        """Refuse a part that does not have the methods of its protocol, naming them."""
        wanted: dict[str, type] = {
            "episode": protocol.Episode,
            "load_shifting": protocol.LoadShifting,
            "it_load": protocol.ItLoad,
            "hall": protocol.Hall,
            "cooling": protocol.Cooling,
            "battery": protocol.Battery,
            "observation": protocol.Observation,
            "reward": protocol.Reward,
            "losses": protocol.Losses,
        }
        for name, kind in wanted.items():
            part = getattr(self, name)
            if part is None and name == "losses":
                continue
            missing = [
                entry for entry in vars(kind) if not entry.startswith("_") and not hasattr(type(part), entry) and not hasattr(part, entry)
            ]
            if missing:
                raise ConfigError(f"{name}={type(part).__name__} lacks {', '.join(missing)}: a part of env=datacenter needs them")
            _refuse_not_finite(name, part)

    def _bind(self, sources: Mapping[str, Table | Source], data_seed: int, num_envs: int) -> None:
        """Introduce the parts to the site and to one another."""
        self.hall.bind(self.site, self.it_load)
        self.cooling.bind(self.site, self.it_load)
        self.load_shifting.bind(self.site)
        self.battery.bind(self.site)
        calendar = self.episode.calendar
        tables = {name: table_of_part(name, source, calendar, data_seed) for name, source in sources.items()}
        self.episode.bind(tables, self.cooling, num_envs)
        self.observation.bind(self)
        self.reward.bind(self)

    def _specs(self, controls: Mapping[str, Control]) -> tuple[AgentSpec, ...]:
        """Declare the three agents."""
        columns, bounds = self.observation.columns, self.observation.bounds
        specs = []
        for name, control in controls.items():
            low, high = bounds[name]
            space = spaces.Box(low, high, dtype=np.float32)
            specs.append(
                AgentSpec(name, space, control.space, columns[name], (control.column,), (control.labels,) if control.labels else ())
            )
        return tuple(specs)

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, mask: Array | None = None, options: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Begin new episodes; a copy that is seeded carries nothing over from the episode before it."""
        seeded = np.array([s is not None for s in seed]) if isinstance(seed, Sequence) else np.full(self.num_envs, seed is not None)
        self._fresh = seeded if len(seeded) == self.num_envs else np.ones(self.num_envs, dtype=bool)
        return super().reset(seed=seed, mask=mask, options=options)

    def _begin(self, copies: Array, generators: Sequence[np.random.Generator], options: Mapping[str, Any]) -> None:
        """Start the episodes of ``copies`` in every part."""
        state = self.arrays
        fresh = self._fresh[copies] | ~state["begun"][copies]
        state["begun"][copies] = True
        self.elapsed[copies] = 0
        for copy in copies if self._strips else ():
            if int(copy) in self._strips:
                self._strips[int(copy)].rows.clear()
        self.episode.begin(state, copies, generators, options)
        self.load_shifting.begin(state, copies)
        self.hall.begin(state, copies, fresh)
        self.battery.begin(state, copies)
        self.observation.begin(state, copies)
        self.reward.begin(state, copies, fresh)

    def _advance(self, actions: Mapping[str, Array]) -> Outcome:
        """Simulate one step: queue, set-point, servers, air, plant, room, battery, rewards."""
        record = self.simulate(actions)
        self.record = record
        if np.count_nonzero(np.isfinite(record.power.grid_kwh)) < self.num_envs:
            raise EnvironmentFault(self._fault(record, actions))
        self.observation.after(self.arrays, record)
        for strip in self._strips.values():
            strip.add(record, self.arrays)
        rewards = self.reward.rewards(self.arrays, self.elapsed, record)
        return Outcome(rewards, None, step_metrics(record, self.site))

    def simulate(self, actions: Mapping[str, Array]) -> Record:
        """Advance the physics of all copies by one step and return everything that happened."""
        state = self.arrays
        shift, setpoint, battery = self._chosen(actions)
        x = self.episode.inputs(state, self.elapsed)
        work = self.load_shifting.execute(state, x, shift, self.it_load.capacity(self.hall.inlet(state)))
        target = self.hall.actuate(state, setpoint)
        it = self.it_load.power(self.hall.inlet(state), work.utilisation)
        air = self.hall.air(state, target, it, x.weather)
        plant = self.cooling.cool(air, it, x.weather, x.plant)
        room = self.hall.settle(state, air, plant.supply)
        cooling = air.fan_w + plant.chiller_w + plant.chilled_pump_w + plant.condenser_pump_w + plant.tower_w + plant.liquid_loop_w
        loss = self.losses.power(it.power_w, self.site.nameplate_w) if self.losses is not None else np.zeros(self.num_envs)
        total = it.power_w + cooling + loss
        power = self.battery.dispatch(state, battery, total)
        last = self.elapsed + 1 >= self.site.horizon
        ending = bool(np.count_nonzero(last))
        debt = self.battery.debt_mwh(state) if ending else None
        return Record(x, work, it, air, room, plant, loss, cooling, total, power, last, ending, debt)

    def _chosen(self, actions: Mapping[str, Array]) -> tuple[Array, ...]:
        """Return the agents' actions: integers, or float64 in [-1, 1], ``(num_envs,)`` each."""
        if self._discrete:
            return tuple(actions[name] for name in AGENTS)
        return tuple(actions[name][:, 0].astype(np.float64) for name in AGENTS)

    def _fault(self, record: Record, actions: Mapping[str, Array]) -> str:
        """Say which part went wrong, where and under what inputs."""
        copy = int(np.flatnonzero(~np.isfinite(record.power.grid_kwh))[0])
        x = record.inputs
        given = (
            f"demand {x.demand[copy]}, dry bulb {x.weather.dry_bulb[copy]}, wet bulb {x.weather.wet_bulb[copy]}, carbon {x.carbon[copy]}"
        )
        chosen = {name: np.asarray(action)[copy].tolist() for name, action in actions.items()}
        where = first_fault(record) or f"energy is {record.power.grid_kwh[copy]} in copy {copy}"
        return f"{where} at step {int(self.elapsed[copy])}; inputs: {given}; actions {chosen}"

    def _observe(self) -> Snapshot:
        """Return what is visible now."""
        observations, central = self.observation.observe(self.arrays, self.elapsed)
        return Snapshot(observations, central)

    def render(self, index: int = 0) -> Array:
        """Draw power, temperature, queue, charge and carbon of copy ``index`` since the first call: uint8 ``(720, 960, 3)``."""
        if not 0 <= index < self.num_envs:
            raise EnvironmentFault(f"render({index}): there is no such copy; give 0 .. {self.num_envs - 1}")
        strip = self._strips.setdefault(index, Strip(index, self.site.step_hours, self.site.horizon))
        return strip.draw()


def _refuse_not_finite(name: str, part: Any) -> None:
    """Refuse a part with a parameter that is infinite or no number, naming it."""
    for field in dataclasses.fields(part) if dataclasses.is_dataclass(part) else ():
        value = getattr(part, field.name)
        numbers = [x for x in (value if isinstance(value, list | tuple) else [value]) if isinstance(x, float)]
        if not np.isfinite(numbers).all():
            raise ConfigError(f"{name}.{field.name}={value}: give a finite number")
