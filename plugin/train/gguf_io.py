"""GGUF files (version 2 and 3, little endian) with numpy alone: metadata, and tensors dequantised to float32.

gguf_io.py FILE.gguf   prints the metadata (long arrays by their length) and the tensors with their types.
The file is memory-mapped: a 4 GB model costs what is read of it. A damaged file is one GgufError that says what is wrong.
"""
import math
import struct
import sys

import numpy

MAGIC = b"GGUF"
# A dimension, a count or a string beyond these is damage, not a model.
MAX_TENSORS, MAX_KEYS, MAX_DIMS = 1 << 16, 1 << 16, 4
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B", 10: "<Q", 11: "<q", 12: "<d"}
BOOLEAN, STRING, ARRAY = 7, 8, 9


class GgufError(Exception):
    pass


def halves(raw):
    """float16 of pairs of bytes [blocks, 2 n] as float32 [blocks, n]."""
    return numpy.ascontiguousarray(raw).view("<f2").astype(numpy.float32)


def nibbles(raw):
    """[blocks, n] bytes -> [blocks, 2 n]: all low halves, then all high ones."""
    return numpy.concatenate([raw & 15, raw >> 4], axis=1)


def fifth_bits(raw):
    """The 32 fifth bits of a block, [blocks, 4] bytes -> [blocks, 32] of 0 or 16: bit j belongs to value j."""
    return numpy.unpackbits(raw, axis=1, bitorder="little") << 4


def q4_0(raw):
    return halves(raw[:, :2]) * (nibbles(raw[:, 2:]).astype(numpy.float32) - 8)


def q4_1(raw):
    return halves(raw[:, :2]) * nibbles(raw[:, 4:]).astype(numpy.float32) + halves(raw[:, 2:4])


def q5_0(raw):
    return halves(raw[:, :2]) * ((nibbles(raw[:, 6:]) | fifth_bits(raw[:, 2:6])).astype(numpy.float32) - 16)


def q5_1(raw):
    return halves(raw[:, :2]) * (nibbles(raw[:, 8:]) | fifth_bits(raw[:, 4:8])).astype(numpy.float32) + halves(raw[:, 2:4])


def q8_0(raw):
    return halves(raw[:, :2]) * numpy.ascontiguousarray(raw[:, 2:]).view(numpy.int8).astype(numpy.float32)


def k_scales(raw):
    """Eight 6-bit scales and eight 6-bit minima in 12 bytes: the first four of each in the low bits of bytes 0-3 and 4-7, the others in
    the halves of bytes 8-11 with their two high bits on top of bytes 0-7."""
    first, second, rest = raw[:, 0:4], raw[:, 4:8], raw[:, 8:12]
    scale = numpy.concatenate([first & 63, (rest & 15) | ((first >> 6) << 4)], axis=1)
    minimum = numpy.concatenate([second & 63, (rest >> 4) | ((second >> 6) << 4)], axis=1)
    return scale.astype(numpy.float32), minimum.astype(numpy.float32)


def k_values(raw, values):
    """value * scale - minimum over eight groups of 32; raw begins with d and dmin. values: [blocks, 8, 32]."""
    scale, minimum = k_scales(raw[:, 4:16])
    d, dmin = halves(raw[:, :2]), halves(raw[:, 2:4])
    return ((d * scale)[:, :, None] * values - (dmin * minimum)[:, :, None]).reshape(len(raw), 256)


def k_nibbles(raw):
    """128 bytes in four runs of 32: a run's low halves are one group of 32 values, its high halves the next."""
    runs = raw.reshape(len(raw), 4, 32)
    return numpy.stack([runs & 15, runs >> 4], axis=2).reshape(len(raw), 8, 32)


def q4_k(raw):
    return k_values(raw, k_nibbles(raw[:, 16:144]).astype(numpy.float32))


def q5_k(raw):
    high = numpy.unpackbits(raw[:, 16:48], axis=1, bitorder="little").reshape(len(raw), 32, 8).transpose(0, 2, 1)
    return k_values(raw, (k_nibbles(raw[:, 48:176]) | (high << 4)).astype(numpy.float32))


def q6_k(raw):
    """Two halves of 128 values: four groups of 32 from 64 bytes of low halves and 32 bytes of two-bit tops; a scale for 16 values."""
    low, top = raw[:, :128].reshape(-1, 2, 2, 32), raw[:, 128:192].reshape(-1, 2, 1, 32)
    scale = numpy.ascontiguousarray(raw[:, 192:208]).view(numpy.int8).astype(numpy.float32)
    low = numpy.concatenate([low & 15, low >> 4], axis=2)
    top = (top >> numpy.array([0, 2, 4, 6], numpy.uint8)[:, None]) & 3
    values = (low | (top << 4)).astype(numpy.float32).reshape(len(raw), 16, 16) - 32
    return (halves(raw[:, 208:210]) * scale)[:, :, None].repeat(16, axis=2).reshape(len(raw), 256) * values.reshape(len(raw), 256)


def f32(raw):
    return numpy.ascontiguousarray(raw).view("<f4").astype(numpy.float32)


def bf16(raw):
    return (numpy.ascontiguousarray(raw).view("<u2").astype(numpy.uint32) << 16).view(numpy.float32)


# Type number of the file: name, values in a block, bytes of a block, rows of block bytes [blocks, bytes] -> float32 [blocks, values].
TYPES = {
    0: ("F32", 1, 4, f32), 1: ("F16", 1, 2, halves), 30: ("BF16", 1, 2, bf16),
    2: ("Q4_0", 32, 18, q4_0), 3: ("Q4_1", 32, 20, q4_1), 6: ("Q5_0", 32, 22, q5_0), 7: ("Q5_1", 32, 24, q5_1), 8: ("Q8_0", 32, 34, q8_0),
    12: ("Q4_K", 256, 144, q4_k), 13: ("Q5_K", 256, 176, q5_k), 14: ("Q6_K", 256, 210, q6_k),
}


