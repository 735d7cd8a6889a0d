"""llama_torch.py against the formulas written out position by position, its options, and the gradients of soft prompts."""
import numpy
import torch

from support import TinyLlama, check, close, finish, folder, refused

import gguf_io
import llama_torch

BASE = folder("train-llama")
TOKENS, LENGTH = [3, 39, 0, 7], 5


def by_hand(model, x, speeds, eps=1e-5):
    """One sequence [tokens, width] in float64; query after query, head after head, pair after pair."""
    t = {name: array.astype(numpy.float64) for name, array in model.tensors.items()}

    def norm(v, weight):
        return v / numpy.sqrt((v * v).mean() + eps) * weight

    def turned(v, position):
        v = v.copy()
        for i, speed in enumerate(speeds):
            a, b, angle = v[2 * i], v[2 * i + 1], position * speed
            v[2 * i], v[2 * i + 1] = a * numpy.cos(angle) - b * numpy.sin(angle), a * numpy.sin(angle) + b * numpy.cos(angle)
        return v

    for layer in range(model.layers):
        w = {part: t[f"blk.{layer}.{part}.weight"] for part in llama_torch.LAYER}
        h = [norm(v, w["attn_norm"]) for v in x]
        rows = []
        for p in range(len(x)):
            heads = []
            for head in range(model.heads):
                mine = slice(head * model.key, (head + 1) * model.key)
                group = head * model.groups // model.heads
                shared = slice(group * model.key, (group + 1) * model.key)
                q = turned(w["attn_q"][mine] @ h[p], p)
                scores = numpy.array([q @ turned(w["attn_k"][shared] @ h[j], j) for j in range(p + 1)]) / numpy.sqrt(model.key)
                weights = numpy.exp(scores - scores.max())
                heads.append(sum(a * (w["attn_v"][shared] @ h[j]) for j, a in enumerate(weights / weights.sum())))
            rows.append(x[p] + w["attn_output"] @ numpy.concatenate(heads))
        for p, v in enumerate(rows):
            h = norm(v, w["ffn_norm"])
            gate = w["ffn_gate"] @ h
            rows[p] = v + w["ffn_down"] @ (gate / (1 + numpy.exp(-gate)) * (w["ffn_up"] @ h))
        x = rows
    return norm(x[-1], t["output_norm.weight"])


def vectors(model, prompts=3):
    random = numpy.random.default_rng(9)
    return random.standard_normal((prompts, LENGTH, model.width)), random.standard_normal(model.width)


def encoded(model, name, speeds):
    contexts, segment = vectors(model)
    got = llama_torch.Llama(model.write(f"{BASE}/{name}.gguf"), torch.float64).encode(TOKENS, torch.from_numpy(contexts), torch.from_numpy(segment))
    table = model.tensors["token_embd.weight"].astype(numpy.float64)
    want = [by_hand(model, [table[1], *context, *table[TOKENS], segment], speeds) for context in contexts]
    close(got, want, 1e-12, name)


def speeds(rotated, base=10000.0, scale=1.0):
    return [scale * base ** (-2 * i / rotated) for i in range(rotated // 2)]


def options():
    encoded(TinyLlama(), "grouped queries, own head size", speeds(10))
    encoded(TinyLlama(**{"llama.rope.dimension_count": 6}), "partial rotation", speeds(6))
    encoded(TinyLlama(**{"llama.rope.freq_base": 500000.0}), "another base", speeds(10, 500000.0))
    scaled = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}
    encoded(TinyLlama(**scaled), "linear scaling", speeds(10, scale=0.25))
    encoded(TinyLlama(**{"llama.rope.scale_linear": 2.0}), "linear scaling by its old key", speeds(10, scale=0.5))
    encoded(TinyLlama(**{**scaled, "llama.rope.scaling.type": "none"}), "scaling switched off", speeds(10))
    model, factors = TinyLlama(), numpy.array([1, 1.5, 2, 4, 8], numpy.float32)
    model.tensors["rope_freqs.weight"] = factors
    encoded(model, "factors of the frequencies", numpy.array(speeds(10)) / factors)
    plain = TinyLlama(heads=6, groups=6, key=8)
    for key in ("head_count_kv", "key_length", "value_length"):
        del plain.metadata[f"llama.attention.{key}"]
    del plain.metadata["llama.rope.dimension_count"]
    encoded(plain, "defaults", speeds(8))


def refusals():
    def bad(words, text, tensors=None, **more):
        model = TinyLlama(**more)
        model.tensors.update(tensors or {})
        refused(gguf_io.GgufError, lambda: llama_torch.Llama(model.write(f"{BASE}/bad.gguf")), words, text)

    bad(["'gpt2'"], "another architecture", **{"general.architecture": "gpt2"})
    bad(["yarn"], "another scaling", **{"llama.rope.scaling.type": "yarn"})
    bad(["experts"], "experts", **{"llama.expert_count": 8})
    bad(["attn_q.bias"], "a bias that nobody would add", {"blk.0.attn_q.bias": numpy.ones(60)})
    bad(["blk.2."], "a layer too many", {"blk.2.attn_norm.weight": numpy.ones(48)})
    bad(["blk.1.attn_k.weight", "(20, 48)"], "another shape", {"blk.1.attn_k.weight": numpy.ones((60, 48))})
    bad(["rope_freqs"], "factors of another length", {"rope_freqs.weight": numpy.ones(4)})
    missing = TinyLlama()
    del missing.tensors["blk.1.ffn_up.weight"]
    refused(gguf_io.GgufError, lambda: llama_torch.Llama(missing.write(f"{BASE}/bad.gguf")), ["blk.1.ffn_up.weight"], "a tensor that is not there")
    model = llama_torch.Llama(TinyLlama().write(f"{BASE}/bad.gguf"))
    refused(gguf_io.GgufError, lambda: model.embed_tokens([40]), ["tokens"], "a token beyond the table")


def gradients():
    """Through all frozen layers to the soft prompts, against finite differences; no weight has a gradient."""
    tiny = TinyLlama(seed=4)
    model = llama_torch.Llama(tiny.write(f"{BASE}/grad.gguf"), torch.float64)
    check(not list(model.parameters()), "no weight is a parameter")
    contexts, segment = (torch.from_numpy(v).requires_grad_() for v in vectors(tiny, 2))
    check(torch.autograd.gradcheck(lambda c, s: model.encode(TOKENS[:2], c, s), (contexts, segment), eps=1e-6, atol=1e-6), "gradients")
    model.encode(TOKENS, contexts, segment).sum().backward()
    check(bool(contexts.grad.abs().sum(dim=-1).min() > 0), "every soft vector has a gradient")


torch.set_num_threads(1)
options()
refusals()
gradients()
finish()
