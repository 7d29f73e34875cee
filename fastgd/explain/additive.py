"""Find out from a layer table whether a network is a sum of functions of single features."""

from fastgd._core.formulas import Activation
from fastgd._core.types import Call, Merge, Op

#: What changes each column by itself when a network predicts: (linear, not linear).
_LINEAR = (Op.OP_AFFINE, Op.OP_NOISE, Op.OP_BATCH_NORM)
_POINTWISE = (Op.OP_ACTIVATION, Op.OP_PRELU, Op.OP_SPLIT)
_WHOLE_ROWS = (
    Activation.ACTIVATION_SOFTMAX, Activation.ACTIVATION_LOG_SOFTMAX, Call.CALL_FUNCTION,
)  # fmt: skip


def parts_of(target):
    """Return the sets of columns that a network's number is a sum of functions of.

    A list of sets of int, such as [{0}, {1, 2}] for g(x0) + h(x1, x2). It goes by what stands
    in the layer table, never by the values of weights.
    """
    plan = target.step.assembly.plan
    parts = {0: [_sum({frozenset({column})}) for column in range(target.width)]}
    for row in plan.rows:
        parts[int(row["target"])] = _row(plan, row, parts)
    outputs = [part for buffer in target.buffers for part in parts[int(buffer)]]
    return list(_sum().union(*(outputs[column] for column, _ in target.terms)))


def _sum(sets=()):
    """Return a sum of functions: one of the columns of each set."""
    return frozenset(sets)


def _joined(sums):
    """Return any function of some sums: one of all their columns."""
    return _sum({frozenset().union(*(columns for one in sums for columns in one))})


def _row(plan, row, parts):
    """Return the sums that the columns of a row's target are."""
    op, kind, width = int(row["op"]), int(row["kind"]), int(plan.widths[row["target"]])
    source, place = parts[int(row["source"])], int(row["settings"])
    if op == Op.OP_COPY:
        first, at = plan.settings[place : place + 2].astype(int)
        found = parts.get(int(row["target"]), [_sum()] * width)
        count = min(len(source) - first, width - at)
        return [*found[:at], *source[first : first + count], *found[at + count :]]
    if op == Op.OP_GATHER:
        return [source[column] for column in plan.settings[place : place + width].astype(int)]
    if op == Op.OP_DENSE and kind == Activation.ACTIVATION_LINEAR:
        return [_sum().union(*source)] * width
    if op in _LINEAR:
        return source
    if op in _POINTWISE and kind not in _WHOLE_ROWS:
        return [_joined([one]) for one in source]
    if op == Op.OP_MERGE:
        second = parts[int(row["second"])]
        both = (one * (width // len(one)) for one in (source, second))  # or one for all
        pairs = list(zip(*both, strict=True))
        if kind in (Merge.MERGE_ADD, Merge.MERGE_SUBTRACT):
            return [one | other for one, other in pairs]
        source = source + second
        if kind != Merge.MERGE_DOT:
            return [_joined(pair) for pair in pairs]
    return [_joined(source)] * width
