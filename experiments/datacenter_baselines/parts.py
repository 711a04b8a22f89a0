"""Draw one plot for every part of the data center: `python experiments/datacenter_baselines/parts.py` writes docs/_static/datacenter_PART.png."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

import wattloom
from wattloom.components.envs.datacenter.protocol import Weather
from wattloom.components.physics import magnus
from wattloom.environment import Array

STATIC = Path(__file__).parents[2] / "docs" / "_static"
COLOURS = ("#4477aa", "#cc6677", "#228833", "#aa8833", "#222222")
PLANTS = ("air", "air_airside", "water", "water_waterside", "water_airside")


def panel(axis: Any, x: str, y: str) -> None:
    axis.set_xlabel(x, fontsize=9)
    axis.set_ylabel(y, fontsize=9)
    axis.tick_params(labelsize=8)
    axis.grid(True, linewidth=0.4, alpha=0.5)
    axis.spines[["top", "right"]].set_visible(False)
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=8, frameon=False)


def outdoor(dry_bulb: float, humidity: float, rows: int) -> Weather:
    dry = np.full(rows, dry_bulb)
    ratio = magnus.humidity_ratio_of(dry, np.full(rows, humidity))
    return Weather(dry, magnus.wet_bulb(dry, np.full(rows, humidity)), ratio, magnus.dew_point(ratio))


def day(actions: Any, **changes: Any) -> list[dict[str, float]]:
    """Metrics of a July day, step by step, under ``actions(step) -> (shift, cooling, battery)``."""
    environment = wattloom.make("datacenter", location="ca", actions="continuous", episode__days=1, **changes)
    environment.reset(seed=0, options={"start_day": 190})
    names, rows = [spec.name for spec in environment.agents], []
    for step in range(environment.horizon):
        chosen = {name: np.array([[value]], dtype=np.float32) for name, value in zip(names, actions(step), strict=True)}
        result = environment.step(chosen)
        rows.append({name: float(value[0]) for name, value in result.metrics.items()})
        rows[-1] |= {f"reward {name}": float(value[0]) for name, value in result.rewards.items()}
    return rows


def queue(figure: Figure) -> None:
    rows = day(lambda step: (-1.0 if step < 40 else 0.0 if step < 60 else 1.0, -0.25, 0.0))
    time, axis = np.arange(1, 97) / 4, figure.subplots()
    for name, colour in (("demand", COLOURS[4]), ("executed", COLOURS[0])):
        axis.plot(time, [4 * row[f"work_{name}"] for row in rows], color=colour, label=f"{name}, share of capacity")
    axis.plot(time, [row["work_queued"] for row in rows], color=COLOURS[3], label="waiting, capacity h")
    panel(axis, "h: all new work deferred until 10, passed until 15, then the queue drained", "")


def servers(figure: Figure) -> None:
    part, inlet = wattloom.make("datacenter").it_load, np.linspace(15, 65, 200)
    power, flow = figure.subplots(1, 2)
    for u, colour in zip((0.0, 0.5, 1.0), COLOURS, strict=False):
        it = part.power(inlet, np.full(200, u))
        power.plot(inlet, it.power_w / part.nameplate_w, color=colour, label=f"u = {u:g}")
        flow.plot(inlet, it.heat_rate / (1006 * 1.2) / part.nameplate_w * 1e3, color=colour)
    power.axvspan(18, 27, color="#228833", alpha=0.12)
    panel(power, "inlet, °C (green: recommended)", "IT power over nameplate")
    panel(flow, "inlet, °C", "air flow, m3/s per kW")


def hall(figure: Figure) -> None:
    environment, axis = wattloom.make("datacenter"), figure.subplots()
    for minutes, style in ((15, "o-"), (1, "-")):
        site = environment.site
        environment.hall.bind(type(site)(site.nameplate_w, 60.0 * minutes, 96), environment.it_load)
        state, path = {"room": np.array([23.0]), "setpoint": np.array([22.0])}, [23.0]
        for k in range(180 // minutes):
            it = environment.it_load.power(state["room"], np.array([0.6]))
            air = environment.hall.air(state, state["setpoint"], it, outdoor(20.0, 0.5, 1))
            environment.hall.settle(state, air, np.array([22.0 if k * minutes < 45 else 27.0]))
            path.append(float(state["room"][0]))
        axis.plot(np.arange(len(path)) * minutes, path, style, markersize=4, label=f"steps of {minutes} min", color=COLOURS[minutes == 1])
    panel(axis, "min: supply air 22 °C, from minute 45 on 27 °C", "inlet, °C")


def cooling(figure: Figure) -> None:
    setpoint = np.linspace(16, 32, 65)
    for axis, (dry, humidity) in zip(figure.subplots(1, 3, sharey=True), ((5, 0.7), (18, 0.6), (33, 0.4)), strict=True):
        for name, colour in zip(PLANTS, COLOURS, strict=True):
            axis.plot(setpoint, overhead(name, setpoint, outdoor(dry, humidity, 65)), color=colour, label=name if dry == 5 else None)
        panel(axis, f"set-point, °C; {dry} °C outside", "facility over IT at 20 °C inlet" if dry == 5 else "")


def overhead(plant: str, setpoint: Array, weather: Weather) -> Array:
    """Facility power over what the servers would draw at a cool inlet, with the room at rest."""
    environment = wattloom.make("datacenter", cooling=plant)
    state, u = {"room": setpoint + 1.0, "setpoint": setpoint}, np.full(len(setpoint), 0.5)
    for _ in range(60):
        it = environment.it_load.power(state["room"], u)
        air = environment.hall.air(state, setpoint, it, weather)
        done = environment.cooling.cool(air, it, weather, environment.cooling.columns(weather))
        environment.hall.settle(state, air, done.supply)
    spent = air.fan_w + done.chiller_w + done.chilled_pump_w + done.condenser_pump_w + done.tower_w
    ratio: Array = (it.power_w + spent + environment.losses.power(it.power_w, 1e6)) / it.reference_w
    return ratio


def battery(figure: Figure) -> None:
    rows = day(lambda step: (0.0, -0.25, (1.0, 0.0, -1.0, 0.0)[step // 16 % 4]))
    time, (power, charge) = np.arange(1, 97) / 4, figure.subplots(1, 2)
    for name, colour in (("total", COLOURS[4]), ("grid", COLOURS[1])):
        power.plot(time, [4 * row[f"energy_{name}"] for row in rows], color=colour, label={"total": "facility", "grid": "grid"}[name])
    charge.plot(time, [100 * row["state_of_charge"] for row in rows], color=COLOURS[2])
    panel(power, "h", "power, kW")
    panel(charge, "h: charge, rest, discharge, rest, 4 h each", "state of charge, %")


def losses(figure: Figure) -> None:
    part, it, axis = wattloom.make("datacenter").losses, np.linspace(0.05, 1, 100) * 1e6, figure.subplots()
    axis.plot(it / 1e4, 100 * it / (it + part.power(it, 1e6)), color=COLOURS[0], label="losses=ups")
    legacy = wattloom.make("datacenter", losses="legacy").losses
    axis.plot(it / 1e4, 100 * it / (it + legacy.power(it, 1e6)), color=COLOURS[1], label="losses=legacy")
    panel(axis, "IT power, % of nameplate", "IT over IT and losses, %")


def observation(figure: Figure) -> None:
    environment = wattloom.make("datacenter", location="ca", episode__days=2)
    snapshot, rows = environment.reset(seed=0, options={"start_day": 190}), []
    rng = np.random.default_rng(1)
    for _ in range(192):
        rows.append(snapshot.state[0])
        snapshot = environment.step({spec.name: rng.integers(0, 3, 1) for spec in environment.agents}).snapshot
    axis = figure.subplots()
    image = axis.imshow(
        np.array(rows).T, aspect="auto", cmap="RdBu_r", vmin=-2, vmax=2, extent=(0, 48, len(rows[0]), 0), interpolation="nearest"
    )
    names = [column.name for column in environment.observation.columns["state"]]
    axis.set_yticks(np.arange(len(names)) + 0.5, names, fontsize=5.5)
    axis.set_xlabel("h under random choices", fontsize=9)
    figure.colorbar(image, ax=axis, label="scaled entry")


def reward(figure: Figure) -> None:
    time, axis = np.arange(1, 97) / 4, figure.subplots()
    rows = day(lambda step: (0.0, -0.25, (1.0, 0.0, -1.0, 0.0)[step // 16 % 4]), reward__individual_reward_weight=1.0)
    for name, colour in zip(("load_shifting", "cooling", "battery"), COLOURS, strict=False):
        axis.plot(time[:-1], [row[f"reward {name}"] for row in rows[:-1]], color=colour, label=name)
    panel(axis, "h: the battery charges, rests, discharges, rests, 4 h each; its debt of the last step is not shown", "own reward")


if __name__ == "__main__":
    for draw in (queue, servers, hall, cooling, battery, losses, observation, reward):
        figure = Figure(figsize=(7.2, 5.0 if draw is observation else 2.8), dpi=110, layout="constrained")
        draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        picture = Image.open(buffer).convert("RGB").quantize(64, dither=Image.Dither.NONE)  # few colours keep the file small
        picture.save(STATIC / f"datacenter_{draw.__name__}.png", optimize=True)
