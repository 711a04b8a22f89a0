"""A PettingZoo environment of somebody else, three agents of different shapes, trains with HAPPO by one file and one command."""

import json
import subprocess
import sys
from pathlib import Path

TEAM = '''
import numpy as np
from gymnasium import spaces
from pettingzoo import ParallelEnv


class Team(ParallelEnv):
    """A valve, a two-switch panel and a motor hold a level at 1 together."""

    metadata = {"name": "team"}
    possible_agents = ["valve", "panel", "motor"]

    def __init__(self):
        self.observation_spaces = {name: spaces.Box(-9.0, 9.0, (n,), np.float32) for name, n in zip(self.possible_agents, (1, 2, 3))}
        self.action_spaces = {"valve": spaces.Discrete(3), "panel": spaces.MultiDiscrete([2, 2]), "motor": spaces.Box(-1.0, 1.0, (1,), np.float32)}

    def observation_space(self, agent):
        return self.observation_spaces[agent]

    def action_space(self, agent):
        return self.action_spaces[agent]

    def look(self):
        seen = np.array([self.level, self.step_number / 10, 1.0], np.float32)
        return {name: seen[: i + 1] for i, name in enumerate(self.agents)}

    def reset(self, seed=None, options=None):
        if seed is not None:
            self.generator = np.random.default_rng(seed)
        self.agents, self.step_number, self.level = list(self.possible_agents), 0, float(self.generator.uniform(-2, 2))
        return self.look(), {name: {} for name in self.agents}

    def step(self, actions):
        push = int(actions["valve"]) - 1 + int(actions["panel"].sum()) - 1 + float(actions["motor"][0])
        self.level += 0.3 * float(np.clip(push, -3, 3))
        self.step_number += 1
        agents, seen, over = self.agents, self.look(), self.step_number == 10
        reward = -abs(self.level - 1.0)
        self.agents = [] if over else agents
        every = lambda value: {name: value for name in agents}
        return seen, every(reward), every(False), every(over), {name: {} for name in agents}
'''


def test_one_file_and_one_command(tmp_path: Path):
    (tmp_path / "my_team.py").write_text(TEAM)
    command = ["env=pettingzoo", "env.target=my_team:Team", "env.shared_reward=true", "env.num_envs=8", "algorithm=happo"]
    command += [
        "algorithm.rollout_steps=40",
        "algorithm.learning_rate=0.002",
        "runner.total_steps=9600",
        "evaluation.every=null",
        "hooks=none",
    ]
    command += ["algorithm.gamma=0.9", "algorithm.minibatches=2", "run_name=team"]
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from wattloom.cli import main; sys.exit(main())", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (status,) = (json.loads(path.read_text()) for path in tmp_path.glob("runs/team/*/*/status.json"))
    assert status["state"] == "completed"
    assert status["last_evaluation"]["mean_return"] > -6.0  # -12.5 without control
