"""The engine in plain NumPy: the same mathematics as the compiled one, written to be read.

It has the functions and classes of the compiled engine, for networks and linear models, with
the same arguments in the same order. The tests compare every build with it, and
``engine="reference"`` trains with it. Start reading at ``program.py``. To add an activation, a
loss, a metric or an optimizer, write its function and its line in the table at the end of its
file.

Arrays have the network's data type, float32 or float64, and keep it: plain Python numbers do
not widen a NumPy array. NumPy makes the sums, so that results agree with the compiled engine's
up to rounding; only the order of the rows is equal bit for bit. Unlike a compiled
program, one of these may be used by one thread at a time.
"""

from fastgd.reference.algebra import (
    cholesky,
    cholesky_solve,
    dot,
    eigenvalues,
    logarithms,
    row_products,
    sigmoids,
)
from fastgd.reference.arrays import all_between, first_nonfinite
from fastgd.reference.constraints import constrain
from fastgd.reference.descent import (
    coordinate_descent,
    descent_sums,
    gram_descent,
    least_squares_descent,
)
from fastgd.reference.linear_losses import decision_losses, multinomial_losses
from fastgd.reference.linear_objective import objective, weighted_gram
from fastgd.reference.linear_rows import RowPredictor, Rows, decisions
from fastgd.reference.linear_sgd import Descent
from fastgd.reference.optimizers import update
from fastgd.reference.private_noise import add_noise, poisson_sample
from fastgd.reference.program import Program
from fastgd.reference.serving import OnlineJob, Predictor
from fastgd.reference.shuffle import permutation

__all__ = [
    "Descent", "OnlineJob", "Predictor", "Program", "RowPredictor", "Rows", "add_noise",
    "all_between", "cholesky", "cholesky_solve", "constrain", "coordinate_descent",
    "decision_losses", "decisions", "descent_sums", "dot", "eigenvalues", "first_nonfinite",
    "gram_descent", "least_squares_descent", "logarithms", "multinomial_losses", "objective",
    "permutation", "poisson_sample", "row_products", "sigmoids", "update", "weighted_gram",
]  # fmt: skip
