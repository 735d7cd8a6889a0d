"""Runs of the command, for the tests beside this file: its environment, checks that are counted, bundles derived from others."""
import json
import os
import subprocess
import sys

from files import read, write

COMMAND = os.environ["CTVK_COMMAND"]
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def finish(name):
    """Exit code of a test."""
    print(f"{name}: {len(failures)} failed")
    return 1 if failures else 0


def environment(**more):
    """Nothing of the user's own cache, choice of device and mask."""
    env = dict(os.environ, XDG_CACHE_HOME=os.environ["CTVK_TEST_TMP"] + "/cache")
    env.pop("CTVK_DEVICE", None)
    env.pop("CTVK_MASK", None)
    return dict(env, **more)


def run(*arguments, code=0, stdin="", cwd=None, **more):
    """What it wrote on stdout and stderr; more: variables of its environment."""
    done = subprocess.run([COMMAND, *arguments], capture_output=True, timeout=600, env=environment(**more), input=stdin.encode(), cwd=cwd)
    error = done.stderr.decode("utf-8", "replace")
    check(done.returncode == code, f"{' '.join(arguments)[:160]}: exit {done.returncode}, not {code}: {error[-300:]}")
    return done.stdout.decode(), error


def segment(base, *more, output="label.nii.gz", model="text", image="ct.nii.gz", code=0, **more_environment):
    return run("segment", "--model", f"{base}/{model}", "--image", f"{base}/{image}", "--output", f"{base}/{output}", *more, code=code, **more_environment)


def read_terminal(control):
    """What a terminal still gets, until its other end is closed."""
    shown = b""
    try:
        while True:
            shown += os.read(control, 4096)
    except OSError:
        pass  # the other end was closed
    os.close(control)
    return shown


def left_behind(folder):
    return [name for name in os.listdir(folder) if name.startswith(".")]


def bundle_like(source, folder, change):
    """A bundle with the weights of another one: change(manifest), which lists no hashes. Returns the manifest."""
    value = json.loads(read(f"{source}/manifest.json"))
    del value["files"]
    change(value)
    write(f"{folder}/manifest.json", value)
    for name in os.listdir(source):
        if name.endswith(".safetensors"):
            os.link(f"{source}/{name}", f"{folder}/{name}")
    return value


def large_window(value):
    """Makes a run last, so that there is time to interrupt it."""
    value["inference"]["window"] = [256, 256, 64]
