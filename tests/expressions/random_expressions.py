"""Random rows and random typed expressions over them, in the SQL that forebay and DuckDB share."""

import random
from dataclasses import dataclass

import pyarrow as pa

COLUMNS = {
    "i1": "int64", "i2": "int64", "d1": "double", "d2": "double", "s1": "string", "s2": "string",
    "b1": "bool", "b2": "bool", "t1": "timestamp", "t2": "timestamp", "y1": "bytes", "y2": "bytes",
}
ARROW_TYPES = {
    "int64": pa.int64(), "double": pa.float64(), "string": pa.utf8(), "bool": pa.bool_(),
    "timestamp": pa.timestamp("us"), "bytes": pa.binary(),
}
LEAST, MOST = -(2**63), 2**63 - 1
YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
INTS = [0, 1, -1, 2, 3, 5, 7, 10, -10, 15, 24, 25, 99, 100, 1000, 2**31 - 1, -(2**31), 2**53 + 1,
        LEAST, LEAST + 1, MOST, MOST - 1]
DOUBLES = [0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 1.5, 2.5, -2.5, 3.5, 0.1, 0.285, 2.675, 100.0, 1e-5, 1e-4,
           1e15, 1e16, -1e17, 123456789.125, 2.0**53, 2.0**63, -(2.0**63), 9.2e18, 1e308, -1e308,
           1.7976931348623157e308, 5e-324, 1e-320, float("inf"), float("-inf"), float("nan")]
STRINGS = ["", " ", "a", "A", "b", "ab", "abc", "US", "us", "Us", "  padded  ", "\u00a0wide\u3000", "\ttab",
           "é", "É", "e\u0301", "ß", "ẞ", "İstanbul", "ıI", "ΑΣς", "Ǆǅǆ", "日本語", "🤦🏼‍♂️x", "ﬁ", "Ⱥⱥ",
           "%", "_", "a%b", "a_b", "%a", "\\", "a\\b", "it's", '"', "12", " 12 ", "-12", "+7", "3.5", "-3.5",
           "2.5", ".5", "5.", "-0", "abc1", "1e", "nan", "inf", "-Infinity", "true", "T", "no", "0", "1",
           "9223372036854775807", "9223372036854775808", "-9223372036854775808.4", "0.1", "1.5e3x", "1.5e3", "-25e-1", "1e19", "1e+2", "e5",
           "2013-01-01", "2013-01-01 05:06:07", "2013-01-01T05:06:07.123456Z", "2013-02-30", "aaaaaaab",
           "\x7f", "a\x00b"]
TIMES = [0, -1, 1, 999_999, -1_000_001, 1_356_998_400_000_000, 1_357_016_767_123_456, 951_782_400_000_000,
         951_868_799_999_999, -2_203_891_200_000_000, 1_483_228_800_000_000, 1_609_459_200_000_000,
         YEAR_1, YEAR_1 + 1, YEAR_1 - 1, YEAR_10000 - 1, YEAR_10000, 8 * 10**18, -8 * 10**18]
BYTES = [b"", b"\x00", b"a", b"abc", b"\xff\\", b"'\"", b"\xc3\xa9", b"\n "]


def random_value(rng: random.Random, kind: str):
    if rng.random() < 0.15:
        return None
    if kind == "bool":
        return rng.random() < 0.5
    if kind == "int64":
        return rng.choice([rng.choice(INTS), rng.randint(-20, 20), rng.randint(LEAST, MOST)])
    if kind == "double":
        return rng.choice([rng.choice(DOUBLES), rng.uniform(-10, 10), rng.uniform(-1, 1) * 10 ** rng.randint(-20, 20),
                           round(rng.uniform(0, 1000), 2)])
    if kind == "string":
        return rng.choice([rng.choice(STRINGS), "".join(rng.choices("abAB é日%_", k=rng.randint(0, 12)))])
    if kind == "timestamp":
        return rng.choice([rng.choice(TIMES), rng.randint(YEAR_1, YEAR_10000), rng.randint(0, 2 * 10**15)])
    return rng.choice(BYTES)


def random_table(rng: random.Random, rows: int) -> pa.Table:
    def column(kind):
        values = [random_value(rng, kind) for _ in range(rows)]
        return pa.array(values, pa.int64()).cast(pa.timestamp("us")) if kind == "timestamp" else pa.array(values, ARROW_TYPES[kind])

    return pa.table({name: column(kind) for name, kind in COLUMNS.items()})


