"""Make the error for training that leaves the finite numbers."""

from fastgd._core.types import Status
from fastgd.errors import DivergenceError

_CAUSES = {
    Status.STATUS_LOSS: "the loss is not finite",
    Status.STATUS_GRADIENT: "a gradient or its square is not finite",
    Status.STATUS_UPDATE: "an update would make a weight or a slot infinite",
}


def diverged(status, step, epoch=None, remedy=""):
    """Return the error for a status; its message counts from 1, as progress does."""
    where = f"step {step + 1}" if epoch is None else f"epoch {epoch + 1}, step {step + 1}"
    kept = (
        "The last finite weights are kept"
        if epoch is None
        else "Weights and optimizer are as before the epoch with the lowest loss"
    )
    return DivergenceError(
        f"training stopped at {where}: {_CAUSES[Status(status)]}. {kept}. Scale the inputs (to "
        f"mean 0 and variance 1, say) or lower the learning rate.{remedy}",
        epoch=epoch,
        step=step,
    )
