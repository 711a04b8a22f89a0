"""wattloom check env=NAME: run the contract suite on an environment and name what it breaks."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from wattloom.build import build_environment
from wattloom.compose import compose
from wattloom.errors import UsageError
from wattloom.testing import CHECKS, check_environment

SUMMARY = __doc__.partition(": ")[2].strip()


def main(argv: Sequence[str]) -> int:
    """Check one configured environment; return 0 where it is sound, 1 where it is not."""
    parser = argparse.ArgumentParser(prog="wattloom check", description=__doc__)
    parser.add_argument("overrides", nargs="+", metavar="key=value", help="for example env=pendulum env.horizon=50")
    parser.add_argument("--steps", type=int, default=50, help="random steps a check (default 50)")
    parser.add_argument("--config-dir", action="append", default=[], help="a further folder of options")
    options = parser.parse_intermixed_args(list(argv))  # overrides may follow options
    if not any(word.startswith("env=") for word in options.overrides):
        raise UsageError("say which environment, for example: wattloom check env=pendulum")
    if options.steps < 2:
        raise UsageError(f"--steps must be at least 2, not {options.steps}")
    composed = compose(options.overrides, options.config_dir)
    composed.check()
    build_environment(composed, num_envs=1).close()  # a wrong setting is the user's, not a fault of the environment
    findings = check_environment(lambda num_envs: build_environment(composed, num_envs=num_envs), options.steps)
    name = composed.choices["env"]
    for finding in findings:
        print(f"FAULT  {finding.name}: {finding.message}")
    verdict = f"{len(findings)} faults" if findings else "sound"
    print(f"env={name}: {len(CHECKS)} checks of {options.steps} random steps: {verdict}")
    return 1 if findings else 0
