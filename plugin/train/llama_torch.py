"""The frozen language model in PyTorch, from a GGUF file: prompt and soft prompts to text embeddings, in float32 or float64.

A prompt is BOS, the soft prompt's vectors, the prompt's tokens, <SEG>; causal attention, positions 0, 1, 2, ...; the embedding is the output of
the final norm at <SEG>. Weights are buffers without gradients; gradients flow through the layers to the soft prompts, which is how
they are learned. No tokenizer: token ids come from `ctvk tokenize`.
"""
import math
import re

import numpy
import torch
from torch import nn
from torch.nn import functional

import gguf_io

LAYER = {"attn_norm", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_norm", "ffn_gate", "ffn_up", "ffn_down"}
# Part of the file that the embedding at <SEG> does not depend on.
UNUSED = {"output.weight"}


class Settings:
    """What the metadata says, with llama.cpp's defaults. Anything that would change the numbers and is not known here is refused."""

    def __init__(self, gguf):
        self.gguf = gguf
        architecture = gguf.metadata.get("general.architecture")
        if architecture != "llama":
            self.refuse(f"architecture {architecture!r} (llama only)")
        self.layers, self.width = self.need("block_count"), self.need("embedding_length")
        self.heads = self.need("attention.head_count")
        self.groups = self.get("attention.head_count_kv", self.heads)
        if not self.heads or not self.groups or self.heads % self.groups:
            self.refuse(f"{self.heads} heads over {self.groups} key-value heads")
        self.key = self.get("attention.key_length", self.width // self.heads)
        self.value = self.get("attention.value_length", self.width // self.heads)
        self.rotated = self.get("rope.dimension_count", self.key)
        if self.rotated % 2 or self.rotated > self.key:
            self.refuse(f"rope over {self.rotated} of {self.key} dimensions")
        self.eps, self.base = self.need("attention.layer_norm_rms_epsilon"), self.get("rope.freq_base", 10000.0)
        if self.get("expert_count", 0):
            self.refuse("a mixture of experts")
        self.scale = self.rope_scale()
        self.factors = None
        if "rope_freqs.weight" in gguf.tensors:
            self.factors = gguf.rows("rope_freqs.weight")
            if self.factors.shape != (self.rotated // 2,):
                self.refuse(f"rope_freqs.weight of shape {self.factors.shape}, not {self.rotated // 2}")
        self.bos = gguf.metadata.get("tokenizer.ggml.bos_token_id", 1)
        self.check_tensors()

    def refuse(self, why):
        raise gguf_io.GgufError(f"{self.gguf.path}: {why} is not supported")

    def get(self, name, default):
        return self.gguf.metadata.get(f"llama.{name}", default)

    def need(self, name):
        if f"llama.{name}" not in self.gguf.metadata:
            raise gguf_io.GgufError(f"{self.gguf.path}: llama.{name} is missing")
        return self.get(name, None)

    def rope_scale(self):
        """Factor on the positions: 1 / linear scaling."""
        kind = self.get("rope.scaling.type", "linear")
        if kind == "none":
            return 1.0
        if kind != "linear":
            self.refuse(f"rope scaling {kind!r}")
        factor = self.get("rope.scaling.factor", self.get("rope.scale_linear", 0.0))
        return 1.0 / factor if factor else 1.0

    def check_tensors(self):
        """A tensor that nobody would use (a bias, an adapter) is a different model, not a detail."""
        for name in self.gguf.tensors:
            part = re.fullmatch(r"blk\.(\d+)\.(\w+)\.weight", name)
            known = part and int(part[1]) < self.layers and part[2] in LAYER
            if not known and name not in UNUSED | {"token_embd.weight", "output_norm.weight", "rope_freqs.weight"}:
                self.refuse(f"tensor {name}")


class RmsNorm(nn.Module):
    def __init__(self, weight, eps):
        super().__init__()
        self.register_buffer("weight", weight)
        self.eps = eps

    def forward(self, x):
        return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps) * self.weight


def rope_angles(settings, length):
    """cos and sin [length, rotated / 2] in float64: position * scale * base^(-2 i / rotated) / factor_i."""
    half = numpy.arange(settings.rotated // 2)
    speed = settings.base ** (-2.0 * half / settings.rotated)
    if settings.factors is not None:
        speed = speed / settings.factors
    angle = torch.from_numpy(numpy.outer(numpy.arange(length) * settings.scale, speed))
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    """RoPE on [batch, heads, tokens, head]: pairs of neighbours (2 i, 2 i + 1), the order that GGUF weights are stored for; what lies beyond
    the rotated dimensions stays."""
    rotated = 2 * cos.shape[-1]
    even, odd = x[..., 0:rotated:2], x[..., 1:rotated:2]
    turned = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1).flatten(-2)
    return torch.cat([turned, x[..., rotated:]], dim=-1)


class Layer(nn.Module):
    def __init__(self, settings, index, read):
        super().__init__()
        self.settings = settings
        q, kv, width = settings.heads * settings.key, settings.groups * settings.key, settings.width
        v, inner = settings.groups * settings.value, settings.get("feed_forward_length", None)
        shapes = {"attn_q": (q, width), "attn_k": (kv, width), "attn_v": (v, width), "attn_output": (width, settings.heads * settings.value),
                  "ffn_gate": (inner, width), "ffn_up": (inner, width), "ffn_down": (width, inner)}
        for name, shape in shapes.items():
            self.register_buffer(name, read(f"blk.{index}.{name}.weight", shape))
        self.attn_norm = RmsNorm(read(f"blk.{index}.attn_norm.weight", (width,)), settings.eps)
        self.ffn_norm = RmsNorm(read(f"blk.{index}.ffn_norm.weight", (width,)), settings.eps)

    def heads(self, x, count):
        return x.unflatten(-1, (count, -1)).transpose(1, 2)

    def forward(self, x, cos, sin, mask):
        s, h = self.settings, self.attn_norm(x)
        q = rotate(self.heads(functional.linear(h, self.attn_q), s.heads), cos, sin)
        k = rotate(self.heads(functional.linear(h, self.attn_k), s.groups), cos, sin)
        v = self.heads(functional.linear(h, self.attn_v), s.groups)
        # Neighbouring query heads share a key-value head.
        k, v = (t.repeat_interleave(s.heads // s.groups, dim=1) for t in (k, v))
        scores = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(s.key) + mask, dim=-1)
        x = x + functional.linear((scores @ v).transpose(1, 2).flatten(2), self.attn_output)
        h = self.ffn_norm(x)
        return x + functional.linear(functional.silu(functional.linear(h, self.ffn_gate)) * functional.linear(h, self.ffn_up), self.ffn_down)


class Llama(nn.Module):
    """A GGUF file's model. Of the embedding table only the rows that a prompt needs are read."""

    def __init__(self, path, dtype=torch.float32):
        super().__init__()
        self.gguf, self.dtype = gguf_io.Gguf(path), dtype
        self.settings = Settings(self.gguf)
        self.layers = nn.ModuleList([Layer(self.settings, i, self.read) for i in range(self.settings.layers)])
        self.norm = RmsNorm(self.read("output_norm.weight", (self.settings.width,)), self.settings.eps)

    def read(self, name, shape):
        data = self.gguf.rows(name)
        if data.shape != shape:
            raise gguf_io.GgufError(f"{self.gguf.path}: tensor {name} has the shape {data.shape}, not {shape}")
        return torch.from_numpy(data).to(self.dtype)

    def embed_tokens(self, tokens):
        """[count, width] of token ids."""
        size = self.gguf.tensors["token_embd.weight"].shape
        if size[1] != self.settings.width or not all(0 <= token < size[0] for token in tokens):
            raise gguf_io.GgufError(f"{self.gguf.path}: an embedding table {size} for width {self.settings.width} and tokens up to {max(tokens)}")
        return torch.from_numpy(self.gguf.rows("token_embd.weight", list(tokens))).to(self.dtype)

    def forward(self, x):
        """[batch, tokens, width] at the embedding layer -> [batch, width]: the final norm at the last position."""
        length = x.shape[1]
        cos, sin = (t.to(self.dtype) for t in rope_angles(self.settings, length))
        mask = torch.full((length, length), -math.inf, dtype=self.dtype).triu(1)
        for layer in self.layers:
            x = layer(x, cos, sin, mask)
        return self.norm(x[:, -1])

    def encode(self, tokens, contexts, segment_token):
        """tokens: ids of the prompt without BOS and <SEG>; contexts [P, L, width] and segment_token [width], which may require gradients.
        -> [P, width], one pass for each soft prompt in one batch."""
        contexts, prompts = contexts.to(self.dtype), contexts.shape[0]
        words = self.embed_tokens([self.settings.bos] + list(tokens)).expand(prompts, -1, -1)
        last = segment_token.to(self.dtype).expand(prompts, 1, -1)
        return self(torch.cat([words[:, :1], contexts, words[:, 1:], last], dim=1))
