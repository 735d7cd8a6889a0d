"""How well one label map meets another one: the numbers of `ctvk evaluate`."""
import ctypes
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

import numpy

from . import _abi
from ._context import Context, Progress, Watch
from ._geometry import as_volume


@dataclass(frozen=True)
class Scores:
    """One label. A score that is undefined is NaN, and a warning of the evaluation says why; include/ctvk/evaluation.h defines each."""
    value: int
    name: str
    dice: float
    iou: float
    hd_mm: float  #: largest distance of the surfaces, either way
    hd95_mm: float  #: the larger of the two ways' 95th percentiles
    msd_mm: float  #: mean of the two ways' mean distances
    nsd: Dict[float, float]  #: by tolerance in mm: share of both surfaces within it of the other one
    volume_reference_ml: float
    volume_prediction_ml: float
    voxels_reference: int
    voxels_prediction: int
    voxels_both: int


@dataclass(frozen=True)
class Evaluation:
    """Scores in the order of the labels' values; evaluation[1] or evaluation["CTV"] is one label's."""
    labels: List[Scores]
    warnings: List[str]

    def __getitem__(self, label: Union[int, str]) -> Scores:
        for scores in self.labels:
            if label in (scores.value, scores.name):
                return scores
        raise KeyError(label)


def _affines(spacing: Optional[Sequence[float]], affines: Optional[Tuple[Any, Any]]) -> Tuple[Any, Any]:
    if affines is not None and spacing is None:
        return affines[0], affines[1]
    if affines is not None or spacing is None:
        raise ValueError("give one of spacing, affines")
    if numpy.shape(spacing) != (3,):
        raise ValueError("the spacing is not of three numbers")
    return (numpy.diag([*spacing, 1.0]),) * 2


def evaluate(reference: Any, prediction: Any, spacing: Optional[Sequence[float]] = None, *, affines: Optional[Tuple[Any, Any]] = None,
             tolerances: Sequence[float] = (3.0,), labels: Optional[Mapping[int, str]] = None,
             on_progress: Optional[Progress] = None) -> Evaluation:
    """Measures a label map against another one on the same grid. No device is needed.

    reference, prediction: whole numbers from 0 (background) to 65535, indexed [i, j, k], any strides, or masks of bool. spacing: millimetres
    along i, j, k. affines instead of it: those of both, so that label maps on different grids are refused. tolerances: millimetres, for the
    normalised surface distance. labels: names by value; each is reported, whether it occurs or not. on_progress(fraction, stage) may return
    True to cancel (raises Cancelled); Ctrl-C cancels too. The GIL is free meanwhile. Neither array is written.

    >>> import numpy
    >>> reference = numpy.zeros((20, 20, 20), dtype=bool)
    >>> reference[5:15, 5:15, 5:15] = True
    >>> scores = evaluate(reference, numpy.roll(reference, 2, axis=0), (1, 1, 2), tolerances=(1, 2), labels={1: "cube"})["cube"]
    >>> scores.dice, scores.hd_mm, scores.volume_reference_ml
    (0.8, 2.0, 2.0)
    >>> scores.nsd[1] < scores.nsd[2] == 1
    True
    """
    matrices = _affines(spacing, affines)
    pairs = [as_volume(array, matrix, "RAS", 1.0, 0.0) for array, matrix in zip((reference, prediction), matrices)]
    watch, names = Watch(on_progress), dict(labels or {})
    limits = numpy.asarray(tolerances, dtype=numpy.float64).reshape(-1)
    if not limits.size:
        raise ValueError("no tolerance is given")
    options = _abi.EvaluationOptions(label_count=len(names), tolerance_count=limits.size, progress=watch.function,
                                     tolerances_mm=limits.ctypes.data_as(ctypes.POINTER(ctypes.c_double)),
                                     labels=(_abi.LabelName * max(1, len(names)))(*[_abi.LabelName(value, 0, _abi.text(name)) for value, name in names.items()]))
    context, handle = Context(), ctypes.c_void_p()
    table = context.library.evaluations
    try:
        status = table.create(context.handle, ctypes.byref(pairs[0][1]), ctypes.byref(pairs[1][1]), ctypes.byref(options), ctypes.byref(handle))
        context.check(status, context.library.contexts.last_error, context.handle)
        context.check(watch.run(table.run, table.cancel, handle), table.last_error, handle)
        return _read(context, table, handle)
    finally:
        table.destroy(handle)
        context.close()


def _read(context: Context, table: Any, handle: Any) -> Evaluation:
    info, found, warnings = _abi.EvaluationInfo(), [], []
    context.check(table.info(handle, ctypes.byref(info)), table.last_error, handle)
    for index in range(info.label_count):
        s = _abi.LabelScores()
        context.check(table.label(handle, index, ctypes.byref(s)), table.last_error, handle)
        nsd = {info.tolerances_mm[t]: s.nsd[t] for t in range(info.tolerance_count)}
        found.append(Scores(s.value, str(s.name), s.dice, s.iou, s.hd_mm, s.hd95_mm, s.msd_mm, nsd, s.volume_reference_ml,
                            s.volume_prediction_ml, s.voxels_reference, s.voxels_prediction, s.voxels_both))
    for index in range(info.warning_count):
        line = _abi.Text()
        context.check(table.warning(handle, index, ctypes.byref(line)), table.last_error, handle)
        warnings.append(str(line))
    return Evaluation(found, warnings)
