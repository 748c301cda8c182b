"""A plot as SVG: small panels side by side, each with one curve over named points."""

from __future__ import annotations

import dataclasses
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 230, 190  # of a panel
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 30, 28  # its margins
COLUMNS = 4
STYLE = (
    "text{font:11px sans-serif;fill:#333}.title{font-weight:bold}.grid{stroke:#ddd}"
    ".curve{fill:none;stroke:#0b6e99;stroke-width:2}.point{fill:#0b6e99}"
    ".other{fill:none;stroke:#c2571a;stroke-width:2;stroke-dasharray:4 3}"
)


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    labels: list[str]
    values: list[float]
    other: list[float] | None = None  # a second curve, dashed, on the same scale


def panels(title: str, parts: list[Panel]) -> str:
    rows = -(-len(parts) // COLUMNS)
    width, height = COLUMNS * WIDTH, rows * HEIGHT + TOP
    drawn = "".join(
        f'<g transform="translate({i % COLUMNS * WIDTH},{i // COLUMNS * HEIGHT + TOP})">'
        f"{_panel(part)}</g>\n"
        for i, part in enumerate(parts)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}">\n'
        f'<style>{STYLE}</style>\n<rect width="{width}" height="{height}" fill="#fff"/>\n'
        f'<text x="10" y="20" class="title">{escape(title)}</text>\n{drawn}</svg>\n'
    )


def _panel(panel: Panel) -> str:
    top = _round_up(max(panel.values + (panel.other or [])))

    def x(i: int) -> float:
        room = WIDTH - LEFT - RIGHT
        return LEFT + room * (i + 0.5) / len(panel.labels)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    def curve(values: list[float], kind: str) -> str:
        points = " ".join(f"{x(i):.1f},{y(value):.1f}" for i, value in enumerate(values))
        return f'<polyline class="{kind}" points="{points}"/>'

    parts = [f'<text x="{LEFT}" y="{TOP - 12}" class="title">{escape(panel.title)}</text>']
    for value in (0, top / 2, top):
        line = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}"'
        parts.append(f'<line class="grid" {line}/>')
        parts.append(
            f'<text x="{LEFT - 5}" y="{y(value) + 4:.1f}" text-anchor="end">{value:,.0f}</text>'
        )
    for i, label in enumerate(panel.labels):
        parts.append(
            f'<text x="{x(i):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">'
            f"{escape(label)}</text>"
        )
    if panel.other is not None:
        parts.append(curve(panel.other, "other"))
    parts.append(curve(panel.values, "curve"))
    parts += [
        f'<circle class="point" cx="{x(i):.1f}" cy="{y(value):.1f}" r="3"/>'
        for i, value in enumerate(panel.values)
    ]
    return "".join(parts)


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value)
