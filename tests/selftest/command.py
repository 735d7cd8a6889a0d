"""ctvk selftest: both software drivers in one run, with a bundle; table, JSON by its schema, page; and a device that computes wrongly."""
import json
import os
import re
import subprocess
import sys
import tempfile

import jsonschema

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COMMAND, LAYER, SPIRV = os.environ["CTVK_COMMAND"], os.environ["CTVK_LAYER"], os.environ["CTVK_SPIRV"]
CT = f"{SOURCE}/tests/data/ct/lidc-idri-0314_small.nii.gz"
failures = []


def check(condition, text):
    if not condition:
        failures.append(text)
        print(f"failed: {text}", file=sys.stderr)


def selftest(folder, *options, **more):
    env = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache", **more}
    return subprocess.run([COMMAND, "selftest", "--quiet", *options], capture_output=True, text=True, timeout=800, env=env, stdin=subprocess.DEVNULL)


def load(path):
    with open(f"{SOURCE}/manifest/selftest.schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    wrong = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in jsonschema.Draft202012Validator(schema).iter_errors(value)]
    check(not wrong, f"{path}: {wrong}")
    del value["devices"][0]["operations"][0]["limit"]
    check(list(jsonschema.Draft202012Validator(schema).iter_errors(value)), "the schema takes an operation without a limit")
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def both_drivers(folder):
    done = selftest(folder, "--all", "--json", f"{folder}/s.json", "--html", f"{folder}/s.html", "--bundle", f"{SOURCE}/manifest/demo", "--image", CT)
    check(done.returncode == 0 and not done.stderr, f"exit {done.returncode}: {done.stderr}")
    value = load(f"{folder}/s.json")
    devices = value["devices"]
    check(len(devices) == 2 and all(d["right"] for d in devices), "two devices, both right")
    for d in devices:
        names = [o["name"] for o in d["operations"]]
        check(len(names) >= 18 and len(set(names)) == len(names) and names[-3:] == ["llama", "llmseg", "llmseg f16"], f"operations: {names}")
        check(all(o["right"] and o["worst_error"] <= o["limit"] for o in d["operations"]), f"{d['name']}: an operation is wrong")
        for word in (d["name"], d["driver"], d["uuid"], *names):
            check(word in done.stdout, f"the table does not say {word}")
    for pairs in (value["network_agreement"], value["bundle_agreement"]):
        check(len(pairs) == 1 and pairs[0]["equal_share"] > 0.999 and pairs[0]["dice"] > 0.99, f"agreement: {pairs}")
    check(value["bundle"]["text"] == "cached prompt", f"bundle: {value['bundle']}")
    with open(f"{folder}/s.html", encoding="utf-8") as file:
        page = file.read()
    check(page.startswith("<!DOCTYPE html>") and page.rstrip().endswith("</html>") and len(re.findall("<tr>", page)) > 25, "the page")
    check(not re.search(r"(src|href)=|https?:", page), "the page refers to something outside")
    check("llvmpipe" in page and "conv3d" in page and "Dice" in page and "class=wrong" not in page, "the page lacks something")


def wrong_device(folder):
    done = selftest(folder, "--device", "llvmpipe", "--json", f"{folder}/w.json", "--html", f"{folder}/w.html", VK_LAYER_PATH=LAYER,
                    VK_INSTANCE_LAYERS="VK_LAYER_CTVK_corrupt", CTVK_CORRUPT_SHADER=f"{SPIRV}/classify_texel.spv")
    errors = [line for line in done.stderr.splitlines() if line.startswith("ctvk: error: ")]
    check(done.returncode == 8 and len(errors) == 1 and "computes the operation classify wrongly" in errors[0], f"exit {done.returncode}: {done.stderr}")
    check("COMPUTES WRONGLY" in done.stdout and "WRONG" in done.stdout, "the table does not say it")
    device = load(f"{folder}/w.json")["devices"][0]
    wrong = {o["name"] for o in device["operations"] if not o["right"]}
    check(not device["right"] and "classify" in wrong and wrong <= {"classify", "llmseg", "llmseg f16"}, f"wrong: {wrong}")
    with open(f"{folder}/w.html", encoding="utf-8") as file:
        check("wrong" in file.read(), "the page does not say it")


def command_line(folder):
    for options, code in ((["--all", "--device", "0"], 2), (["--bundle", "x"], 2), (["--image", CT], 2), (["--prompt", "x"], 2), (["--json="], 2),
                          (["--json", f"{folder}/a", "--html", f"{folder}/a"], 2), (["--json", f"{folder}/none/a"], 3), (["--device", "no such"], 5),
                          (["--bundle", f"{SOURCE}/manifest/demo", "--image", CT, "--json", CT], 2)):
        done = selftest(folder, *options)
        check(done.returncode == code and done.stderr.count("\n") == 1 and not done.stdout, f"{options}: exit {done.returncode}: {done.stderr}")


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as folder:
        command_line(folder)
        both_drivers(folder)
        wrong_device(folder)
    print(f"command: {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
