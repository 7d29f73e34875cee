"""A step of an optimizer over flat vectors: its formula, and clipping, averages and decay."""

import numpy as np

from fastgd._core.types import Status
from fastgd.reference.optimizers import FORMULAS, norm


@np.errstate(all="ignore")  # the Status says it
def update(parameters, gradients, state, rate):
    """Take a step: return a Status.

    Nothing changes if a gradient is not finite. A weight that would not stay finite keeps its
    value.
    """
    segments = state.segments
    if segments is None:
        parts = [slice(0, len(parameters))]
    else:
        parts = [slice(s["offset"], s["offset"] + s["size"]) for s in segments]
    if not all(np.isfinite(gradients[part]).all() for part in parts):
        return Status.STATUS_GRADIENT
    step = int(state.iterations[0])
    state.iterations[0] += 1
    slots = state.slots[:, : len(parameters)]
    if segments is None:
        fine = _take(parameters, gradients, slots, state, float(rate), step)
    else:
        fine = _take_parts(parameters, gradients, slots, state, float(rate), step, parts)
    return Status.STATUS_FINE if fine else Status.STATUS_UPDATE


def _take(w, g, slots, state, rate, step):
    """Move the weights by the optimizer's formula; return whether all stayed finite."""
    moved = FORMULAS[state.kind](w, g, slots, rate, state.settings.tolist(), step)
    return _assign(w, moved)


def _assign(w, moved):
    finite = np.isfinite(moved)
    w[...] = np.where(finite, moved, w)
    return bool(finite.all())


def _take_parts(parameters, gradients, slots, state, rate, step, parts):
    """Take a step of the listed variables; return whether all stayed finite."""
    options = state.options[0]
    accumulation = int(options["accumulation"])
    if accumulation > 1:
        sums = slots[-1]
        for part in parts:
            sums[part] += gradients[part]
        if (step + 1) % accumulation:
            return True
        gradients = sums / accumulation
        sums[:] = 0
    updates = step // accumulation
    gradients = _clipped(gradients, options, parts)
    fine = True
    for segment, part in zip(state.segments, parts, strict=True):
        rows, columns = int(segment["rows"]), int(segment["columns"])
        shape = (-1, rows, columns) if rows else (-1,)
        w, g = parameters[part].reshape(shape), gradients[part].reshape(shape)
        own = slots[:, part].reshape(len(slots), *w.shape)
        if options["weight_decay"] and segment["decayed"]:
            fine &= _assign(w, w - float(options["weight_decay"]) * rate * w)
        fine &= _take(w, g, own, state, rate, updates)
        slots[:, part] = own.reshape(len(slots), w.size)
        if options["use_ema"]:
            average = slots[-2 if accumulation > 1 else -1][part]
            _average(parameters[part], average, options, updates)
    return fine


def _clipped(gradients, options, parts):
    gradients = gradients.copy()
    clipnorm, clipvalue = float(options["clipnorm"]), float(options["clipvalue"])
    global_clipnorm = float(options["global_clipnorm"])
    if global_clipnorm > 0:
        whole = norm(np.concatenate([gradients[part] for part in parts]))
        whole = float(np.hypot(whole, np.sqrt(options["other_squares"])))
        for part in parts:
            gradients[part] *= global_clipnorm / max(whole, global_clipnorm)
    for part in parts:
        if clipnorm > 0:
            gradients[part] *= clipnorm / max(norm(gradients[part]), clipnorm)
        if clipvalue > 0:
            gradients[part] = gradients[part].clip(-clipvalue, clipvalue)
    return gradients


def _average(w, average, options, updates):
    """Set average = momentum average + (1 - momentum) w; the first update sets it to w."""
    momentum = float(options["ema_momentum"]) if updates > 0 else 0.0
    average[:] = momentum * average + (1 - momentum) * w
    frequency = int(options["ema_frequency"])
    if frequency and (updates + 1) % frequency == 0:
        w[:] = average
