"""What an episode still owes when it ends: energy missing in the battery and work left in the queue."""

from __future__ import annotations

import numpy as np

from wattloom.components.envs.datacenter.protocol import Record, Site
from wattloom.environment import Array

PUE_REFERENCE = 1.25
LATE = 1.05  # backlog costs a little more than running it would have


def settlement_mwh(record: Record, site: Site) -> tuple[Array, Array]:
    """Return the grid energy that settles battery and backlog, MWh, ``(num_envs,)`` each; a fuller battery counts negative."""
    backlog: Array = record.work.queued * (site.step_hours * site.dynamic_w * PUE_REFERENCE * LATE * 1e-6)
    return record.debt_mwh if record.debt_mwh is not None else np.zeros_like(backlog), backlog
