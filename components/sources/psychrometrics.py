"""Moist air as the generators need it, in closed form: wet bulb from humidity and humidity from wet bulb.

Measured air goes through :mod:`wattloom.components.sources.moist_air`, which solves for the wet bulb at station pressure (a hundred times slower).
"""

from __future__ import annotations

import numpy as np

from wattloom.components.sources.moist_air import saturation_pressure
from wattloom.components.sources.series import Floats


def wet_bulb_stull(dry_bulb: Floats, relative_humidity: Floats) -> Floats:
    """Wet bulb in degC at sea-level pressure (Stull 2011, J. Appl. Meteor. Climatol. 50, eq. 1).

    Within 1.2 K of the psychrometric solution at station pressure, 0.2 .. 0.4 K in the mean, for 5 .. 99 % and -20 .. 50 degC.

    Args:
        dry_bulb: degC.
        relative_humidity: %, limited to 5 .. 99 here.
    """
    rh = np.clip(relative_humidity, 5.0, 99.0)
    wet: Floats = (
        dry_bulb * np.arctan(0.151977 * np.sqrt(rh + 8.313659))
        + np.arctan(dry_bulb + rh)
        - np.arctan(rh - 1.676331)
        + 0.00391838 * rh**1.5 * np.arctan(0.023101 * rh)
        - 4.686035
    )
    return np.minimum(wet, dry_bulb)


def humidity_from_wet_bulb(dry_bulb: Floats, wet_bulb: Floats, pressure_pa: float) -> Floats:
    """Relative humidity in % from the psychrometer equation ``e = e_s(T_wb) - A p (T - T_wb)``, limited to 1 .. 100.

    A = 6.62e-4 / K over a wet bulb and 5.84e-4 / K over one that is iced (WMO guide no. 8).

    Args:
        dry_bulb: degC.
        wet_bulb: degC, not above ``dry_bulb``.
        pressure_pa: Station pressure, Pa.
    """
    coefficient = np.where(wet_bulb < 0, 5.84e-4, 6.62e-4)
    vapour = saturation_pressure(wet_bulb) - coefficient * pressure_pa * (dry_bulb - wet_bulb)
    return np.clip(100.0 * vapour / saturation_pressure(dry_bulb), 1.0, 100.0)
