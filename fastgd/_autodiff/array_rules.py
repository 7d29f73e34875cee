"""Gradient rules of reductions, of products and of functions that move elements."""

import math
import operator

import numpy as np

from fastgd._autodiff.array_methods import ArrayMethods, as_array, cast
from fastgd._autodiff.rules import Rules, call
from fastgd.errors import ArgumentError

RULES = Rules()
define = RULES.define

# --- reductions -------------------------------------------------------------------------


def _restore(d, axis, keepdims):
    """Restore the axes that a reduction took away, with length 1."""
    return d if keepdims or axis is None else np.expand_dims(d, axis)


def _sum(d, out, x, axis=None, dtype=None, *, keepdims=False):
    if isinstance(d, ArrayMethods):
        return np.broadcast_to(_restore(d, axis, keepdims), x.shape)
    gradient = np.empty(x.shape, d.dtype)  # quicker than np.broadcast_to
    gradient[...] = _restore(d, axis, keepdims)
    return gradient


def _mean(d, out, x, axis=None, dtype=None, *, keepdims=False):
    return _sum(_restore(d, axis, keepdims) * (out.size / (x.size or 1)), out, x, keepdims=True)


def _var(d, out, x, axis=None, dtype=None, *, ddof=0, keepdims=False):
    centred = x - x.mean(axis=axis, keepdims=True)
    return _restore(d, axis, keepdims) * centred * (2 / (x.size / out.size - ddof))


def _std(d, out, x, axis=None, dtype=None, *, ddof=0, keepdims=False):
    # Equal numbers have the standard deviation 0 and get the gradient 0.
    d = np.where(out > 0, d / (2 * np.where(out > 0, out, 1)), 0)
    return _var(d, out, x, axis, ddof=ddof, keepdims=keepdims)


def _extreme(d, out, x, axis=None, *, keepdims=False):
    # Equal extremes share the gradient equally.
    chosen = x == _restore(out, axis, keepdims)
    n = chosen.sum(axis=axis, keepdims=True, dtype=x.dtype)
    return _restore(d, axis, keepdims) * chosen / n


def _prod(d, out, x, axis=None, *, keepdims=False):
    # The product of all others, from both sides, so that zeros do no harm.
    axes = np.lib.array_utils.normalize_axis_tuple(
        range(x.ndim) if axis is None else axis, x.ndim
    )
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, last)
    rows = moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)
    if isinstance(rows, ArrayMethods):
        itself = np.eye(rows.shape[-1], dtype=bool)
        others = np.prod(np.where(itself, 1, rows[..., None, :]), axis=-1)
    else:
        others = np.ones_like(rows)
        others[..., 1:] = np.cumprod(rows[..., :-1], axis=-1)
        others[..., :-1] *= np.cumprod(rows[..., :0:-1], axis=-1)[..., ::-1]
    others = np.moveaxis(others.reshape(moved.shape), last, axes)
    return _restore(d, axis, keepdims) * others


