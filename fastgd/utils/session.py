"""What a process remembers of the models that it has made."""

from fastgd._registry import names


def clear_session(free_memory=True):
    """Let layers and models without a name be numbered from the beginning again.

    Nothing else outlives its last reference, so that nothing else has to be cleared.

    Parameters
    ----------
    free_memory : bool
        Accepted as in Keras.

    Examples
    --------
    >>> from fastgd import layers, utils
    >>> utils.clear_session()
    >>> layers.Dense(1).name, layers.Dense(1).name
    ('dense', 'dense_1')
    """
    names.reset_names()
