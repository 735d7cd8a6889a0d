"""Prompts through a language model: embed, tokenize and segment on a tiny random model and bundle; what goes wrong, and what stays private."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import files
import gguf
from files import gz, nifti, read, safetensors, sha256, write
from runs import COMMAND, check, environment, finish, left_behind, run

FREE = "N1, left side, a secret of the patient"


class Place:
    """A folder with a bundle, its model in the user's data folder, and a CT."""

    def __init__(self, base):
        self.base, self.data, self.cache = base, f"{base}/data", f"{base}/cache"
        self.model = f"{self.data}/ctvk/tiny.gguf"
        write(self.model, gguf.build())
        self.bundle = self.make_bundle("bundle")
        write(f"{base}/ct.nii.gz", gz(nifti()))

    def make_bundle(self, name, encoder=None, soft=True):
        folder = f"{self.base}/{name}"
        files.make_bundle(folder)
        tensors = files.network()
        if soft:
            tensors.update(files.seeded({"contexts": (2, 8, files.TEXT_DIM), "segment_token": (files.TEXT_DIM,)}, seed=5))
        write(f"{folder}/network.safetensors", safetensors(tensors))
        manifest = files.manifest()
        manifest["network"]["text"]["encoder"] = dict(
            {"type": "llama-gguf", "file": "tiny.gguf", "sha256": sha256(self.model), "soft_prompt": "contexts",
             "segment_token_embedding": "segment_token", "max_tokens": 20, "layers": gguf.LAYERS}, **(encoder or {}))
        write(f"{folder}/manifest.json", manifest)
        return folder

    def run(self, *arguments, code=0, stdin="", **env):
        out, error = run(*arguments, code=code, stdin=stdin, cwd=self.base,
                         **{"XDG_CACHE_HOME": self.cache, "XDG_DATA_HOME": self.data, **env})
        if code:
            lines = [line for line in error.splitlines() if line.startswith("ctvk: error:")]
            check(len(lines) == 1, f"{arguments}: {len(lines)} error lines")
            return lines[0] if lines else ""
        return out or error

    def embed(self, prompt, *more, bundle=None, output="e.safetensors", code=0, **env):
        return self.run("embed", "--model", bundle or self.bundle, "--prompt", prompt, "--output", f"{self.base}/{output}", *more, code=code, **env)

    def segment(self, *more, bundle=None, output="label.nii.gz", code=0, **env):
        return self.run("segment", "--model", bundle or self.bundle, "--image", f"{self.base}/ct.nii.gz", "--output", f"{self.base}/{output}",
                        "--report", f"{self.base}/report.json", *more, code=code, **env)


def embedding_joins_segmentation(p):
    """A prompt through the model gives the label that its embedding gives; the record says where the text came from."""
    said = p.embed(FREE)
    check("tokens read" in said, f"embed tells what it read: {said}")
    header = json.loads(read(f"{p.base}/e.safetensors")[8:].split(b"}}")[0] + b"}}")
    check(header["text_embedding"]["shape"] == [2, files.TEXT_DIM] and header["text_embedding"]["dtype"] == "F32", "embed: [prompts, width]")
    p.segment("--prompt", FREE)
    report = json.loads(read(f"{p.base}/report.json"))
    check(report["text"]["source"] == "model" and report["text"]["tokens"] > 3 and report["text"]["encoder_sha256"] == sha256(p.model),
          f"report: {report['text']}")
    by_prompt = read(f"{p.base}/label.nii.gz")
    p.segment("--text-embedding", f"{p.base}/e.safetensors")
    check(read(f"{p.base}/label.nii.gz") == by_prompt, "the label by prompt is that by its embedding")
    check(json.loads(read(f"{p.base}/report.json"))["text"]["source"] == "embedding", "report: embedding")
    first = read(f"{p.base}/e.safetensors")
    p.embed(f"{FREE}  <SEG>")
    check(read(f"{p.base}/e.safetensors") == first, "one trailing <SEG> and white space change nothing, and the same prompt twice is bit-identical")
    p.embed(f"right {FREE}")
    check(read(f"{p.base}/e.safetensors") != first, "another prompt is another embedding")


