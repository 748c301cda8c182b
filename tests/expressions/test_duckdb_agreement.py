"""Expressions give what DuckDB gives, to the last bit, but for what docs/expressions.md lists."""

import os
import pathlib
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from tests.expressions.random_expressions import SQL_TYPES, Generator, Sql, random_table

BUILD = pathlib.Path(os.environ.get("FOREBAY_BUILD", "build"))
EVALUATE = BUILD / "tests" / "expressions" / "evaluate"
ROWS = 300
QUERY = 40  # expressions a query


def evaluate(folder: pathlib.Path, table: pa.Table, expressions: list[str], batch_rows: int = 1024) -> pa.Table:
    with pa.OSFile(str(folder / "rows.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    (folder / "expressions.txt").write_text("".join(line + "\n" for line in expressions))
    command = [EVALUATE, folder / "rows.arrow", folder / "expressions.txt", folder / "values.arrow", str(batch_rows)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with pa.OSFile(str(folder / "values.arrow")) as source:
        return pa.ipc.open_file(source).read_all()


class DuckDB:
    def __init__(self, table: pa.Table):
        self.connection = duckdb.connect()
        self.connection.execute("set ieee_floating_point_ops = false")  # x / 0 is null
        self.connection.execute("set threads = 1")
        self.connection.register("arrow_rows", table)
        self.connection.execute("create table rows as select * from arrow_rows")

    def evaluate(self, expressions: list[str]) -> pa.Table:
        items = ", ".join(f"{sql} as e{n}" for n, sql in enumerate(expressions))
        return self.connection.execute(f"select {items} from rows").to_arrow_table()


def bits(column: pa.ChunkedArray) -> list:
    """The values, doubles as their bits with one NaN."""
    column = column.combine_chunks()
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.int64()).to_pylist()
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), float("nan"), column).view(pa.int64()).to_pylist()
    return column.to_pylist()


def disagreements(table: pa.Table, expressions: list[Sql], ours: pa.Table, theirs: pa.Table) -> list[str]:
    found = []
    for n, sql in enumerate(expressions):
        mine, other = ours.column(n), theirs.column(n)
        left, right = bits(mine), bits(other)
        wrong = [row for row in range(len(left)) if left[row] != right[row]]
        if wrong:
            row = wrong[0]
            used = {name: table.column(name)[row] for name in table.column_names if name in sql.forebay}
            inputs = {name: value.value if isinstance(value, pa.TimestampScalar) else value.as_py() for name, value in used.items()}
            found.append(f"{sql.forebay}\n  of {inputs}\n  is {value_of(mine, row)!r}, in DuckDB {value_of(other, row)!r}"
                         f" ({len(wrong)} rows)\n  DuckDB: {sql.duckdb}")
    return sorted(found, key=len)


def value_of(column: pa.ChunkedArray, row: int):
    scalar = column[row]
    return scalar.value if isinstance(scalar, pa.TimestampScalar) else scalar.as_py()


@pytest.mark.parametrize("seed", range(12))
def test_random_expressions_agree(seed, tmp_path):
    generator = Generator(seed)
    table = random_table(generator.rng, ROWS)
    kinds = list(SQL_TYPES)
    expressions = [generator.expression(kinds[n % len(kinds)], 1 + n % 4) for n in range(480)]
    database = DuckDB(table)
    ours = evaluate(tmp_path, table, [sql.forebay for sql in expressions], batch_rows=[1024, 64, 7, 1][seed % 4])
    found = []
    for start in range(0, len(expressions), QUERY):
        part = expressions[start : start + QUERY]
        theirs = database.evaluate([sql.duckdb for sql in part])
        found += disagreements(table, part, ours.select(range(start, start + len(part))), theirs)
    assert not found, f"{len(found)} of {len(expressions)} expressions differ\n" + "\n".join(sorted(found, key=len)[:10])


PRECEDENCE = """
i1 % 100 + i2 % 100 * 2 - 7
2 ^ 3 ^ 2 * 2
-2 ^ 2
- d1 % 7::bigint
10 - 3 % 2
s1 || i1 % 5 + 1
s1 || 'x' like '%x' and not b1 or b2
not b1 = b2
not i1 > 3 is null
i1 = 3 is not true
d1 > 0 and d2 > 0 or b1 and not b2
i1 between 0 and 10 and b1
i1 not in (1, 2) or s1 in ('a', 'US') and b2
case when b1 then 1 end is null
"""


def test_operators_bind_alike(tmp_path):
    expressions = [line for line in PRECEDENCE.splitlines() if line]
    table = random_table(Generator(0).rng, ROWS)
    ours = evaluate(tmp_path, table, expressions)
    theirs = DuckDB(table).evaluate(expressions)
    assert disagreements(table, [Sql(line, line) for line in expressions], ours, theirs) == []


def test_letter_case_agrees_for_every_code_point(tmp_path):
    characters = [chr(n) for n in range(1, 0x110000) if not 0xD800 <= n <= 0xDFFF]
    table = pa.table({"s": characters})
    expressions = ["lower(s)", "upper(s)", "length(s || lower(s))", "trim(s)"]
    ours = evaluate(tmp_path, table, expressions)
    database = DuckDB(table)
    theirs = database.evaluate(expressions)
    for n, sql in enumerate(expressions):
        mine, other = ours.column(n), theirs.column(n)
        wrong = pc.filter(table.column("s"), pc.not_equal(mine, other)).to_pylist()
        assert wrong == [], sql
