"""Weights as a function of tensor name, shape and index, bit for bit those of tests/support/seeded_weights.c.

seeded_weights.py CASE_FOLDER OUTPUT.safetensors   writes the weights that the case's manifest asks for.
The rule is in tests/data/README.md.
"""
import json
import os
import sys

import numpy

import llmseg
import safetensors_io

MASK = (1 << 64) - 1


def hash_name(name):
    """FNV-1a, 64 bit."""
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return value


def uniform(name, count):
    """float32 in [-1, 1): the 24 high bits of splitmix64."""
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(hash_name(name)) + numpy.arange(1, count + 1, dtype=numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ (x >> numpy.uint64(31))
    bits = (x >> numpy.uint64(40)).astype(numpy.int64) - (1 << 23)
    return bits.astype(numpy.float32) * numpy.float32(2.0**-23)


def tensor(name, shape):
    values = uniform(name, int(numpy.prod(shape)))
    if len(shape) == 1:
        values = numpy.float32(0.25) * values
        if "norm" in name and name.endswith(".weight"):
            values = numpy.float32(1) + values
    else:
        fan_in = shape[0] if "transp_conv" in name else int(numpy.prod(shape[1:]))
        values = numpy.float32(numpy.sqrt(3.0 / fan_in)) * values
    return values.reshape(shape)


def weights(manifest):
    return {name: tensor(name, tuple(value.shape)) for name, value in llmseg.from_manifest(manifest).state_dict().items()}


def main():
    with open(os.path.join(sys.argv[1], "manifest.json"), encoding="utf-8") as file:
        safetensors_io.save(sys.argv[2], weights(json.load(file)))


if __name__ == "__main__":
    main()
