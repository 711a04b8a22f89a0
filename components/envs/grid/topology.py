"""Switching: an agent that chooses among radial configurations of a network, by closing ties and opening lines.

A configuration is the set of lines that are open. From the one of the tables, others follow by branch exchange (S. Civanlar et al., "Distribution
feeder reconfiguration for loss reduction", IEEE Trans. Power Delivery 3 (1988) 1217-1223): a tie is closed, and one line of the loop that it makes is
opened. Every one of them supplies every bus and has no loop. Each is a variant of the network, prepared when it is first met.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wattloom.components.envs.grid.devices import Deed, Device, Lever, Reported
from wattloom.components.envs.grid.network import Feeder
from wattloom.components.envs.grid.protocol import Floats, Inputs, Integers, State
from wattloom.components.power_flow.protocol import GridModel
from wattloom.components.sources.protocol import Calendar
from wattloom.environment import Array, Column
from wattloom.errors import ConfigError
from wattloom.figures import Figure

MOST = 2000  # configurations

Open = frozenset[int]


@dataclass
class Topology:
    """A choice of the open lines.

    Attributes:
        configurations: Lists of open lines (pandapower numbers), one a configuration beside that of the tables; None: all that ``exchanges`` lead to.
        exchanges: Branch exchanges at most from the configuration of the tables; None: 1, where nobody lists any.
        discrete: Whether the action is a choice; False: a number in [-1, 1] cut into equal pieces, 0 for the tables, for algorithms that give numbers.
        usd_per_operation: USD for each line opened or closed.
        agent: Name of the agent, which sees the whole network.

    Raises:
        ConfigError: A value out of range.
    """

    configurations: Sequence[Sequence[int]] | None = None
    exchanges: int | None = None
    discrete: bool = False
    usd_per_operation: float = 5.0
    agent: str = "topology"

    def __post_init__(self) -> None:
        if self.exchanges is not None and self.exchanges < 1:
            raise ConfigError(f"topology.exchanges={self.exchanges}: give at least 1")
        if self.exchanges is not None and self.configurations is not None:
            raise ConfigError(f"topology.exchanges={self.exchanges} has no effect beside topology.configurations: set one of them to null")
        if not (self.usd_per_operation >= 0 and np.isfinite(self.usd_per_operation)):
            raise ConfigError(f"topology.usd_per_operation={self.usd_per_operation}: give a number from 0")

    def prepare(self, feeder: Feeder, calendar: Calendar, seed: int) -> Device:
        """Find the configurations of a network.

        Raises:
            ConfigError: A network that is not radial or has no tie, an unknown line, or a configuration with a loop or a bus without supply.
        """
        model = feeder.model
        lines = model.branch_positions("line")
        base = Open(line for line, position in lines.items() if not model.in_service[position])
        if problem := fault(model, base):
            raise ConfigError(f"topology needs a radial network; {problem} in network '{model.name}' as it stands (see network.open_lines)")
        others = (
            reachable(model, base, self.exchanges or 1) if self.configurations is None else [Open(map(int, c)) for c in self.configurations]
        )
        for chosen in others:
            if unknown := sorted(chosen - set(lines)):
                raise ConfigError(f"topology.configurations: network '{model.name}' has no line {unknown[0]}")
            if problem := fault(model, chosen):
                raise ConfigError(f"topology.configurations: {problem} with lines {', '.join(map(str, sorted(chosen)))} open")
        if not others:
            raise ConfigError(f"topology: network '{model.name}' has no tie to close; list topology.configurations")
        return _Switches(self, [base, *(c for c in dict.fromkeys(others) if c != base)], int(feeder.slack[0]))


def fault(model: GridModel, chosen: Open) -> str:
    """Return what is wrong with the open lines ``chosen``: a loop, or a bus without supply; empty where all is well."""
    variant = model.switched({line: line not in chosen for line in model.branch_positions("line")})
    if (model.bus_energised & ~variant.bus_energised).any():
        bus = model.bus_index[np.flatnonzero(model.bus_energised & ~variant.bus_energised)[0]]
        return f"bus {bus} has no supply"
    closed = variant.in_service & variant.energised[variant.branch_from] & variant.energised[variant.branch_to]
    loops = int(closed.sum()) - (int(variant.energised.sum()) - len(variant.slack))
    return "" if loops <= 0 else "there is a closed loop" if loops == 1 else f"there are {loops} closed loops"


def reachable(model: GridModel, base: Open, exchanges: int) -> list[Open]:
    """Return the configurations within so many branch exchanges of ``base``, nearest first.

    Raises:
        ConfigError: More than two thousand.
    """
    found, edge = {base: None}, [base]
    for _ in range(exchanges):
        following: dict[Open, None] = {}
        for known in edge:
            for tie in sorted(known):
                following |= {(known - {tie}) | {line}: None for line in loop_lines(model, known, tie)}
        edge = [chosen for chosen in following if chosen not in found]
        found |= dict.fromkeys(edge)
        if len(found) > MOST:
            raise ConfigError(
                f"topology.exchanges={exchanges} leads to more than {MOST} configurations; give fewer, or list configurations"
            )
    return [chosen for chosen in found if chosen != base]


def loop_lines(model: GridModel, chosen: Open, tie: int) -> list[int]:
    """Return the lines on the way between the ends of an open ``tie``; the slacks count as one node."""
    place = model.branch_positions("line")
    number = {position: line for line, position in place.items()}
    closed = model.in_service.copy()
    for line, position in place.items():
        closed[position] = line not in chosen
    root = np.arange(model.n_node)
    root[model.slack] = model.slack[0]
    ends = np.stack([root[model.branch_from], root[model.branch_to]], axis=1)
    joined: dict[int, list[tuple[int, int]]] = {}
    for branch in np.flatnonzero(closed).tolist():
        a, b = ends[branch].tolist()
        joined.setdefault(a, []).append((b, branch))
        joined.setdefault(b, []).append((a, branch))
    start, goal = ends[place[tie]].tolist()
    came: dict[int, tuple[int, int]] = {start: (start, -1)}
    queue = [start]
    while queue and goal not in came:
        node = queue.pop()
        for neighbour, branch in joined.get(node, []):
            if neighbour not in came:
                came[neighbour] = (node, branch)
                queue.append(neighbour)
    way = []
    while goal in came and goal != start:
        goal, branch = came[goal]
        way.append(branch)
    return sorted(number[branch] for branch in way if branch in number)


class _Switches(Device):
    columns = (Column("configuration", "1", "none"), Column("switch_operations", "1", "lower"))
    figures = (Figure.total("switch_operations", Column("lines_switched", "1", "lower")),)

    def __init__(self, kind: Topology, configurations: list[Open], bus: int) -> None:
        self.agent, self._usd, self._discrete = kind.agent, kind.usd_per_operation, kind.discrete
        middle = (len(configurations) - 1) // 2 if kind.discrete else len(configurations) // 2  # where a neutral action lies
        ordered = [*configurations[1 : middle + 1], configurations[0], *configurations[middle + 1 :]]
        self._base, self.configurations = middle, ordered
        self.lines = tuple(sorted(set().union(*ordered)))
        self._closed = np.array([[line not in chosen for line in self.lines] for chosen in ordered], dtype=np.int64)
        self.choices = tuple("open " + " ".join(map(str, sorted(chosen))) for chosen in ordered) if kind.discrete else ()
        self.levers, self.seen = (Lever("configuration", bus),), tuple((f"closed_{line}", bus) for line in self.lines)
        self.reported = (
            Reported("configuration", whole=True),
            Reported("switch_operations", "sum", whole=True),
            *(Reported(f"line_{line}_closed", whole=True) for line in self.lines),
        )

    def initial(self, num_envs: int) -> State:
        return {"configuration": np.full(num_envs, self._base, dtype=np.int64)}

    def begin(self, state: State, copies: Array, generators: Sequence[np.random.Generator]) -> None:
        chosen = state["configuration"].copy()
        chosen[copies] = self._base
        state["configuration"] = chosen

    def rest(self, state: State, inputs: Inputs) -> Deed:
        return self._at(state["configuration"], state["configuration"])

    def run(self, state: State, inputs: Inputs, action: Floats, last: Array) -> Deed:
        count = len(self._closed)
        chosen = action[:, 0] if self._discrete else np.floor((action[:, 0] + 1.0) * (0.5 * count))
        return self._at(state["configuration"], np.clip(chosen.astype(np.int64), 0, count - 1))

    def observe(self, state: State) -> Floats:
        return self._closed.take(state["configuration"], axis=0).astype(np.float64)

    def report(self, inputs: Inputs, deed: Deed) -> Floats:
        """Return the configuration, the lines opened or closed to come there, and the state of every line that moves in any of them."""
        assert deed.states is not None
        told = np.stack([deed.metrics["configuration"], deed.metrics["switch_operations"]], axis=1)
        return np.concatenate([told, deed.states], axis=1)

    def _at(self, before: Integers, chosen: Integers) -> Deed:
        states = self._closed.take(chosen, axis=0)
        operations = np.abs(states - self._closed.take(before, axis=0)).sum(axis=1).astype(np.float64)
        metrics = {"configuration": chosen.astype(np.float64), "switch_operations": operations}
        return Deed({"configuration": chosen}, (self._usd * operations)[:, None], metrics, states=states)
