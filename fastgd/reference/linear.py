"""Linear models in plain NumPy: what a compiled ``linear_*`` module offers, to be read.

``x`` may be float32; weights, decisions and sums are float64, as in the compiled ones.
"""

from fastgd.reference.linear_coordinates import coordinate_descent
from fastgd.reference.linear_losses import losses, multinomial
from fastgd.reference.linear_objective import objective, weighted_gram
from fastgd.reference.linear_rows import Rows, decisions, row_decisions
from fastgd.reference.linear_sgd import Descent, shuffled

__all__ = [
    "Descent",
    "Rows",
    "coordinate_descent",
    "decisions",
    "losses",
    "multinomial",
    "objective",
    "row_decisions",
    "shuffled",
    "weighted_gram",
]
