"""The C ABI as ctypes sees it: every struct and table of include/ctvk, member by member. Nothing here knows what a segmentation is."""
import ctypes
import ctypes.util
import os
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_double, c_float, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_void_p
from typing import Any

STRLEN = 2**64 - 1
PRECISIONS = ("auto", "f32", "f16")  # in the order of CTVK_PRECISION_*


class Text(Structure):
    """ctvk_text"""
    _fields_ = [("data", c_char_p), ("length", c_uint64)]

    def __str__(self) -> str:
        return ctypes.string_at(self.data, self.length).decode("utf-8", "replace") if self.data else ""


def text(value: "str | bytes | None") -> Text:
    """A view of a value; the caller keeps the bytes alive, which ctypes does through the struct."""
    if not value:
        return Text(None, 0)
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape")
    return Text(data, len(data))


LogFn = CFUNCTYPE(None, c_void_p, c_int32, c_char_p)
ProgressFn = CFUNCTYPE(c_int32, c_void_p, c_double, c_char_p)


class Sized(Structure):
    """A struct that begins with its size, which the library reads."""

    def __init__(self, **values):
        super().__init__(**values)
        self.struct_size = ctypes.sizeof(self)


class ContextDesc(Sized):
    _fields_ = [("struct_size", c_uint32), ("validation", c_int32), ("log", LogFn), ("log_user", c_void_p), ("alloc", c_void_p),
                ("free", c_void_p), ("alloc_user", c_void_p), ("cache_folder", Text),
                ("device_mask", Text), ("self_test", c_int32), ("reserved", c_int32)]


class DeviceInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("index", c_uint32), ("type", c_int32), ("usable", c_int32), ("vendor_id", c_uint32),
                ("device_id", c_uint32), ("driver_version", c_uint32), ("api_version", c_uint32), ("memory_bytes", c_uint64),
                ("name", Text), ("vendor", Text), ("driver", Text), ("uuid", Text), ("lacks", Text)]


class BundleInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("has_text", c_int32), ("name", Text), ("version", Text), ("intended_use", Text),
                ("license", Text), ("citation", Text), ("architecture", Text), ("sha256", Text), ("in_channels", c_int32),
                ("out_channels", c_int32), ("feature_size", c_int32), ("text_dim", c_int32), ("text_prompts", c_int32),
                ("has_encoder", c_int32), ("encoder_file", Text), ("text_template", Text), ("label_count", c_uint32),
                ("field_count", c_uint32), ("cached_prompt_count", c_uint32), ("warning_count", c_uint32), ("orientation", Text),
                ("has_spacing", c_int32), ("gaussian", c_int32), ("spacing_mm", c_double * 3), ("window_hu", c_double * 2),
                ("window", c_int32 * 3), ("rotate90", c_int32), ("overlap", c_double), ("sigma_scale", c_double),
                ("weight_tensors", c_uint64), ("unused_tensors", c_uint64), ("weight_bytes", c_uint64)]


class LabelInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("value", c_int32), ("name", Text), ("color", Text)]


class FieldInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("value_count", c_uint32), ("name", Text)]


class FieldChoice(Structure):
    _fields_ = [("name", Text), ("value", Text)]


class MemoryInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("fits", c_int32), ("weights_bytes", c_uint64), ("activations_bytes", c_uint64),
                ("staging_bytes", c_uint64), ("planned_bytes", c_uint64), ("available_bytes", c_uint64)]


class Volume(Sized):
    _fields_ = [("struct_size", c_uint32), ("type", c_int32), ("data", c_void_p), ("dim", c_int64 * 3), ("stride", c_int64 * 3),
                ("affine", c_double * 12), ("convention", c_int32), ("reserved", c_int32), ("slope", c_double), ("intercept", c_double),
                ("sha256", Text)]


class JobOptions(Sized):
    _fields_ = [("struct_size", c_uint32), ("want", c_uint32), ("precision", c_int32), ("reserved", c_int32), ("memory_limit", c_uint64),
                ("device", Text), ("prompt", Text), ("embedding", POINTER(c_float)), ("embedding_count", c_uint64),
                ("progress", ProgressFn), ("progress_user", c_void_p), ("keep", c_uint32), ("reserved2", c_int32)]


class ResultInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("classes", c_uint32), ("dim", c_int64 * 3), ("logits_dim", c_int64 * 3),
                ("label_count", c_uint32), ("warning_count", c_uint32), ("embedding_prompts", c_uint32), ("embedding_dim", c_uint32),
                ("windows", c_int64)]


