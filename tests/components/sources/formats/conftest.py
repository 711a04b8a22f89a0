"""Files of every layout, sound unless asked otherwise, written from seeded numbers."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

HOURS = 8760
FUELS = ("WND", "SUN", "WAT", "OIL", "NG", "COL", "NUC", "OTH")
FACTORS = {"WND": 11, "SUN": 41, "WAT": 24, "OIL": 650, "NG": 490, "COL": 820, "NUC": 12, "OTH": 230}


def ar1(n, phi, seed):
    rng = np.random.default_rng(seed)
    return lfilter([np.sqrt(1 - phi**2)], [1, -phi], rng.normal(size=n))


class Files:
    """Writes files into a folder; every method returns the path."""

    def __init__(self, folder):
        self.folder = folder

    def text(self, name, lines):
        path = self.folder / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    def load(self, hours=HOURS, seed=3):
        h = np.arange(hours)
        day = 0.5 + 0.2 * np.sin(2 * np.pi * (h % 24 - 8) / 24) + 0.05 * np.sin(2 * np.pi * h / 168)
        return np.clip(day + 0.06 * ar1(hours, 0.8, seed), 0.02, 0.98)

    def workload(self, values=None, name="cpu.csv"):
        values = self.load() if values is None else values
        return self.text(name, [",cpu_load", *(f"{i + 1},{v if isinstance(v, str) else f'{v:.6f}'}" for i, v in enumerate(values))])

    def sun(self, hours=HOURS, utc_offset=0.0, longitude=0.0):
        """Sunshine of every hour that begins at local hour 0: centred on solar noon of the place."""
        local = np.arange(hours) % 24 + 0.5
        noon = 12 - longitude / 15 + utc_offset
        season = 0.65 - 0.35 * np.cos(2 * np.pi * np.arange(hours) / 8760)
        season = season * (0.8 + 0.2 * ar1(hours, 0.97, 21)).clip(0.1, 1)
        return np.clip(np.cos((local - noon) * np.pi / 12), 0, None) * season

    def weather(self, hours=HOURS, seed=5):
        h = np.arange(hours)
        dry = 12 - 12 * np.cos(2 * np.pi * (h / 24 - 20) / 365) + 4 * np.sin(2 * np.pi * (h % 24 - 9) / 24) + 3.5 * ar1(hours, 0.97, seed)
        humidity = np.clip(65 - 12 * np.sin(2 * np.pi * (h % 24 - 9) / 24) + 14 * ar1(hours, 0.95, seed + 1), 8, 100)
        wind = np.abs(4 + 2 * ar1(hours, 0.9, seed + 2))
        return dry, humidity, 101325 + 600 * ar1(hours, 0.98, seed + 3), wind

    def epw(
        self,
        name="place.epw",
        *,
        source="TMY3",
        offset=-5.0,
        longitude=-73.8,
        dry=None,
        humidity=None,
        pressure=None,
        wind=None,
        roll=0,
        leap=False,
        change=None,
    ):
        own = self.weather(HOURS)
        dry, humidity, pressure, wind = (b if a is None else a for a, b in zip((dry, humidity, pressure, wind), own, strict=True))
        ghi = np.roll(900 * self.sun(HOURS, offset, longitude), roll)
        head = [f"LOCATION,Somewhere,NY,USA,{source},744860,40.65,{longitude},{offset},5.0"]
        head += ["DESIGN CONDITIONS,0", "TYPICAL/EXTREME PERIODS,0", "GROUND TEMPERATURES,0", "HOLIDAYS/DAYLIGHT SAVINGS,No,0,0,0"]
        head += ["COMMENTS 1,made for tests", "COMMENTS 2,", "DATA PERIODS,1,1,Data,Sunday,1/1,12/31"]
        rows, start = [], np.datetime64("2023-01-01T00")
        for i in range(HOURS):
            date = (start + np.timedelta64(i, "h")).astype("datetime64[D]").item()
            cells = [
                date.year,
                date.month,
                date.day,
                i % 24 + 1,
                60,
                "?9",
                f"{dry[i]:.1f}",
                f"{dry[i] - 3:.1f}",
                f"{humidity[i]:.6g}",
                f"{pressure[i]:.0f}",
            ]
            cells += [
                0,
                0,
                0,
                f"{ghi[i]:.0f}",
                f"{0.8 * ghi[i]:.0f}",
                f"{0.3 * ghi[i]:.0f}",
                0,
                0,
                0,
                0,
                i % 360,
                f"{wind[i]:.1f}",
                *[0] * 13,
            ]
            rows.append(cells)
        if leap:
            extra = [[*row[:1], 2, 29, *row[3:]] for row in rows[58 * 24 : 59 * 24]]
            rows[59 * 24 : 59 * 24] = extra
        for row, column, value in change or ():
            rows[row][column] = value
        return self.text(name, head + [",".join(map(str, row)) for row in rows])

    def stamps(self, hours=HOURS, start="2022-01-01T00", end="+00:00", step="h", every=1):
        first = np.datetime64(start, "s")
        size = {"h": 3600, "m": 60}[step] * every
        return [str(first + np.timedelta64(i * size, "s")).replace("T", " ") + end for i in range(hours)]

    def generation(self, hours=HOURS, seed=11, noon_utc=17.0):
        h = np.arange(hours)
        base = {"WND": 900, "WAT": 1500, "OIL": 100, "NG": 4000, "COL": 800, "NUC": 2500, "OTH": 200}
        mix = {fuel: level * (1 + 0.25 * ar1(hours, 0.97, seed + i)).clip(0.05) for i, (fuel, level) in enumerate(base.items())}
        mix["SUN"] = 1500 * np.clip(np.cos((h % 24 - 0.5 - noon_utc) * np.pi / 12), 0, None)  # stamped at the hour's end
        return {fuel: np.round(mix[fuel]) for fuel in FUELS}

    def intensity(self, mix):
        total = sum(mix.values())
        return sum(FACTORS[fuel] * mix[fuel] for fuel in FUELS) / total

    def carbon(
        self,
        name="NY_NG_&_avgCI.csv",
        *,
        hours=HOURS,
        stamps=None,
        ci=None,
        unnamed=False,
        stated=True,
        rows=None,
        mix=None,
        drop=(),
        rename=None,
    ):
        mix = mix or self.generation(hours)
        ci = self.intensity(mix) if ci is None else ci
        stamps = stamps or self.stamps(hours)
        names = ["" if unnamed else "timestamp", *FUELS, *(["avg_CI"] if stated else [])]
        cells = [[stamps[i], *(f"{mix[f][i]:.0f}" for f in FUELS), *([f"{float(ci[i])!r}"] if stated else [])] for i in range(hours)]
        cells = rows(cells) if rows else cells
        keep = [i for i, n in enumerate(names) if n not in drop]
        header = ",".join((rename or {}).get(names[i], names[i]) for i in keep)
        return self.text(name, [header, *(",".join(row[i] for i in keep) for row in cells)])

    def maps(self, name="DE_2022_hourly.csv", *, ci=None, hours=HOURS, estimated=0.0, start="2022-01-01T00"):
        ci = self.intensity(self.generation(hours)) if ci is None else ci
        head = "Datetime (UTC),Country,Zone Name,Zone Id,Carbon Intensity gCO\u2082eq/kWh (direct),Carbon Intensity gCO\u2082eq/kWh (LCA)"
        head += ",Low Carbon Percentage,Renewable Percentage,Data Source,Data Estimated,Data Estimation Method"
        marks = np.arange(hours) < estimated * hours
        rows = [
            f"{t},Germany,Germany,DE,{c:.2f},{c + 60:.2f},60.5,40.1,entsoe.eu,{str(bool(m)).lower()},"
            for t, c, m in zip(self.stamps(hours, start, ""), ci, marks, strict=True)
        ]
        return self.text(name, [head, *rows])

    def prices(self, hours=HOURS, seed=7):
        return 60 + 25 * np.sin(2 * np.pi * (np.arange(hours) % 24 - 12) / 24) + 40 * ar1(hours, 0.9, seed)

    def ember(self, name="price.csv", *, hours=HOURS, local=None, prices=None, currency="EUR/MWhe", country="Netherlands"):
        prices = self.prices(hours) if prices is None else prices
        utc = self.stamps(hours, end="")
        local = local or self.stamps(hours, "2022-01-01T01", "")
        rows = [f"{country},{u},{h},{p:.2f}" for u, h, p in zip(utc, local, prices, strict=True)]
        return self.text(name, [f"Country,Datetime (UTC),Datetime (Local),Price ({currency})", *rows])

    def halfhour(self, name="profiles.csv", *, demand=None, solar=None, days=15):
        t = np.arange(48 * days)
        demand = 0.7 + 0.2 * np.sin(2 * np.pi * (t % 48 - 18) / 48) + 0.04 * ar1(t.size, 0.95, 2) if demand is None else demand
        solar = (
            np.clip(np.cos((t % 48 + 0.5 - 24) * np.pi / 24), 0, 0.95) * (0.8 + 0.1 * ar1(t.size, 0.9, 4)).clip(0.1, 1)
            if solar is None
            else solar
        )
        return self.text(name, ["Demand,Solar", *(f"{d:.5f},{s:.5f}" for d, s in zip(demand, solar, strict=True))])

    def openmeteo(self, name="weather.json", *, hours=HOURS, offset_seconds=-14400, change=None):
        dry, humidity, _, wind = self.weather(hours)
        hourly = {
            "time": [s[:16] for s in self.stamps(hours, end="")],
            "temperature_2m": dry.round(1).tolist(),
            "relative_humidity_2m": humidity.round().tolist(),
            "windspeed_10m": (3.6 * wind).round(1).tolist(),
        }
        hourly["time"] = [t.replace(" ", "T") for t in hourly["time"]]
        if change:
            change(hourly)
        units = {"time": "iso8601", "temperature_2m": "°C", "relative_humidity_2m": "%", "windspeed_10m": "km/h"}
        document = {
            "latitude": 40.7,
            "longitude": -74.0,
            "elevation": 27.0,
            "utc_offset_seconds": offset_seconds,
            "timezone": "America/New_York",
        }
        path = self.folder / name
        path.write_text(json.dumps({**document, "hourly_units": units, "hourly": hourly}, indent=1), encoding="utf-8")
        return path

    def jobs(self, name="job_info_df.csv", jobs=((0, 3600, 4, 1, "HP"), (1800, 7200, 2, 2, "Spot"))):
        head = "job_name,organization,gpu_model,cpu_request,gpu_request,worker_num,submit_time,duration,job_type"
        return self.text(name, [head, *(f"{i},1,A100,8,{g},{w},{at},{run},{kind}" for i, (at, run, g, w, kind) in enumerate(jobs))])

    def series(self, name="series.csv", *, stamps, values, column="load"):
        return self.text(name, [f"time,{column}", *(f"{t},{v}" for t, v in zip(stamps, values, strict=True))])


@pytest.fixture
def files(tmp_path):
    return Files(tmp_path)


@pytest.fixture(scope="session")
def shared_data():
    root = os.environ.get("WATTLOOM_SHARED")
    folder = Path(root) if root else Path(__file__).parents[5] / "shared"
    if not (folder / "data" / "SOURCES.md").is_file():
        pytest.skip("the sample files are not here")
    return folder / "data"


@pytest.fixture
def inspect(capsys):
    """``inspect(path, "unit=%")`` -> (exit code, report)."""
    from wattloom.components.commands.data import main

    def run(target, *words):
        code = main(["inspect", str(target), *words, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run
