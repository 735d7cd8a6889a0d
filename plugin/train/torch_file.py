"""PyTorch checkpoints without PyTorch: tensors alone, each read when it is asked for.

A .pt file is a zip archive: a pickle that describes the tensors, and their bytes beside it. A pickle can call anything, so this reader allows
the few names that make tensors and plain containers, puts harmless stand-ins behind them, and refuses every other name before anything
happens. A 13 GB checkpoint costs the memory of one tensor at a time.
"""
import collections
import io
import pickle
import pickletools
import zipfile

import numpy

# The description of a whole checkpoint is below a megabyte.
MAX_PICKLE = 256 << 20

STORAGES = {"FloatStorage": "<f4", "HalfStorage": "<f2", "DoubleStorage": "<f8", "BFloat16Storage": "bf16", "LongStorage": "<i8", "IntStorage": "<i4",
            "ShortStorage": "<i2", "CharStorage": "|i1", "ByteStorage": "|u1", "BoolStorage": "|b1"}


# Instructions of a pickle that describe containers, numbers, text and tensors. The others (byte arrays as long as the pickle likes, buffers,
# the extension registry) stand in no checkpoint.
INSTRUCTIONS = set("""PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWTRUE NEWFALSE BININT BININT1 BININT2 LONG1 BINFLOAT BINUNICODE
SHORT_BINUNICODE BINBYTES SHORT_BINBYTES EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST APPEND APPENDS EMPTY_DICT SETITEM SETITEMS
EMPTY_SET ADDITEMS GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD BINPERSID BINPUT LONG_BINPUT BINGET LONG_BINGET MEMOIZE""".split())


class CheckpointError(Exception):
    pass


class StorageType:
    def __init__(self, name):
        self.form = STORAGES[name]


class Storage:
    def __init__(self, form, key, count):
        self.form, self.key, self.count = form, key, count


class Tensor:
    """A tensor that is still in the file: shape; load() gives the array."""

    def __init__(self, storage, offset, shape, stride):
        self.storage, self.offset, self.shape, self.stride, self.file = storage, offset, shape, stride, None

    def load(self):
        return self.file.read(self)


def sizes(value):
    if not isinstance(value, tuple) or not all(type(n) is int and 0 <= n < 1 << 48 for n in value):
        raise CheckpointError("a tensor's shape is damaged")
    return value


def rebuild_tensor(storage, offset, shape, stride, *_):
    shape, stride = sizes(shape), sizes(stride)
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0 or len(shape) != len(stride):
        raise CheckpointError("a tensor's description is damaged")
    last = offset + sum((n - 1) * s for n, s in zip(shape, stride))
    if 0 not in shape and last >= storage.count:
        raise CheckpointError("a tensor reaches beyond its storage")
    return Tensor(storage, offset, shape, stride)


def rebuild_parameter(tensor, *_):
    return tensor


class Ignored:
    """What a checkpoint may hold beside tensors and is not wanted, such as the best score as a numpy number."""

    def __init__(self, *_):
        pass

    def __setstate__(self, _):
        pass


NAMES = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    ("torch", "Size"): tuple,
    # numpy numbers; encode makes the bytes that Python 2 could read.
    ("numpy.core.multiarray", "scalar"): Ignored,
    ("numpy._core.multiarray", "scalar"): Ignored,
    ("numpy", "dtype"): Ignored,
    ("_codecs", "encode"): Ignored,
}


class Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if (module, name) in NAMES:
            return NAMES[module, name]
        if module == "torch" and name in STORAGES:
            return StorageType(name)
        raise CheckpointError(f"its pickle asks for {module}.{name}, which is no tensor; nothing of it was run")

    def persistent_load(self, identity):
        if not isinstance(identity, tuple) or len(identity) != 5 or identity[0] != "storage" or not isinstance(identity[1], StorageType) or not \
                isinstance(identity[2], str) or type(identity[4]) is not int or identity[4] < 0:
            raise CheckpointError("a storage's description is damaged")
        return Storage(identity[1].form, identity[2], identity[4])


def unpickle(data):
    for instruction, _, _ in pickletools.genops(data):
        if instruction.name not in INSTRUCTIONS:
            raise CheckpointError(f"its pickle holds the instruction {instruction.name}, which no checkpoint needs")
    return Unpickler(io.BytesIO(data), encoding="utf-8").load()


class File:
    """content: what the checkpoint holds, with a Tensor for each tensor."""

    def __init__(self, path):
        self.path = path
        try:
            self.zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            old = "; PyTorch before 1.6 wrote another format: load with weights_only=True and save again"
            old = old if isinstance(error, zipfile.BadZipFile) else ""
            raise CheckpointError(f"{path}: {error}{old}") from None
        pickles = [name for name in self.zip.namelist() if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError(f"{path}: holds no PyTorch checkpoint (no data.pkl)")
        self.folder = pickles[0][:-len("data.pkl")]
        try:
            if self.folder + "byteorder" in self.zip.namelist() and self.entry("byteorder", 16) != b"little":
                raise CheckpointError("was written by a big-endian machine")
            self.content = unpickle(self.entry("data.pkl", MAX_PICKLE))
        except CheckpointError as error:
            raise CheckpointError(f"{path}: {error}") from None
        # Damaged opcodes can fail in many ways; all of them are the file's fault.
        except Exception as error:
            raise CheckpointError(f"{path}: its pickle is damaged ({type(error).__name__}: {error})") from None

    def entry(self, name, most):
        try:
            info = self.zip.getinfo(self.folder + name)
            if info.compress_type != zipfile.ZIP_STORED or info.file_size > most:
                raise CheckpointError(f"entry {name} is compressed or has {info.file_size} bytes")
            return self.zip.read(info)
        except (KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"entry {name}: {error}") from None

    def read(self, tensor):
        """The tensor as an array of its own; bfloat16 becomes float32."""
        storage = tensor.storage
        form = numpy.dtype("<u2" if storage.form == "bf16" else storage.form)
        raw = self.entry(f"data/{storage.key}", storage.count * form.itemsize)
        if len(raw) != storage.count * form.itemsize:
            raise CheckpointError(f"{self.path}: entry data/{storage.key} has {len(raw)} bytes, not {storage.count * form.itemsize}")
        flat = numpy.frombuffer(raw, form)
        if 0 in tensor.shape:
            return numpy.zeros(tensor.shape, numpy.float32 if storage.form == "bf16" else form)
        view = numpy.lib.stride_tricks.as_strided(flat[tensor.offset:], tensor.shape, [s * form.itemsize for s in tensor.stride])
        if storage.form == "bf16":
            return (view.astype(numpy.uint32) << 16).view(numpy.float32)
        return view.copy()

    def tensors(self):
        """{name: Tensor}: the state dict, whether it stands alone or under "state_dict" beside other things."""
        holder = self.content
        for key in ("state_dict", "model_state_dict", "model"):
            if isinstance(holder, dict) and isinstance(holder.get(key), dict):
                holder = holder[key]
                break
        entries = holder.items() if isinstance(holder, dict) else ()
        found = {name: value for name, value in entries if isinstance(name, str) and isinstance(value, Tensor)}
        if not found:
            raise CheckpointError(f"{self.path}: holds no state dict (a dictionary of tensors, alone or under \"state_dict\")")
        for value in found.values():
            value.file = self
        return found
