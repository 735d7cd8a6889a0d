"""Models and segmentations: what a researcher holds."""
import contextlib
import ctypes
import json
import os
import weakref
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Generator, Iterator, List, Mapping, Optional, Sequence, Union

import numpy

from . import _abi
from ._context import Context, Progress, Watch, data_folder
from ._geometry import as_volume

Text = Union[str, Mapping[str, Union[str, Sequence[str]]], numpy.ndarray]  # a prompt, fields, or an embedding


@dataclass
class Segmentation:
    """What a run gives. Unpacks as `labels, record = model.segment(...)`."""
    labels: numpy.ndarray  #: uint8 on the input's grid, indexed as the input was
    record: Dict[str, Any]  #: provenance: bundle, device, hashes, memory, seconds, volumes, warnings
    warnings: List[str] = field(default_factory=list)
    probability: Optional[numpy.ndarray] = None  #: float32 [classes, i, j, k]
    logits: Optional[numpy.ndarray] = None  #: float32 [classes, x, y, z] on the preprocessed grid
    embedding: Optional[numpy.ndarray] = None  #: float32 [prompts, width], the text that was used

    def __iter__(self) -> Iterator[Any]:
        return iter((self.labels, self.record))

    def volume_ml(self, label: Union[int, str]) -> float:
        """Volume of a label by value or name."""
        for entry in self.record["labels"]:
            if label in (entry["value"], entry["name"]):
                return entry["volume_ml"]
        raise KeyError(label)