def cached_prompts_need_no_model(p):
    os.rename(p.model, p.model + ".away")
    p.segment("--field", "side=left")
    check(json.loads(read(f"{p.base}/report.json"))["text"] == {"source": "cache", "tokens": None, "truncated": False}, "report: cache")
    check("cache" in p.embed("N0, right side"), "embed of a cached prompt")
    error = p.embed(FREE, code=4)
    check("tiny.gguf" in error and p.data in error and "SHA-256" in error, f"missing model: where it was looked for, and how to get it: {error}")
    check("tiny.gguf" in p.segment("--prompt", FREE, code=4), "segment without the model")
    check("none.gguf" in p.embed(FREE, "--llm", f"{p.base}/none.gguf", code=4), "--llm that is not there")
    os.rename(p.model + ".away", p.model)


def model_is_found(p):
    """--llm, then the bundle's folder, then the data folder."""
    p.embed(FREE, "--llm", p.model, XDG_DATA_HOME=f"{p.base}/nothing")
    here = p.make_bundle("with-model")
    write(f"{here}/tiny.gguf", read(p.model))
    p.embed(FREE, bundle=here, XDG_DATA_HOME=f"{p.base}/nothing")
    other = gguf.build(seed=4)
    write(f"{here}/tiny.gguf", other)
    check("SHA-256" in p.embed(FREE, bundle=here, code=4), "the bundle's folder comes before the data folder, and its hash counts")


def misfits(p):
    write(f"{p.base}/other.gguf", gguf.build(seed=4))
    error = p.embed(FREE, "--llm", f"{p.base}/other.gguf", code=4)
    check(sha256(f"{p.base}/other.gguf") in error and sha256(p.model) in error, f"wrong hash names both: {error}")
    write(f"{p.base}/wide.gguf", gguf.build(gguf.metadata(width=32), gguf.shapes(width=32)))
    error = p.embed(FREE, "--llm", f"{p.base}/wide.gguf", code=4)
    check("wide.gguf" in error and "32" in error and "tiny.gguf" in error and "16" in error, f"wrong width names both: {error}")
    write(f"{p.base}/deep.gguf", gguf.build(gguf.metadata(layers=3), gguf.shapes(layers=3)))
    error = p.embed(FREE, "--llm", f"{p.base}/deep.gguf", code=4)
    check("3 layers" in error and "of 2 layers" in error, f"wrong layer count names both: {error}")
    for name, damage in (("cut", lambda data: data[:-100]), ("empty", lambda data: b""), ("no gguf", lambda data: b"x" + data[1:]),
                         ("cut in the header", lambda data: data[:400])):
        write(f"{p.base}/damaged.gguf", damage(read(p.model)))
        check("damaged.gguf" in p.embed(FREE, "--llm", f"{p.base}/damaged.gguf", code=4), f"damaged model ({name})")
        check("damaged.gguf" in p.run("tokenize", "--llm", f"{p.base}/damaged.gguf", "--prompt", "x", code=3), f"damaged vocabulary ({name})")
    keys = dict(gguf.metadata())
    keys["general.architecture"] = (gguf.STRING, "gemma")
    write(f"{p.base}/gemma.gguf", gguf.build(keys))
    check("gemma" in p.embed(FREE, "--llm", f"{p.base}/gemma.gguf", code=4), "another architecture is refused by its name")
    check("contexts" in p.embed(FREE, bundle=p.make_bundle("no-soft", soft=False), code=4), "soft prompts that are missing are named")
    check(not os.path.exists(f"{p.base}/e2"), "nothing is written")


def hash_is_computed_once(p):
    """A file that has not changed is not read again: what the record says of it is believed."""
    record = f"{p.cache}/ctvk/hashes"
    p.embed(FREE)
    text, right = read(record), sha256(p.model)
    check(right.encode() in text, "the record has the model's hash")
    write(record, text.replace(right.encode(), b"0" * 64))
    check("0" * 64 in p.embed(FREE, code=4), "a second start takes the hash from the record")
    os.utime(p.model)
    p.embed(FREE)
    check(right.encode() in read(record), "another time of change: computed anew")


