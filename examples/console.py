"""What the demo prints: readable without colours, and good to look at with them."""

from __future__ import annotations

import os
import sys
import textwrap

WIDTH = 100


class Console:
    """Colours go to a terminal only, and not where NO_COLOR is set."""

    def __init__(self, out=sys.stdout):
        self._out = out
        self._colours = out.isatty() and "NO_COLOR" not in os.environ
        self._steps = 0
        self._widths: list[int] = []

    def line(self, text: str = "") -> None:
        print(text, file=self._out, flush=True)

    def title(self, text: str) -> None:
        self.line()
        self.line(self._paint("1", text))
        self.line("=" * len(text))

    def step(self, text: str) -> None:
        self._steps += 1
        self.line()
        self.line(self._paint("1;36", f"{self._steps}  {text}"))

    def fact(self, name: str, text: str) -> None:
        self.line(f"   {self._paint('2', f'{name:<16}')}{text}")

    def bullet(self, text: str) -> None:
        self.line(textwrap.fill(text, WIDTH, initial_indent="   - ", subsequent_indent="     "))

    def command(self, command: str, why: str) -> None:
        self.line(f"   {self._paint('32', command)}")
        self.line(f"      {why}")

    def verdict(self, good: bool, text: str) -> None:
        mark = self._paint("1;32", "OK") if good else self._paint("1;31", "NO")
        self.line(f"   {mark}  {text}")

    def failure(self, text: str) -> None:
        self.line()
        self.line(self._paint("1;31", "The demo failed: ") + text)

    def table_head(self, names: list[str]) -> None:
        self._widths = [max(len(name), 8) for name in names]
        self.line("   " + self._paint("2", self._row(names)))

    def table_row(self, cells: list[str]) -> None:
        self.line("   " + self._row(cells))

    def _row(self, cells: list[str]) -> str:
        return "  ".join(f"{cell:>{width}}" for cell, width in zip(cells, self._widths))

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colours else text
