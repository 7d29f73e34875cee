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

        Raises
        ------
        NotBuiltError
            If there are no weights yet.
        DataTypeError, ShapeError, DataError, ArgumentError
            If x is not such rows as the model was fitted to; says where.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
        >>> model.decision_function([[2.0], [3.0]]).round(6)
        array([5., 7.])
        """
        coef, intercept = self._result()
        rows = rows_of(x, self.dtype, coef.shape[1])
        self._names(x, True)
        z = decisions(self._engine(), rows, coef, intercept, config.threads(n_jobs))
        return z[:, 0] if z.shape[1] == 1 else z

    def predict(self, x, n_jobs=None):
        """Class numbers, int64 (n,); or numbers, float64 (n,) or (n, k).

        Of "poisson" these are means, e^z. Arguments and errors are those of
        ``decision_function``.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("multinomial", l2=0.1)
        >>> model = model.fit([[0.0], [5.0], [9.0]], [0, 1, 2])
        >>> model.predict([[-1.0], [8.9]])
        array([0, 2])
        """
        return response(self._engine(), self.loss, self.decision_function(x, n_jobs))

    def predict_proba(self, x, n_jobs=None):
        """Probabilities of the classes, float64 (n, classes).

        For "log_loss", whose several classes' are scaled to sum to 1, "multinomial", and
        "modified_huber", which says (clip(z, -1, 1) + 1) / 2 (T. Zhang, 2004).

        Raises
        ------
        ArgumentError
            For other losses; and see ``decision_function``.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("log_loss", l2=0.1).fit([[-1.0], [1.0]], [0, 1])
        >>> model.predict_proba([[0.0]]).round(6)
        array([[0.5, 0.5]])
        """
        return probabilities(self._engine(), self.loss, self.decision_function(x, n_jobs))