def prompts(p):
    check("prompt" in p.embed("", code=2), "empty prompt")
    check("UTF-8" in p.run("embed", "--model", p.bundle, "--prompt", "left \udcff", "--output", f"{p.base}/e2", code=2), "not UTF-8")
    said = p.embed("left right " * 40)
    check("18 tokens" in said and "warning" in said, f"a prompt that is cut is told: {said}")
    p.segment("--prompt", "left right " * 40)
    report = json.loads(read(f"{p.base}/report.json"))
    check(report["text"]["truncated"] is True and report["text"]["tokens"] == 18 and any("18 tokens" in w for w in report["warnings"]),
          "a prompt that is cut is in the record")
    said = p.embed("N0, left side", "--field", "side=left", code=2)
    p.segment("--field", "side=left", "--field", "side=right")
    report = json.loads(read(f"{p.base}/report.json"))
    check(report["text"]["source"] == "model", "two sides are one prompt of their own")
    check(report["prompt_sha256"] == hashlib.sha256(b"N0, left side; N0, right side").hexdigest(), "two sides are joined by \"; \"")
    error = p.segment("--field", "side=middle", code=2)
    check("left" in error and "right" in error, f"a value that is none: those that are allowed are said: {error}")
    check("side" in p.segment("--field", "side=left", "--field", "side=left", code=2), "one side twice is a slip")


def tokens(p):
    tokens = json.loads(p.run("tokenize", "--llm", p.model, "--prompt", "left side"))
    names = [gguf.PIECES[t] for t in tokens]
    check(names == ["\u2581left", "\u2581s", "id", "e"], f"tokenize: {names}")
    lines = "".join(json.dumps({"text": t}) + "\n" for t in ("left side", "", "<s>", "\u00e9"))
    answers = [json.loads(line)["tokens"] for line in p.run("tokenize", "--llm", p.model, "--jsonl", stdin=lines).splitlines()]
    check(answers[0] == tokens and answers[1] == [] and 1 not in answers[2] and len(answers) == 4, f"tokenize --jsonl: {answers}")
    check("line 2" in p.run("tokenize", "--llm", p.model, "--jsonl", stdin='{"text": "a"}\n{"text": 5}\n', code=3), "a line that is none")
    check("line 1" in p.run("tokenize", "--llm", p.model, "--jsonl", stdin='{"text": "a\\u0000b"}\n', code=3), "a zero byte in a text")
    check("--llm" in p.run("tokenize", "--prompt", "x", code=2), "tokenize without a model")
    check("--prompt" in p.run("tokenize", "--llm", p.model, code=2), "tokenize without a text")


def nothing_leaks(p):
    """The prompt is nowhere but in what the host asked for."""
    done = subprocess.run([COMMAND, "embed", "--model", p.bundle, "--prompt", FREE, "--output", f"{p.base}/e.safetensors"], capture_output=True,
                          env=dict(os.environ, XDG_CACHE_HOME=p.cache, XDG_DATA_HOME=p.data, CTVK_LOG="debug"), timeout=300)
    check(b"secret" not in done.stderr + done.stdout, "the prompt is not in the log")
    for root, _, names in os.walk(p.base):
        for name in names:
            check(b"secret" not in read(os.path.join(root, name)), f"the prompt is not in {name}")
    record = f"{p.cache}/ctvk/hashes"
    check(os.path.exists(record) and b"tiny" not in read(record), "the model's hash is remembered, without its name")
    check(left_behind(p.base) == [], "no temporary file is left")


def cancelled(p):
    env = environment(XDG_CACHE_HOME=p.cache, XDG_DATA_HOME=p.data)
    tokenize = subprocess.Popen([COMMAND, "tokenize", "--llm", p.model, "--jsonl"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
    tokenize.stdin.write(b'{"text": "left"}\n')
    tokenize.stdin.flush()
    time.sleep(0.5)
    tokenize.send_signal(signal.SIGINT)
    tokenize.stdin.close()
    check(tokenize.wait(timeout=20) in (0, 7), f"an interrupted tokenize ends: {tokenize.returncode}")
    tokenize.stderr.close()
    tokenize.stdout.close()


def main():
    with tempfile.TemporaryDirectory(dir=os.environ["CTVK_TEST_TMP"]) as base:
        place = Place(base)
        for part in (embedding_joins_segmentation, cached_prompts_need_no_model, model_is_found, misfits, hash_is_computed_once, prompts, tokens,
                     cancelled, nothing_leaks):
            part(place)
    return finish("text")


if __name__ == "__main__":
    sys.exit(main())
