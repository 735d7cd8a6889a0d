"""The schemas of manifest/: schema.py bundles | refusals | plugin. Needs Debian's python3-jsonschema."""
import ctypes
import hashlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema

from cases import ACCEPTED, BEYOND, REFUSED, sound

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND = os.environ["CTVK_COMMAND"]
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def validator(name):
    schema = load(f"{SOURCE}/manifest/{name}.schema.json")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def faults(schema, value):
    return [f"{'.'.join(map(str, e.absolute_path))}: {e.message[:200]}" for e in schema.iter_errors(value)]


def bundles():
    """Every bundle manifest that lies here: the demo and its twin, the repository's golden cases, the published code's where they are."""
    schema = validator("bundle")
    folders = [f"{SOURCE}/manifest", f"{SOURCE}/tests/data/golden"]
    least = 6
    if os.environ["CTVK_GOLDEN"]:
        folders.append(os.environ["CTVK_GOLDEN"])
        least += 1
    found = [os.path.join(folder, name, "manifest.json") for folder in folders for name in sorted(os.listdir(folder))]
    found = [path for path in found if os.path.exists(path)]
    check(len(found) >= least, f"{len(found)} manifests are fewer than the {least} that should be here")
    for path in found:
        wrong = faults(schema, load(path))
        check(not wrong, f"{os.path.basename(os.path.dirname(path))}: {wrong}")
    print(f"bundles: {len(found)} manifests")


def with_tensors(path, shapes):
    """The safetensors file with further float32 tensors of zeros: what a language model's soft prompt needs."""
    with open(path, "rb") as file:
        data = file.read()
    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    for name, shape in shapes.items():
        if name not in header:
            count = 4 * math.prod(shape)
            header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(body), len(body) + count]}
            body += bytes(count)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + body


def inspect(folder, value):
    """Exit code and first error line of `ctvk inspect`; no device is needed for it."""
    with open(f"{folder}/manifest.json", "w", encoding="utf-8") as file:
        json.dump(value, file)
    env = dict(os.environ, VK_DRIVER_FILES="/nonexistent", VK_ICD_FILENAMES="/nonexistent")
    done = subprocess.run([COMMAND, "inspect", folder], capture_output=True, text=True, timeout=60, env=env)
    return done.returncode, done.stderr.strip()


def refusals():
    """The schema and the library agree, case by case."""
    schema = validator("bundle")
    demo = f"{SOURCE}/manifest/demo"
    check(min(len(REFUSED), len(ACCEPTED), len(BEYOND)) >= 7, "cases are missing")
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as folder:
        shutil.copy(f"{demo}/prompt_embeddings.safetensors", folder)
        network = load(f"{demo}/manifest.json")["network"]
        dim, prompts = network["text"]["embedding_dim"], network["text"]["prompts"]
        weights = with_tensors(f"{demo}/network.safetensors", {"contexts": [prompts, 2, dim], "segment_token": [dim]})
        with open(f"{folder}/network.safetensors", "wb") as file:
            file.write(weights)
        files = {"network.safetensors": {"sha256": hashlib.sha256(weights).hexdigest(), "bytes": len(weights)}}
        unchanged = ("unchanged", lambda value: None)
        for cases, by_schema, by_library in (([unchanged] + ACCEPTED, True, True), (REFUSED, False, False), (BEYOND, True, False)):
            for name, change in cases:
                value = sound(dict(load(f"{demo}/manifest.json"), files=files))
                change(value)
                wrong = faults(schema, value)
                check((not wrong) == by_schema, f"{name}: the schema {'accepts' if not wrong else 'refuses'} it: {wrong}")
                code, error = inspect(folder, value)
                check(code == (0 if by_library else 4), f"{name}: inspect gives {code}: {error}")
                check(by_library or "ctvk: error: manifest.json: " in error, f"{name}: refused for another reason: {error}")
    print(f"refusals: {len(REFUSED)} refused by both, {len(BEYOND)} by the library alone, {len(ACCEPTED)} accepted")


def defined_interfaces():
    """(name, version, header) of every interface that the public headers define."""
    found = []
    for root, _, names in os.walk(f"{SOURCE}/include/ctvk"):
        for name in names:
            with open(os.path.join(root, name), encoding="utf-8") as file:
                text = file.read()
            versions = dict(re.findall(r"^#define (CTVK_\w+)_VERSION (\d+)$", text, re.MULTILINE))
            for macro, interface in re.findall(r'^#define (CTVK_\w+)_NAME "([^"]+)"$', text, re.MULTILINE):
                found.append((interface, int(versions[macro]), os.path.relpath(os.path.join(root, name), f"{SOURCE}/include")))
    return sorted(found)


def plugin():
    """ctvk's own plugin manifest says what headers and library really have, and word for word what the library says of itself."""
    value = load(f"{SOURCE}/manifest/plugin.json")
    said = json.loads(subprocess.run([COMMAND, "inspect", "--plugin"], capture_output=True, text=True, timeout=60).stdout)
    different = sorted(key for key in {*value, *said} if value.get(key) != said.get(key))
    check(not different, f"manifest/plugin.json and ctvk inspect --plugin disagree on {different} (mend the file; the version is that of types.h)")
    wrong = faults(validator("plugin"), value)
    check(not wrong, f"plugin.json: {wrong}")
    listed = sorted((i["name"], i["version"], i["header"]) for i in value["interfaces"])
    defined = defined_interfaces()
    check(len(defined) >= 5 and listed == defined, f"plugin.json lists {listed}, the headers define {defined}")
    library = ctypes.CDLL(os.path.join(os.environ["CTVK_BUILD"], value["library"]))
    entry = getattr(library, value["entry"])
    entry.restype = ctypes.c_void_p
    for name, version, _ in listed:
        check(entry(name.encode(), version), f"the library has no {name} {version}")
        check(not entry(name.encode(), version + 1), f"the library has {name} {version + 1}, which plugin.json does not list")
    version = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, timeout=60).stdout.split()
    check(version == [value["name"], value["version"]], f"plugin.json and the command disagree on the version: {version}")
    damaged = [dict(value, version="1"), dict(value, library="/usr/lib/libctvk.so.1"), dict(value, interfaces=[]), dict(value, extra=1),
               {k: v for k, v in value.items() if k != "license"}]
    for case in damaged:
        check(faults(validator("plugin"), case), f"the schema accepts a damaged plugin manifest: {sorted(set(case) ^ set(value))}")
    print(f"plugin: {len(listed)} interfaces")


if __name__ == "__main__":
    {"bundles": bundles, "refusals": refusals, "plugin": plugin}[sys.argv[1]]()
    sys.exit(1 if failures else 0)
