"""The steps of the optimizers over flat vectors, by Keras' formulas.

A formula takes weights w and gradients g and returns the new weights; its slots change in
place. `step` is the number of updates before. Most are formulas of a single weight and take any
number of weights; LAMB and Adafactor take one variable in its shape.
"""

import numpy as np

from fastgd._core.types import Status, Update


def sgd(w, g, slots, rate, settings, step):
    momentum, nesterov = settings[:2]
    if momentum == 0:
        return w - rate * g
    velocity = slots[0]
    velocity[:] = momentum * velocity - rate * g
    return w + momentum * velocity - rate * g if nesterov else w + velocity


def rmsprop(w, g, slots, rate, settings, step):
    rho, momentum, epsilon, centered = settings[:4]
    mean_square = slots[0]
    mean_square[:] = rho * mean_square + (1 - rho) * g**2
    scale = mean_square
    if centered:
        mean = slots[2 if momentum > 0 else 1]
        mean[:] = rho * mean + (1 - rho) * g
        scale = mean_square - mean * mean
    move = rate * g / np.sqrt(scale + epsilon)
    if momentum > 0:
        velocity = slots[1]
        velocity[:] = momentum * velocity + move
        move = velocity
    return w - move


def moments(g, m, v, beta_1, beta_2):
    """Update the running means of the gradients and of their squares."""
    m += (1 - beta_1) * (g - m)
    v += (1 - beta_2) * (g**2 - v)


def adam(w, g, slots, rate, settings, step):
    # Kingma and Ba 2015, as at the end of their section 2: epsilon is their "epsilon hat",
    # added to the root of the uncorrected v
    beta_1, beta_2, epsilon, amsgrad = settings[:4]
    m, v = slots[:2]
    moments(g, m, v, beta_1, beta_2)
    alpha = rate * (1 - beta_2 ** (step + 1)) ** 0.5 / (1 - beta_1 ** (step + 1))
    if amsgrad:
        v = np.maximum(slots[2], v, out=slots[2])
    return w - alpha * m / (np.sqrt(v) + epsilon)


def adamax(w, g, slots, rate, settings, step):
    beta_1, beta_2, epsilon = settings[:3]
    m, u = slots[:2]
    m += (1 - beta_1) * (g - m)
    np.maximum(beta_2 * u, np.abs(g), out=u)
    return w - rate / (1 - beta_1 ** (step + 1)) * m / (u + epsilon)


def nadam(w, g, slots, rate, settings, step):
    beta_1, beta_2, epsilon = settings[:3]
    m, v = slots[:2]
    moments(g, m, v, beta_1, beta_2)
    t = step + 1
    mu, next_mu = beta_1 * (1 - 0.5 * 0.96**t), beta_1 * (1 - 0.5 * 0.96 ** (t + 1))
    # after a thousand steps 1 - 0.96**t / 2 is 1 in double precision
    early = np.prod(1 - 0.5 * 0.96 ** np.arange(1.0, min(t, 1000) + 1))
    product = float(early) * beta_1**t
    ahead = rate * next_mu / (1 - product * next_mu) * m + rate * (1 - mu) / (1 - product) * g
    return w - ahead / (np.sqrt(v) * (1 - beta_2**t) ** -0.5 + epsilon)


def adagrad(w, g, slots, rate, settings, step):
    slots[0] += g**2
    return w - rate * g / np.sqrt(slots[0] + settings[0])


def adadelta(w, g, slots, rate, settings, step):
    rho, epsilon = settings[:2]
    squares, moves = slots[:2]
    squares[:] = rho * squares + (1 - rho) * g**2
    move = np.sqrt(moves + epsilon) * g / np.sqrt(squares + epsilon)
    moves[:] = rho * moves + (1 - rho) * move**2
    return w - rate * move


def ftrl(w, g, slots, rate, settings, step):
    power, l1, l2, shrinkage, beta = settings[:5]
    if rate == 0:
        return w
    squares, linear = slots[:2]
    more = squares + g**2
    if power == -0.5:  # sqrt(a) - sqrt(b) = (a - b) / (sqrt(a) + sqrt(b)) cancels no digits
        roots = np.sqrt(more) + np.sqrt(squares)
        difference = np.where(roots > 0, g**2 / roots, 0).astype(w.dtype)
    else:
        wide = more.astype(np.float64) ** -power - squares.astype(np.float64) ** -power
        difference = wide.astype(w.dtype)
    linear += g + 2 * shrinkage * w - difference / rate * w
    squares[:] = more
    divisor = more**-power / rate + (2 * l2 + beta / rate)
    return np.where(divisor > 0, (np.clip(linear, -l1, l1) - linear) / divisor, w)


