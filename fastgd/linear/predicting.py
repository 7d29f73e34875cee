"""What a linear model says of rows."""

from fastgd import config
from fastgd.linear.answers import decisions, probabilities, response
from fastgd.linear.minimised import Minimised
from fastgd.linear.rows import rows_of


class Predicting(Minimised):
    """The part of a ``LinearModel`` that answers."""

    def decision_function(self, x, n_jobs=None):
        """x w + b: float64, (n,), or (n, outputs) if there are several.

        Parameters
        ----------
        x : array, frame or CSR matrix, (n, d)
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.
        """
        coef, intercept = self._result()
        rows = rows_of(x, self.dtype, coef.shape[1])
        self._names(x, True)
        z = decisions(self._engine(), rows, coef, intercept, config.threads(n_jobs))
        return z[:, 0] if z.shape[1] == 1 else z

    def predict(self, x, n_jobs=None):
        """Class numbers, int64 (n,); or numbers, float64 (n,) or (n, k).

        Of "poisson" these are means, e^z.
        """
        return response(self._engine(), self.loss, self.decision_function(x, n_jobs))

    def predict_proba(self, x, n_jobs=None):
        """Probabilities of the classes, float64 (n, classes).

        For "log_loss", whose several classes' are scaled to sum to 1, "multinomial", and
        "modified_huber", which says (clip(z, -1, 1) + 1) / 2 (T. Zhang, 2004).

        Raises
        ------
        ArgumentError
            For other losses.
        """
        return probabilities(self._engine(), self.loss, self.decision_function(x, n_jobs))