def logsumexp(x, axis=None, keepdims=False):
    """Return ``log(sum(exp(x)))`` without overflow."""
    x = np.asarray(x)
    top = x.max(axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    total = np.exp(x - top).sum(axis=axis, keepdims=True)
    out = np.log(total) + top
    return out if keepdims else out.squeeze(axis)[()]


def softmax(x, axis=-1):
    """Return ``exp(x) / sum(exp(x))`` along `axis`, without overflow."""
    x = np.asarray(x)
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def log_softmax(x, axis=-1):
    """Return ``x - logsumexp(x)`` along `axis`, finite wherever x is."""
    x = np.asarray(x)
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


def _logsumexp(d, out, x, axis=None, keepdims=False):
    return _restore(d, axis, keepdims) * np.exp(x - _restore(out, axis, keepdims))


define(np.sum, _sum)
define(np.mean, _mean)
define(np.var, _var)
define(np.std, _std)
define(np.prod, _prod)
define(
    np.cumsum,
    lambda d, out, x, axis=None: np.reshape(
        np.flip(np.cumsum(np.flip(d, axis), axis), axis), x.shape
    ),
)
define(logsumexp, _logsumexp)
define(softmax, lambda d, out, x, axis=-1: out * (d - (d * out).sum(axis=axis, keepdims=True)))
define(
    log_softmax, lambda d, out, x, axis=-1: d - np.exp(out) * d.sum(axis=axis, keepdims=True)
)
for _function in (np.max, np.min, np.amax, np.amin):
    define(_function, _extreme)

# --- products ---------------------------------------------------------------------------


def _matmul_a(d, out, a, b):
    b = as_array(b)
    if b.ndim == 1:
        return np.expand_dims(d, -1) * b
    if np.ndim(a) == 1:
        return (b @ d[..., None])[..., 0]
    return d @ b.swapaxes(-1, -2)


def _matmul_b(d, out, a, b):
    a = as_array(a)
    if np.ndim(b) == 1:
        return a * np.expand_dims(d, -1)
    if a.ndim == 1:
        return a[:, None] * d[..., None, :]
    return a.swapaxes(-1, -2) @ d


def _dot_a(d, out, a, b):
    a, b = as_array(a), as_array(b)
    if b.ndim == 0 or a.ndim == 0:
        return np.sum(d * b) if a.ndim == 0 else d * b
    b = np.moveaxis(b, -2, -1) if b.ndim > 1 else b
    columns = b.reshape(math.prod(b.shape[:-1]), b.shape[-1])
    rows = np.reshape(d, (math.prod(a.shape[:-1]), len(columns)))
    return (rows @ columns).reshape(a.shape)


def _dot_b(d, out, a, b):
    a, b = as_array(a), as_array(b)
    if a.ndim == 0 or b.ndim == 0:
        return np.sum(d * a) if b.ndim == 0 else d * a
    rows = a.reshape(math.prod(a.shape[:-1]), a.shape[-1])
    rest = b.shape[:-2] + b.shape[-1:] if b.ndim > 1 else ()
    product = rows.T @ np.reshape(d, (len(rows), math.prod(rest)))
    product = product.reshape(a.shape[-1], *rest)
    return np.moveaxis(product, 0, -2) if b.ndim > 1 else product


define(np.matmul, _matmul_a, _matmul_b)
define(np.dot, _dot_a, _dot_b)
define(
    np.outer,
    lambda d, out, a, b: (d @ np.ravel(b)).reshape(np.shape(a)),
    lambda d, out, a, b: (np.ravel(a) @ d).reshape(np.shape(b)),
)

# --- elements that move -----------------------------------------------------------------


def _reshape(d, out, x, shape=None, order="C"):
    if order not in ("C", "F"):  # "A" and "K" go by the memory of x, which d does not share
        raise ArgumentError(f"order must be 'C' or 'F' to have a gradient, got {order!r}")
    return np.reshape(d, x.shape, order=order)


def _transpose(d, out, x, axes=None):
    return np.transpose(d, None if axes is None else np.argsort(np.mod(axes, x.ndim)))


def _repeat(d, out, x, repeats, axis=None):
    source = np.arange(x.size).reshape(x.shape) if axis is None else np.arange(x.shape[axis])
    return _take(d, out, x, np.repeat(source, repeats), axis)


def scatter(d, key, shape):
    """Return an array of zeros to whose elements ``[key]`` those of d are added."""
    gradient = np.zeros(shape, d.dtype)
    keys = key if isinstance(key, tuple) else (key,)
    if any(isinstance(k, list | np.ndarray) for k in keys):
        np.add.at(gradient, key, d)  # an index may name one element several times
    else:
        gradient[key] = d
    return gradient


def _take(d, out, x, indices, axis=None):
    indices = np.asarray(indices)
    if axis is None:
        return np.reshape(call(scatter, d, indices, (x.size,)), x.shape)
    axis %= x.ndim
    first = np.moveaxis(d, range(axis, axis + indices.ndim), range(indices.ndim))
    shape = (x.shape[axis], *x.shape[:axis], *x.shape[axis + 1 :])
    return np.moveaxis(call(scatter, first, indices, shape), 0, axis)


def _concatenate(d, out, arrays, axis=0):
    shapes = list(map(np.shape, arrays))
    lengths = [math.prod(shape) if axis is None else shape[axis] for shape in shapes]
    before = (slice(None),) * (0 if axis is None else axis % d.ndim)
    ends = np.cumsum(lengths).tolist()
    parts = [d[(*before, slice(end - n, end))] for n, end in zip(lengths, ends, strict=True)]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


define(np.reshape, _reshape)
define(np.ravel, lambda d, out, x, order="C": _reshape(d, out, x, order=order))
define(np.squeeze, lambda d, out, x, axis=None: np.reshape(d, x.shape))
define(np.expand_dims, lambda d, out, x, axis=None: np.reshape(d, x.shape))
define(np.transpose, _transpose)
define(np.swapaxes, lambda d, out, x, axis1, axis2: np.swapaxes(d, axis1, axis2))
define(np.moveaxis, lambda d, out, x, source, destination: np.moveaxis(d, destination, source))
define(np.flip, lambda d, out, x, axis=None: np.flip(d, axis))
define(np.roll, lambda d, out, x, shift, axis=None: np.roll(d, np.negative(shift), axis))
define(np.broadcast_to, lambda d, out, x, shape: d)
define(np.repeat, _repeat)
define(np.take, _take)
define(operator.getitem, lambda d, out, x, key: call(scatter, d, key, x.shape))
define(scatter, lambda d, out, x, key, shape: d[key])
define(np.concatenate, _concatenate, sequence=True)
define(np.stack, lambda d, out, arrays, axis=0: list(np.moveaxis(d, axis, 0)), sequence=True)
define(cast, lambda d, out, x, dtype: d)
