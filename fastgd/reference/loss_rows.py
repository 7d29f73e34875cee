"""Losses of whole rows: cross-entropies, with a column for each category, and others."""

import math

import numpy as np

from fastgd.reference.activations import normal_cdf, sigmoid, softplus
from fastgd.reference.loss_points import PROBABILITY_MARGIN, clipped, lifted, power, smooth


def _total(p):
    """Return the sum of each row, by which it is divided; 1 for a sum of 0."""
    total = p.sum(axis=1, keepdims=True)
    return np.where(total == 0, 1, total)


def crossentropy(p, y, settings=(0,)):
    y = smooth(y, settings[0], y.shape[1])
    total = _total(p)
    q = p / total
    losses = -(y * np.log(clipped(q))).sum(axis=1)
    # -y_i log(p_i / total) has the slope y_i / total - [i = j] y_i / p_i, flat where clipped
    y = np.where(clipped(q) == q, y, 0)
    slopes = y.sum(axis=1, keepdims=True) / total - np.where(y == 0, 0, y / p)
    return losses, slopes


def crossentropy_logits(z, y, settings=(0,)):
    # log softmax(z) = z - max z - log(sum of exp(z - max z)): no overflow, no log of 0
    y = smooth(y, settings[0], y.shape[1])
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    losses = -(y * log_p).sum(axis=1)
    return losses, np.exp(log_p) * y.sum(axis=1, keepdims=True) - y


def sparse(loss):
    """Return the loss for labels, (rows, 1), instead of one-hot rows; one may be ignored."""

    def of_labels(p, y, settings=(0, 0)):
        one_hot = np.arange(p.shape[1]) == y
        losses, slopes = loss(p, one_hot.astype(p.dtype))
        losses = np.where(one_hot.any(axis=1), losses, np.nan)  # NaN for what is no class
        if settings[0]:
            ignored = y[:, 0] == settings[1]
            losses = np.where(ignored, 0, losses)
            slopes = np.where(ignored[:, None], 0, slopes)
        return losses, slopes

    return of_labels


def modulated(y, q, miss, entropy, settings):
    """Return the sum of alpha y (1 - q)^gamma (-log q), and its terms' slopes by log q."""
    smoothing, gamma, count = settings[:3]
    alpha = np.array(settings[3 : 3 + int(count)], q.dtype)
    weight = alpha * smooth(y, smoothing, y.shape[1])
    factor = power(miss, gamma)
    first = np.where(miss == 0, 0, (gamma * factor * entropy) * (q / miss))
    return (weight * (factor * entropy)).sum(axis=1), -weight * (factor + first)


def focal(p, y, settings):
    total = _total(p)
    q = clipped(p / total)
    losses, slopes = modulated(y, q, 1 - q, -np.log(q), settings)
    slopes = np.where(q == p / total, slopes, 0)  # flat where it was clipped
    return losses, (slopes / q - slopes.sum(axis=1, keepdims=True)) / total


def focal_logits(z, y, settings):
    top = np.arange(z.shape[1]) == z.argmax(axis=1)[:, None]
    z = z - z.max(axis=1, keepdims=True)
    # the sum of all but the largest, so that 1 - q of that does not cancel
    rest = np.where(top, 0, np.exp(z)).sum(axis=1, keepdims=True)
    q = np.exp(z) / (1 + rest)
    miss = np.where(top, rest / (1 + rest), 1 - q)
    losses, slopes = modulated(y, q, miss, np.log1p(rest) - z, settings)
    others = slopes.sum(axis=1, keepdims=True) - slopes
    return losses, slopes * miss - q * others


def cosine_similarity(p, y, settings=()):
    norm = np.sqrt((p * p).sum(axis=1, keepdims=True))
    length = lifted(norm)
    direction = y / lifted(np.sqrt((y * y).sum(axis=1, keepdims=True)))
    cosine = (p / length * direction).sum(axis=1, keepdims=True)
    # the length changes with p, unless it was lifted
    along = np.where(norm == length, cosine / length, 0)
    return -cosine[:, 0], -(direction - along * p) / length


def kl_divergence(p, y, settings=()):
    q, y = np.clip(p, PROBABILITY_MARGIN, 1), np.clip(y, PROBABILITY_MARGIN, 1)
    return (y * np.log(y / q)).sum(axis=1), np.where(q == p, -y / q, 0)


def categorical_hinge(p, y, settings=()):
    other = (1 - y) * p
    top = np.arange(p.shape[1]) == other.argmax(axis=1)[:, None]
    margin = other.max(axis=1) - (y * p).sum(axis=1) + 1
    slopes = np.where(top, 1 - y, 0) - y
    return np.maximum(margin, 0), np.where(margin[:, None] > 0, slopes, 0)


def quantile(p, y, settings):
    count = int(settings[0])
    q = np.tile(np.array(settings[1 : 1 + count], p.dtype), y.shape[1])
    d = np.repeat(y, count, axis=1) - p
    slopes = np.where(d < 0, 1 - q, np.where(d > 0, -q, 0))
    return np.where(d < 0, (q - 1) * d, q * d).mean(axis=1), slopes / p.shape[1]


def gaussian(p, y, settings):
    means, raw = np.split(p, 2, axis=1)
    scale = softplus(raw) + settings[0]
    t = (y - means) / scale
    losses = np.log(scale) + (0.5 * t * t + 0.5 * math.log(2 * math.pi))
    slopes = np.concatenate([-t / scale, (1 - t * t) / scale * sigmoid(raw)], axis=1)
    return losses.mean(axis=1), slopes / y.shape[1]


def gaussian_crps(p, y, settings):
    means, raw = np.split(p, 2, axis=1)
    s = softplus(raw) + settings[0]
    z = (y - means) / s
    inner = 2 * normal_cdf(z) - 1
    spread = math.sqrt(2 / math.pi) * np.exp(-0.5 * z * z) - 1 / math.sqrt(math.pi)
    slopes = np.concatenate([-inner, spread * sigmoid(raw)], axis=1)
    return (s * (z * inner + spread)).mean(axis=1), slopes / y.shape[1]


def fissler_ziegel(p, y, settings):
    e, v, y = p[:, 0], p[:, 1], y[:, 0]
    hit = np.where(y <= v, 1 / settings[0], 0)
    quotient = (v - hit * (v - y)) / e
    slopes = np.stack([(1 - quotient) / e, (1 - hit) / e], axis=1)
    return quotient + np.log(-e) - 1, slopes
