"""Losses that are functions of whole rows of numbers."""

import math

import numpy as np

from fastgd.reference.loss_points import PROBABILITY_MARGIN, lifted
from fastgd.reference.points import sigmoid, softplus


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
