"""The value of an aggregate over the events of one window, by the book and slowly.

Each function takes the events as (argument, event_time, place in the order of application), in that
order, arguments never null; `fold` drops the nulls and knows what an empty window gives.
"""

from __future__ import annotations

import math

INT64_MAX = 2**63 - 1
INT64_MIN = -(2**63)


def _is_null(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _sum(events):
    values = [value for value, _, _ in events]
    if isinstance(values[0], float):
        total = 0.0
        for value in values:
            total += value
        return total
    return max(INT64_MIN, min(INT64_MAX, sum(values)))


def _mean(events):
    values = [value for value, _, _ in events]
    return (sum(values) if isinstance(values[0], int) else math.fsum(values)) / len(values)


def _squares(events):
    values = [float(value) for value, _, _ in events]
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values)


def _variance(events):
    return _squares(events) / (len(events) - 1) if len(events) > 1 else None


def _stddev(events):
    variance = _variance(events)
    return None if variance is None else math.sqrt(variance)


def _skewness(events):
    count = len(events)
    squares = _squares(events) if count > 2 else 0
    if squares == 0:
        return None
    values = [value for value, _, _ in events]
    mean = math.fsum(values) / count
    third = math.fsum((value - mean) ** 3 for value in values) / count
    return math.sqrt(count * (count - 1)) / (count - 2) * third / (squares / count) ** 1.5


def _last_n(events, n):
    return [value for value, _, _ in sorted(events, key=lambda event: event[1:])[-n:]]


def _order(value):
    """Strings compare by their bytes."""
    return value.encode() if isinstance(value, str) else value


_FUNCTIONS = {
    "sum": _sum,
    "mean": _mean,
    "variance": _variance,
    "stddev": _stddev,
    "skewness": _skewness,
    "min": lambda events: min((value for value, _, _ in events), key=_order),
    "max": lambda events: max((value for value, _, _ in events), key=_order),
    "first": lambda events: min(events, key=lambda event: event[1:])[0],
    "last": lambda events: max(events, key=lambda event: event[1:])[0],
    "approx_count_distinct": lambda events: len({value for value, _, _ in events}),
}


_PARAMETRIC_FUNCTIONS = {"last_n": _last_n}


def fold(
    aggregate: str, events: list[tuple[object, int, int]], parameter: int | None = None
) -> object:
    """The value over `events`, of a window that holds some (S19-S21)."""
    kept = [event for event in events if not _is_null(event[0])]
    if aggregate == "count":
        return len(kept)
    if not kept:
        return 0 if aggregate == "approx_count_distinct" else None
    if parameter is not None:
        return _PARAMETRIC_FUNCTIONS[aggregate](kept, parameter)
    value = _FUNCTIONS[aggregate](kept)
    return None if _is_null(value) else value