class LabelVolume(Sized):
    _fields_ = [("struct_size", c_uint32), ("value", c_int32), ("name", Text), ("voxels", c_uint64), ("volume_ml", c_double)]


class TextModelDesc(Sized):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_int32), ("path", Text), ("data_folder", Text)]


class TextModelInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("layers", c_int32), ("width", c_int32), ("feed_forward", c_int32), ("heads", c_int32),
                ("kv_heads", c_int32), ("vocabulary", c_int32), ("bos", c_int32), ("bytes", c_uint64), ("file", Text), ("path", Text)]


class TextOptions(Sized):
    _fields_ = [("struct_size", c_uint32), ("reserved", c_int32), ("device", Text), ("memory_limit", c_uint64), ("progress", ProgressFn),
                ("progress_user", c_void_p)]


class BundleTestOptions(Sized):
    _fields_ = TextOptions._fields_  # the same members


class BundleTestInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("present", c_int32), ("error", c_double), ("tolerance", c_double), ("voxels", c_uint64),
                ("expected", c_uint64)]


class TextInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("truncated", c_int32), ("values", POINTER(c_float)), ("prompts", c_uint32), ("dim", c_uint32),
                ("tokens", c_uint32), ("streamed", c_int32), ("source", Text), ("prompt_sha256", Text), ("device", Text),
                ("planned_bytes", c_uint64), ("peak_bytes", c_uint64), ("seconds", c_double)]


class LabelName(Structure):
    _fields_ = [("value", c_int32), ("reserved", c_int32), ("name", Text)]


class EvaluationOptions(Sized):
    _fields_ = [("struct_size", c_uint32), ("label_count", c_uint32), ("labels", POINTER(LabelName)), ("tolerances_mm", POINTER(c_double)),
                ("tolerance_count", c_uint32), ("reserved", c_int32), ("reference", Text), ("prediction", Text), ("progress", ProgressFn),
                ("progress_user", c_void_p)]


class EvaluationInfo(Sized):
    _fields_ = [("struct_size", c_uint32), ("label_count", c_uint32), ("tolerance_count", c_uint32), ("warning_count", c_uint32),
                ("tolerances_mm", POINTER(c_double)), ("spacing_mm", c_double * 3), ("voxel_ml", c_double)]


class LabelScores(Sized):
    _fields_ = [("struct_size", c_uint32), ("value", c_int32), ("name", Text), ("voxels_reference", c_uint64), ("voxels_prediction", c_uint64),
                ("voxels_both", c_uint64), ("volume_reference_ml", c_double), ("volume_prediction_ml", c_double), ("dice", c_double),
                ("iou", c_double), ("hd_mm", c_double), ("hd95_mm", c_double), ("msd_mm", c_double), ("nsd", POINTER(c_double))]


def _table(name: str, *functions: "tuple[str, Any, list[Any]]") -> Any:
    """A table of functions: two words, then pointers in order."""
    fields: "list[Any]" = [("struct_size", c_uint32), ("second", c_uint32)]
    fields += [(function, CFUNCTYPE(result, *arguments)) for function, result, arguments in functions]
    return type(name, (Structure,), {"_fields_": fields})


_status, _handle, _out = c_int32, c_void_p, POINTER(c_void_p)
_error = ("last_error", _status, [_handle, POINTER(Text)])
ContextApi = _table(
    "ContextApi", ("create", _status, [POINTER(ContextDesc), _out]), ("destroy", None, [_handle]),
    ("status_name", c_char_p, [_status]), _error, ("device_count", _status, [_handle, POINTER(c_uint32)]),
    ("device_info", _status, [_handle, c_uint32, POINTER(DeviceInfo)]),
    ("device_select", _status, [_handle, c_char_p, c_uint64, POINTER(c_uint32)]))
BundleApi = _table(
    "BundleApi", ("open", _status, [_handle, c_char_p, c_uint64, _out]), ("destroy", None, [_handle]), _error,
    ("info", _status, [_handle, POINTER(BundleInfo)]), ("label", _status, [_handle, c_uint32, POINTER(LabelInfo)]),
    ("field", _status, [_handle, c_uint32, POINTER(FieldInfo)]),
    ("field_value", _status, [_handle, c_uint32, c_uint32, POINTER(Text)]),
    ("cached_prompt", _status, [_handle, c_uint32, POINTER(Text)]), ("warning", _status, [_handle, c_uint32, POINTER(Text)]),
    ("fill_template", _status, [_handle, POINTER(FieldChoice), c_uint32, POINTER(Text)]),
    ("read_embedding", _status, [_handle, c_char_p, c_uint64, POINTER(POINTER(c_float)), POINTER(c_uint64)]),
    ("memory", _status, [_handle, c_uint32, POINTER(MemoryInfo)]), ("verify", _status, [_handle, ProgressFn, c_void_p]),
    ("self_test", _status, [_handle, POINTER(BundleTestOptions), POINTER(BundleTestInfo)]),
    ("open_with_progress", _status, [_handle, c_char_p, c_uint64, ProgressFn, c_void_p, _out]))
