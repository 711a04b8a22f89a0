"""Env steps a second of env=grid with everything on, against a plain pandapower loop over the same assets, measured in turns in one process.

    python experiments/benchmarks/grid_step.py [--rounds 7] [--seconds 0.5]

Ours checks and clips actions, moves batteries and inverters, solves the network, pays rewards, reports metrics, observes three agents and resets what
ends. The loop of ``plain_loop`` only sets p and q and calls ``runpp`` with pandapower's defaults. A round measures all sides one after the other, in
processor time, so that other programs on the machine take part in neither; ratios are medians over rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandapower
import pandapower.networks

import wattloom

PUBLISHED = 52.5  # env steps a second of NeomFlex's environment as written, on two shared cores (lightsim2grid installed)


def plain_loop() -> Callable[[], None]:
    """Return one step of what most people write, without the bookkeeping that most of them add."""
    net = pandapower.networks.case33bw()
    pv = [pandapower.create_sgen(net, bus, 0.0) for bus in (16, 20, 31)]
    battery = [pandapower.create_sgen(net, bus, 0.0) for bus in (23, 7, 14)]
    base_p, base_q = net.load.p_mw.to_numpy().copy(), net.load.q_mvar.to_numpy().copy()
    rng = np.random.default_rng(0)
    soc = np.ones(3)

    def step() -> None:
        nonlocal soc
        demand, sun, action = rng.uniform(0.6, 1.0), rng.uniform(0.0, 1.0), rng.uniform(-0.3, 1.0, 6)
        power = np.clip(action[:3] * 0.5, (soc - 1.8) / 0.5, (soc - 0.4) / 0.5)
        soc = soc - power * 0.5
        net.load["p_mw"], net.load["q_mvar"] = base_p * demand, base_q * demand
        net.sgen.loc[pv, "p_mw"], net.sgen.loc[pv, "q_mvar"] = sun, action[3:] * np.sqrt(1 - sun**2)
        net.sgen.loc[battery, "p_mw"] = power
        pandapower.runpp(net)

    return step


def ours(name: str, num_envs: int) -> Callable[[], None]:
    """Return one step of all copies."""
    environment = wattloom.make(name, num_envs=num_envs)
    environment.reset(seed=1)
    rng, turn = np.random.default_rng(0), [0]
    drawn = [
        {agent.name: rng.uniform(-0.3, 1.0, (num_envs, *agent.action_space.shape)).astype(np.float32) for agent in environment.agents}
        for _ in range(64)
    ]

    def step() -> None:
        result = environment.step(drawn[turn[0]])
        turn[0] = (turn[0] + 1) % len(drawn)
        if result.ended.any():
            environment.reset(mask=result.ended)

    return step


def rate(step: Callable[[], None], num_envs: int, seconds: float) -> float:
    """Return env steps a second of processor time over about ``seconds`` of it."""
    steps, start = 0, time.process_time()
    while (elapsed := time.process_time() - start) < seconds:
        step()
        steps += 1
    return steps * num_envs / elapsed


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each side a round")
    options = parser.parse_args()
    sides = {("plain runpp loop", 1): plain_loop()}
    for name in ("grid", "neomflex"):
        sides |= {(f"env={name}", copies): ours(name, copies) for copies in (1, 64, 1024)}
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in sides}
    for number in range(options.rounds + 1):
        for key, step in sides.items():
            measured = rate(step, key[1], options.seconds)
            if number:  # the first round warms up
                rates[key].append(measured)
    base = rates["plain runpp loop", 1]
    summary = {}
    for (name, copies), values in rates.items():
        ratio = statistics.median(value / reference for value, reference in zip(values, base, strict=True))
        middle = statistics.median(values)
        summary[f"{name}, {copies} copies"] = {"env_steps_per_second": round(middle), "ratio": round(ratio, 1)}
        print(
            f"{name:18s} {copies:5d} copies  {middle:12,.0f} env steps/s  {ratio:8.1f} x the loop  {middle / PUBLISHED:8.1f} x {PUBLISHED}"
        )
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
