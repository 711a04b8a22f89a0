"""Draw one July week under no-op, rules and the receding-horizon reference: `python experiments/datacenter_baselines/strips.py`."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import wattloom
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.environment import Array, EnvironmentSpec
from wattloom.seeding import Seeds

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "docs" / "_static"
SHOWN = {
    "no_op": DataCenterRules(),
    "rules": DataCenterRules("carbon_threshold", "trim_and_respond", "carbon_threshold", soc_low=0.1, soc_high=0.9),
    "mpc": RecedingHorizon(replan_steps=4),
}


def strip(algorithm: DataCenterRules | RecedingHorizon) -> Array:
    """Return the picture of the week, uint8 ``(720, 960, 3)``."""
    environment = wattloom.make("datacenter", location="ca", actions="continuous")
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
    algorithm.bind(environment)
    policy = algorithm.policy(1, explore=False)
    snapshot = environment.reset(seed=0, options={"start_day": 188})
    environment.render()
    for _ in range(environment.horizon - 1):
        snapshot = environment.step(policy.act(snapshot)).snapshot
    picture: Array = environment.render()
    return picture


if __name__ == "__main__":
    for name, algorithm in SHOWN.items():
        picture = Image.fromarray(strip(algorithm)).quantize(48, dither=Image.Dither.NONE)  # few colours keep the file small
        for path in (HERE / f"{name}.png", STATIC / f"datacenter_{name}.png"):
            picture.save(path, optimize=True)
