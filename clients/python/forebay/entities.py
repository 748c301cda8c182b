"""Which entities a question is about: Python's own values, and those of NumPy and pandas.

Neither is imported: their values are known by what they offer. What a worker would refuse, or what
would name another entity than was meant, is an error here that says which value it was.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)


class Scalar(Protocol):
    """A NumPy scalar: int64, str_, bool_; datetime64, which is UTC."""

    @property
    def dtype(self) -> Any: ...
    def item(self) -> Any: ...


@runtime_checkable
class Row(Protocol):
    """One entity as a pandas Series: key columns in its index."""

    @property
    def index(self) -> Any: ...
    def items(self) -> Iterable[tuple[Any, Any]]: ...


@runtime_checkable
class Frame(Protocol):
    """Many entities as a DataFrame of pandas or Polars: its columns are the key columns."""

    @property
    def columns(self) -> Iterable[Any]: ...
    def __getitem__(self, name: Any, /) -> Any: ...


@runtime_checkable
class Column(Protocol):
    """Many entities of one key column as a Series of pandas or Polars, which has its name."""

    @property
    def name(self) -> Any: ...
    @property
    def dtype(self) -> Any: ...


# A time has a zone. Integers where a time is wanted are microseconds since 1970.
Key: TypeAlias = str | int | bool | datetime.datetime | Scalar
Time: TypeAlias = str | int | datetime.datetime | Scalar
Entity: TypeAlias = Mapping[str, Key] | Row
Columns: TypeAlias = Mapping[str, Iterable[Key]]  # a list or an array per key column
Entities: TypeAlias = Sequence[Entity] | Columns | Frame | Column

JsonKey: TypeAlias = str | int | bool
JsonEntity: TypeAlias = dict[str, JsonKey]


def json_entity(entity: Entity) -> JsonEntity:
    """Raises TypeError or ValueError, with the key column, for what is no key."""
    if isinstance(entity, Frame):
        raise TypeError("a DataFrame holds many entities: ask with batch_get")
    if not isinstance(entity, Mapping | Row):
        raise TypeError(
            f'an entity is a dict of its key columns, such as {{"user_id": "u7"}}; '
            f"{entity!r} is a {type(entity).__name__}"
        )
    return {str(name): _json_key(value, f"key {name}") for name, value in entity.items()}


def json_entities(entities: Entities) -> list[JsonEntity]:
    """In their order. Raises as json_entity, with the entity's number."""
    columns = _columns(entities)
    if columns is not None:
        return _rows(columns)
    if isinstance(entities, str) or not isinstance(entities, Iterable):
        raise TypeError(f"entities are a list of dicts, or a DataFrame; got {entities!r}")
    found = []
    for number, entity in enumerate(cast("Iterable[Entity]", entities)):
        try:
            found.append(json_entity(entity))
        except (TypeError, ValueError) as error:
            raise type(error)(f"entity {number}: {error}") from None
    return found


def json_time(time: Time) -> str | int:
    """As text that the worker parses, or in microseconds since 1970."""
    key = _json_key(time, "at")
    if isinstance(key, bool):
        raise TypeError(f"at: {time!r} is no time")
    return key


def _columns(entities: Entities) -> Columns | None:
    """None for what is not given as columns."""
    if isinstance(entities, Mapping):
        return entities
    if isinstance(entities, Frame):
        return {str(name): entities[name] for name in entities.columns}
    if isinstance(entities, Column):
        if not isinstance(entities.name, str) or not entities.name:
            raise ValueError("a Series of keys needs the name of its key column: rename it")
        return {entities.name: cast("Iterable[Key]", entities)}
    return None


def _rows(columns: Columns) -> list[JsonEntity]:
    converted = {name: _json_column(name, values) for name, values in columns.items()}
    lengths = {name: len(values) for name, values in converted.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the key columns differ in length: {lengths}")
    return [dict(zip(converted, keys)) for keys in zip(*converted.values())]


def _json_column(name: str, values: Iterable[Key]) -> list[JsonKey]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise TypeError(
            f"entities: {name} is {values!r}, not a column of keys; for one entity, ask with get, "
            "or give a list of entities"
        )
    return [_json_key(value, f"entity {i}: key {name}") for i, value in enumerate(values)]


def _json_key(value: Any, what: str) -> JsonKey:
    if _is_missing(value):
        raise ValueError(f"{what} is missing ({value!r}); leave out rows without a key")
    if isinstance(value, str | int):
        return value
    if isinstance(value, datetime.datetime):
        return _microseconds_of_datetime(value, what)
    dtype = getattr(value, "dtype", None)
    if dtype is not None and getattr(value, "shape", None) == ():
        if dtype.kind in "biu":
            return cast("JsonKey", value.item())
        if dtype.kind == "M":
            return _microseconds_of_datetime64(value, what)
    raise TypeError(f"{what} is {value!r}, a {type(value).__name__}{_hint(value)}")


def _hint(value: object) -> str:
    if isinstance(value, float) or getattr(getattr(value, "dtype", None), "kind", "") == "f":
        return (
            "; a key is a str, int, bool or time. pandas makes floats of integers where some are "
            'missing or a row has floats too: convert the column with astype("Int64")'
        )
    if isinstance(value, datetime.date):
        return "; a key is a str, int, bool or time: give a datetime with a zone"
    return "; a key is a str, int, bool or time"


def _is_missing(value: object) -> bool:
    """None, NaN, NaT and NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    is_scalar = isinstance(value, float) or getattr(value, "shape", None) == ()
    return is_scalar and bool(value != value)


def _microseconds_of_datetime(value: datetime.datetime, what: str) -> int:
    if value.tzinfo is None:
        raise ValueError(
            f"{what} is {value!r}, a time without a zone: give one, such as tzinfo=timezone.utc, "
            'or tz_localize("UTC") in pandas'
        )
    if getattr(value, "nanosecond", 0) != 0:
        raise ValueError(f"{what} is {value!r}, which is not a whole number of microseconds")
    return (value - _EPOCH) // _MICROSECOND


def _microseconds_of_datetime64(value: Any, what: str) -> int:
    microseconds = value.astype("datetime64[us]")
    if microseconds != value:
        raise ValueError(f"{what} is {value!r}, which is not a whole number of microseconds")
    return int(microseconds.astype("int64"))
