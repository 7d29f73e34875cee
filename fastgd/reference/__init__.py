"""The engine in plain NumPy: what the compiled one computes, written to be read.

It offers what the compiled engine offers, for networks and linear models, with the same
arguments in the same order. The tests hold every build against it, and
``engine="reference"`` trains with it. Start reading at ``program.py``. To add an activation, a
loss, a metric or an optimizer, write its function and its line in the table at the end of its
file.

Arrays are in the network's data type, float32 or float64, and stay in it: plain Python numbers
do not widen a NumPy array. Sums are left to NumPy, so that results agree with the compiled
engine's to rounding, not to the bit; only the order of the rows is equal bit for bit. Unlike a
compiled program, one of these is for one thread at a time.
"""

from fastgd.reference.arrays import first_nonfinite
from fastgd.reference.constraints import constrain
from fastgd.reference.descent import gram_descent, least_squares_descent
from fastgd.reference.linear_coordinates import coordinate_descent
from fastgd.reference.linear_losses import decision_losses, multinomial_losses
from fastgd.reference.linear_objective import objective, weighted_gram
from fastgd.reference.linear_rows import Rows, decisions, row_decisions
from fastgd.reference.linear_sgd import Descent
from fastgd.reference.program import Predictor, Program, Stepper
from fastgd.reference.shuffle import permutation
from fastgd.reference.updates import update

__all__ = [
    "Descent",
    "Predictor",
    "Program",
    "Rows",
    "Stepper",
    "constrain",
    "coordinate_descent",
    "decision_losses",
    "decisions",
    "first_nonfinite",
    "gram_descent",
    "least_squares_descent",
    "multinomial_losses",
    "objective",
    "permutation",
    "row_decisions",
    "update",
    "weighted_gram",
]
