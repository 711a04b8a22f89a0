"""The look of the one-page summary: one style sheet, no script, nothing fetched from anywhere."""

STYLE = """
:root { --ink: #1f2a37; --muted: #6b7785; --line: #e2e7ec; --paper: #ffffff; --ground: #f5f7f9; --accent: #1d6fa5; --warm: #d9822b; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 36px 24px 64px; }
header { display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap; }
h1 { font-size: 27px; line-height: 1.2; margin: 0; letter-spacing: -0.01em; }
h2 { font-size: 17px; margin: 0 0 14px; }
p { margin: 0 0 8px; }
.sub { color: var(--muted); margin: 6px 0 22px; overflow-wrap: anywhere; }
code, pre { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 13px; }
.badge { font-size: 13px; font-weight: 600; padding: 2px 11px; border-radius: 99px; background: #e5edf4; color: var(--accent); }
.badge.completed { background: #e0f2ea; color: #1d7a55; } .badge.failed, .badge.dead { background: #fbe4e1; color: #b03024; }
.badge.interrupted, .badge.stopped, .badge.stale { background: #fcefdd; color: #a85f12; }
.cards { display: grid; grid-template-columns: repeat(3, 1fr); gap: 12px; margin-bottom: 16px; }
@media (max-width: 640px) { .cards { grid-template-columns: 1fr; } }
.card, section { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
.card { padding: 13px 16px; } .card b { display: block; font-size: 22px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card span { color: var(--muted); font-size: 13px; }
section { padding: 20px 22px; margin-bottom: 16px; overflow-x: auto; }
section img { max-width: 100%; height: auto; display: block; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 6px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--muted); font-weight: 500; font-size: 13px; } th:first-child, td:first-child { text-align: left; }
tr.best td { background: #fdf6ec; font-weight: 600; }
table.plain td { text-align: left; white-space: normal; overflow-wrap: anywhere; } table.plain td:first-child { color: var(--muted); width: 170px; }
.films { display: flex; gap: 18px; flex-wrap: wrap; }
figure { margin: 0; width: 300px; }
figure img { border: 1px solid var(--line); border-radius: 8px; width: 100%; }
figcaption { color: var(--muted); font-size: 13px; margin-top: 7px; } figcaption b { color: var(--ink); }
.bar { display: flex; height: 26px; border-radius: 6px; overflow: hidden; margin: 4px 0 12px; } .bar i { display: block; min-width: 1px; }
.keys { display: flex; flex-wrap: wrap; gap: 4px 20px; font-size: 13px; }
.keys i { width: 11px; height: 11px; border-radius: 3px; display: inline-block; margin-right: 7px; }
.note { color: var(--muted); } ul { margin: 0; padding-left: 20px; } details summary { cursor: pointer; font-weight: 600; }
pre { background: var(--ground); border: 1px solid var(--line); border-radius: 8px; padding: 14px; overflow-x: auto; margin: 12px 0 0; }
.error { color: #b03024; overflow-wrap: anywhere; }
@media print { body { background: white; } section, .card { break-inside: avoid; } }
"""
