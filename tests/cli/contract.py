"""The command's promises, one by one, that no damaged file shows: devices, limits, progress, cancel, geometry, the exact keys of JSON."""
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

from files import gz, header, make_bundle, network_shapes, nifti, read, read_nifti, voxels, write
from runs import COMMAND, bundle_like, check, environment, finish, large_window, left_behind, read_terminal, run, segment

LEFT = ("--prompt", "N0, left side")
ERROR = re.compile(r"^ctvk: error: .+: .+ \(.+\)$", re.M)


def devices(base):
    """Every way to name a device; the environment is overruled by the option."""
    found = json.loads(run("devices", "--json")[0])["devices"]
    for number, device in enumerate(found):
        check(list(device) == ["index", "name", "vendor", "driver", "type", "memory_bytes", "uuid", "vulkan", "usable", "precisions", "lacks"],
              f"devices --json: keys {list(device)}")
        check(device["index"] == number and re.fullmatch(r"\d+\.\d+\.\d+", device["vulkan"]), "devices --json: index, version")
        check(device["type"] in ("discrete", "integrated", "virtual", "cpu", "other"), "devices --json: type")
        check(device["usable"] == bool(device["precisions"]), "devices --json: what it runs")
    first, text = found[0], run("devices")[0]
    for part in (first["name"], first["uuid"], first["vendor"], first["driver"], "segment", "GiB"):
        check(part in text, f"devices names {part}")
    name = first["name"]
    for selector in ("0", "auto", name, name[1:6].upper(), name.lower(), first["uuid"], first["uuid"].upper()):
        out = json.loads(run("inspect", f"{base}/text", "--json", "--device", selector)[0])
        check(out["memory"] and out["memory"]["device"] == name, f"--device {selector}")
    check("memory" in run("inspect", f"{base}/text", "--device", "0", CTVK_DEVICE="no such card")[0], "--device goes before CTVK_DEVICE")
    for more, variables in ((("--device", "no such card"), {}), ((), {"CTVK_DEVICE": "no such card"})):
        _, error = run("inspect", f"{base}/text", *more, code=5, **variables)
        check("no such card" in error and ERROR.search(error), f"a device that is not there: {error}")


