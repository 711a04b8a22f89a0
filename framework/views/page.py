"""``report.html``: one self-contained page about one run, drawn from its folder alone, and ``summary.json`` with the same facts."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from wattloom.run_directory import write_atomically
from wattloom.telemetry.json import dumps
from wattloom.views.curves import draw_curves
from wattloom.views.facts import collect
from wattloom.views.page_style import STYLE
from wattloom.views.style import PALETTE
from wattloom.views.text import duration, number, share

ROWS = 12
"""Evaluations listed at most: the best, and the latest."""
MAX_FILM_BYTES = 4_000_000


def write_page(run: Path, films: int = 3, redraw: bool = False) -> Path:
    """Write ``report.html`` and ``summary.json`` and return the page's path.

    Args:
        run: Run folder, of a run in any state.
        films: GIFs shown at most.
        redraw: Draw the curves again even where there are some.
    """
    if redraw or not (run / "curves" / "learning.png").exists():
        folder = run / "curves"
        folder.mkdir(exist_ok=True)
        draw_curves(run, folder, str(collect(run)["name"]))
    facts = collect(run)
    write_atomically(run / "summary.json", dumps({key: value for key, value in facts.items() if key != "config"}, indent=2) + "\n")
    path = run / "report.html"
    write_atomically(path, page(run, facts, films))
    return path


def page(run: Path, facts: Mapping[str, Any], films: int) -> str:
    """Return the page as HTML text."""
    title = html.escape(str(facts["name"]))
    parts = [
        _header(facts),
        _cards(facts),
        _picture(run, "Learning", "learning.png", "No episode has ended and nothing was evaluated yet."),
        _films(run, facts["captures"], films),
        _evaluations(facts),
        _picture(run, "Agents", "agents.png"),
        _throughput(facts["timing"]),
        _picture(run, "Losses and gauges", "training.png"),
        _picture(run, "Environment metrics", "metrics.png"),
        _section("Before you believe it", f"<ul>{''.join(f'<li>{html.escape(line)}</li>' for line in facts['limits'])}</ul>"),
        _origin(facts),
        _configuration(facts),
    ]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    return f"<!doctype html><html lang='en'><head>{head}</head><body><main>{''.join(parts)}</main></body></html>\n"


def _section(title: str, body: str) -> str:
    return f"<section><h2>{html.escape(title)}</h2>{body}</section>" if body else ""


def _header(facts: Mapping[str, Any]) -> str:
    """Name, state, command, and the error where there is one."""
    status, manifest = facts["status"], facts["manifest"]
    reason = status.get("error") or status.get("reason") or ""
    command = " ".join(str(word) for word in manifest.get("command", []))
    words = [
        f"seed {manifest.get('seed', '–')}",
        str(manifest.get("created", "")),
        f"<code>{html.escape(command)}</code>" if command else "",
    ]
    state = html.escape(str(facts["state"]))
    cause = f'<p class="{"error" if status.get("error") else "note"}">{html.escape(str(reason))}</p>' if reason else ""
    line = " · ".join(word for word in words if word)
    return f'<header><h1>{html.escape(str(facts["name"]))}</h1><span class="badge {state}">{state}</span></header><p class="sub">{line}</p>{cause}'


def _cards(facts: Mapping[str, Any]) -> str:
    """The figures that people look for first."""
    status, timing = facts["status"], facts["timing"]
    best = facts["best_evaluation"] or {}
    last = (facts["evaluations"] or [{}])[-1]
    step, target = float(status.get("step") or 0), float(status.get("target") or 0)
    cards = [
        (number(last.get("eval/return_mean")), "mean return, last evaluation"),
        (number(best.get("eval/return_mean")), f"best evaluation, at step {number(best.get('step'))}" if best else "best evaluation"),
        *_held_back(facts["held_back"]),
        (number(facts["training"].get("rollout/return_mean")), f"mean return, last {number(facts['training_window'])} training episodes"),
        (number(step), f"env steps, {share(step, target)} of {number(target)}"),
        (number(status.get("episodes")), f"episodes, {number(status.get('updates'))} updates"),
        (
            _rate(timing),
            f"env steps/s in the loop, {duration(float(timing.get('wall_seconds') or 0.0))} wall time" if timing else "env steps/s",
        ),
    ]
    return f'<div class="cards">{"".join(f"<div class=card><b>{value}</b><span>{label}</span></div>" for value, label in cards)}</div>'


def _held_back(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The best checkpoint on episodes that had no part in choosing it."""
    mean, low, high = (record.get(f"held_back/return_{name}") for name in ("mean", "low", "high"))
    if mean is None:
        return []
    interval = "" if low is None else f", 95 % interval {number(low)} to {number(high)}"
    return [(number(mean), f"best checkpoint on {number(record.get('held_back/episodes'))} held-back episodes{interval}")]


def _rate(timing: Mapping[str, Any]) -> str:
    rate = timing.get("loop_env_steps_per_second")
    return number(None if rate is None else round(float(rate)))


def _picture(run: Path, title: str, name: str, missing: str = "") -> str:
    """A curve as an embedded picture, or a line where there is no data."""
    path = run / "curves" / name
    if not path.exists():
        return _section(title, f'<p class="note">{missing}</p>') if missing else ""
    return _section(title, f'<img alt="{html.escape(title)}" src="{_embedded(path, "image/png")}">')


