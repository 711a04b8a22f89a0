"""Data center: load shifting, cooling and battery, composed of exchangeable parts; files are the parts."""

from wattloom.components.envs.datacenter.environment import DataCenter
from wattloom.components.envs.datacenter.replay import replay

__all__ = ["DataCenter", "replay"]
