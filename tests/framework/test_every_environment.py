"""The contract suite over every option of the group ``env``, and over the official checkers through its faces."""

import warnings
from pathlib import Path

import pytest

import wattloom.conf
from wattloom.adapters import PettingZooEnv
from wattloom.build import build_environment
from wattloom.compose import compose
from wattloom.testing import check_environment

OPTIONS = sorted(file.stem for file in (Path(wattloom.conf.__file__).parent / "env").glob("*.yaml"))
NEEDS = {"pettingzoo": "mpe2", "simbench": "simbench"}  # options whose default is somebody else's package


@pytest.fixture(params=OPTIONS)
def composed(request):
    """Each option, composed with its defaults."""
    if request.param in NEEDS:
        pytest.importorskip(NEEDS[request.param])
    return compose([f"env={request.param}"])


def test_keeps_the_contract(composed):
    assert check_environment(lambda num_envs: build_environment(composed, num_envs=num_envs), steps=30) == []


def test_passes_pettingzoos_seed_test(composed):
    from pettingzoo.test import parallel_api_test, parallel_seed_test

    def make():
        return PettingZooEnv(build_environment(composed, num_envs=1))

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*environment creation API has been deprecated.*")  # of PettingZoo's own packages
        parallel_api_test(make(), num_cycles=30)
        parallel_seed_test(make, num_cycles=30)