def limits(base):
    """Exit 6 says how much is needed, how much there is, and what would fit; what it calls enough is enough."""
    planned = json.loads(run("inspect", f"{base}/text", "--json")[0])["memory"]["planned_bytes"]
    _, error = segment(base, *LEFT, "--memory-limit", "8", "--quiet", output="limited.nii.gz", code=6)
    match = re.search(r"needs ([\d.]+) MiB, the limit is ([\d.]+) MiB \((.+)\)", error)
    check(match and abs(float(match[1]) - planned / 2**20) < 0.1 and float(match[2]) == 8, f"exit 6: need and have: {error}")
    check(match and "--memory-limit" in match[3] and "would fit" in match[3], f"exit 6: what would fit: {error}")
    check(not os.path.exists(f"{base}/limited.nii.gz"), "exit 6 writes nothing")
    # A bundle with a larger window: what is said to fit does.
    wide = f"{base}/wide"
    value = bundle_like(f"{base}/text", wide, lambda value: value["inference"].update(window=[96, 64, 64]))
    enough = str(planned // 2**20 + 1)
    _, error = segment(base, *LEFT, "--memory-limit", enough, "--quiet", model="wide", output="limited.nii.gz", code=6)
    match = re.search(r"window of (\d+) x (\d+) x (\d+) would fit", error)
    check(match, f"a smaller window is offered: {error}")
    if match:
        value["inference"]["window"] = [int(n) for n in match.groups()]
        write(f"{wide}/manifest.json", value)
        segment(base, *LEFT, "--memory-limit", enough, "--quiet", "--report", f"{base}/limited.json", model="wide", output="limited.nii.gz")
        memory = json.loads(read(f"{base}/limited.json"))["memory"]
        check(memory["peak_bytes"] <= memory["planned_bytes"] <= memory["limit_bytes"] == int(enough) << 20, f"the limit is kept: {memory}")


def report(base):
    """The keys of the contract and no others but those that were added beside them; neither prompt nor path."""
    out, error = segment(base, "--field", "side=right", "--report", f"{base}/report.json", "--quiet", output="report.nii.gz")
    check(out == "" and "progress" not in error and "%" not in error, f"--quiet shows no progress: {error}")
    text = read(f"{base}/report.json").decode()
    value = json.loads(text)
    keys = {"": ["bundle", "library", "device", "precision", "prompt_sha256", "text", "image", "windows", "memory", "seconds", "labels", "warnings"],
            "bundle": ["name", "version", "sha256"], "device": ["name", "driver", "type", "vendor", "uuid", "mask", "tuned_sha256"],
            "text": ["source", "tokens", "truncated"], "image": ["sha256", "shape", "spacing_mm"],
            "memory": ["planned_bytes", "limit_bytes", "peak_bytes"],
            "seconds": ["open", "prepare", "upload", "network", "classify", "restore"]}
    for name, wanted in keys.items():
        found = list(value[name] if name else value)
        check(found == wanted, f"report: keys of {name or 'the whole'}: {found}")
    check(value["device"]["mask"] is None, "report: nothing was taken away from the device")
    check(value["device"]["tuned_sha256"] is None, "report: it was not tuned")
    segment(base, "--field", "side=right", "--report", f"{base}/masked.json", "--quiet", output="masked.nii.gz", CTVK_MASK="texel, address")
    check(json.loads(read(f"{base}/masked.json"))["device"]["mask"] == "texel,address", "report: what was taken away")
    check(all(list(label) == ["value", "name", "voxels", "volume_ml"] for label in value["labels"]), "report: keys of a label")
    check(value["library"] == run("--version")[0].split()[1], "report: version of the library")
    for secret in ("right side", "N0", base, os.path.basename(base), "report.nii.gz", "ct.nii", os.path.basename(COMMAND) + " "):
        check(secret not in text, f"report: {secret!r} is in it")


def inspect(base):
    found = json.loads(run("inspect", f"{base}/text", "--json")[0])
    wanted = ["name", "version", "intended_use", "license", "citation", "sha256", "network", "text", "preprocess", "inference", "labels",
              "memory", "warnings"]
    check(list(found) == wanted, f"inspect --json: keys {list(found)}")
    check(found["network"]["feature_size"] == 16 and found["inference"]["window"] == [32, 32, 32], "inspect --json: network and window")
    memory = found["memory"]
    check(memory["planned_bytes"] == memory["weights_bytes"] + memory["activations_bytes"] + memory["staging_bytes"], "inspect --json: memory")
    check(json.loads(run("inspect", f"{base}/vision", "--json")[0])["text"] is None, "inspect --json: a vision-only model has no text")
    # A text model's weights serve a vision-only manifest; inspect counts what is not used.
    bundle_like(f"{base}/text", f"{base}/blind", lambda value: value["network"].update(text=None))
    found = json.loads(run("inspect", f"{base}/blind", "--json")[0])["network"]
    every, seen = len(network_shapes(True)), len(network_shapes(False))
    check(found["tensors"] == every and found["unused_tensors"] == every - seen > 0, f"inspect counts unused tensors: {found}")
    segment(base, "--quiet", model="blind", output="blind.nii.gz")
    segment(base, "--quiet", model="vision", output="seeing.nii.gz")


def plugin(base):
    """The library says what it is (that manifest/plugin.json says the same: tests/manifest)."""
    out, error = run("inspect", "--plugin")
    found = json.loads(out)
    check(error == "" and found["schema"] == "ctvk-plugin/1" and found["name"] == "ctvk", f"inspect --plugin: {out:.80}")
    check(found["version"] == run("--version")[0].split()[1], "inspect --plugin: version")
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    for interface in found["interfaces"]:
        text = read(f"{root}/include/{interface['header']}").decode()
        check(f'"{interface["name"]}"' in text, f"{interface['header']} defines {interface['name']}")
    devices_run = {p for d in json.loads(run("devices", "--json")[0])["devices"] for p in d["precisions"]}
    check(devices_run <= set(found["capabilities"]["precision"]), "precisions as the devices have them")
    check("--plugin" in run("inspect", f"{base}/text", "--plugin", code=2)[1], "--plugin takes no bundle")
    check("--plugin" in run("inspect", "--plugin", "--device", "0", code=2)[1], "--plugin takes no device")


def standard_output(base):
    """A result that cannot be shown is an error, not a silence."""
    for arguments in (("devices", "--json"), ("inspect", f"{base}/text"), ("verify", f"{base}/text"), ("--version",), ("--help",)):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, env=environment(), timeout=60, text=True)
        check(done.returncode == 3 and ERROR.search(done.stderr), f"{arguments[0]} to a full disk: {done.returncode} {done.stderr}")


