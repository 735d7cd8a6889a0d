"""Every function of every table, as the headers name them: called from C (every_host), called through ctypes, and called in failure, with NULL
in place of each pointer and with wrong sizes of each struct. A function that is not called in all of these ways fails the test.
    every.py SOURCE LIBRARY EVERY_HOST
"""
import ctypes
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from every_vulkan import VulkanHost  # noqa: E402
from interfaces import Headers  # noqa: E402

SOURCE, LIBRARY, HOST = sys.argv[1:4]
DEMO = f"{SOURCE}/manifest/demo"
DEMO_PROMPT = b"N0, cT2, breast conserving surgery, left side"  # in its cache
OK, PENDING, ARGUMENT, PROMPT, BUNDLE = 0, 1, 20, 21, 40
SIDE = 24
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


class World:
    """The library, one handle of every kind, and the makers of fresh ones."""

    destroyers = {"ctvk_context": "ctvk.context.destroy", "ctvk_bundle": "ctvk.bundle.destroy", "ctvk_image_file": "ctvk.image.destroy",
                  "ctvk_job": "ctvk.job.destroy", "ctvk_result": "ctvk.result.destroy", "ctvk_text_model": "ctvk.text.close",
                  "ctvk_text_job": "ctvk.text.destroy", "ctvk_evaluation": "ctvk.evaluation.destroy",
                  "ctvk_selftest": "ctvk.selftest.destroy"}

    def __init__(self, headers, folder):
        self.headers, self.folder = headers, folder
        self.library = ctypes.CDLL(LIBRARY)
        self.library.ctvk_interface.restype = ctypes.c_void_p
        self.library.ctvk_interface.argtypes = [ctypes.c_char_p, ctypes.c_uint32]
        self.call = {}
        for interface, (kind, version, functions) in headers.tables.items():
            address = self.library.ctvk_interface(interface.encode(), version)
            if not address:
                raise SystemExit(f"the library has no {interface} {version}")
            table = ctypes.cast(address, ctypes.POINTER(kind)).contents
            check(table.struct_size == ctypes.sizeof(kind), f"{interface}: {table.struct_size} bytes in the library, {ctypes.sizeof(kind)} in the header")
            self.call.update((function.name, getattr(table, function.member)) for function in functions)
        self.voxels = (ctypes.c_int16 * SIDE**3)(*[-1000] * SIDE**3)
        self.labels = (ctypes.c_uint8 * SIDE**3)(*[k // SIDE**2 == 10 for k in range(SIDE**3)])
        self.vulkan = VulkanHost()
        self.handles = {}
        self.handles["ctvk_context"] = self.make("ctvk.context.create", None)
        context = self.handles["ctvk_context"]
        self.handles["ctvk_bundle"] = self.make("ctvk.bundle.open", context, f"{folder}/bundle".encode(), 2**64 - 1)
        self.handles["ctvk_image_file"] = self.make("ctvk.image.open", context, image(), 2**64 - 1)
        self.write_embedding()
        self.handles["ctvk_text_model"] = self.make("ctvk.text.open", context, self.handles["ctvk_bundle"], self.model())
        self.handles["ctvk_text_job"] = self.fresh_text_job(run=True)
        self.handles["ctvk_evaluation"] = self.fresh_evaluation(run=True)
        self.handles["ctvk_selftest"] = self.fresh_selftest(run=True)
        self.handles["ctvk_job"] = self.fresh_job(run=True)
        self.handles["ctvk_result"] = self.make("ctvk.job.take_result", self.handles["ctvk_job"])

    def make(self, name, *arguments):
        out = ctypes.c_void_p()
        status = self.call[name](*arguments, out)  # by reference, as the function's type says
        if status != OK or not out.value:
            raise SystemExit(f"{name} gives {status}: {self.error()}")
        return out.value

    def error(self):
        text = self.struct("ctvk_text")
        self.call["ctvk.context.last_error"](self.handles.get("ctvk_context"), text)
        return (text.data or b"").decode()

    def struct(self, name, /, **values):
        made = self.headers.structs[name](**values)
        if made._fields_[0][0] == "struct_size":
            made.struct_size = ctypes.sizeof(made)
        return made

    def text(self, value):
        return self.struct("ctvk_text", data=value, length=len(value))

    def volume(self, labels=False):
        data = self.labels if labels else self.voxels
        return self.struct("ctvk_volume", type=1 if labels else 2, data=ctypes.addressof(data), dim=(ctypes.c_int64 * 3)(SIDE, SIDE, SIDE), convention=1,
                           affine=(ctypes.c_double * 12)(5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 5, 0))

    def options(self):
        return self.struct("ctvk_job_options", want=3, keep=1, prompt=self.text(DEMO_PROMPT))

    def model(self):
        given = os.environ.get("CTVK_SMOLLM2")
        data = os.environ.get("XDG_DATA_HOME") or f"{os.environ.get('HOME', '')}/.local/share"
        return self.struct("ctvk_text_model_desc", path=self.text((given or "").encode()), data_folder=self.text(f"{data}/ctvk".encode()))

    def evaluation_options(self):
        self.name = self.struct("ctvk_label_name", value=7, name=self.text(b"missing"))
        return self.struct("ctvk_evaluation_options", label_count=1, labels=ctypes.pointer(self.name))

    def write_embedding(self):
        shape, values = (ctypes.c_uint64 * 2)(2, 576), (ctypes.c_float * 1152)()
        status = self.call["ctvk.image.write_tensor"](self.handles["ctvk_context"], f"{self.folder}/e.safetensors".encode(), 2**64 - 1,
                                                      b"text_embedding", 2, shape, values)
        check(status == OK, f"the embedding is not written: {status}")

    def fresh_context(self):
        return self.make("ctvk.context.create", None)

    def fresh(self, kind, make, run, *arguments):
        made = self.make(make, self.handles["ctvk_context"], *arguments)
        if run:
            status = self.call[make.replace("create", "run")](made)
            check(status == OK, f"{kind} ends with {status}")
        return made

    def fresh_job(self, run=False):
        return self.fresh("a job", "ctvk.job.create", run, self.handles["ctvk_bundle"], self.volume(), self.options())

    def fresh_text_job(self, run=False):
        return self.fresh("a text job", "ctvk.text.create", run, self.handles["ctvk_bundle"], None, DEMO_PROMPT, len(DEMO_PROMPT), None)

    def fresh_evaluation(self, run=False):
        return self.fresh("an evaluation", "ctvk.evaluation.create", run, self.volume(True), self.volume(True), self.evaluation_options())

    def fresh_selftest(self, run=False):
        return self.fresh("a self-test", "ctvk.selftest.create", run, self.struct("ctvk_selftest_options", small=1))

    def fresh_bundle(self):
        return self.make("ctvk.bundle.open", self.handles["ctvk_context"], DEMO.encode(), 2**64 - 1)

    def fresh_image(self):
        return self.make("ctvk.image.open", self.handles["ctvk_context"], image(), 2**64 - 1)

    def fresh_model(self):
        return self.make("ctvk.text.open", self.handles["ctvk_context"], self.handles["ctvk_bundle"], self.model())

    def fresh_result(self):
        job = self.fresh_job(run=True)
        result = self.make("ctvk.job.take_result", job)
        self.call["ctvk.job.destroy"](job)
        return result

    def path(self, name):
        return {"path": f"{self.folder}/{name}".encode(), "length": 2**64 - 1}

    def image_voxels(self, kind, volumes):
        volume = self.struct("ctvk_volume")
        self.call["ctvk.image.volume"](self.handles["ctvk_image_file"], volume)
        return (kind * (math.prod(volume.dim) * volumes))()

    def end(self):
        for kind in ("ctvk_result", "ctvk_job", "ctvk_selftest", "ctvk_evaluation", "ctvk_text_job", "ctvk_text_model", "ctvk_image_file", "ctvk_bundle", "ctvk_context"):
            self.call[self.destroyers[kind]](self.handles[kind])
        self.vulkan.end()


def image():
    return f"{SOURCE}/tests/data/golden/one-window/image.nii.gz".encode()


def choices(world):
    facts = {b"side": b"left", b"n_stage": b"N0", b"t_stage": b"cT2", b"surgery": b"breast conserving surgery"}
    return (world.headers.structs["ctvk_field_choice"] * len(facts))(*((world.text(name), world.text(value)) for name, value in facts.items()))


def NOTHING(_):
    return {}


# For every function the arguments of a call that succeeds, where they are not what `complete` fills in by itself. A handle that a call uses up
# is made for it.
CASES = {
    "ctvk.context.create": lambda w: {"desc": w.struct("ctvk_context_desc")},
    "ctvk.context.destroy": lambda w: {"context": w.fresh_context()},
    "ctvk.context.status_name": NOTHING, "ctvk.context.last_error": NOTHING, "ctvk.context.device_count": NOTHING,
    "ctvk.context.device_info": NOTHING, "ctvk.context.device_select": lambda w: {"selector": b"auto", "length": 4},
    "ctvk.bundle.open": lambda w: {"folder": DEMO.encode(), "length": 2**64 - 1},
    "ctvk.bundle.destroy": lambda w: {"bundle": w.fresh_bundle()},
    "ctvk.bundle.last_error": NOTHING, "ctvk.bundle.info": NOTHING, "ctvk.bundle.label": NOTHING, "ctvk.bundle.field": NOTHING,
    "ctvk.bundle.field_value": NOTHING, "ctvk.bundle.cached_prompt": NOTHING, "ctvk.bundle.warning": NOTHING,
    "ctvk.bundle.fill_template": lambda w: {"choices": choices(w), "count": 4},
    "ctvk.bundle.read_embedding": lambda w: w.path("e.safetensors"), "ctvk.bundle.memory": NOTHING, "ctvk.bundle.verify": NOTHING,
    "ctvk.bundle.self_test": lambda w: {"options": w.struct("ctvk_bundle_test_options")},
    "ctvk.bundle.open_with_progress": lambda w: {"folder": DEMO.encode(), "length": 2**64 - 1},
    "ctvk.evaluation.create": lambda w: {"reference": w.volume(True), "prediction": w.volume(True), "options": w.evaluation_options()},
    "ctvk.evaluation.destroy": lambda w: {"evaluation": w.fresh_evaluation()},
    "ctvk.evaluation.last_error": NOTHING, "ctvk.evaluation.progress": NOTHING, "ctvk.evaluation.info": NOTHING,
    "ctvk.evaluation.label": NOTHING, "ctvk.evaluation.warning": NOTHING,
    "ctvk.image.open": lambda w: {"path": image(), "length": 2**64 - 1}, "ctvk.image.destroy": lambda w: {"image": w.fresh_image()},
    "ctvk.image.last_error": NOTHING, "ctvk.image.volume": NOTHING,
    "ctvk.image.write_labels": lambda w: {**w.path("l.nii.gz"), "labels": w.image_voxels(ctypes.c_uint8, 1), "comment": w.text(b"{}")},
    "ctvk.image.write_probability": lambda w: {**w.path("p.nii.gz"), "classes": 2, "values": w.image_voxels(ctypes.c_float, 2), "comment": w.text(b"{}")},
    "ctvk.image.write_tensor": lambda w: {**w.path("t.safetensors"), "name": b"t", "rank": 1, "shape": (ctypes.c_uint64 * 1)(2), "values": (ctypes.c_float * 2)()},
    "ctvk.image.comment": NOTHING, "ctvk.image.open_with_progress": lambda w: {"path": image(), "length": 2**64 - 1},
    "ctvk.image.watch_writing": NOTHING,
    "ctvk.result.destroy": lambda w: {"result": w.fresh_result()},
    "ctvk.result.info": NOTHING, "ctvk.result.labels": NOTHING, "ctvk.result.probability": NOTHING, "ctvk.result.logits": NOTHING,
    "ctvk.result.copy_labels": lambda w: {"out": (ctypes.c_uint8 * SIDE**3)(), "stride": (ctypes.c_int64 * 3)(1, SIDE, SIDE**2)},
    "ctvk.result.embedding": NOTHING, "ctvk.result.label_volume": NOTHING, "ctvk.result.warning": NOTHING, "ctvk.result.report": NOTHING,
    "ctvk.result.label_json": NOTHING,
    "ctvk.job.create": lambda w: {"volume": w.volume(), "options": w.options()}, "ctvk.job.destroy": lambda w: {"job": w.fresh_job()},
    "ctvk.job.last_error": NOTHING, "ctvk.job.progress": NOTHING,
    "ctvk.job.memory": NOTHING, "ctvk.job.take_result": lambda w: {"job": w.fresh_job(run=True)},
    "ctvk.job.again": lambda w: {"job": w.fresh_job(run=True), "prompt": DEMO_PROMPT, "length": len(DEMO_PROMPT)},
    "ctvk.plugin.manifest": NOTHING,
    "ctvk.selftest.create": lambda w: {"options": w.struct("ctvk_selftest_options", small=1)},
    "ctvk.selftest.destroy": lambda w: {"selftest": w.fresh_selftest()}, "ctvk.selftest.last_error": NOTHING,
    "ctvk.selftest.progress": NOTHING, "ctvk.selftest.info": NOTHING, "ctvk.selftest.operation": NOTHING,
    "ctvk.text.open": lambda w: {"desc": w.model()}, "ctvk.text.close": lambda w: {"model": w.fresh_model()},
    "ctvk.text.last_error": NOTHING, "ctvk.text.info": NOTHING, "ctvk.text.tokenize": lambda w: {"text": b"left", "length": 4},
    "ctvk.text.known": lambda w: {"prompt": DEMO_PROMPT, "length": len(DEMO_PROMPT)},
    "ctvk.text.create": lambda w: {"prompt": DEMO_PROMPT, "length": len(DEMO_PROMPT), "options": w.struct("ctvk_text_options")},
    "ctvk.text.destroy": lambda w: {"job": w.fresh_text_job()},
    "ctvk.text.job_error": NOTHING, "ctvk.text.run": NOTHING, "ctvk.text.step": NOTHING, "ctvk.text.cancel": NOTHING,
    "ctvk.text.progress": NOTHING, "ctvk.text.result": NOTHING,
    "ctvk.vulkan.use_device": lambda w: {"context": w.fresh_context(), "device": w.vulkan.describe(w)},
}
# Calls that leave a fresh handle of this name, which has to be destroyed afterwards.
KEPT = {"ctvk.job.take_result": "job", "ctvk.job.again": "job", "ctvk.vulkan.use_device": "context"}
for name in ("run", "step", "cancel"):
    CASES[f"ctvk.job.{name}"], KEPT[f"ctvk.job.{name}"] = lambda w: {"job": w.fresh_job()}, "job"
    CASES[f"ctvk.text.{name}"], KEPT[f"ctvk.text.{name}"] = lambda w: {"job": w.fresh_text_job()}, "job"
    CASES[f"ctvk.evaluation.{name}"], KEPT[f"ctvk.evaluation.{name}"] = lambda w: {"evaluation": w.fresh_evaluation()}, "evaluation"
    CASES[f"ctvk.selftest.{name}"], KEPT[f"ctvk.selftest.{name}"] = lambda w: {"selftest": w.fresh_selftest()}, "selftest"
# What NULL gives where it is not CTVK_ERROR_ARGUMENT: an optional argument, or a lack that has a status of its own.
NULLS = {
    "ctvk.context.create": {"desc": OK}, "ctvk.context.device_select": {"selector": OK}, "ctvk.context.last_error": {"message": OK},
    "ctvk.bundle.last_error": {"message": OK}, "ctvk.image.last_error": {"message": OK}, "ctvk.job.last_error": {"message": OK},
    "ctvk.text.last_error": {"message": OK}, "ctvk.text.job_error": {"message": OK}, "ctvk.evaluation.last_error": {"message": OK},
    "ctvk.bundle.verify": {"user": OK}, "ctvk.bundle.self_test": {"options": OK}, "ctvk.image.write_labels": {"comment": OK}, "ctvk.image.write_probability": {"comment": OK},
    "ctvk.image.open_with_progress": {"user": OK}, "ctvk.image.watch_writing": {"user": OK}, "ctvk.bundle.open_with_progress": {"user": OK},
    "ctvk.job.create": {"options": PROMPT}, "ctvk.job.again": {"prompt": PROMPT, "embedding": OK},
    "ctvk.evaluation.create": {"options": OK},
    "ctvk.selftest.last_error": {"message": OK}, "ctvk.selftest.create": {"options": OK},
    "ctvk.text.open": {"bundle": ARGUMENT if not os.environ.get("CTVK_SMOLLM2") else OK, "desc": BUNDLE}, "ctvk.text.create": {"model": OK, "options": OK, "prompt": PROMPT},
}
# Functions without any pointer: they cannot be called with NULL.
WITHOUT_POINTER = {"ctvk.context.status_name"}


def complete(world, function, given):
    """All arguments: what is given, and handles, zeros and places for what comes out."""
    arguments = []
    for p in function.parameters:
        out = p.stars and not p.const and p.target not in ("void", "char")
        if p.name in given:
            arguments.append(given[p.name])
        elif p.target in world.headers.handles and p.stars == 1:
            arguments.append(world.handles[p.target])
        elif p.stars == 2 and (p.target in world.headers.handles or p.const):
            arguments.append(p.kind._type_(0x5a5a) if p.target in world.headers.handles else p.kind._type_())
        elif out and p.target in world.headers.structs:
            arguments.append(world.struct(p.target))
        elif out:
            arguments.append(p.kind._type_(77))
        else:
            arguments.append(None if p.stars else p.kind() if p.callback else 0)
    return arguments


def succeeded(function, result):
    if function.result is None:
        return True
    if function.result.stars:
        return bool(result)
    return result in (OK, PENDING) if function.result.kind is ctypes.c_int32 else math.isfinite(result)


def tidy(world, function, given, arguments):
    """Destroys what a call that succeeded made, and the handle that was made for it."""
    for p, argument in zip(function.parameters, arguments):
        if p.stars == 2 and p.target in world.headers.handles and argument is not None and argument.value not in (None, 0x5a5a):
            world.call[world.destroyers[p.target]](argument)
    kept = KEPT.get(function.name)
    if kept:
        target = next(p.target for p in function.parameters if p.name == kept)
        world.call[world.destroyers[target]](given[kept])


def call_well(world, function):
    given = CASES[function.name](world)
    arguments = complete(world, function, given)
    result = world.call[function.name](*arguments)
    good = succeeded(function, result)
    check(good, f"{function.name} gives {result}: {world.error()}")
    tidy(world, function, given, arguments)
    return good


def uses_up(function):
    """A call that ends its handle: with NULL in its place the handle is still there."""
    return function.result is None and function.member in ("destroy", "close")


def call_with_null(world, function):
    """NULL in place of each pointer in turn. Whether there was any."""
    pointers = [i for i, p in enumerate(function.parameters) if p.stars]
    for i in pointers:
        given = {} if uses_up(function) else CASES[function.name](world)
        arguments = complete(world, function, given)
        arguments[i] = None
        result = world.call[function.name](*arguments)
        parameter = function.parameters[i].name
        text = f"{function.name} with NULL for {parameter} gives {result}"
        if function.result is not None and function.result.kind is ctypes.c_int32:
            check(result == NULLS.get(function.name, {}).get(parameter, ARGUMENT), f"{text}: {world.error()}")
        elif function.result is not None:
            check(not result, text)
        tidy(world, function, given, arguments)
    return bool(pointers)


def resized(struct, size, room):
    """A copy with another struct_size, in so many bytes; those behind it are 0xa5."""
    memory = (ctypes.c_uint8 * room)(*[0xa5] * room)
    ctypes.memmove(memory, ctypes.byref(struct), min(room, ctypes.sizeof(struct)))
    made = type(struct).from_buffer(memory)
    made.struct_size = size
    return made, memory


def call_with_size(world, function, i, size):
    """The status, and whether the bytes behind what this library knows are as they were."""
    given = CASES[function.name](world)
    arguments = complete(world, function, given)
    whole, kept = ctypes.sizeof(arguments[i]), arguments[i]
    arguments[i], memory = resized(kept, size, max(size, whole))
    result = world.call[function.name](*arguments)
    for p, argument in zip(function.parameters, arguments):
        if result != OK and p.stars == 2 and p.target in world.headers.handles:
            check(argument.value is None, f"{function.name} with a wrong size leaves its output pointer")
    tidy(world, function, given, arguments)
    return result, bytes(memory[whole:]) == b"\xa5" * (len(memory) - whole)


def call_with_sizes(world, function):
    """Sizes below the first release's, and one of a later release. Whether the function has a struct with a size."""
    sized = [i for i, p in enumerate(function.parameters) if world.headers.sized(p)]
    for i in sized:
        whole = ctypes.sizeof(world.headers.structs[function.parameters[i].target])
        for size in (1, 4, 7):
            result, _ = call_with_size(world, function, i, size)
            check(result == ARGUMENT, f"{function.name} with struct_size {size} for {function.parameters[i].name} gives {result}: {world.error()}")
        result, untouched = call_with_size(world, function, i, whole + 64)
        check(result == OK and untouched, f"{function.name} with a larger struct for {function.parameters[i].name} gives {result}: {world.error()}")
    return bool(sized)


def called_from_c(folder):
    done = subprocess.run([HOST, f"{folder}/bundle", folder], capture_output=True, text=True, timeout=250)
    check(done.returncode == 0, f"every_host ends with {done.returncode}: {done.stderr[-1000:]}")
    return set(re.findall(r"^called (\S+)$", done.stdout, re.MULTILINE))


def missing(headers, ways):
    """{way: functions of the headers that were not called so}."""
    every = {function.name for function in headers.functions()}
    with_size = {f.name for f in headers.functions() if any(headers.sized(p) for p in f.parameters)}
    wanted = {"C": every, "ctypes": every, "NULL": every - WITHOUT_POINTER, "sizes": with_size}
    return {way: sorted(wanted[way] - ways[way]) for way in wanted}


def proof(folder, ways):
    """A function that is added to the headers is missed in every way."""
    shutil.copytree(f"{SOURCE}/include", f"{folder}/include")
    path = f"{folder}/include/ctvk/job.h"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace("} ctvk_job_api;", "    ctvk_status (*pause)(ctvk_job *job, ctvk_memory_info *out);\n} ctvk_job_api;"))
    lacks = missing(Headers(f"{folder}/include"), ways)
    check(all(lacks[way] == ["ctvk.job.pause"] for way in ("C", "ctypes", "NULL", "sizes")), f"a new function is not missed: {lacks}")


def check_layout(headers, folder):
    """What is read from the headers is what the compiler makes of them."""
    lines = "".join(f'printf("%zu %zu\\n", sizeof({n}), offsetof({n}, {s._fields_[-1][0]}));' for n, s in headers.structs.items())
    with open(f"{folder}/sizes.c", "w", encoding="utf-8") as file:
        file.write(f'#include "ctvk/ctvk.h"\n#include <stdio.h>\nint main(void) {{ {lines} return 0; }}\n')
    subprocess.run(["gcc", f"-I{SOURCE}/include", f"{folder}/sizes.c", "-o", f"{folder}/sizes"], check=True)
    sizes = subprocess.run([f"{folder}/sizes"], check=True, capture_output=True, text=True).stdout.splitlines()
    for line, (name, struct) in zip(sizes, headers.structs.items()):
        mine = f"{ctypes.sizeof(struct)} {getattr(struct, struct._fields_[-1][0]).offset}"
        check(line == mine, f"{name}: the compiler has {line}, every.py {mine}")
    check(len(sizes) == len(headers.structs) > 20, "a program that prints the sizes")


def make_bundle(folder):
    """The demo's, with a key that gives a warning."""
    shutil.copytree(DEMO, f"{folder}/bundle")
    with open(f"{folder}/bundle/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    manifest["unknown"] = 1
    with open(f"{folder}/bundle/manifest.json", "w", encoding="utf-8") as file:
        json.dump(manifest, file)


def main():
    headers = Headers(f"{SOURCE}/include")
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as folder:
        check_layout(headers, folder)
        make_bundle(folder)
        ways = {"C": called_from_c(folder), "ctypes": set(), "NULL": set(), "sizes": set()}
        world = World(headers, folder)
        for function in headers.functions():
            if function.name not in CASES:
                continue
            for way, call in (("ctypes", call_well), ("NULL", call_with_null), ("sizes", call_with_sizes)):
                if call(world, function):
                    ways[way].add(function.name)
        world.end()
        for way, names in missing(headers, ways).items():
            check(not names, f"never called ({way}): {', '.join(names)}")
        check(set(CASES) == {function.name for function in headers.functions()}, "the table of calls names other functions than the headers")
        if not failures:
            proof(folder, ways)
    print(f"every: {len(headers.functions())} functions, " + ", ".join(f"{len(names)} {way}" for way, names in ways.items()) + f", {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
