"""How closely a value must equal the oracle's.

Counts, extremes, first, last and last_n: to the last bit. Sums and means: within 1e-12 of the magnitude.
Variance and stddev, which the oracle computes by another formula: 1e-9; skewness: 1e-8. approx_count_distinct: 5 %.
"""

from __future__ import annotations

import math

from tests.oracle.model import View

RELATIVE = {
    "sum": 1e-12,
    "mean": 1e-12,
    "variance": 1e-9,
    "stddev": 1e-9,
    "skewness": 1e-8,
    "approx_count_distinct": 0.05,
}


def same(aggregate: str, got: object, want: object) -> bool:
    if got is None or want is None:
        return got is want
    if aggregate not in RELATIVE or math.isinf(want):
        return got == want
    return abs(got - want) <= RELATIVE[aggregate] * max(abs(want), _unit(aggregate))


def _unit(aggregate: str) -> float:
    """Below this magnitude the difference is absolute: what cancels leaves rounding behind."""
    return 0.0 if aggregate == "approx_count_distinct" else 1.0


def differences(view: View, got: list, want: list) -> list[str]:
    """One sentence per feature that differs."""
    aggregates = [f.aggregate for f in view.features for _ in f.windows]
    columns = zip(view.columns, aggregates, got, want, strict=True)
    return [
        f"{name} is {g!r}, the oracle says {w!r}"
        for name, aggregate, g, w in columns
        if not same(aggregate, g, w)
    ]