def quaternion_header(code_q, code_s):
    """qform and sform differ on purpose; numbers that no rounding survives."""
    h = bytearray(header())
    struct.pack_into("<f", h, 76, -1.0)  # qfac
    struct.pack_into("<2h", h, 252, code_q, code_s)
    struct.pack_into("<6f", h, 256, 0.0871557, 0.0123457, 0.9961947, -101.37, 55.1234567, 3.3333333)
    c, s = 0.9961947, 0.0871557
    for i, row in enumerate(((-c, s, 0.01, 20.123457), (s, c, 0.02, -18.7654321), (0.013, 0.017, 1.9998001, -7.1))):
        struct.pack_into("<4f", h, 280 + 16 * i, *row)
    return bytes(h)


def geometry(base):
    """Forms, codes and spacing come back to the bit, whichever of the two forms holds, and in both kinds of file."""
    for code_q, code_s in ((1, 0), (0, 1), (1, 2), (3, 4)):
        write(f"{base}/form.nii.gz", gz(quaternion_header(code_q, code_s) + voxels()))
        for name in ("form_label.nii.gz", "form_label.nii"):
            if name.endswith(".nii") and (code_q, code_s) != (1, 2):
                continue
            segment(base, *LEFT, "--quiet", image="form.nii.gz", output=name)
            source, found = read_nifti(f"{base}/form.nii.gz"), read_nifti(f"{base}/{name}")
            check(found[0] == source[0] and found[1] == 2 and found[2] == source[2], f"forms {code_q}, {code_s}: the same in {name}")
            data = read(f"{base}/{name}")
            check((data[:2] == b"\x1f\x8b") == name.endswith(".gz"), f"{name}: packed as its name says")
            if name.endswith(".nii"):
                check(data[76:108] == quaternion_header(code_q, code_s)[76:108], "pixdim and qfac are the same")
            kind, text = found[3][0]
            labels = json.loads(text)["labels"]
            check(kind == 6 and labels == [{"value": 0, "name": "background"}, {"value": 1, "name": "CTV", "color": "#e6194b"}],
                  f"label names and colours in the extension: {labels}")


def cancel(base):
    """Each signal that asks for an end, with files that were there: exit 7, one line, all of them as they were, and soon."""
    folder = f"{base}/kept"
    outputs = {"label.nii.gz": b"an older label", "p.nii.gz": b"an older probability", "l.safetensors": b"older logits", "r.json": b"older"}
    for name, data in outputs.items():
        write(f"{folder}/{name}", data)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen([COMMAND, "segment", "--model", f"{base}/large", "--image", f"{base}/ct.nii.gz", *LEFT, "--output",
                                    f"{folder}/label.nii.gz", "--probability", f"{folder}/p.nii.gz", "--logits", f"{folder}/l.safetensors",
                                    "--report", f"{folder}/r.json"], stderr=subprocess.PIPE, env=environment(), text=True)
        for line in process.stderr:
            if "network" in line:
                break
        began = time.monotonic()
        process.send_signal(number)
        error = process.stderr.read()
        process.wait(timeout=60)
        took = time.monotonic() - began
        check(process.returncode == 7, f"{number.name} is exit 7, not {process.returncode}: {error}")
        check(len(ERROR.findall(error)) == 1 and "cancelled" in error, f"{number.name}: one line: {error}")
        check(took < 10, f"{number.name} takes effect after {took:.1f} s")
        check({name: read(f"{folder}/{name}") for name in os.listdir(folder)} == outputs, f"{number.name}: every file is as it was")


def ignored_hangup(base):
    """nohup: a signal that the shell has set to be ignored stays ignored."""
    code = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    process = subprocess.Popen([sys.executable, "-c", code, COMMAND, "segment", "--model", f"{base}/text", "--image", f"{base}/ct.nii.gz",
                                *LEFT, "--output", f"{base}/nohup.nii.gz"], stderr=subprocess.PIPE, env=environment(), text=True)
    process.stderr.readline()
    process.send_signal(signal.SIGHUP)
    error = process.communicate(timeout=300)[1]
    check(process.returncode == 0 and os.path.exists(f"{base}/nohup.nii.gz"), f"under nohup the run goes on: {error}")