class Reader:
    """Walks over the mapped file; whatever would leave it is an error."""

    def __init__(self, path, data):
        self.path, self.data, self.at = path, data, 0

    def fail(self, why):
        raise GgufError(f"{self.path}: {why}")

    def take(self, count):
        if count > len(self.data) - self.at:
            self.fail(f"ends in the middle of its header (byte {self.at}; fetch it again)")
        begin, self.at = self.at, self.at + count
        return self.data[begin:self.at].tobytes()

    def number(self, form):
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self):
        raw = self.take(self.number("<Q"))
        # Tokens of a vocabulary may hold bytes that are no text; they must not stop a reader that does not tokenise.
        return raw.decode("utf-8", "surrogateescape")

    def value(self, kind, inside=False):
        if kind == STRING:
            return self.text()
        if kind == ARRAY and not inside:
            element, count = self.number("<I"), self.number("<Q")
            if element in SCALARS and element != BOOLEAN:
                form = numpy.dtype(SCALARS[element])
                return numpy.frombuffer(self.take(count * form.itemsize), form)
            if count > len(self.data):
                self.fail(f"an array of {count} elements is longer than the file")
            return [self.value(element, True) for _ in range(count)]
        if kind not in SCALARS:
            self.fail(f"metadata type {kind} is unknown here" if kind != ARRAY else "an array of arrays is not supported")
        number = self.number(SCALARS[kind])
        return bool(number) if kind == BOOLEAN else number


class Tensor:
    def __init__(self, kind, shape, begin, count):
        self.kind, self.shape, self.begin, self.bytes = kind, shape, begin, count


class Gguf:
    """metadata: {key: value}; tensors: {name: Tensor}, shapes as numpy has them (rows first; the file says the row's length first)."""

    def __init__(self, path):
        self.path = path
        try:
            self.data = numpy.memmap(path, numpy.uint8, "r")
        except (OSError, ValueError) as error:
            raise GgufError(f"{path}: {error}") from None
        reader = Reader(path, self.data)
        if reader.take(4) != MAGIC:
            reader.fail("is no GGUF file")
        self.version = reader.number("<I")
        if self.version not in (2, 3):
            reader.fail(f"GGUF version {self.version} (2 and 3 are read; big-endian files are not)")
        tensors, keys = reader.number("<Q"), reader.number("<Q")
        if tensors > MAX_TENSORS or keys > MAX_KEYS:
            reader.fail(f"{tensors} tensors and {keys} keys cannot be")
        self.metadata = {}
        for _ in range(keys):
            name = reader.text()
            if name in self.metadata:
                reader.fail(f"key {name} is there twice")
            self.metadata[name] = reader.value(reader.number("<I"))
        self.read_tensors(reader, tensors)

    def read_tensors(self, reader, count):
        listed = []
        for _ in range(count):
            name, dims = reader.text(), reader.number("<I")
            if not 1 <= dims <= MAX_DIMS:
                reader.fail(f"tensor {name} has {dims} dimensions")
            listed.append((name, [reader.number("<Q") for _ in range(dims)], reader.number("<I"), reader.number("<Q")))
        align = self.metadata.get("general.alignment", 32)
        if not isinstance(align, int) or align < 1 or align & (align - 1):
            reader.fail(f"general.alignment {align} is no power of two")
        base = -(-reader.at // align) * align
        self.tensors = {}
        for name, extents, number, offset in listed:
            if number not in TYPES:
                reader.fail(f"tensor {name} has type {number}, which is not read here (F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q4_K Q5_K Q6_K are)")
            kind, values, size, _ = TYPES[number]
            total = math.prod(extents)
            if name in self.tensors or extents[0] % values or total == 0:
                reader.fail(f"tensor {name}: twice, empty, or rows of {extents[0]} values in {kind}, which stores {values} together")
            length = total // values * size
            if offset % align or base + offset + length > len(self.data):
                reader.fail(f"tensor {name} lies at {offset}, unaligned or beyond the end of the file (fetch it again)")
            self.tensors[name] = Tensor(number, tuple(reversed(extents)), base + offset, length)

    def rows(self, name, rows=None):
        """Rows of the tensor (axis 0) as float32; None: the whole tensor. Axis 0 of a vector is its elements."""
        if name not in self.tensors:
            raise GgufError(f"{self.path}: tensor {name} is not there")
        tensor = self.tensors[name]
        _, values, size, dequantise = TYPES[tensor.kind]
        raw = self.data[tensor.begin:tensor.begin + tensor.bytes]
        if rows is None or len(tensor.shape) == 1:
            whole = dequantise(numpy.asarray(raw).reshape(-1, size)).reshape(tensor.shape)
            return whole if rows is None else whole[rows]
        raw = raw.reshape(tensor.shape[0], -1)[rows]
        return dequantise(numpy.asarray(raw).reshape(-1, size)).reshape((len(rows),) + tensor.shape[1:])


def main():
    gguf = Gguf(sys.argv[1])
    print(f"GGUF version {gguf.version}")
    for name, value in gguf.metadata.items():
        print(f"  {name} = {value if isinstance(value, (int, float, str)) else f'{len(value)} elements'!s:.100}")
    for name, tensor in gguf.tensors.items():
        print(f"  {name}: {TYPES[tensor.kind][0]} {list(tensor.shape)}")


if __name__ == "__main__":
    try:
        main()
    except GgufError as problem:
        sys.exit(f"gguf_io: {problem}")
