"""The words of the language: those that this store answers, and Tempo's others, to name when refused."""

from __future__ import annotations

from typing import Final

from obsdeck.tracestore.traceql.syntax import FALSE, TRUE, Intrinsic, Literal, Type

STRUCTURAL: Final = (">", ">>", "<", "<<", "~")
COMPARISONS: Final = ("=", "!=", "<", "<=", ">", ">=", "=~", "!~")
ORDERINGS: Final = ("=", "!=", "<", "<=", ">", ">=")
ARITHMETIC: Final = ("+", "-", "*", "/", "%", "^")
FLIPPED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
AGGREGATES: Final = ("count", "avg", "max", "min", "sum")
OTHER_SPANSET_OPERATORS: Final = ("!>", "!>>", "!<", "!<<", "!~", "&>", "&>>", "&<", "&<<", "&~")
OTHER_STAGES: Final = frozenset(
    [
        "by",
        "coalesce",
        "rate",
        "count_over_time",
        "min_over_time",
        "max_over_time",
        "avg_over_time",
        "sum_over_time",
        "quantile_over_time",
        "histogram_over_time",
        "compare",
        "topk",
        "bottomk",
    ]
)
OTHER_WORDS: Final = frozenset(
    [
        "parent",
        "statusMessage",
        "childCount",
        "nestedSetLeft",
        "nestedSetRight",
        "nestedSetParent",
        "minInt",
        "maxInt",
    ]
)
OTHER_SCOPED: Final = frozenset(
    [
        "trace:id",
        "span:id",
        "span:parentID",
        "span:statusMessage",
        "span:childCount",
        "event:name",
        "event:timeSinceStart",
        "link:traceID",
        "link:spanID",
        "instrumentation:name",
        "instrumentation:version",
    ]
)
INTRINSICS: Final = {intrinsic.value: intrinsic for intrinsic in Intrinsic} | {
    "span:name": Intrinsic.NAME,
    "span:duration": Intrinsic.DURATION,
    "span:status": Intrinsic.STATUS,
    "span:kind": Intrinsic.KIND,
    "trace:rootName": Intrinsic.ROOT_NAME,
    "trace:rootService": Intrinsic.ROOT_SERVICE_NAME,
    "trace:duration": Intrinsic.TRACE_DURATION,
}
KEYWORDS: Final = {
    "true": TRUE,
    "false": FALSE,
    "unset": Literal(Type.STATUS, 0),
    "ok": Literal(Type.STATUS, 1),
    "error": Literal(Type.STATUS, 2),
    "unspecified": Literal(Type.KIND, 0),
    "internal": Literal(Type.KIND, 1),
    "server": Literal(Type.KIND, 2),
    "client": Literal(Type.KIND, 3),
    "producer": Literal(Type.KIND, 4),
    "consumer": Literal(Type.KIND, 5),
}
LITERALS: Final = {"text": Type.STRING, "int": Type.INT, "float": Type.FLOAT, "duration": Type.DURATION}
