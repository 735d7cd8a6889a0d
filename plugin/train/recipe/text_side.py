"""Prompt tuning proper: soft prompts and <SEG> that are learned through the frozen language model, at the least cost that changes nothing.

What is cut, and why the numbers stay (tests/train/test_text_side.py holds them against llama_torch.Llama and its gradients):
- Nothing behind <SEG> is computed for its own sake: attention is causal, so the padding of a batch reaches no <SEG>.
- BOS sees only itself: its keys and values are constants, computed once.
- The soft prompts stand right behind BOS, before the words (model order: BOS, soft prompt, words, <SEG>). So they are the same for every
  prompt of a batch and are computed once for all of them; for the same reason nothing of the words can be kept from step to step.
- Of the last layer only the row of <SEG> is asked for; the others give their keys and values.
- Equal prompts of a batch are computed once.
"""
import math

import torch
from torch import nn
from torch.nn import functional

import llama_torch

# BOS, words and <SEG> together; a longer prompt loses its end, as in the library.
MAX_TOKENS = 120


def starting_vectors(llama, prompts, length, seed):
    """contexts [P, L, D] and segment token [D]: normal numbers of the embedding table's own deviation, by seed."""
    table = llama.gguf.rows("token_embd.weight", list(range(0, llama.gguf.tensors["token_embd.weight"].shape[0], 97)))
    generator = torch.Generator().manual_seed(seed)
    deviation = float(table.std())
    contexts = torch.randn(prompts, length, llama.settings.width, generator=generator) * deviation
    return contexts, torch.randn(llama.settings.width, generator=generator) * deviation


# What the soft prompts begin as, cut or repeated to their length, and <SEG>: words that ask for what the contour needs.
WORDS, SEGMENT = ("Breast cancer: which side and which surgery? Answer", "TNM stage: tumour T and lymph nodes N of the patient"), ":"


def vectors_of_words(llama, tokens, prompts, length):
    """As starting_vectors, of the embeddings of words. tokens(text) -> token ids."""
    rows = [tokens(WORDS[prompt % len(WORDS)]) for prompt in range(prompts)]
    contexts = torch.stack([llama.embed_tokens((row * length)[:length]) for row in rows])
    return contexts.float(), llama.embed_tokens(tokens(SEGMENT)[-1:])[0].float()


class TextSide(nn.Module):
    """forward(list of token lists) -> [batch, P, D], with gradients to `contexts` and `segment_token`. llama: frozen, no part of the state."""

    def __init__(self, llama, contexts, segment_token, learn=True):
        super().__init__()
        self.contexts = nn.Parameter(contexts.clone(), requires_grad=learn)
        self.segment_token = nn.Parameter(segment_token.clone(), requires_grad=learn)
        # In a tuple it is no submodule: neither its buffers nor its hash belong to a checkpoint.
        self.frozen = (llama,)
        self.kept, self.begin = {}, None

    @property
    def llama(self):
        return self.frozen[0]

    def words(self, tokens):
        """[count, D] of one prompt's tokens; rows of the embedding table are kept, prompts share most of them."""
        missing = [token for token in tokens if token not in self.kept]
        if missing:
            self.kept.update(zip(missing, self.llama.embed_tokens(missing)))
        return [self.kept[token] for token in tokens]

    def beginning(self, cos, sin):
        """Keys and values of BOS in every layer: [(k, v)], each [1, groups, 1, head]."""
        if self.begin is None:
            x, self.begin = self.llama.embed_tokens([self.llama.settings.bos])[None], []
            with torch.no_grad():
                for layer in self.llama.layers:
                    self.begin.append(keys_and_values(layer, layer.attn_norm(x), cos[:1], sin[:1]))
                    x = layer(x, cos[:1], sin[:1], torch.zeros(1, 1, dtype=x.dtype))
        return self.begin

    def forward(self, prompts):
        unique = list(dict.fromkeys(tuple(tokens[:MAX_TOKENS - 2]) for tokens in prompts))
        place = {tokens: i for i, tokens in enumerate(unique)}
        found = self.encode(unique)
        return found[[place[tuple(tokens[:MAX_TOKENS - 2])] for tokens in prompts]]

    def encode(self, prompts):
        """As forward, every prompt by itself."""
        llama, (soft, length, width) = self.llama, self.contexts.shape
        contexts, segment = self.contexts.to(llama.dtype), self.segment_token.to(llama.dtype)
        ends = torch.tensor([len(tokens) for tokens in prompts])
        longest = int(ends.max()) + 1
        nothing = torch.zeros(width, dtype=llama.dtype)
        words = torch.stack([torch.stack(self.words(tokens) + [segment] + [nothing] * (longest - 1 - len(tokens))) for tokens in prompts])
        parts = Parts(len(prompts), soft, length, longest)
        x = torch.cat([contexts.flatten(0, 1), words[:, None].expand(-1, soft, -1, -1).reshape(-1, width)])
        cos, sin = (t.to(llama.dtype) for t in llama_torch.rope_angles(llama.settings, 1 + length + longest))
        begin = self.beginning(cos, sin)
        for layer, first in zip(llama.layers[:-1], begin):
            x = parts.layer(layer, x, first, cos, sin)
        last = parts.last_layer(llama.layers[-1], x, begin[-1], cos, sin, ends)
        return llama.norm(last).reshape(len(prompts), soft, width)


