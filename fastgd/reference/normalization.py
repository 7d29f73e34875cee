"""Layers that normalise: by given moments, by those of the batch or by those of each row."""

import numpy as np

from fastgd._core.types import Affine, Moments


def _factors(o):
    """Return the mean of each column and its deviation; for a rescaling, offset and scale."""
    dtype, width = o.source.dtype, o.width
    numbers = o.settings
    if o.row.kind == Affine.AFFINE_RESCALE:
        return np.array(numbers[width : 2 * width], dtype), np.array(numbers[:width], dtype)
    epsilon, count, *numbers = numbers
    if count:
        own, count = np.array(numbers[:width], np.int64), int(count)
        state = o.parameters[o.row.state :][: 2 * count]
        mean, variance = state[:count][own], state[count:][own]
    else:
        mean = np.array(numbers[:width], dtype)
        variance = np.array(numbers[width : 2 * width], dtype)
    return mean, np.maximum(np.sqrt(variance), dtype.type(epsilon))


def affine(o):
    shift, factor = _factors(o)
    if o.row.kind == Affine.AFFINE_NORMALIZE:
        o.target = (o.source - shift) / factor
    else:
        o.target = o.source * factor + shift


def affine_gradient(o, d_target):
    _, factor = _factors(o)
    divides = o.row.kind == Affine.AFFINE_NORMALIZE
    return [d_target / factor if divides else d_target * factor], []


def _grouped(x, groups):
    """Return the groups of each row: (rows, groups, columns of a group)."""
    return x.reshape(len(x), groups, x.shape[1] // groups)


def _scaled(o, n):
    """Return n kernel + bias, without those that a layer lacks."""
    width = n.shape[-1]
    if o.row.kernel >= 0:
        n = n * o.parameters[o.row.kernel :][:width]
    if o.row.bias >= 0:
        n = n + o.parameters[o.row.bias :][:width]
    return n


def _unscaled(o, n, d):
    """Return the gradients of n, and of kernel and bias, from that of n kernel + bias."""
    d_parameters = []
    if o.row.kernel >= 0:
        d_parameters.append((o.row.kernel, (d * n).sum(axis=(0, 1))))
    if o.row.bias >= 0:
        d_parameters.append((o.row.bias, d.sum(axis=(0, 1))))
    if o.row.kernel >= 0:
        d = d * o.parameters[o.row.kernel :][: d.shape[-1]]
    return d, d_parameters


def _centred_and_factor(o, axis):
    """Return x - mean and 1 / sqrt(variance + epsilon), for layer or batch normalisation."""
    groups = int(o.settings[2] if axis == (0, 1) else o.settings[1])
    x = _grouped(o.source, groups)
    if axis == (0, 1):
        mean, variance = _moments(o, x)
    else:
        mean = x.mean(axis=axis, keepdims=True)
        variance = ((x - mean) ** 2).mean(axis=axis, keepdims=True)
    return x - mean, 1 / np.sqrt(variance + o.settings[0])


def _uses_batch(o):
    return o.batch.training and o.row.kind == Moments.MOMENTS_BATCH


def _moments(o, x):
    """Return the mean and the variance of each channel by which a batch is normalised."""
    channels = x.shape[-1]
    if not _uses_batch(o):
        state = o.parameters[o.row.state :]
        return state[:channels], state[channels : 2 * channels]
    wide = x.astype(np.float64)
    moments = wide.mean(axis=(0, 1)), wide.var(axis=(0, 1))
    return [m.astype(x.dtype) for m in moments]


def batch_norm(o):
    """Normalise by the moments of the batch (Ioffe & Szegedy, "Batch normalization", 2015)."""
    centred, factor = _centred_and_factor(o, (0, 1))
    o.target = _scaled(o, centred * factor).reshape(o.source.shape)


def batch_norm_gradient(o, d_target):
    return _norm_gradient(o, d_target, (0, 1), _uses_batch(o))


def settle(o):
    """Move the kept moments towards a batch's; return False if one would not be finite."""
    x = _grouped(o.source, int(o.settings[2]))
    momentum = o.settings[1]
    state = o.parameters[o.row.state :][: 2 * x.shape[-1]]
    moved = state * momentum + np.concatenate(_moments(o, x)) * (1 - momentum)
    np.copyto(state, moved, where=np.isfinite(moved))
    return bool(np.isfinite(moved).all())


def layer_norm(o):
    """Normalise by the moments of each row (Ba et al., "Layer normalization", 2016)."""
    centred, factor = _centred_and_factor(o, 2)
    o.target = _scaled(o, centred * factor).reshape(o.source.shape)


def layer_norm_gradient(o, d_target):
    return _norm_gradient(o, d_target, 2, True)


def _norm_gradient(o, d_target, axis, moments_depend):
    centred, factor = _centred_and_factor(o, axis)
    n = centred * factor
    d, d_parameters = _unscaled(o, n, d_target.reshape(n.shape))
    if moments_depend:
        means = d.mean(axis=axis, keepdims=True), (d * n).mean(axis=axis, keepdims=True)
        d = d - means[0] - n * means[1]
    return [(d * factor).reshape(d_target.shape)], d_parameters


def _scaled_length(x):
    """Return x / its largest element, the length of that and of x; nothing overflows."""
    top = np.abs(x).max(axis=2, keepdims=True)
    u = x / np.where(top > 0, top, 1)
    root = np.sqrt((u**2).sum(axis=2, keepdims=True))
    return u, root, top * root


def unit_norm(o):
    x = _grouped(o.source, int(o.settings[1]))
    u, root, length = _scaled_length(x)
    is_long = length > x.dtype.type(o.settings[0])
    target = np.where(is_long, u / np.where(is_long, root, 1), x * (1 / o.settings[0]))
    o.target = target.astype(x.dtype, copy=False).reshape(o.source.shape)


def unit_norm_gradient(o, d_target):
    groups = int(o.settings[1])
    length = _scaled_length(_grouped(o.source, groups))[2]
    target, d = _grouped(o.target, groups), _grouped(d_target, groups)
    epsilon = target.dtype.type(o.settings[0])
    along = np.where(length > epsilon, (target * d).sum(axis=2, keepdims=True), 0)
    found = (d - target * along) / np.maximum(length, epsilon)
    return [found.astype(d.dtype, copy=False).reshape(d_target.shape)], []
