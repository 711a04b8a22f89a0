"""The generator of every built-in hourly series: a seasonal mean, a seasonal spread, and an autoregressive residual with the right distribution.

With f the fraction of the year, h the local standard hour, w = 1 at the weekend and Basis(A, K) all products of A yearly and K daily harmonics::

    y0 = Basis(A, K) beta + w Basis(0, KW) beta_weekend         seasonal mean
    s  = exp(Basis(As, Ks) log_variance / 2)                    seasonal spread
    u_t = sum_l c_l u_(t-l) + innovation_std e_t                sparse AR, unit variance, lags such as 1, 2, 3, 24, 25, 26, 48, 168 h
    z  = Q(Phi(u))                                              quantile map: the distribution of the residual
    x  = clip(link^-1(y0 + s z))                                link: identity, or square root for quantities that are never negative

``e`` is standard normal and may be correlated with the innovations of other series of the same place: the series are then drawn jointly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from wattloom.components.sources.series import Floats, frozen

BURN_IN = 2000  # h; the slowest root kept, 0.998, has then decayed to 2 %, a typical one, 0.995, to 0.004 %


@dataclass(frozen=True, eq=False)
class SeasonalAR:
    """Fitted parameters of one series; the symbols of the module's formulas.

    Attributes:
        link: ``"identity"`` or ``"sqrt"``.
        mean: beta as a matrix, shape (1 + 2 A, 1 + 2 K), yearly by daily harmonics.
        weekend: beta_weekend, shape (1 + 2 KW,), or empty.
        log_variance: Shape (1 + 2 As, 1 + 2 Ks).
        levels: Probabilities of the quantile map, shape (q,), from 0 to 1.
        quantiles: Values at ``levels``, in residual standard deviations, shape (q,).
        lags: Lags of the AR, hours.
        coefficients: c_l, one a lag.
        innovation_std: Standard deviation of the innovations that makes var(u) = 1.
        clip: Smallest and largest value ever returned, unit of the series.
        lead: Hours from the start of an interval to the stamp it was fitted under: 1 where the records stamp the end of an hour, else 0.
    """

    link: Literal["identity", "sqrt"]
    mean: Floats
    weekend: Floats
    log_variance: Floats
    levels: Floats
    quantiles: Floats
    lags: tuple[int, ...]
    coefficients: tuple[float, ...]
    innovation_std: float
    clip: tuple[float | None, float | None]
    lead: int = 0

    @classmethod
    def from_table(cls, entry: Mapping[str, Any], levels: Sequence[float], lead: int = 0) -> SeasonalAR:
        """Read one entry of a parameter table; ``levels`` are the table's probabilities, ``lead`` follows from its stamps."""
        a, k, a_s, k_s, _ = entry["harmonics"]
        return cls(
            link=entry["link"],
            mean=frozen(np.reshape(entry["mean"], (1 + 2 * a, 1 + 2 * k))),
            weekend=frozen(np.asarray(entry["weekend"], dtype=float)),
            log_variance=frozen(np.reshape(entry["log_variance"], (1 + 2 * a_s, 1 + 2 * k_s))),
            levels=frozen(np.asarray(levels)),
            quantiles=frozen(np.asarray(entry["quantiles"])),
            lags=tuple(entry["lags"]),
            coefficients=tuple(entry["coefficients"]),
            innovation_std=float(entry["innovation_std"]),
            clip=(entry["clip"][0], entry["clip"][1]),
            lead=lead,
        )

    def generate(self, day_of_year: NDArray[np.int64], weekend: NDArray[np.bool_], innovations: Floats) -> Floats:
        """Return one draw of whole days, shape (24 * days,).

        Args:
            day_of_year: Shape (days,), 1 .. 366; at least seven days.
            weekend: Shape (days,), True on Saturday and Sunday.
            innovations: Shape (BURN_IN + 24 * days,), standard normal: e, of the stamps.
        """
        hour = np.arange(24) + self.lead
        y0 = _seasonal(self.mean, day_of_year, self.lead)
        if self.weekend.size:
            y0 = y0 + self._weekend_hours(weekend) * (self.weekend @ _harmonics(hour / 24, self.weekend.size))
        s = np.exp(0.5 * _seasonal(self.log_variance, day_of_year, self.lead))
        z = self.residual(innovations)[BURN_IN:].reshape(y0.shape)
        y = y0 + s * z
        x = np.maximum(y, 0.0) ** 2 if self.link == "sqrt" else y
        clipped: Floats = np.clip(x, *self.clip).reshape(-1)
        return clipped

    def _weekend_hours(self, weekend: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The weekend flag w of every stamp, shape (days, 24); the day after the last is like the one a week before."""
        after = np.append(weekend, weekend[-7])
        return np.repeat(after, 24)[self.lead : self.lead + 24 * weekend.size].reshape(-1, 24)

    def residual(self, innovations: Floats) -> Floats:
        """Filter innovations to u and map it to the residual's distribution, shape as given."""
        from scipy.fft import irfft, rfft
        from scipy.special import ndtr

        n = innovations.size
        response = _response(self, n)
        u = irfft(rfft(innovations, 2 * response.size - 2) * response, 2 * response.size - 2)[:n]
        z: Floats = np.interp(ndtr(u), self.levels, self.quantiles)
        return z


@lru_cache(maxsize=32)
def _response(model: SeasonalAR, n: int) -> NDArray[np.complex128]:
    """Transform of the AR's first ``n`` impulse responses, padded to twice that: filtering so is exact to 1e-14 and four times as fast (0.2 MB)."""
    from scipy.fft import next_fast_len, rfft

    length = 2 * next_fast_len(n, real=True)  # even
    transformed: NDArray[np.complex128] = rfft(_impulse_response(model, n), length)
    return transformed


def _impulse_response(model: SeasonalAR, n: int) -> Floats:
    """What one innovation does to the ``n`` values from it on, shape (n,); a plain loop, for importing SciPy's filters takes much longer."""
    terms = sorted(zip(model.lags, (float(c) for c in model.coefficients), strict=True), reverse=True)
    past = max(model.lags)
    u = [0.0] * past + [model.innovation_std] + [0.0] * (n - 1)
    for t in range(past + 1, past + n):
        total = 0.0
        for lag, coefficient in terms:
            total += coefficient * u[t - lag]
        u[t] = total
    return np.array(u[past:])


def _harmonics(phase: Floats, size: int) -> Floats:
    """``[1, cos 2 pi p, sin 2 pi p, cos 4 pi p, ...]``, shape (size, *phase.shape)."""
    angle = 2 * np.pi * phase
    rows = [np.ones_like(angle)]
    for k in range(1, size // 2 + 1):
        rows += [np.cos(k * angle), np.sin(k * angle)]
    return np.stack(rows)


def _seasonal(coefficients: Floats, day_of_year: NDArray[np.int64], lead: int) -> Floats:
    """Sum of all products of yearly and daily harmonics, shape (days, 24): yearly at f, daily at the hour of the column."""
    yearly, daily = coefficients.shape
    by_hour = coefficients @ _harmonics((np.arange(24) + lead) / 24, daily)
    total: Floats = np.einsum("adh,ah->dh", _yearly(day_of_year.tobytes(), lead, yearly), by_hour)
    return total


@lru_cache(maxsize=16)
def _yearly(day_of_year: bytes, lead: int, size: int) -> Floats:
    """Yearly harmonics at f of every hour, shape (size, days, 24), read-only: the same for every series of a year (0.5 MB)."""
    day = np.frombuffer(day_of_year, dtype=np.int64)[:, None]
    return frozen(_harmonics((day - 1 + (np.arange(24) + lead) / 24) / 365, size))
