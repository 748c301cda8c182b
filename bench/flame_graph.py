"""A flame graph as SVG: stacks of samples side by side, as wide as their share, callers below.

Hold the mouse over a frame for its whole name and share.
"""

from __future__ import annotations

import dataclasses
import re
import zlib
from collections.abc import Iterable
from xml.sax.saxutils import escape

WIDTH, ROW, TOP = 1200, 17, 30
LETTER = 6.6  # pixels
SMALLEST = 0.003  # of all samples: narrower frames are left out, with what they call

STYLE = (
    "text{font:11px monospace;fill:#222}.title{font:bold 13px sans-serif}"
    "rect{stroke:#fff;stroke-width:.5}"
)


@dataclasses.dataclass
class Frame:
    name: str
    samples: int = 0
    callees: dict[str, Frame] = dataclasses.field(default_factory=dict)

    def add(self, stack: Iterable[str]) -> None:
        """`stack`: outermost first."""
        self.samples += 1
        frame = self
        for name in stack:
            frame = frame.callees.setdefault(name, Frame(name))
            frame.samples += 1


def fold(script: str) -> Frame:
    """`script`: what `perf script -F comm,ip,sym` prints. Below all: the names of threads."""
    root = Frame("all")
    for sample in script.split("\n\n"):
        thread, *frames = sample.strip().splitlines() or [""]
        if frames:
            root.add([thread.strip(), *(_short_name(line) for line in reversed(frames))])
    return root


def draw(title: str, root: Frame) -> str:
    depth = _depth(root, root.samples * SMALLEST)
    height = TOP + depth * ROW + 10
    parts: list[str] = []
    _draw_frame(root, 0.0, height - 10 - ROW, root.samples, parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}">\n'
        f'<style>{STYLE}</style>\n<rect width="{WIDTH}" height="{height}" fill="#fff"/>\n'
        f'<text x="8" y="20" class="title">{escape(title)}</text>\n{"".join(parts)}</svg>\n'
    )


def _short_name(line: str) -> str:
    """Without address, arguments and the names of namespaces that all have."""
    name = line.strip().partition(" ")[2] or "[unknown]"
    name = name.replace("(anonymous namespace)::", "").replace("forebay::", "")
    return re.sub(r"\(.*", "", name) or name


def _depth(frame: Frame, least: float) -> int:
    deepest = (
        _depth(callee, least) for callee in frame.callees.values() if callee.samples >= least
    )
    return 1 + max(deepest, default=0)


def _draw_frame(frame: Frame, x: float, y: float, total: int, parts: list[str]) -> None:
    share = frame.samples / total
    width = share * WIDTH
    tip = f"{frame.name}: {share:.1%}"
    letters = int((width - 4) / LETTER)
    text = frame.name if len(frame.name) <= letters else frame.name[: max(letters - 1, 0)] + "…"
    label = f'<text x="{x + 3:.1f}" y="{y + 12:.0f}">{escape(text)}</text>' if letters >= 3 else ""
    box = f'x="{x:.1f}" y="{y:.0f}" width="{width:.1f}" height="{ROW - 1}"'
    parts.append(
        f'<g><title>{escape(tip)}</title><rect {box} fill="{_color(frame.name)}"/>{label}</g>\n'
    )
    for callee in sorted(frame.callees.values(), key=lambda f: f.name):
        if callee.samples >= total * SMALLEST:
            _draw_frame(callee, x, y - ROW, total, parts)
        x += callee.samples / total * WIDTH


def _color(name: str) -> str:
    """A warm one, the same for a name everywhere."""
    mixed = zlib.crc32(name.encode())
    return f"hsl({10 + mixed % 45},{70 + mixed // 64 % 25}%,{62 + mixed // 4096 % 14}%)"