JobApi = _table(
    "JobApi", ("create", _status, [_handle, _handle, POINTER(Volume), POINTER(JobOptions), _out]), ("destroy", None, [_handle]), _error,
    ("run", _status, [_handle]), ("step", _status, [_handle]), ("cancel", None, [_handle]), ("progress", c_double, [_handle]),
    ("memory", _status, [_handle, POINTER(MemoryInfo)]), ("take_result", _status, [_handle, _out]),
    ("again", _status, [_handle, c_char_p, c_uint64, POINTER(c_float), c_uint64]))
ResultApi = _table(
    "ResultApi", ("destroy", None, [_handle]), ("info", _status, [_handle, POINTER(ResultInfo)]), ("labels", POINTER(c_uint8), [_handle]),
    ("copy_labels", _status, [_handle, c_void_p, POINTER(c_int64)]), ("probability", POINTER(c_float), [_handle]),
    ("logits", POINTER(c_float), [_handle]), ("embedding", POINTER(c_float), [_handle]),
    ("label_volume", _status, [_handle, c_uint32, POINTER(LabelVolume)]), ("warning", _status, [_handle, c_uint32, POINTER(Text)]),
    ("report", _status, [_handle, POINTER(Text)]), ("label_json", _status, [_handle, POINTER(Text)]))
TextApi = _table(
    "TextApi", ("open", _status, [_handle, _handle, POINTER(TextModelDesc), _out]), ("close", None, [_handle]), _error,
    ("info", _status, [_handle, POINTER(TextModelInfo)]),
    ("tokenize", _status, [_handle, c_char_p, c_uint64, POINTER(POINTER(c_int32)), POINTER(c_uint64)]),
    ("known", _status, [_handle, c_char_p, c_uint64, POINTER(c_int32)]),
    ("create", _status, [_handle, _handle, _handle, c_char_p, c_uint64, POINTER(TextOptions), _out]), ("destroy", None, [_handle]),
    ("job_error", _status, [_handle, POINTER(Text)]), ("run", _status, [_handle]), ("step", _status, [_handle]),
    ("cancel", None, [_handle]), ("progress", c_double, [_handle]), ("result", _status, [_handle, POINTER(TextInfo)]))


EvaluationApi = _table(
    "EvaluationApi", ("create", _status, [_handle, POINTER(Volume), POINTER(Volume), POINTER(EvaluationOptions), _out]),
    ("destroy", None, [_handle]), _error, ("run", _status, [_handle]), ("step", _status, [_handle]), ("cancel", None, [_handle]),
    ("progress", c_double, [_handle]), ("info", _status, [_handle, POINTER(EvaluationInfo)]),
    ("label", _status, [_handle, c_uint32, POINTER(LabelScores)]), ("warning", _status, [_handle, c_uint32, POINTER(Text)]))


class Library:
    """libctvk.so.1 and its tables."""

    def __init__(self, path: "str | None" = None):
        here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libctvk.so.1")
        candidates = [path or os.environ.get("CTVK_LIBRARY"), here if os.path.exists(here) else None, ctypes.util.find_library("ctvk"),
                      "libctvk.so.1"]
        self.path = next(candidate for candidate in candidates if candidate)
        self.handle = ctypes.CDLL(self.path)
        self.handle.ctvk_interface.restype = c_void_p
        self.handle.ctvk_interface.argtypes = [c_char_p, c_uint32]
        self.contexts = self.table("ctvk.context", ContextApi)
        self.bundles = self.table("ctvk.bundle", BundleApi)
        self.jobs = self.table("ctvk.job", JobApi)
        self.results = self.table("ctvk.result", ResultApi)
        self.texts = self.table("ctvk.text", TextApi)
        self.evaluations = self.table("ctvk.evaluation", EvaluationApi)

    def table(self, name: str, kind: Any) -> Any:
        address = self.handle.ctvk_interface(name.encode(), 1)
        table = ctypes.cast(address, POINTER(kind)).contents if address else None
        if table is None or table.struct_size < ctypes.sizeof(kind):
            raise ImportError(f"{self.path}: lacks the interface {name} as this package knows it (install both from one release)")
        return table
