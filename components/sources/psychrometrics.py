"""Moist air, as far as a weather source needs it: saturation pressure, wet bulb from humidity and humidity from wet bulb."""

from __future__ import annotations

import numpy as np

from wattloom.components.sources.series import Floats


def saturation_pressure(dry_bulb: Floats) -> Floats:
    """Saturation vapour pressure over water in Pa at ``dry_bulb`` degC (Buck 1981, eq. 8)."""
    result: Floats = 611.21 * np.exp((18.678 - dry_bulb / 234.5) * dry_bulb / (257.14 + dry_bulb))
    return result


def wet_bulb_stull(dry_bulb: Floats, relative_humidity: Floats) -> Floats:
    """Wet bulb in degC at sea-level pressure (Stull 2011, J. Appl. Meteor. Climatol. 50, eq. 1).

    Within 1.1 K of the psychrometric solution at station pressure, 0.2 .. 0.4 K in the mean, for 5 .. 99 % and -20 .. 50 degC.

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
    """Relative humidity in % from the psychrometer equation ``e = e_s(T_wb) - 6.62e-4 p (T - T_wb)`` (WMO guide no. 8), limited to 1 .. 100.

    Args:
        dry_bulb: degC.
        wet_bulb: degC, not above ``dry_bulb``.
        pressure_pa: Station pressure, Pa.
    """
    vapour = saturation_pressure(wet_bulb) - 6.62e-4 * pressure_pa * (dry_bulb - wet_bulb)
    return np.clip(100.0 * vapour / saturation_pressure(dry_bulb), 1.0, 100.0)
