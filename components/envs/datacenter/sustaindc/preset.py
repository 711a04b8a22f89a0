"""The original's composition of parts, in code; ``env=sustaindc`` is the same as a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.datacenter.environment import DataCenter
from wattloom.components.envs.datacenter.protocol import Table
from wattloom.components.envs.datacenter.sustaindc.battery import SustainDcBattery
from wattloom.components.envs.datacenter.sustaindc.cooling import SustainDcCooling
from wattloom.components.envs.datacenter.sustaindc.episode import LEAD, TAIL, SustainDcEpisode
from wattloom.components.envs.datacenter.sustaindc.hall import SustainDcHall
from wattloom.components.envs.datacenter.sustaindc.observation import SustainDcObservation
from wattloom.components.envs.datacenter.sustaindc.queue import SustainDcQueue
from wattloom.components.envs.datacenter.sustaindc.racks import SERVERS_W, SustainDcRacks
from wattloom.components.envs.datacenter.sustaindc.recording import RecordedEpisode
from wattloom.components.envs.datacenter.sustaindc.reward import SustainDcReward
from wattloom.environment import Array


@dataclass(frozen=True, slots=True)
class Original:
    """The composed environment and those of its parts whose sizes are reported."""

    environment: DataCenter
    queue: SustainDcQueue
    plant: SustainDcCooling
    battery: SustainDcBattery


def original(
    episode: SustainDcEpisode,
    racks: Sequence[Sequence[float]] = SERVERS_W,
    location: str | None = None,
    capacity_mw: float = 1.0,
    setpoint: float = 18.0,
    tables: Mapping[str, Table] | None = None,
    num_envs: int = 1,
) -> Original:
    """Return the original's composition of parts around an episode part; ``tables`` are its sources (none for recorded episodes)."""
    given = tables or {}
    queue, plant, battery = SustainDcQueue(), SustainDcCooling(location), SustainDcBattery()
    environment = DataCenter(
        episode=episode,
        workload=given.get("workload"),
        weather=given.get("weather"),
        carbon=given.get("carbon"),
        load_shifting=queue,
        it_load=SustainDcRacks(racks, capacity_mw=capacity_mw),
        hall=SustainDcHall(setpoint),
        cooling=plant,
        battery=battery,
        observation=SustainDcObservation(),
        reward=SustainDcReward(),
        num_envs=num_envs,
    )
    return Original(environment, queue, plant, battery)


def sizing(location: str | None = None, racks: Sequence[Sequence[float]] = SERVERS_W, capacity_mw: float = 1.0) -> Array:
    """Return what the original's constructor sizes, in the recordings' order, shape (5,).

    Tower fan reference power [W], its air flow [m3/s], battery capacity [MWh], lower and upper bound of facility power [kW].
    """
    built = original(RecordedEpisode(np.ones((4, LEAD + 1 + TAIL)), (0, 1, 0, 1), 0, 1), racks, location, capacity_mw)
    plant = built.plant
    return np.array([plant.reference_w, plant.reference_m3s, built.battery.size_mwh, plant.power_lb_kw, plant.power_ub_kw])