@dataclass
class Sql:
    """One expression as forebay gets it, and as DuckDB gets it: with try() where a row may fail."""

    forebay: str
    duckdb: str


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Generator:
    def __init__(self, seed: int):
        self.rng = random.Random(seed)

    def expression(self, kind: str, depth: int) -> Sql:
        if depth == 0 or self.rng.random() < 0.1:
            return self.leaf(kind)
        form = self.rng.choice(self.FORMS[kind] + self.GENERAL)
        return form(self, kind, depth - 1)

    def leaf(self, kind: str) -> Sql:
        if self.rng.random() < 0.7:
            name = self.rng.choice([name for name, of in COLUMNS.items() if of == kind])
            return Sql(name, name)
        text = self.literal(kind)
        return Sql(text, text)

    def literal(self, kind: str) -> str:
        rng = self.rng
        if rng.random() < 0.1:
            return f"cast(null as {SQL_TYPES[kind]})"
        if kind == "bool":
            return rng.choice(["true", "false"])
        if kind == "int64":  # DuckDB's small literals are not bigint
            value = rng.choice(INTS)
            return f"({value})::bigint" if value > LEAST else "(-9223372036854775807 - 1)::bigint"
        if kind == "double":  # with an exponent: else DuckDB makes a decimal
            return f"({rng.choice([d for d in DOUBLES if abs(d) < 1e300 and (d == 0 or abs(d) > 1e-300)]):e})"
        if kind == "string":
            return quoted(rng.choice([s for s in STRINGS if "\x00" not in s]))
        if kind == "timestamp":
            return rng.choice(["timestamp '2013-01-01 05:06:07.25'", "timestamp '1969-12-31'", "timestamp '2000-02-29 23:59'"])
        return f"cast({quoted(rng.choice(['abc', '', 'x']))} as bytea)"

    def make(self, pattern: str, *operands: Sql, fails: bool = False) -> Sql:
        forebay = pattern.format(*[o.forebay for o in operands])
        duckdb = pattern.format(*[o.duckdb for o in operands])
        return Sql(forebay, f"try({duckdb})" if fails else duckdb)

    def any_kind(self) -> str:
        return self.rng.choice(list(SQL_TYPES))

    # Forms of every type.

    def case(self, kind, depth):
        arms = self.rng.randint(1, 2)
        operands = [self.expression(k, depth) for _ in range(arms) for k in ("bool", kind)]
        text = "case" + "".join(f" when {{{2 * n}}} then {{{2 * n + 1}}}" for n in range(arms))
        if self.rng.random() < 0.7:
            operands.append(self.expression(kind, depth))
            text += f" else {{{len(operands) - 1}}}"
        return self.make(f"({text} end)", *operands)

    def simple_case(self, kind, depth):
        of = self.any_kind()
        operands = [self.expression(of, depth) for _ in range(3)] + [self.expression(kind, depth) for _ in range(3)]
        return self.make("(case {0} when {1} then {3} when {2} then {4} else {5} end)", *operands)

    def coalesce(self, kind, depth):
        operands = [self.expression(kind, depth) for _ in range(self.rng.randint(2, 3))]
        return self.make(f"coalesce({', '.join(f'{{{n}}}' for n in range(len(operands)))})", *operands)

    def nullif(self, kind, depth):
        return self.make("nullif({0}, {1})", self.expression(kind, depth), self.expression(kind, depth))

    def extreme(self, kind, depth):
        name = self.rng.choice(["greatest", "least"])
        operands = [self.expression(kind, depth) for _ in range(2)]
        return self.make(f"{name}({{0}}, {{1}})", *operands)

    GENERAL = [case, simple_case, coalesce, nullif, extreme]

    # bool

    def comparison(self, kind, depth):
        of = self.any_kind()
        symbol = self.rng.choice(["=", "<>", "<", "<=", ">", ">=", "is distinct from", "is not distinct from"])
        left, right = self.expression(of, depth), self.expression(of, depth)
        if {of} <= {"int64", "double"} and self.rng.random() < 0.3:
            right = self.expression("double" if of == "int64" else "int64", depth)
        return self.make(f"({{0}} {symbol} {{1}})", left, right)

    def logic(self, kind, depth):
        symbol = self.rng.choice([" and ", " or "])
        operands = [self.expression("bool", depth) for _ in range(self.rng.randint(2, 3))]
        return self.make(f"({symbol.join(f'{{{n}}}' for n in range(len(operands)))})", *operands)

    def negation(self, kind, depth):
        return self.make("(not {0})", self.expression("bool", depth))

    def null_test(self, kind, depth):
        test = self.rng.choice(["is null", "is not null"])
        return self.make(f"({{0}} {test})", self.expression(self.any_kind(), depth))

    def truth_test(self, kind, depth):
        test = self.rng.choice(["is true", "is not true", "is false", "is not false", "is unknown", "is not unknown"])
        return self.make(f"({{0}} {test})", self.expression("bool", depth))

    def membership(self, kind, depth):
        of = self.any_kind()
        operands = [self.expression(of, depth)] + [self.expression(of, 0) for _ in range(self.rng.randint(1, 4))]
        word = self.rng.choice(["in", "not in"])
        return self.make(f"({{0}} {word} ({', '.join(f'{{{n}}}' for n in range(1, len(operands)))}))", *operands)

    def between(self, kind, depth):
        of = self.any_kind()
        word = self.rng.choice(["between", "not between"])
        return self.make(f"({{0}} {word} {{1}} and {{2}})", *[self.expression(of, depth) for _ in range(3)])

    def like(self, kind, depth):
        word = self.rng.choice(["like", "not like"])
        pattern = self.expression("string", depth)
        if self.rng.random() < 0.7:
            text = quoted("".join(self.rng.choices(["%", "_", "a", "b", "é", "日", "A", " "], k=self.rng.randint(0, 5))))
            pattern = Sql(text, text)
        return self.make(f"({{0}} {word} {{1}})", self.expression("string", depth), pattern)

    def string_test(self, kind, depth):
        name = self.rng.choice(["starts_with", "ends_with", "contains"])
        return self.make(f"{name}({{0}}, {{1}})", self.expression("string", depth), self.expression("string", depth))

    def to_bool(self, kind, depth):
        of = self.rng.choice(["int64", "double", "string"])
        return self.make("cast({0} as boolean)", self.expression(of, depth), fails=of == "string")

    # numbers

    def int_arithmetic(self, kind, depth):
        pattern = self.rng.choice(["({0} + {1})", "({0} - {1})", "({0} * {1})", "({0} % {1})", "divide({0}, {1})"])
        return self.make(pattern, self.expression("int64", depth), self.expression("int64", depth), fails=True)

    def int_function(self, kind, depth):
        pattern = self.rng.choice(["abs({0})", "(-{0})", "mod({0}, 7::bigint)", "round({0})", "round({0}, 3)", "(+{0})"])
        return self.make(pattern, self.expression("int64", depth), fails=True)

    def round_down(self, kind, depth):  # DuckDB's rounding of large integers overflows
        digits = self.rng.choice([-1, -2, -5, -20])
        return self.make(f"round({{0}} % 1000000007, {digits})", self.expression("int64", depth))

    def string_length(self, kind, depth):
        return self.make("length({0})", self.expression("string", depth))

    def byte_length(self, kind, depth):
        return self.make("octet_length(cast({0} as bytea))", self.expression("bytes", depth))

    def time_part(self, kind, depth):
        part = self.rng.choice(["year", "month", "day", "hour", "minute", "second", "milliseconds", "microseconds", "dow",
                                "isodow", "doy", "week", "isoyear", "quarter", "decade", "century", "millennium", "era"])
        form = self.rng.choice([f"extract({part} from {{0}})", f"date_part('{part}', {{0}})"])
        return self.make(form, self.expression("timestamp", depth))

    def epoch(self, kind, depth):
        return self.make(self.rng.choice(["epoch_us({0})", "epoch_ms({0})"]), self.expression("timestamp", depth))

    def to_int(self, kind, depth):
        of = self.rng.choice(["bool", "double", "string"])
        operand = self.number_text(depth) if of == "string" else self.expression(of, depth)
        return self.make(self.rng.choice(["cast({0} as bigint)", "({0})::bigint"]), operand, fails=True)

    def double_arithmetic(self, kind, depth):
        symbol = self.rng.choice(["+", "-", "*", "/", "%"])
        kinds = self.rng.choice([("double", "double"), ("int64", "double"), ("double", "int64")])
        return self.make(f"({{0}} {symbol} {{1}})", *[self.expression(k, depth) for k in kinds])

    def int_division(self, kind, depth):
        return self.make("({0} / {1})", self.expression("int64", depth), self.expression("int64", depth))

    def double_function(self, kind, depth):
        pattern = self.rng.choice(["abs({0})", "(-{0})", "round({0})", "floor({0})", "ceil({0})", "ceiling({0})", "exp({0})",
                                   "ln({0})", "log10({0})", "log2({0})", "log({0})", "sqrt({0})"]
                                  + [f"round({{0}}, {n})" for n in (0, 1, 2, 5, 400, -1, -2, -400)])
        return self.make(pattern, self.expression("double", depth), fails=True)

    def int_rounding(self, kind, depth):
        return self.make(self.rng.choice(["floor({0})", "ceil({0})", "sqrt({0})", "ln({0})"]), self.expression("int64", depth), fails=True)

    def power(self, kind, depth):
        pattern = self.rng.choice(["power({0}, {1})", "pow({0}, {1})", "({0} ^ {1})"])
        return self.make(pattern, self.expression("double", depth), self.expression(self.rng.choice(["double", "int64"]), depth))

    def seconds(self, kind, depth):
        return self.make("extract(epoch from {0})", self.expression("timestamp", depth))

    def to_double(self, kind, depth):
        of = self.rng.choice(["bool", "int64", "string"])
        operand = self.number_text(depth) if of == "string" else self.expression(of, depth)
        return self.make("cast({0} as double precision)", operand, fails=of == "string")

    def number_text(self, depth):  # not any text: DuckDB reads 1_000 and 0x1F as numbers too
        return self.leaf("string") if self.rng.random() < 0.5 else self.to_string("string", depth)

    # strings

    def string_function(self, kind, depth):
        pattern = self.rng.choice(["lower({0})", "upper({0})", "trim({0})", "ltrim({0})", "rtrim({0})"])
        return self.make(pattern, self.expression("string", depth))

    def trim_of(self, kind, depth):
        pattern = self.rng.choice(["trim({0}, {1})", "ltrim({0}, {1})", "rtrim({0}, {1})", "trim(both {1} from {0})"])
        return self.make(pattern, self.expression("string", depth), self.expression("string", 0))

    def substring(self, kind, depth):
        start, length = self.rng.randint(-6, 8), self.rng.randint(-4, 8)
        pattern = self.rng.choice([f"substr({{0}}, {start})", f"substr({{0}}, {start}, {length})",
                                   f"substring({{0}} from {start} for {length})", "substr({0}, {1} % 9, {2} % 9)"])
        operand = self.expression("string", depth)
        # Beyond the ends, DuckDB has another answer for columns that it knows to be ASCII.
        operand.duckdb = f"(case when rowid >= 0 then {operand.duckdb} else 'é' end)"
        return self.make(pattern, operand, self.expression("int64", 0), self.expression("int64", 0))

    def concatenation(self, kind, depth):
        pattern = self.rng.choice(["concat({0}, {1})", "({0} || {1})", "concat({0}, {2}, {1})", "({2} || {0} || {3})"])
        return self.make(pattern, self.expression("string", depth), self.expression("string", depth),
                         self.expression(self.rng.choice(["int64", "bool", "timestamp"]), depth), self.expression("int64", 0))

    def to_string(self, kind, depth):
        of = self.rng.choice(["bool", "int64", "double", "timestamp", "bytes"])
        operand = self.expression(of, depth)
        sql = self.make(self.rng.choice(["cast({0} as varchar)", "({0})::text"]), operand)
        # The sign of a NaN means nothing in forebay.
        return Sql(sql.forebay, f"replace({sql.duckdb}, '-nan', 'nan')") if of == "double" else sql

    # times and bytes

    def truncation(self, kind, depth):
        unit = self.rng.choice(["year", "quarter", "month", "week", "day", "hour", "minute", "second", "milliseconds"])
        return self.make(f"date_trunc('{unit}', {{0}})", self.expression("timestamp", depth))

    def to_timestamp(self, kind, depth):  # a literal that is none is refused
        sql = self.make(self.rng.choice(["cast(s1 as timestamp)", "(s2)::timestamp"]), fails=True)
        return Sql(sql.forebay, f"(case when isfinite({sql.duckdb}) then {sql.duckdb} end)")  # forebay has no infinite ones

    def from_micros(self, kind, depth):
        return self.make("make_timestamp({0} % 1000000000000000)", self.expression("int64", depth))

    def bytes_append(self, kind, depth):
        return self.make("({0} || {1})", self.expression("bytes", depth), self.expression("bytes", depth))

    def to_bytes(self, kind, depth):
        return self.make("cast({0} as bytea)", self.expression("string", depth), fails=True)

    FORMS = {
        "bool": [comparison, comparison, comparison, logic, logic, negation, null_test, truth_test, membership, between, like, like,
                 string_test, to_bool],
        "int64": [int_arithmetic, int_arithmetic, int_arithmetic, int_function, round_down, string_length, byte_length, time_part,
                  time_part, epoch, to_int, to_int],
        "double": [double_arithmetic, double_arithmetic, double_arithmetic, int_division, double_function, double_function,
                   double_function, int_rounding, power, seconds, to_double],
        "string": [string_function, string_function, trim_of, substring, substring, concatenation, concatenation, to_string, to_string],
        "timestamp": [truncation, truncation, to_timestamp, from_micros],
        "bytes": [bytes_append, to_bytes],
    }


SQL_TYPES = {"bool": "boolean", "int64": "bigint", "double": "double precision", "string": "varchar",
             "timestamp": "timestamp", "bytes": "bytea"}
