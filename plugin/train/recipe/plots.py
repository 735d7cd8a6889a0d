"""The plots of docs/evidence.md and of a training's log, as PNG and SVG. Needs Debian's python3-matplotlib."""
import os

import matplotlib

from recipe import statistics, tables

matplotlib.use("Agg")
# The same results give the same bytes.
matplotlib.rcParams.update({"svg.hashsalt": "ctvk", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
from matplotlib import pyplot  # noqa: E402

COLOURS = {"multimodal": "#1b6ca8", "vision": "#d1712b"}
NAMES = {"multimodal": "multimodal", "vision": "vision-only"}


def save(figure, folder, name):
    figure.tight_layout()
    for ending, extra in (("png", {"Software": None}), ("svg", {"Date": None})):
        figure.savefig(os.path.join(folder, f"{name}.{ending}"), dpi=150, metadata=extra)
    pyplot.close(figure)


def bar(axes, place, found, **style):
    if found:
        error = [[found["mean"] - found["low"]], [found["high"] - found["mean"]]]
        axes.bar(place, found["mean"], yerr=error, capsize=3, **style)


def metrics(results, folder):
    figure, all_axes = pyplot.subplots(1, len(tables.TITLES), figsize=(10, 3.2))
    for axes, (metric, title) in zip(all_axes, tables.TITLES.items()):
        for at, hospital in enumerate(tables.HOSPITALS):
            for side, model in enumerate(NAMES):
                found = statistics.summary(results.rows(f"{model}-100", hospital), metric)
                bar(axes, at + 0.38 * (side - 0.5), found, width=0.36, color=COLOURS[model], label=NAMES[model] if not at else None)
        axes.set_xticks([0, 1], tables.HOSPITALS)
        axes.set_title(title, pad=14)
        if metric != "hd95_mm":
            axes.set_ylim(0, 1)
    figure.legend(*all_axes[0].get_legend_handles_labels(), frameon=False, loc="upper left", ncols=2, fontsize=8)
    save(figure, folder, "metrics")


def data_efficiency(results, folder):
    figure, all_axes = pyplot.subplots(1, 2, figsize=(8, 3.2), sharey=True)
    for axes, hospital in zip(all_axes, tables.HOSPITALS):
        for model in NAMES:
            found = [(share, statistics.summary(results.rows(f"{model}-{share}", hospital), "dice")) for share in results.plan["shares"]]
            found = [(share, value) for share, value in found if value]
            if found:
                shares, values = zip(*found)
                axes.plot(shares, [v["mean"] for v in values], "o-", color=COLOURS[model], label=NAMES[model])
                axes.fill_between(shares, [v["low"] for v in values], [v["high"] for v in values], color=COLOURS[model], alpha=0.2, linewidth=0)
        axes.set(title=f"{hospital} test", xlabel="training patients (%)", ylim=(0, 1))
    all_axes[0].set_ylabel("Dice")
    all_axes[0].legend(frameon=False, loc="lower right")
    save(figure, folder, "data")


def ablations(results, folder):
    figure, axes = pyplot.subplots(figsize=(8, 4.2))
    shown = [a for a in tables.ABLATIONS if any(results.rows(a[1], h, a[2]) for h in tables.HOSPITALS)]
    for at, (_, kind, condition) in enumerate(shown):
        for side, (hospital, shade) in enumerate(zip(tables.HOSPITALS, ("#1b6ca8", "#8fbbdc"))):
            found = statistics.summary(results.rows(kind, hospital, condition), "dice")
            if found:
                error = [[found["mean"] - found["low"]], [found["high"] - found["mean"]]]
                axes.barh(at + 0.38 * (side - 0.5), found["mean"], xerr=error, height=0.36, color=shade, capsize=2, label=None if at else hospital)
    axes.set_yticks(range(len(shown)), [title for title, _, _ in shown])
    axes.invert_yaxis()
    axes.set(xlabel="Dice", xlim=(0, 1))
    axes.legend(frameon=False, loc="lower right")
    save(figure, folder, "ablations")


def adaptation(results, folder):
    figure, all_axes = pyplot.subplots(1, len(tables.SITES), figsize=(8, 3.2), sharey=True)
    for axes, site in zip(all_axes, tables.SITES):
        curves = [(scope, whole, hospital) for scope, whole in tables.scopes(site) for hospital in ("internal", site)]
        for scope, whole, hospital in curves:
            found = [(n, statistics.summary(results.rows(tables.adapted_kind(site, n, whole), hospital), "dice")) for n in (0, *results.plan["adapt_with"])]
            found = [(count, value) for count, value in found if value]
            if found:
                places, values = zip(*found)
                error = [[v["mean"] - v["low"] for v in values], [v["high"] - v["mean"] for v in values]]
                axes.errorbar(places, [v["mean"] for v in values], yerr=error, fmt="o-" if hospital == site else "o--", capsize=3,
                              color=COLOURS["vision" if whole else "multimodal"], label=f"{hospital} test, {scope}")
        axes.set(xlabel=f"patients of the {site} hospital", ylim=(0, 1))
        axes.legend(frameon=False, loc="lower right", fontsize=7)
    all_axes[0].set_ylabel("Dice")
    save(figure, folder, "adaptation")


def log(rows, path):
    """One training: loss and soft Dice over the steps, validation where it was taken."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.2))
    trained = [row for row in rows if "loss" in row]
    left.plot([row["step"] for row in trained], [row["loss"] for row in trained], color="#444444")
    left.set(xlabel="step", ylabel="loss")
    right.plot([row["step"] for row in trained], [row["dice"] for row in trained], color=COLOURS["multimodal"], label="soft Dice, training windows")
    held = [row for row in rows if "validation_dice" in row]
    if held:
        right.plot([row["step"] for row in held], [row["validation_dice"] for row in held], "o-", color=COLOURS["vision"], label="Dice, validation patients")
    right.set(xlabel="step", ylim=(0, 1))
    right.legend(frameon=False, loc="lower right")
    folder, name = os.path.split(os.path.abspath(path))
    save(figure, folder, name)
