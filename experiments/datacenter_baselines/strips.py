"""Draw one July week under no-op, rules and the receding-horizon reference: `python experiments/datacenter_baselines/strips.py`.

The week of the page of the environment is New York's, with discrete actions; the others are San José's.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

import wattloom
from wattloom.components.baselines.datacenter.receding_horizon import RecedingHorizon
from wattloom.components.baselines.datacenter.rules import DataCenterRules
from wattloom.environment import EnvironmentSpec
from wattloom.seeding import Seeds

HERE = Path(__file__).parent
STATIC = HERE.parents[1] / "docs" / "_static"
RULES = DataCenterRules("carbon_threshold", "trim_and_respond", "carbon_threshold", soc_low=0.1, soc_high=0.9)
SHOWN = {
    "no_op": DataCenterRules(),
    "rules": RULES,
    "mpc": RecedingHorizon(replan_steps=4),
}


def strip(algorithm: DataCenterRules | RecedingHorizon, location: str = "ca", actions: str = "continuous") -> Image.Image:
    """Return the picture of the week."""
    environment = wattloom.make("datacenter", location=location, actions=actions)
    algorithm.setup(EnvironmentSpec.of(environment), Seeds(0), 1)
    algorithm.bind(environment)
    policy = algorithm.policy(1, explore=False)
    snapshot = environment.reset(seed=0, options={"start_day": 188})
    environment.render()
    for _ in range(environment.horizon - 1):
        snapshot = environment.step(policy.act(snapshot)).snapshot
    return Image.fromarray(environment.render()).quantize(48, dither=Image.Dither.NONE)  # few colours keep the file small


if __name__ == "__main__":
    for name, algorithm in SHOWN.items():
        picture = strip(algorithm)
        for path in (HERE / f"{name}.png", STATIC / f"datacenter_{name}.png"):
            picture.save(path, optimize=True)
    strip(RULES, "ny", "discrete").save(STATIC / "datacenter.png", optimize=True)