def on_terminal(arguments, **more):
    """Exit code and what a terminal saw."""
    control, terminal = pty.openpty()
    process = subprocess.Popen([COMMAND, *arguments], stderr=terminal, stdout=subprocess.DEVNULL, env=environment(**more))
    os.close(terminal)
    shown = read_terminal(control)
    return process.wait(timeout=300), shown.decode()


def progress(base):
    """A terminal gets one line with bar, percent, stage and time left, and it is cleared at the end; anything else gets plain lines."""
    arguments = ["segment", "--model", f"{base}/large", "--image", f"{base}/ct.nii.gz", *LEFT, "--output", f"{base}/bar.nii.gz"]
    code, shown = on_terminal(arguments, TERM="xterm")
    bars = re.findall(r"\r\[([#.]{30})\] +(\d+) % (\w+)(, \d+:\d\d left)?\x1b\[K", shown)
    check(code == 0 and len(bars) >= 5, f"a bar on a terminal: {shown!r:.300}")
    percents = [int(bar[1]) for bar in bars]
    check(percents == sorted(percents) and percents[-1] <= 100, f"it only grows: {percents}")
    check(all(abs(bar[0].count("#") / 30 - int(bar[1]) / 100) < 0.05 for bar in bars), "the bar is as long as it says")
    check(any(bar[3] for bar in bars), f"it says the time that is left: {bars[-3:]}")
    rest = re.sub(r"\r\[[^\r\n]*?\x1b\[K", "", shown)
    check(rest.startswith("\r\x1b[K") and "[" not in rest.replace("\x1b[K", ""), f"the bar is cleared before other lines: {rest!r}")
    arguments[2] = f"{base}/text"
    code, shown = on_terminal([*arguments, "--quiet"], TERM="xterm")
    check(code == 0 and "%" not in shown and "\x1b" not in shown, f"--quiet on a terminal: {shown!r}")
    code, shown = on_terminal([*arguments, "--progress"], TERM="dumb")
    check(code == 0 and "\x1b" not in shown and "ctvk: progress: 100 %" in shown, f"plain lines on a dumb terminal: {shown!r}")
    # Of a network that takes long enough for several pieces of work.
    _, error = run("segment", "--model", f"{base}/large", "--image", f"{base}/ct.nii.gz", *LEFT, "--progress", "--output", f"{base}/plain.nii.gz")
    lines = [line for line in error.splitlines() if "progress" in line]
    check(all(re.fullmatch(r"ctvk: progress: +\d+ % \w+", line) for line in lines) and 5 <= len(lines) <= 11, f"plain lines: {lines}")
    numbers = [int(re.search(r"(\d+) %", line)[1]) for line in lines]
    check(numbers == sorted(set(numbers)) and numbers[-1] == 100, f"each tenth once: {numbers}")


def words(base):
    """Forms of the command line that are right although they look odd."""
    write(f"{base}/-dash.nii.gz", gz(nifti()))
    done = subprocess.run([COMMAND, "segment", f"--model={base}/text", "--image", "-dash.nii.gz", "--output=--label.nii.gz", *LEFT, "--quiet"],
                          cwd=base, env=environment(), capture_output=True, timeout=300, text=True)
    check(done.returncode == 0 and os.path.exists(f"{base}/--label.nii.gz"), f"names that begin with a dash: {done.stderr}")
    check("ok" in run("verify", "--", f"{base}/text")[0], "-- ends the options")
    for arguments in (("-h",), ("segment", "-h"), ("verify", "--help", "more")):
        check("usage" in run(*arguments)[0] or arguments == ("-h",), f"{arguments}")
    text = run("--help")[0]
    for code in ("0 done", "2 command line", "3 input", "4 bundle", "5 no usable device", "6 memory", "7 cancelled", "8 device failure"):
        check(code in text, f"--help names exit code {code}")


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        make_bundle(f"{base}/text", True)
        make_bundle(f"{base}/vision", False)
        bundle_like(f"{base}/text", f"{base}/large", large_window)
        write(f"{base}/ct.nii.gz", gz(nifti()))
        for part in (devices, limits, report, inspect, plugin, standard_output, geometry, cancel, ignored_hangup, progress, words):
            if only in part.__name__:
                part(base)
        check(left_behind(base) == [], "no temporary file is left")
    return finish("contract")


if __name__ == "__main__":
    sys.exit(main())