class Model:
    """A model bundle, open for segmentation.

    bundle: folder with manifest.json. device: index, part of a name, UUID or "auto". memory_limit: bytes of device memory to stay under.
    precision: "auto" and "f32", or "f16": the finest skip connection in 16 bits a number, for little more than half the device memory.
    llm: GGUF file of the language model, where it does not lie in the bundle's folder or in ~/.local/share/ctvk.
    log: called as log(level, message), from any thread. One model serves one thread at a time; use several for several threads.

    >>> import ctvk
    >>> with ctvk.Model(DEMO) as model:
    ...     sorted(model.fields)
    ['n_stage', 'side', 'surgery', 't_stage']
    """

    def __init__(self, bundle: Union[str, "os.PathLike[str]"], *, device: Union[str, int] = "auto", memory_limit: int = 0, precision: str = "auto",
                 llm: Optional[Union[str, "os.PathLike[str]"]] = None, log: Optional[Callable[[int, str], Any]] = None):
        self._bundle, self._text_model = ctypes.c_void_p(), ctypes.c_void_p()
        if precision not in _abi.PRECISIONS:
            raise ValueError(f"precision: one of {', '.join(_abi.PRECISIONS)}")
        self._precision = _abi.PRECISIONS.index(precision)
        self._open_runs: "weakref.WeakSet[Any]" = weakref.WeakSet()  # iterators with a job of the bundle
        self._device, self._limit, self._llm = str(device), int(memory_limit), os.fspath(llm) if llm else None
        self._context = Context(log)
        self._library = self._context.library
        table, folder = self._library.bundles, os.fsencode(os.fspath(bundle))
        try:
            watch = Watch(None)  # so that Ctrl-C ends it, however large the bundle is
            status = watch.run(lambda place: table.open_with_progress(self._context.handle, folder, len(folder), watch.function, None, place),
                               watch.stop, ctypes.byref(self._bundle))
            self._context.check(status, self._library.contexts.last_error, self._context.handle)
        except BaseException:
            self.close()
            raise
        self._info = _abi.BundleInfo()
        table.info(self._bundle, ctypes.byref(self._info))

    def __enter__(self) -> "Model":
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_context"):
            self.close()

    def close(self) -> None:
        """Frees everything, and ends what segment_each has begun. More than once is fine."""
        for runs in list(self._open_runs):
            runs.close()
        if self._text_model:
            self._library.texts.close(self._text_model)
        if self._bundle:
            self._library.bundles.destroy(self._bundle)
        self._text_model, self._bundle = ctypes.c_void_p(), ctypes.c_void_p()
        self._context.close()

    def _check(self, status: int, last_error, handle) -> None:
        self._context.check(status, last_error, handle)

    def _open(self) -> None:
        if not self._bundle:
            raise ValueError("the model is closed")

    # --- what it is ---

    @property
    def name(self) -> str:
        """Of the bundle, as its manifest has it."""
        return str(self._info.name)

    @property
    def version(self) -> str:
        """Of the bundle."""
        return str(self._info.version)

    @property
    def intended_use(self) -> str:
        """What the bundle may be used for, in its makers' words."""
        return str(self._info.intended_use)

    @property
    def has_text(self) -> bool:
        """False for a vision-only model."""
        return bool(self._info.has_text)

    @property
    def labels(self) -> Dict[int, str]:
        """Names by value."""
        self._open()
        table, found = self._library.bundles, {}
        for index in range(self._info.label_count):
            label = _abi.LabelInfo()
            self._check(table.label(self._bundle, index, ctypes.byref(label)), table.last_error, self._bundle)
            found[label.value] = str(label.name)
        return found

    @property
    def fields(self) -> Dict[str, List[str]]:
        """Allowed values of each clinical fact of the prompt template."""
        self._open()
        table, found = self._library.bundles, {}
        for index in range(self._info.field_count):
            fact, values = _abi.FieldInfo(), []
            self._check(table.field(self._bundle, index, ctypes.byref(fact)), table.last_error, self._bundle)
            for number in range(fact.value_count):
                value = _abi.Text()
                self._check(table.field_value(self._bundle, index, number, ctypes.byref(value)), table.last_error, self._bundle)
                values.append(str(value))
            found[str(fact.name)] = values
        return found

    def _texts(self, count: int, function) -> List[str]:
        self._open()
        found = []
        for index in range(count):
            value = _abi.Text()
            self._check(function(self._bundle, index, ctypes.byref(value)), self._library.bundles.last_error, self._bundle)
            found.append(str(value))
        return found

    @property
    def cached_prompts(self) -> List[str]:
        """Prompts that need no language model."""
        return self._texts(self._info.cached_prompt_count, self._library.bundles.cached_prompt)

    @property
    def warnings(self) -> List[str]:
        """What is unusual about the bundle, one line each."""
        return self._texts(self._info.warning_count, self._library.bundles.warning)

    # --- text ---

    def prompt(self, fields: Mapping[str, Union[str, Sequence[str]]]) -> str:
        """The prompt of the bundle's template. A field with two values (a list) makes a case of two sides.

        >>> model = ctvk.Model(DEMO)
        >>> model.prompt({"side": "left", "n_stage": "N0", "t_stage": "cT2", "surgery": "breast conserving surgery"})
        'N0, cT2, breast conserving surgery, left side'
        """
        self._open()
        pairs = [(name, value) for name, values in fields.items() for value in ([values] if isinstance(values, str) else values)]
        choices = (_abi.FieldChoice * max(1, len(pairs)))(*[_abi.FieldChoice(_abi.text(name), _abi.text(value)) for name, value in pairs])
        prompt, table = _abi.Text(), self._library.bundles
        self._check(table.fill_template(self._bundle, choices, len(pairs), ctypes.byref(prompt)), table.last_error, self._bundle)
        return str(prompt)

    def _known(self, prompt: bytes) -> bool:
        known = ctypes.c_int32()
        self._library.texts.known(self._bundle, prompt, len(prompt), ctypes.byref(known))
        return bool(known.value)

    def _language_model(self):
        """The handle, opened at first need."""
        if not self._text_model:
            desc = _abi.TextModelDesc(path=_abi.text(self._llm), data_folder=_abi.text(data_folder()))
            status = self._library.texts.open(self._context.handle, self._bundle, ctypes.byref(desc), ctypes.byref(self._text_model))
            self._check(status, self._library.contexts.last_error, self._context.handle)
        return self._text_model

    def tokenize(self, text: str) -> List[int]:
        """Token ids of a text as the bundle's language model reads it, without BOS and <SEG>."""
        self._open()
        table, data = self._library.texts, text.encode("utf-8", "surrogateescape")
        ids, count = ctypes.POINTER(ctypes.c_int32)(), ctypes.c_uint64()
        model = self._language_model()
        self._check(table.tokenize(model, data, len(data), ctypes.byref(ids), ctypes.byref(count)), table.last_error, model)
        return [ids[i] for i in range(count.value)]

    def embed(self, prompt: str, *, on_progress: Optional[Progress] = None) -> numpy.ndarray:
        """The text embedding of a prompt, float32 [prompts, width]: from the bundle's cache, from memory, else by the language model.

        Raises Error (CTVK_ERROR_BUNDLE) where the language model is needed and cannot be found.
        """
        self._open()
        table, data, watch, job = self._library.texts, prompt.encode("utf-8", "surrogateescape"), Watch(on_progress), ctypes.c_void_p()
        known = not data.strip() or self._known(data)
        model = None if known or not self._info.has_encoder else self._language_model()
        options = _abi.TextOptions(device=_abi.text(self._device), memory_limit=self._limit, progress=watch.function)
        status = table.create(self._context.handle, self._bundle, model, data, len(data), ctypes.byref(options), ctypes.byref(job))
        self._check(status, self._library.contexts.last_error, self._context.handle)
        try:
            self._check(watch.run(table.run, table.cancel, job), table.job_error, job)
            info = _abi.TextInfo()
            self._check(table.result(job, ctypes.byref(info)), table.job_error, job)
            return numpy.ctypeslib.as_array(info.values, (info.prompts, info.dim)).copy()
        finally:
            table.destroy(job)

    # --- segmentation ---

    def segment(self, array: Any, affine: Any, *, prompt: Optional[str] = None,
                fields: Optional[Mapping[str, Union[str, Sequence[str]]]] = None, embedding: Optional[Any] = None, convention: str = "RAS",
                slope: float = 1.0, intercept: float = 0.0, probability: bool = False, logits: bool = False,
                on_progress: Optional[Progress] = None) -> Segmentation:
        """Segments a CT.

        array: voxels indexed [i, j, k], any strides (a transposed view is fine); HU = slope * value + intercept. affine: 4 x 4 or 3 x 4,
        (i, j, k, 1) to millimetres in the convention "RAS" (nibabel, MONAI) or "LPS" (ITK, DICOM). One of prompt, fields, embedding, unless
        the model is vision-only. on_progress(fraction, stage), on this thread, may return True to cancel (raises Cancelled); Ctrl-C
        cancels too. The GIL is free meanwhile. The input is never written.

        >>> labels, record = ctvk.Model(DEMO).segment(CT, AFFINE, prompt="N0, cT2, breast conserving surgery, left side")
        >>> labels.shape == CT.shape and int(labels.max()) == 1
        True
        """
        if sum(given is not None for given in (prompt, fields, embedding)) > 1:
            raise ValueError("give one of prompt, fields, embedding")
        text = fields if fields is not None else embedding if embedding is not None else prompt
        with contextlib.closing(self._runs(array, affine, [text], False, convention, slope, intercept, probability, logits, on_progress)) as runs:
            return next(runs)

    def segment_each(self, array: Any, affine: Any, texts: Sequence[Text], *, convention: str = "RAS", slope: float = 1.0, intercept: float = 0.0,
                     probability: bool = False, logits: bool = False, on_progress: Optional[Progress] = None) -> Iterator[Segmentation]:
        """Segments one CT for several texts, one result after the other: what does not depend on the text is computed once and kept until the
        last result was taken, or the iterator is closed. Each text is a prompt, a mapping as `fields`, or an embedding; the rest as in segment, with
        progress from 0 to 1 for each text. The array must not be changed meanwhile. An error or a cancel ends the iteration.

        >>> facts = {"n_stage": "N0", "t_stage": "cT2", "surgery": "breast conserving surgery", "side": "right"}
        >>> left, right = ctvk.Model(DEMO).segment_each(CT, AFFINE, ["N0, cT2, breast conserving surgery, left side", facts])
        >>> right.record["encoder"]["windows_reused"] == right.record["windows"]
        True
        """
        if isinstance(texts, (str, Mapping)) or getattr(texts, "ndim", 3) < 3:
            raise ValueError("texts: a list of prompts, fields or embeddings (segment takes a single one)")
        runs = self._runs(array, affine, list(texts), True, convention, slope, intercept, probability, logits, on_progress)
        self._open_runs.add(runs)
        return runs

    def _prompt_of(self, text: Optional[Text], on_progress: Optional[Progress]) -> Union[bytes, numpy.ndarray]:
        """A prompt that the bundle knows afterwards, or the floats of an embedding; b"": none."""
        if text is not None and not isinstance(text, (str, Mapping)):
            return numpy.ascontiguousarray(text, dtype=numpy.float32)
        prompt = (self.prompt(text) if isinstance(text, Mapping) else text) or ""
        data = prompt.encode("utf-8", "surrogateescape")
        if prompt.strip() and self.has_text and not self._known(data):  # one that nothing can encode is refused here
            self.embed(prompt, on_progress=on_progress)
        return data

    def _runs(self, array: Any, affine: Any, texts: Sequence[Optional[Text]], keep: bool, convention: str, slope: float, intercept: float,
              probability: bool, logits: bool, on_progress: Optional[Progress]) -> Generator[Segmentation, None, None]:
        self._open()
        given = [self._prompt_of(text, on_progress) for text in texts]  # the language model before the network: they never share the device
        voxels, volume = as_volume(array, affine, convention, slope, intercept)
        watch, floats = Watch(on_progress), ctypes.POINTER(ctypes.c_float)
        job, result, jobs = ctypes.c_void_p(), ctypes.c_void_p(), self._library.jobs
        try:
            for text in given:
                prompt, values = (text, None) if isinstance(text, bytes) else (b"", text)
                data, count = (values.ctypes.data_as(floats), values.size) if values is not None else (None, 0)
                if job:
                    self._check(jobs.again(job, prompt, len(prompt), data, count), jobs.last_error, job)
                else:
                    options = _abi.JobOptions(want=(1 if probability else 0) | (2 if logits else 0), precision=self._precision,
                                              memory_limit=self._limit, keep=int(keep),
                                              device=_abi.text(self._device), prompt=_abi.text(prompt), embedding=data, embedding_count=count,
                                              progress=watch.function)
                    status = jobs.create(self._context.handle, self._bundle, ctypes.byref(volume), ctypes.byref(options), ctypes.byref(job))
                    self._check(status, self._library.contexts.last_error, self._context.handle)
                self._check(watch.run(jobs.run, jobs.cancel, job), jobs.last_error, job)
                self._check(jobs.take_result(job, ctypes.byref(result)), jobs.last_error, job)
                found = _read_result(self._library.results, result, voxels)
                self._library.results.destroy(result)
                result = ctypes.c_void_p()
                yield found
        finally:
            self._library.results.destroy(result)
            jobs.destroy(job)


def _read_result(results, handle, voxels: numpy.ndarray) -> Segmentation:
    info, report = _abi.ResultInfo(), _abi.Text()
    results.info(handle, ctypes.byref(info))
    results.report(handle, ctypes.byref(report))
    # Laid out as the input is, so that the two can be compared in one sweep.
    labels = numpy.empty_like(voxels, dtype=numpy.uint8, order="K", subok=False)
    results.copy_labels(handle, labels.ctypes.data, (ctypes.c_int64 * 3)(*labels.strides))

    def floats(function, shape: Sequence[int]) -> Optional[numpy.ndarray]:
        values = function(handle)
        return numpy.ctypeslib.as_array(values, tuple(shape)).copy() if values else None

    probability = floats(results.probability, (info.classes, *reversed(info.dim)))
    record = json.loads(str(report))
    return Segmentation(labels, record, list(record["warnings"]), None if probability is None else probability.transpose(0, 3, 2, 1),
                        floats(results.logits, (info.classes, *info.logits_dim)),
                        floats(results.embedding, (info.embedding_prompts, info.embedding_dim)))
