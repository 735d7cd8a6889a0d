"""ctvk tune from end to end, with a tiny bundle: what is measured and chosen, what is kept and taken by the runs after it, the same file gives the
same bits, a file that is damaged or of another driver is ignored with a warning, an end by a signal keeps what was there."""
import glob
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

TMP, DATA, COMMAND = os.environ["CTVK_TEST_TMP"], os.environ["CTVK_TEST_DATA"], os.environ["CTVK_COMMAND"]
BUNDLE = f"{TMP}/abi/vision-only"
IMAGE = f"{DATA}/golden/vision-only/image.nii.gz"
NAMES = {"portable", "tiled", "address", "winograd", "gemm"}
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def environment(folder):
    return {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache", "CTVK_SELF_TEST": "skip"}


def run(folder, *words):
    return subprocess.run([COMMAND, *words], capture_output=True, text=True, timeout=550, env=environment(folder), stdin=subprocess.DEVNULL)


def segment(folder, name):
    """Label map's hash, report, warnings."""
    done = run(folder, "segment", "--model", BUNDLE, "--image", IMAGE, "--output", f"{folder}/{name}.nii.gz", "--logits", f"{folder}/{name}.safetensors",
               "--report", f"{folder}/{name}.json", "--quiet")
    check(done.returncode == 0, f"{name}: exit {done.returncode}: {done.stderr}")
    with open(f"{folder}/{name}.json", encoding="utf-8") as file:
        report = json.load(file)
    with open(f"{folder}/{name}.safetensors", "rb") as file:
        return hashlib.sha256(file.read()).hexdigest(), report, done.stderr


def tables(folder):
    return glob.glob(f"{folder}/cache/ctvk/tuned-*.txt")


def kept(path):
    """{key: variant} of a table, and its hash."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    lines = text.splitlines()
    check(lines[0] == "ctvk-tuned/1" and re.search(r"[0-9a-f-]{36} driver 0x\w+ library \d+\.\d+\.\d+ subgroup \d+ mask 0x0", lines[1]), f"heading: {lines[:2]}")
    check(hashlib.sha256(text[:text.index("sha256 ")].encode()).hexdigest() == lines[-1].split()[1], "the table's hash")
    return {key: value.split()[0] for key, value in (line.split(": ") for line in lines[2:-1])}, lines[-1].split()[1]


def tuned(folder):
    before, report, _ = segment(folder, "before")
    check(report["device"]["tuned_sha256"] is None, f"untuned: {report['device']}")
    done = run(folder, "tune", "--model", BUNDLE, "--json", f"{folder}/t.json", "--quiet")
    check(done.returncode == 0 and not done.stderr, f"tune: exit {done.returncode}: {done.stderr}")
    with open(f"{folder}/t.json", encoding="utf-8") as file:
        found = json.load(file)
    check(found["schema"] == "ctvk-tune/1" and len(found["convolutions"]) >= 15 and found["seconds"] > 0, f"{found['schema']}, {len(found['convolutions'])}")
    for c in found["convolutions"]:
        times = c["milliseconds"]
        check(set(times) <= NAMES - {"tiled"} and {"portable", "address"} <= set(times) and all(t > 0 for t in times.values()), f"{c}")
        check(c["chosen"] in times and c["untuned"] in times and times[c["chosen"]] <= times[c["untuned"]], f"{c}")
        check(c["chosen"] == c["untuned"] or times[c["chosen"]] == min(times.values()), f"{c}")
        check(c["shape"] in done.stdout, f"the table does not say {c['shape']}")
    check(found["tuned_milliseconds"] <= found["untuned_milliseconds"], "tuned is slower")
    for word in (*NAMES, found["device"]["name"], found["device"]["uuid"], "untuned"):
        check(word in done.stdout, f"the table does not say {word}")
    check(len(tables(folder)) == 1, f"tables: {tables(folder)}")
    lines, digest = kept(tables(folder)[0])
    check(sorted(lines.values()) == sorted(c["chosen"] for c in found["convolutions"]), "what is kept is not what was chosen")
    first, report, warned = segment(folder, "first")
    second, _, _ = segment(folder, "second")
    check(report["device"]["tuned_sha256"] == digest and first == second and not warned, f"tuned: {report['device']}, {warned}")
    check(run(folder, "inspect", BUNDLE, "--device", "0").returncode == 0, "inspect with a table")
    return before, digest


def sign(text):
    body = text[:text.index("sha256 ")]
    return f"{body}sha256 {hashlib.sha256(body.encode()).hexdigest()}\n"


def ignored(folder, before):
    path = tables(folder)[0]
    with open(path, encoding="utf-8") as file:
        good = file.read()
    wrong = {"damaged": good.replace("ms", "mS", 1), "short": good[:200], "another driver": sign(re.sub(r"driver 0x", "driver 0xf", good)),
             "another version": sign(re.sub(r"library \d+", "library 99", good))}
    for name, text in wrong.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        found, report, warned = segment(folder, "ignored")
        check(report["device"]["tuned_sha256"] is None and found == before, f"{name}: the table was taken")
        check(sum("ignored" in w and "ctvk tune" in w for w in report["warnings"]) == 1 and warned.count("\n") == 1, f"{name}: {warned}")
        check(folder not in json.dumps(report), f"{name}: a path in the report")
    with open(path, "w", encoding="utf-8") as file:
        file.write(good)


def forced(folder):
    """A table that names something else gives other bits, within the product's tolerance; a name of nothing changes nothing."""
    path = tables(folder)[0]
    with open(path, encoding="utf-8") as file:
        good = file.read()
    hashes = set()
    for variant in ("portable", "winograd", "nothing"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(sign(re.sub(r": \w+ ", f": {variant} ", good)))
        found, report, _ = segment(folder, variant)
        check(report["device"]["tuned_sha256"] is not None, f"{variant}: {report['device']}")
        hashes.add(found)
    check(len(hashes) == 3, "variants do not differ in a bit")
    with open(path, "w", encoding="utf-8") as file:
        file.write(good)


def cancelled(folder, digest):
    process = subprocess.Popen([COMMAND, "tune"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(folder))
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=300)
    check(process.returncode == 7 and not out and "cancelled" in error, f"Ctrl-C: exit {process.returncode}: {error}")
    check(kept(tables(folder)[0])[1] == digest, "a cancelled run changed the table")


def command_line(folder):
    for words, code in ((["--json="], 2), (["--model="], 2), (["--memory-limit", "0"], 2), (["extra"], 2), (["--model", f"{folder}/none"], 3),
                        (["--json", f"{folder}/none/a"], 3), (["--device", "no such"], 5), (["--bogus"], 2)):
        done = run(folder, "tune", "--quiet", *words)
        lines = [line for line in done.stderr.splitlines() if line.startswith("ctvk: error: ")]
        check(done.returncode in (code, 4) and len(lines) == 1 and not done.stdout, f"{words}: exit {done.returncode}: {done.stderr}")
    done = subprocess.run([COMMAND, "tune", "--quiet"], capture_output=True, text=True, timeout=60, env={**environment(folder), "XDG_CACHE_HOME": "/dev/null"})
    check(done.returncode == 3 and "cache folder" in done.stderr, f"no cache folder: exit {done.returncode}: {done.stderr}")


def main():
    with tempfile.TemporaryDirectory(dir=TMP) as folder:
        command_line(folder)
        before, digest = tuned(folder)
        ignored(folder, before)
        forced(folder)
        cancelled(folder, digest)
    print(f"tune: {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
