"""Means over patients with bootstrap intervals. The patient is the unit: of several seeds a patient's mean is taken first."""
import numpy

RESAMPLES, LEVEL = 10_000, 0.95


def by_patient(rows, metric):
    """{case: mean over the rows (seeds)}; undefined values (None) are left out, a patient without any too."""
    found = {}
    for row in rows:
        if row.get(metric) is not None:
            found.setdefault(row["case"], []).append(row[metric])
    return {case: float(numpy.mean(values)) for case, values in sorted(found.items())}


def interval(values, seed=0):
    """(mean, low, high) of the mean over patients, percentile bootstrap. values: at least one."""
    values = numpy.asarray(values, float)
    random = numpy.random.default_rng(seed)
    means = values[random.integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = numpy.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(values.mean()), float(low), float(high)


def summary(rows, metric):
    """{mean, low, high, patients, undefined}; None where nothing is defined."""
    values = by_patient(rows, metric)
    if not values:
        return None
    mean, low, high = interval(list(values.values()))
    return {"mean": mean, "low": low, "high": high, "patients": len(values), "undefined": sum(row.get(metric) is None for row in rows)}


def difference(first, second, metric):
    """summary of first - second over the patients that both have, paired by patient."""
    a, b = by_patient(first, metric), by_patient(second, metric)
    both = sorted(set(a) & set(b))
    if not both:
        return None
    mean, low, high = interval([a[case] - b[case] for case in both])
    return {"mean": mean, "low": low, "high": high, "patients": len(both)}
