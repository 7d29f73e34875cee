"""The ratios as a picture."""

from fastgd.bench.registry import OURS, SIDES


def save(path, where, lines):
    """Draw how many times fastgd's time each side takes.

    Parameters
    ----------
    path : str
        Its suffix says the format.
    where : dict
        Of ``table.machine``.
    lines : list of dict
        Of ``measure.measured``.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    lines = [line for line in lines if line["ratio"]]
    places = range(len(lines))[::-1]  # the first workload on top
    figure, axes = plt.subplots(figsize=(9, 1.5 + 0.3 * len(lines)), layout="constrained")
    axes.axvline(1, color="black", label=SIDES[OURS].label)
    for name, entry in SIDES.items():
        points = [
            (line["ratio"][name], place)
            for line, place in zip(lines, places, strict=True)
            if name in line["ratio"]
        ]
        if points:
            axes.plot(*zip(*points, strict=True), "o", label=entry.label, alpha=0.8)
    axes.set(xscale="log", xlabel="time, in multiples of fastgd's", title=where["cpu"])
    axes.set_yticks(list(places), [line["workload"] for line in lines], fontsize="small")
    axes.grid(axis="x", alpha=0.4)
    axes.legend(fontsize="small", loc="center left", bbox_to_anchor=(1, 0.5))
    figure.savefig(path, dpi=120)
    plt.close(figure)
