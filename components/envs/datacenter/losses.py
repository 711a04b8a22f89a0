"""Electrical losses outside the hall: uninterruptible supply, distribution and the site's other loads."""

from __future__ import annotations

from dataclasses import dataclass

from wattloom.environment import Array
from wattloom.errors import ConfigError


@dataclass
class Losses:
    """P = (ups_fixed + site_fixed) P_N + ups_share P_IT.

    Attributes:
        ups_fixed: No-load losses over IT nameplate.
        ups_share: Losses over IT power.
        site_fixed: Lights, offices and controls over IT nameplate.
    """

    ups_fixed: float = 0.015
    ups_share: float = 0.04
    site_fixed: float = 0.015

    def __post_init__(self) -> None:
        if min(self.ups_fixed, self.ups_share, self.site_fixed) < 0:
            raise ConfigError("losses.ups_fixed, ups_share and site_fixed must not be negative")

    def power(self, it_w: Array, nameplate_w: float) -> Array:
        """Return W, ``(num_envs,)``."""
        return (self.ups_fixed + self.site_fixed) * nameplate_w + self.ups_share * it_w