def lion(w, g, slots, rate, settings, step):
    beta_1, beta_2 = settings[:2]
    m = slots[0]
    direction = np.sign(beta_1 * m + (1 - beta_1) * g)
    m[:] = beta_2 * m + (1 - beta_2) * g
    return w - rate * direction


def norm(x):
    """Return the Euclidean norm, in double precision."""
    x = x.astype(np.float64)
    largest = float(np.abs(x).max(initial=0))
    return largest * float(np.sqrt(np.sum((x / largest) ** 2))) if largest > 0 else 0.0


def lamb(w, g, slots, rate, settings, step):
    beta_1, beta_2, epsilon = settings[:3]
    m, v = slots[:2]
    moments(g, m, v, beta_1, beta_2)
    move = m / (1 - beta_1 ** (step + 1))
    move = move / (np.sqrt(v) * (1 - beta_2 ** (step + 1)) ** -0.5 + epsilon)
    of_weights, of_move = norm(w), norm(move)
    ratio = of_weights / of_move if of_weights > 0 and of_move > 0 else 1.0
    return w - ratio * rate * move


def adafactor(w, g, slots, rate, settings, step):
    beta_2_decay, epsilon_1, epsilon_2, clip_threshold, relative_step = settings[:5]
    t = step + 1
    keep = 1 - float(t) ** beta_2_decay
    if relative_step:
        rate = min(rate, t**-0.5)
    rate *= max(epsilon_2, norm(w) / w.size**0.5)
    squares = g.astype(np.float64) ** 2 + epsilon_1
    if w.ndim < 2:
        v = slots[0]
        v[:] = keep * v + (1 - keep) * squares
    else:
        # the means along rows and columns lie at the beginning of the slots
        *matrices, rows, columns = w.shape
        r = slots[0].reshape(-1)[: w.size // columns].reshape(*matrices, rows)
        c = slots[1].reshape(-1)[: w.size // rows].reshape(*matrices, columns)
        r[:] = keep * r + (1 - keep) * squares.mean(axis=-1)
        c[:] = keep * c + (1 - keep) * squares.mean(axis=-2)
        share = r / r.mean(axis=-1, keepdims=True, dtype=np.float64)
        v = share.astype(w.dtype)[..., None] * c[..., None, :]
    move = np.where(v > 0, g / np.sqrt(v), 0)
    longest = max(1.0, norm(move) / w.size**0.5 / clip_threshold)
    return w - rate / longest * move


FORMULAS = {
    Update.UPDATE_SGD: sgd, Update.UPDATE_RMSPROP: rmsprop, Update.UPDATE_ADAM: adam,
    Update.UPDATE_ADAMAX: adamax, Update.UPDATE_NADAM: nadam, Update.UPDATE_ADAGRAD: adagrad,
    Update.UPDATE_ADADELTA: adadelta, Update.UPDATE_FTRL: ftrl, Update.UPDATE_LION: lion,
    Update.UPDATE_LAMB: lamb, Update.UPDATE_ADAFACTOR: adafactor,
}  # fmt: skip


@np.errstate(all="ignore")  # the Status says it
def update(parameters, gradients, state, rate):
    """Take a step: return a Status.

    Nothing changes if a gradient is not finite, nor its square where the state holds squares. A
    weight that would not stay finite keeps its value; one whose slots would not keeps both.
    """
    segments = state.segments
    if segments is None:
        parts = [slice(0, len(parameters))]
    else:
        parts = [slice(s["offset"], s["offset"] + s["size"]) for s in segments]
    power = 2 if _needs_squares(state) else 1
    if not all(np.isfinite(gradients[part] ** power).all() for part in parts):
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
    before = slots.copy()
    moved = FORMULAS[state.kind](w, g, slots, rate, state.settings.tolist(), step)
    finite = np.isfinite(slots).all(axis=0)
    slots[...] = np.where(finite, slots, before)
    return _assign(w, moved, finite & np.isfinite(moved))


def _assign(w, moved, finite):
    w[...] = np.where(finite, moved, w)
    return bool(finite.all())


def _needs_squares(state):
    if state.kind in (Update.UPDATE_SGD, Update.UPDATE_ADAMAX, Update.UPDATE_LION):
        return False
    if state.segments is None:
        return True
    clips = (
        float(state.options[0][name]) for name in ("clipnorm", "clipvalue", "global_clipnorm")
    )
    return not any(0 < clip < 2**60 for clip in clips)


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
            decayed = w - float(options["weight_decay"]) * rate * w
            fine &= _assign(w, decayed, np.isfinite(decayed))
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
