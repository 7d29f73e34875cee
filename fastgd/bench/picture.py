"""The ratios as a picture."""

from fastgd._registry.extras import needed_by
from fastgd.bench.frameworks import OURS


def save(path, title, labels, lines):
    """Draw the time of each framework, in multiples of fastgd's, into a file.

    Parameters
    ----------
    path : str
        Its suffix names the format.
    title : str
    labels : dict of str -> str
        The name of each framework.
    lines : list of dict
        Of ``measure.measured``.
    """
    with needed_by("--picture"):
        import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    lines = [line for line in lines if line["ratio"]][::-1]  # the first workload on top
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.3 * len(lines)), layout="constrained")
    axes.axvline(1, color="black", label=labels[OURS])
    for name, label in labels.items():
        places = [place for place, line in enumerate(lines) if name in line["ratio"]]
        ratios = [lines[place]["ratio"][name] for place in places]
        if places:
            axes.plot(ratios, places, "o", label=label, alpha=0.8)
    axes.set(xscale="log", xlabel="time, in multiples of fastgd's", title=title)
    axes.set_yticks(range(len(lines)), [line["workload"] for line in lines], fontsize="small")
    axes.grid(axis="x", alpha=0.4)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)
    plt.close(figure)
