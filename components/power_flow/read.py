"""Find a network by file, by name or by SimBench code."""

from __future__ import annotations

import copy
import importlib.util
import inspect
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from wattloom.errors import ConfigError, DataError, MissingExtraError, did_you_mean

# SimBench codes look like "1-MV-urban--0-sw" or "1-MVLV-rural-1.108-0-sw".
SIMBENCH = re.compile(r"^\d-[A-Z]+-\w*-[\w.]*-\d-(sw|no_sw)$")


def read_network(network: str | Path) -> Any:
    """Return the pandapower network of a JSON file, of one of pandapower's own networks, or of a SimBench code.

    Args:
        network: ``"feeder.json"``, ``"case33bw"`` or ``"1-MV-urban--0-sw"`` (needs the extra ``grid``).

    Raises:
        wattloom.errors.ConfigError: If the name is unknown.
        wattloom.errors.DataError: If the file is missing or cannot be read.
        wattloom.errors.MissingExtraError: If a SimBench code is given and simbench is not installed.
    """
    text = str(network)
    if text.endswith(".json"):
        return read_json(Path(text))
    if SIMBENCH.match(text):
        return read_simbench(text)
    return read_builtin(text)


def read_json(path: Path) -> Any:
    """Return the network of a file written by ``pandapower.to_json``."""
    import pandapower

    if not path.is_file():
        raise DataError(f"network file {path} does not exist")
    try:
        net = pandapower.from_json(str(path))
    except Exception as error:  # the JSON reader raises many types; each is one named error here
        raise DataError(f"network file {path} is not a pandapower JSON file: {error}") from error
    if not hasattr(net, "bus"):
        raise DataError(f"network file {path} is not a pandapower JSON file: it holds a {type(net).__name__}")
    return net


def read_simbench(code: str) -> Any:
    """Return a SimBench network (Meinecke et al. 2020, doi:10.3390/en13123290), without its profiles."""
    net = _simbench(code)
    kept = net.pop("profiles", None)  # a year of every profile, which every copy of the network would carry along
    try:
        return copy.deepcopy(net)
    finally:
        net["profiles"] = kept


def simbench_profiles(code: str) -> dict[tuple[str, str], Any]:
    """Return a year of quarter-hours of every element of a SimBench network.

    Returns:
        Table and column (``("load", "p_mw")``, ``("load", "q_mvar")``, ``("sgen", "p_mw")``) to a frame: one row a quarter-hour of 2016, local standard
        time, one column a number in that table; MW, MVAr. And the tables themselves, ``("load", "table")`` and ``("sgen", "table")``.

    Raises:
        wattloom.errors.ConfigError: If SimBench does not know the code.
        wattloom.errors.MissingExtraError: If simbench is not installed.
    """
    net = _simbench(code)
    import simbench

    found = dict(simbench.get_absolute_values(net, profiles_instead_of_study_cases=True))
    return {**found, ("load", "table"): net.load, ("sgen", "table"): net.sgen}


@lru_cache(maxsize=2)
def _simbench(code: str) -> Any:
    """Read a SimBench network with its profiles, some five seconds; callers must not change it."""
    if not SIMBENCH.match(code):
        raise ConfigError(f"'{code}' is no SimBench code; they look like 1-LV-rural1--0-sw")
    if importlib.util.find_spec("simbench") is None:
        raise MissingExtraError(f"the SimBench network '{code}'", "grid")
    import simbench

    try:
        return simbench.get_simbench_net(code)
    except Exception as error:  # an unknown code fails somewhere inside, with whatever stands there
        raise ConfigError(f"network '{code}' looks like a SimBench code, but SimBench does not know it: {error}") from error


def read_builtin(name: str) -> Any:
    """Return a network that comes with pandapower, by the name of its function (``case33bw``, ``create_cigre_network_mv``, ``mv_oberrhein``)."""
    from pandapower import networks

    makers = {key: maker for key, maker in vars(networks).items() if not key.startswith("_") and is_maker(maker)}
    if name not in makers:
        raise ConfigError(
            f"no network '{name}': give a pandapower JSON file (*.json), a SimBench code, or a pandapower network{did_you_mean(name, makers)}"
        )
    made = makers[name]()
    return made[0] if isinstance(made, tuple) else made


def is_maker(candidate: object) -> bool:
    """Return whether a name of ``pandapower.networks`` is a function there that makes a network without arguments."""
    if not inspect.isfunction(candidate) or not candidate.__module__.startswith("pandapower.networks"):
        return False
    needed = [p for p in inspect.signature(candidate).parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    return not needed
