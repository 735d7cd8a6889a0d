"""convert_llmseg.py: a checkpoint as the published code writes it, through a bundle and ctvk, to the label map of PyTorch; and what it refuses."""
import collections
import contextlib
import io
import json
import os
import pickle
import subprocess
import sys
import zipfile

import nibabel
import numpy
import torch

from support import TRAIN, TinyLlama, check, close, finish, folder, refused, write

import convert_llmseg
import files
import llama_torch
import llmseg
import preprocess
import safetensors_io
import seeded_weights
import segment
import torch_file

BASE = folder("train-convert")
CTVK = os.environ["CTVK_COMMAND"]
PROMPTS, LENGTH, TOKENS = 2, 8, [5, 9, 21, 4]
LLM = f"{BASE}/tiny.gguf"
# Of a vocabulary of 40: the published code's table has <SEG> in row 40 and one more row.
TINY = TinyLlama(width=64, heads=4, groups=4, key=16)
SHAPES = {"q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output"}


def hugging_face(tensors):
    """The GGUF's weights under the names and in the rotary order of the checkpoint's language model."""
    found = {"norm.weight": tensors["output_norm.weight"]}
    for i in range(TINY.layers):
        for name, part in SHAPES.items():
            w = tensors[f"blk.{i}.{part}.weight"]
            if name in ("q_proj", "k_proj"):
                w = w.reshape(-1, TINY.key // 2, 2, w.shape[1]).swapaxes(1, 2).reshape(w.shape)
            found[f"layers.{i}.self_attn.{name}.weight"] = w
        for name, part in (("gate_proj", "ffn_gate"), ("up_proj", "ffn_up"), ("down_proj", "ffn_down")):
            found[f"layers.{i}.mlp.{name}.weight"] = tensors[f"blk.{i}.{part}.weight"]
        found[f"layers.{i}.input_layernorm.weight"] = tensors[f"blk.{i}.attn_norm.weight"]
        found[f"layers.{i}.post_attention_layernorm.weight"] = tensors[f"blk.{i}.ffn_norm.weight"]
    return found


def state_dict():
    """What the published model's state_dict() holds, small: network, soft prompts, language model, and the leavings of its first text encoder."""
    random = numpy.random.default_rng(3)
    net = llmseg.LLMSeg(1, 2, 16, TINY.width)
    state = collections.OrderedDict((name, torch.from_numpy(seeded_weights.tensor(name, tuple(t.shape)))) for name, t in net.state_dict().items())
    state["contexts"] = torch.from_numpy(random.standard_normal((PROMPTS, LENGTH, TINY.width)).astype(numpy.float32))
    new = random.standard_normal((2, TINY.width)).astype(numpy.float32)
    table = torch.from_numpy(numpy.concatenate([TINY.tensors["token_embd.weight"], new])).half()
    state["text_encoder.positional_embedding"] = torch.zeros(77, 512)
    state["text_encoder.text_projection"] = torch.zeros(512, TINY.width)
    state["text_encoder.token_embedding.weight"] = state["text_encoder.transformer.embed_tokens.weight"] = table
    for name, w in hugging_face(TINY.tensors).items():
        state[f"text_encoder.transformer.{name}"] = torch.from_numpy(numpy.ascontiguousarray(w)).half()
    return state


def save(state, name="model_best.pt", **more):
    path = f"{BASE}/{name}"
    # The published trainer's best score is a numpy number: a pickle of more than tensors, which must not stop the conversion.
    torch.save({"epoch": 55, "best_acc": numpy.float64(0.8), "state_dict": state, **more}, path)
    return path


def run(checkpoint, bundle, *more, code=0):
    """What the script prints; where it is to fail (code 1), its one line. It runs in this process: PyTorch takes seconds to start."""
    out, status = io.StringIO(), 0
    with contextlib.redirect_stdout(out):
        try:
            convert_llmseg.main([checkpoint, f"{BASE}/{bundle}", *more])
        except SystemExit as end:
            status = end.code
    if code:
        check(isinstance(status, str) and status.startswith("convert_llmseg: ") and "\n" not in status, f"{bundle}: one line: {status!r}")
        check(not [n for n in os.listdir(BASE) if n.startswith(bundle)], f"{bundle}: nothing is left behind")
        return str(status)
    check(status == 0, f"{bundle}: {status}")
    return out.getvalue()


def ctvk(bundle, image, embedding):
    label = f"{BASE}/label.nii.gz"
    done = subprocess.run([CTVK, "segment", "--model", f"{BASE}/{bundle}", "--image", image, "--output", label, "--text-embedding", embedding, "--quiet"],
                          capture_output=True, text=True, check=False)
    check(done.returncode == 0, f"{bundle}: ctvk gives {done.returncode}: {done.stderr[-300:]}")
    return numpy.asarray(nibabel.load(label).dataobj) if done.returncode == 0 else None


def whole(state):
    """Checkpoint -> bundle -> ctvk, against the network that the state dict came from."""
    small = ("--window", "64", "32", "32", "--spacing", "none", "--llm", LLM)
    told = run(save(state), "bundle", *small)
    check("row 40 of 42" in told, "<SEG> is the last row but one")
    check(f"left out: {len(hugging_face(TINY.tensors)) + 1} of the language model, 3 others" in told, f"what was left out is counted: {told}")
    with open(f"{BASE}/bundle/manifest.json", encoding="utf-8") as file:
        manifest = json.load(file)
    encoder = manifest["network"]["text"]["encoder"]
    check(encoder["file"] == "tiny.gguf" and encoder["sha256"] == files.sha256(LLM) and encoder["max_tokens"] == 120, "the manifest names the GGUF")
    weights = safetensors_io.load(f"{BASE}/bundle/network.safetensors")
    check(not [name for name in weights if "text_encoder" in name], "no weight of the language model in the bundle")
    mark = state["text_encoder.token_embedding.weight"][40].float()
    check((weights["segment_token"] == mark.numpy()).all(), "the embedding of <SEG>")
    inspected = subprocess.run([CTVK, "verify", f"{BASE}/bundle"], capture_output=True, text=True, check=False)
    check(inspected.returncode == 0, f"ctvk verify: {inspected.stderr}")
    llama = llama_torch.Llama(LLM)
    with torch.no_grad():
        embedding = llama.encode(TOKENS, torch.from_numpy(weights["contexts"]), torch.from_numpy(weights["segment_token"]))
        text = llama.encode(TOKENS, state["contexts"], mark)
    check(bool((embedding == text).all()), "the embedding is that of the checkpoint's own tensors")
    safetensors_io.save(f"{BASE}/text.safetensors", {"text_embedding": embedding.numpy()})
    image = write(f"{BASE}/ct.nii", files.nifti())
    net = llmseg.LLMSeg(1, 2, 16, TINY.width).eval()
    net.load_state_dict({name: state[name] for name in net.state_dict()})
    volume = nibabel.load(image)
    prepared = preprocess.Prepared(numpy.asarray(volume.dataobj), volume.affine, manifest)

    def network(window):
        with torch.no_grad():
            return net(torch.from_numpy(numpy.array(window))[None, None], text[None])[0].numpy()

    want = prepared.restore(preprocess.sliding(prepared.data, manifest, network))
    got = ctvk("bundle", image, f"{BASE}/text.safetensors")
    # The seeds leave no voxel so near a tie that the order of a sum could decide it.
    check(got is not None and (got == want).all() and 0.05 < want.mean() < 0.95, f"label map: {None if got is None else (got != want).sum()} voxels differ")
    check((segment.segment(f"{BASE}/bundle", image, embedding=embedding.numpy())[0] == want).all(), "segment.py gives the same label map")
    return small


def variations(state, small):
    whole_weights = safetensors_io.load(f"{BASE}/bundle/network.safetensors")
    wrapped = {f"module.{name}": tensor for name, tensor in state.items()}
    check("'module.'" in run(save(wrapped, "wrapped.pt"), "wrapped", *small), "the prefix is told")
    again = safetensors_io.load(f"{BASE}/wrapped/network.safetensors")
    check(all((again[name] == whole_weights[name]).all() for name in whole_weights), "a prefix changes nothing")
    run(save(state), "half", "--dtype", "float16", *small)
    half = safetensors_io.load(f"{BASE}/half/network.safetensors")
    check(half["encoder1.layer.conv1.conv.weight"].dtype == numpy.float16 and half["contexts"].dtype == numpy.float32, "float16, soft prompts in float32")
    close(half["decoder1.conv_block.conv1.conv.weight"], whole_weights["decoder1.conv_block.conv1.conv.weight"], 1e-3, "float16")
    one = dict(state)
    for name in ("text_encoder.token_embedding.weight", "text_encoder.transformer.embed_tokens.weight"):
        one[name] = state[name][:41]
    check("row 40 of 41" in run(save(one, "one.pt"), "one", *small), "a table of one row more has <SEG> last")
    check("row 41 of 42" in run(save(state), "asked", "--segment-row", "-1", *small), "--segment-row")
    transposed = dict(state)
    name = "decoder1.conv_block.conv1.conv.weight"
    transposed[name] = state[name].permute(1, 0, 2, 3, 4).contiguous().permute(1, 0, 2, 3, 4)
    run(save(transposed, "strides.pt"), "strides", *small)
    check((safetensors_io.load(f"{BASE}/strides/network.safetensors")[name] == whole_weights[name]).all(), "strides of a view")
    torch.save({n: t.bfloat16() if n.startswith("encoder") else t for n, t in state.items()}, f"{BASE}/bare.pt")
    run(f"{BASE}/bare.pt", "bare", *small)
    bare = safetensors_io.load(f"{BASE}/bare/network.safetensors")["encoder1.layer.conv1.conv.weight"]
    check((bare == state["encoder1.layer.conv1.conv.weight"].bfloat16().float().numpy()).all(), "a bare state dict with bfloat16")
    vision = {n: t for n, t in state.items() if not n.startswith(("txt2vis", "attn_transformer", "contexts", "text_encoder"))}
    plain = {n: t for n, t in state.items() if not n.startswith("text_encoder")}
    check("only embeddings" in run(save(plain, "plain.pt"), "plain", "--spacing", "none"), "without a language model")
    with open(f"{BASE}/plain/manifest.json", encoding="utf-8") as file:
        check("encoder" not in json.load(file)["network"]["text"], "no encoder without a GGUF")
    run(save(vision, "vision.pt"), "vision", "--spacing", "none")
    with open(f"{BASE}/vision/manifest.json", encoding="utf-8") as file:
        check(json.load(file)["network"]["text"] is None, "no text: a vision-only bundle")


def refusals(state, small):
    def bad(changes, words, bundle, *more):
        changed = {n: t for n, t in {**state, **changes}.items() if t is not None}
        error = run(save(changed, "bad.pt"), bundle, *(more or small), code=1)
        check(all(word in error for word in words), f"{bundle} names {words}: {error}")

    conv, bias = "encoder3.layer.conv2.conv.weight", "txt2vis.4.bias"
    bad({conv: None, bias: torch.zeros(5)}, [f"1 missing: {conv}", f"1 misshapen: {bias} [5] (not [128])"], "missing-and-misshapen")
    bad({"contexts": None}, ["contexts"], "no-contexts")
    bad({"encoder1.layer.conv1.conv.weight": None}, ["encoder1", "LLMSeg"], "not-llmseg")
    bad({conv: torch.full_like(state[conv], float("nan"))}, [conv, "NaN"], "not-finite")
    bad({conv: torch.full_like(state[conv], 1e6)}, [conv, "float32"], "too-large", "--dtype", "float16", *small)
    bad({conv: torch.zeros(state[conv].shape, dtype=torch.int8)}, [conv, "int8"], "integers")
    bad({n: None for n in state if n.startswith("text_encoder")}, ["<SEG>"], "no-segment-token")
    name = "text_encoder.transformer.layers.1.mlp.down_proj.weight"
    bad({name: torch.flip(state[name], [0])}, ["another language model"], "another-llm")
    other = TinyLlama(width=64, heads=4, groups=4, key=16, layers=3).write(f"{BASE}/other.gguf")
    bad({}, ["3 layers", "2"], "other-layers", "--llm", other)
    bad({}, ["width 48", "64"], "other-width", "--llm", TinyLlama().write(f"{BASE}/narrow.gguf"))
    done = subprocess.run([sys.executable, f"{TRAIN}/convert_llmseg.py", save(state), f"{BASE}/bundle", *small], capture_output=True, text=True, check=False)
    check(done.returncode == 1 and done.stderr.count("\n") == 1 and "there already" in done.stderr, "the script: a bundle that is there is not written over")


class Evil:
    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def malicious(state):
    canary = f"{BASE}/canary"
    evils = {"os.system": Evil(os.system, f"touch {canary}"), "builtins.open": Evil(open, canary, "w"), "builtins.eval": Evil(eval, f"open({canary!r}, 'w')"),
             "subprocess.Popen": Evil(subprocess.Popen, ["touch", canary]), "os.mkdir": Evil(os.mkdir, canary)}
    for name, evil in evils.items():
        for place in ("beside", "inside"):
            more = {"optimizer": {"state": [evil]}} if place == "beside" else {}
            inside = {**state, "contexts": evil} if place == "inside" else state
            error = run(save(inside, "evil.pt", **more), f"evil-{name}-{place}", code=1)
            check(name.split(".")[1] in error and "nothing of it was run" in error, f"{name} {place} the state dict: {error}")
            check(not os.path.exists(canary), f"{name} was not run")
    check(pickle.loads(pickle.dumps(Evil(int, "7"))) == 7, "such pickles do run elsewhere")


def damaged(state):
    """A checkpoint cut or changed anywhere gives an error or sound tensors, never another exception."""
    path = f"{BASE}/small.pt"
    torch.save({"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}, path)
    data, described = open(path, "rb").read(), "damaged"
    random = numpy.random.default_rng(1)

    def read(content):
        with contextlib.suppress(torch_file.CheckpointError):
            return {n: t.load() for n, t in torch_file.File(write(f"{BASE}/{described}.pt", content)).tensors().items()}
        return None

    check((read(data)["a"] == numpy.arange(6.0).reshape(2, 3)).all(), "the sound file")
    for cut in range(0, len(data), 37):
        check(read(data[:cut]) is None, f"cut after {cut} bytes")
    with zipfile.ZipFile(path) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    key = next(name for name in entries if name.endswith("data.pkl"))
    taken = 0
    for _ in range(3000):
        changed = bytearray(entries[key])
        changed[random.integers(len(changed))] = random.integers(256)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, content in entries.items():
                archive.writestr(name, bytes(changed) if name == key else content)
        taken += read(packed.getvalue()) is not None
    check(taken < 3000, "some damage is seen")
    refused(torch_file.CheckpointError, lambda: torch_file.File(write(f"{BASE}/old.pt", pickle.dumps({"a": 1}))), ["1.6"], "the format before 1.6")


torch.set_num_threads(1)
TINY.write(LLM)
checkpoint = state_dict()
options = whole(checkpoint)
variations(checkpoint, options)
refusals(checkpoint, options)
malicious(checkpoint)
damaged(checkpoint)
finish()
