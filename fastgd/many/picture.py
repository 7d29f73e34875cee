"""A picture of many results."""

from fastgd._names import lookup


def plot(rows, figure="loss", ax=None):
    """Draw a figure over the jobs.

    Parameters
    ----------
    rows : list of dict
        As ``Results.to_dicts`` gives them.
    figure : str
        Which one.
    ax : matplotlib Axes, optional
        A new one by default.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib.pyplot as plt

    lookup("figure", figure, dict.fromkeys(key for row in rows for key in row))
    if ax is None:
        _, ax = plt.subplots(layout="constrained")
    drawn = [row for row in rows if row.get(figure) is not None]
    ax.plot([row["index"] for row in drawn], [row[figure] for row in drawn], ".")
    ax.set_xlabel("job")
    ax.set_ylabel(figure)
    return ax.figure
