"""Cross-entropies of categories, of which each has a column."""

import numpy as np

from fastgd.reference.loss_points import clipped, power, smooth


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