def keys_and_values(layer, h, cos, sin):
    """h [batch, tokens, width] -> k, v [batch, groups, tokens, head]."""
    groups = layer.settings.groups
    k = llama_torch.rotate(layer.heads(functional.linear(h, layer.attn_k), groups), cos, sin)
    return k, layer.heads(functional.linear(h, layer.attn_v), groups)


def attend(layer, q, k, v, mask):
    """q [batch, heads, rows, head] over k, v [batch, groups, tokens, head]; neighbouring heads share a group. -> [batch * rows, width]"""
    s = layer.settings
    q = q.unflatten(1, (s.groups, s.heads // s.groups)).flatten(2, 3)
    scores = (q @ k.transpose(2, 3)).unflatten(2, (s.heads // s.groups, -1)) / math.sqrt(s.key) + mask
    mixed = (torch.softmax(scores, dim=-1).flatten(2, 3) @ v).unflatten(2, (s.heads // s.groups, -1)).flatten(1, 2)
    return functional.linear(mixed.transpose(1, 2).flatten(2), layer.attn_output).flatten(0, 1)


def feed_forward(layer, x):
    h = layer.ffn_norm(x)
    return x + functional.linear(functional.silu(functional.linear(h, layer.ffn_gate)) * functional.linear(h, layer.ffn_up), layer.ffn_down)


class Parts:
    """The rows of a batch: the soft prompts [P, L] once, then the words and <SEG> [batch * P, S], as one matrix for the linear layers."""

    def __init__(self, batch, soft, length, longest):
        self.batch, self.soft, self.length, self.longest = batch, soft, length, longest
        self.cut = soft * length
        see = torch.full((1 + length + longest, 1 + length + longest), -math.inf).triu(1)
        self.first_mask, self.mask = see[1:1 + length, :1 + length], see[1 + length:]

    def split(self, flat):
        """[rows, n] -> [P, L, n] and [batch * P, S, n]"""
        return flat[:self.cut].reshape(self.soft, self.length, -1), flat[self.cut:].reshape(self.batch * self.soft, self.longest, -1)

    def keys(self, layer, h, begin, cos, sin):
        """Keys and values that the soft prompts see, and those that the words see."""
        one, two = self.split(h)
        middle = 1 + self.length
        near = keys_and_values(layer, one, cos[1:middle], sin[1:middle])
        far = keys_and_values(layer, two, cos[middle:], sin[middle:])
        first = [torch.cat([b.expand(self.soft, -1, -1, -1), n], dim=2) for b, n in zip(begin, near)]
        second = [torch.cat([f.repeat(self.batch, 1, 1, 1), n], dim=2) for f, n in zip(first, far)]
        return first, second

    def layer(self, layer, x, begin, cos, sin):
        s, middle, h = layer.settings, 1 + self.length, layer.attn_norm(x)
        first, second = self.keys(layer, h, begin, cos, sin)
        one, two = (layer.heads(q, s.heads) for q in self.split(functional.linear(h, layer.attn_q)))
        one = llama_torch.rotate(one, cos[1:middle], sin[1:middle])
        two = llama_torch.rotate(two, cos[middle:], sin[middle:])
        x = x + torch.cat([attend(layer, one, *first, self.first_mask), attend(layer, two, *second, self.mask)])
        return feed_forward(layer, x)

    def last_layer(self, layer, x, begin, cos, sin, ends):
        """[batch * P, width]: the rows of <SEG> alone."""
        h = layer.attn_norm(x)
        _, second = self.keys(layer, h, begin, cos, sin)
        rows = ends.repeat_interleave(self.soft)
        pick = (torch.arange(len(rows)), rows)
        q = layer.heads(functional.linear(self.split(h)[1][pick][:, None], layer.attn_q), layer.settings.heads)
        at = rows + 1 + self.length
        q = llama_torch.rotate(q, cos[at][:, None, None], sin[at][:, None, None])
        x = self.split(x)[1][pick]
        return feed_forward(layer, x + attend(layer, q, *second, self.mask[rows][:, None, None, None]))