def _embedded(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"


def _films(run: Path, captures: Sequence[Mapping[str, Any]], most: int) -> str:
    """The first film and the latest ones."""
    shown = [one for one in captures if one.get("file") and (run / "captures" / str(one["file"])).exists()]
    if len(shown) > most:
        shown = [shown[0], *shown[len(shown) - most + 1 :]] if most > 1 else shown[len(shown) - most :]
    return _section("Episodes", f'<div class="films">{"".join(_film(run, one) for one in shown)}</div>') if shown else ""


def _film(run: Path, about: Mapping[str, Any]) -> str:
    path = run / "captures" / str(about["file"])
    learned = about.get("phase") == "evaluation"
    name = f"Without exploration, seed {about.get('seed')}" if learned else f"Training episode {about.get('episode')}"
    cut = "" if about.get("complete", True) else " (unfinished)"
    facts = f"return {number(about.get('return'))}, {number(about.get('length'))} steps{cut}, filmed at step {number(about.get('step'))}"
    small = path.stat().st_size <= MAX_FILM_BYTES
    source = _embedded(path, "image/gif") if small else f"captures/{html.escape(path.name)}"
    return f'<figure><img alt="{html.escape(name)}" src="{source}"><figcaption><b>{html.escape(name)}</b><br>{facts}</figcaption></figure>'


def _evaluations(facts: Mapping[str, Any]) -> str:
    """The best and the latest evaluations, with the environment's metrics."""
    rows: list[Mapping[str, Any]] = facts["evaluations"]
    if not rows:
        return _section("Evaluations", '<p class="note">No evaluation found.</p>')
    best = facts["best_evaluation"]
    shown = rows[-ROWS:] if best in rows[-ROWS:] else [best, *rows[-ROWS + 1 :]]
    fixed = {
        "mean": "eval/return_mean",
        "std": "eval/return_std",
        "worst": "eval/return_min",
        "best": "eval/return_max",
        "length": "eval/length_mean",
    }
    known = {*fixed.values(), "eval/episodes", "eval/is_best", "step", "updates", "nonfinite"}
    metrics = [name for name in rows[-1] if name not in known and any(row.get(name) for row in rows)][:5]
    heads = ["env step", *fixed, *(_with_unit(name, facts["units"]) for name in metrics)]
    body = [_row([row.get("step"), *(row.get(name) for name in (*fixed.values(), *metrics))], row is best) for row in shown]
    episodes = number(rows[-1].get("eval/episodes"))
    table = f"<table><tr>{''.join(f'<th>{html.escape(head)}</th>' for head in heads)}</tr>{''.join(body)}</table>"
    return _section(f"Evaluations, {episodes} episodes each, {len(shown)} of {len(rows)} shown", table)


def _with_unit(name: str, units: Mapping[str, str]) -> str:
    label = name.removeprefix("eval/").replace("_", " ")
    return f"{label} ({units[name]})" if name in units else label


def _row(values: Iterable[Any], best: bool) -> str:
    return f"<tr{' class=best' if best else ''}>{''.join(f'<td>{number(value)}</td>' for value in values)}</tr>"


def _throughput(timing: Mapping[str, Any]) -> str:
    """Where the time went, as a bar."""
    sections = {name: float(seconds) for name, seconds in (timing.get("sections") or {}).items() if seconds > 0}
    total = sum(sections.values())
    if not total:
        return ""
    colours = dict(zip(sections, PALETTE * 2, strict=False))
    bar = "".join(f'<i style="width:{100 * seconds / total:.2f}%;background:{colours[name]}"></i>' for name, seconds in sections.items())
    keys = "".join(
        f'<span><i style="background:{colours[name]}"></i>{name} {100 * seconds / total:.1f} % ({seconds:.2f} s)</span>'
        for name, seconds in sections.items()
    )
    return _section("Where the time went", f'<div class="bar">{bar}</div><div class="keys">{keys}</div>')


def _origin(facts: Mapping[str, Any]) -> str:
    """What made these figures."""
    manifest = facts["manifest"]
    packages = ", ".join(f"{name} {version}" for name, version in (manifest.get("packages") or {}).items())
    rows = {
        "overrides": " ".join(str(override) for override in facts["overrides"]) or "none",
        "commit": manifest.get("git_commit") or "not a repository",
        "wattloom": manifest.get("wattloom"),
        "Python, platform": f"{manifest.get('python')}, {manifest.get('platform')}",
        "packages": packages,
        "configuration hash": manifest.get("config_hash"),
        "last checkpoint": Path(str(facts["status"].get("last_checkpoint") or "none")).name,
    }
    cells = "".join(f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>" for key, value in rows.items() if value)
    return _section("What made it", f'<table class="plain">{cells}</table>') if manifest else ""


def _configuration(facts: Mapping[str, Any]) -> str:
    if not facts["config"]:
        return ""
    text = yaml.safe_dump(facts["config"], sort_keys=False, allow_unicode=True)
    return f"<section><details><summary>Configuration</summary><pre>{html.escape(text)}</pre></details></section>"
