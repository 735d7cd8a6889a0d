"""LLMSeg in PyTorch: the twin of the Vulkan network, and the peer of the benchmark.

Module names give the published state dict. Tensors are [batch, channels, x, y, z]. Attention comes in two forms: the ordinary one
projects every voxel, as the published code does (and computes the last token-to-image attention whose result it drops); the folded
one moves the projections to the tokens' side. Both give the same numbers; training uses the folded one, the benchmark the ordinary.
"""
import json
import math
import os

import torch
from torch import nn
from torch.nn import functional

import safetensors_io

HEADS = 8
SLOPE = 0.01


class Conv(nn.Module):
    """A convolution under the name `conv`, as the published code nests it; padding keeps ceil(size / stride)."""

    def __init__(self, inputs, outputs, kernel, stride):
        super().__init__()
        self.conv = nn.Conv3d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False)

    def forward(self, x):
        return self.conv(x)


class TranspConv(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv = nn.ConvTranspose3d(inputs, outputs, 2, 2, bias=False)

    def forward(self, x):
        return self.conv(x)


class ConvBlock(nn.Module):
    """Two 3x3x3 convolutions; residual with a 1x1x1 convolution on the shortcut, or plain."""

    def __init__(self, inputs, outputs, stride, residual):
        super().__init__()
        self.conv1 = Conv(inputs, outputs, 3, stride)
        self.conv2 = Conv(outputs, outputs, 3, 1)
        self.conv3 = Conv(inputs, outputs, 1, stride) if residual else None
        self.norm = nn.InstanceNorm3d(outputs, eps=1e-5)

    def forward(self, x):
        h = functional.leaky_relu(self.norm(self.conv1(x)), SLOPE, inplace=True)
        h = self.norm(self.conv2(h))
        if self.conv3 is not None:
            h = h + self.norm(self.conv3(x))
        return functional.leaky_relu(h, SLOPE, inplace=True)


class Encoder(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.layer = ConvBlock(inputs, outputs, 2, True)

    def forward(self, x):
        return self.layer(x)


class Decoder(nn.Module):
    def __init__(self, inputs, outputs, residual):
        super().__init__()
        self.transp_conv = TranspConv(inputs, outputs)
        self.conv_block = ConvBlock(2 * outputs, outputs, 1, residual)

    def forward(self, x, skip):
        return self.conv_block(torch.cat((self.transp_conv(x), skip), dim=1))


class Out(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.transp_conv = TranspConv(inputs, outputs)

    def forward(self, x):
        return self.transp_conv(x)


class Attention(nn.Module):
    """softmax(q k^T / sqrt(d)) v over HEADS heads of width inner / HEADS; tensors [batch, tokens, width]."""

    def __init__(self, width, inner):
        super().__init__()
        self.q_proj = nn.Linear(width, inner)
        self.k_proj = nn.Linear(width, inner)
        self.v_proj = nn.Linear(width, inner)
        self.out_proj = nn.Linear(inner, width)

    @staticmethod
    def heads(x):
        batch, tokens, width = x.shape
        return x.reshape(batch, tokens, HEADS, width // HEADS).transpose(1, 2)

    def forward(self, q, k, v):
        q, k, v = self.heads(self.q_proj(q)), self.heads(self.k_proj(k)), self.heads(self.v_proj(v))
        scores = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(q.shape[-1]), dim=-1)
        mixed = (scores @ v).transpose(1, 2)
        return self.out_proj(mixed.flatten(2))

    def split(self, linear):
        """Weight as [heads, d, width] and bias as [heads, d]."""
        return linear.weight.reshape(HEADS, -1, linear.weight.shape[1]), linear.bias.reshape(HEADS, -1)

    def few_to_many(self, q, x):
        """Tokens q ask voxels x (keys and values): scores X . (W_k^T q); b_k adds the same to every voxel, so it drops out. The
        softmax sums to 1, so the value projection follows the mean."""
        wk, _ = self.split(self.k_proj)
        wv, bv = self.split(self.v_proj)
        q = self.heads(self.q_proj(q)) / math.sqrt(wk.shape[1])
        folded = torch.einsum("bhpd,hdc->bhpc", q, wk).flatten(1, 2)
        weights = torch.softmax(folded @ x.transpose(1, 2), dim=-1)
        mean = (weights @ x).unflatten(1, (HEADS, -1))
        mixed = torch.einsum("bhpc,hdc->bphd", mean, wv) + bv
        return self.out_proj(mixed.flatten(2))

    def many_to_few(self, x, k, v):
        """Voxels x ask tokens: scores X . (W_q^T k) + b_q . k, then a weighted sum of the vectors W_o W_v v."""
        wq, bq = self.split(self.q_proj)
        wo = self.out_proj.weight.reshape(self.out_proj.weight.shape[0], HEADS, -1)
        k = self.heads(self.k_proj(k)) / math.sqrt(wq.shape[1])
        v = self.heads(self.v_proj(v))
        batch, _, prompts, _ = k.shape
        folded = torch.einsum("bhpd,hdc->bhpc", k, wq).flatten(1, 2)
        constant = torch.einsum("bhpd,hd->bhp", k, bq).flatten(1)[:, None]
        scores = torch.softmax((x @ folded.transpose(1, 2) + constant).unflatten(2, (HEADS, prompts)), dim=-1)
        values = torch.einsum("bhpd,chd->bhpc", v, wo).flatten(1, 2)
        return scores.flatten(2) @ values + self.out_proj.bias


class Mlp(nn.Module):
    def __init__(self, width, inner):
        super().__init__()
        self.lin1 = nn.Linear(width, inner)
        self.lin2 = nn.Linear(inner, width)

    def forward(self, x):
        return self.lin2(functional.relu(self.lin1(x)))


class AlignmentLayer(nn.Module):
    def __init__(self, width, mlp, first):
        super().__init__()
        self.self_attn = Attention(width, width)
        self.norm1 = nn.LayerNorm(width)
        self.cross_attn_token_to_image = Attention(width, width // 2)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, mlp)
        self.norm3 = nn.LayerNorm(width)
        self.norm4 = nn.LayerNorm(width)
        self.cross_attn_image_to_token = Attention(width, width // 2)
        self.first = first
        self.folded = False

    def forward(self, q, x, text):
        if self.first:
            q = self.self_attn(q, q, q)
        else:
            q = q + self.self_attn(q + text, q + text, q)
        q = self.norm1(q)
        if self.folded:
            q = self.norm2(q + self.cross_attn_token_to_image.few_to_many(q + text, x))
        else:
            q = self.norm2(q + self.cross_attn_token_to_image(q + text, x, x))
        q = self.norm3(q + self.mlp(q))
        if self.folded:
            x = self.norm4(x + self.cross_attn_image_to_token.many_to_few(x, q + text, q))
        else:
            x = self.norm4(x + self.cross_attn_image_to_token(x, q + text, q))
        return q, x


class Alignment(nn.Module):
    """Text tokens [batch, P, C] and one level's voxels [batch, C, x, y, z] -> voxels that know the text."""

    def __init__(self, width, mlp):
        super().__init__()
        self.layers = nn.ModuleList([AlignmentLayer(width, mlp, True), AlignmentLayer(width, mlp, False)])
        self.final_attn_token_to_image = Attention(width, width // 2)
        self.norm_final_attn = nn.LayerNorm(width)
        self.unused = True
        self.folded = False

    def forward(self, x, text):
        shape = x.shape
        x = x.flatten(2).transpose(1, 2)
        q = text
        for layer in self.layers:
            q, x = layer(q, x, text)
        if self.unused and not self.folded:
            self.norm_final_attn(q + self.final_attn_token_to_image(q + text, x, x))
        return x.transpose(1, 2).reshape(shape)


class LLMSeg(nn.Module):
    """forward(image [B, in, x, y, z], text [B, P, D] or None) -> logits [B, K, x, y, z]. Every axis is a multiple of 32.

    The encoder does not see the text: one image with several texts (image batch 1, text batch B) is encoded once.
    """

    LEVELS = ("encoder1", "encoder2", "encoder3", "encoder4", "encoder10")

    def __init__(self, in_channels=1, out_channels=2, feature_size=48, text_dim=None):
        super().__init__()
        f = feature_size
        self.widths = (f, f, 2 * f, 4 * f, 8 * f)
        inputs = (in_channels,) + self.widths[:4]
        for name, i, o in zip(self.LEVELS, inputs, self.widths):
            setattr(self, name, Encoder(i, o))
        self.decoder4 = Decoder(8 * f, 4 * f, True)
        self.decoder3 = Decoder(4 * f, 2 * f, False)
        self.decoder2 = Decoder(2 * f, f, False)
        self.decoder1 = Decoder(f, f, False)
        self.out = Out(f, out_channels)
        self.text = text_dim is not None
        if self.text:
            self.txt2vis = nn.ModuleList([nn.Linear(text_dim, c) for c in self.widths])
            self.attn_transformer = nn.ModuleList([Alignment(c, f * 2**i) for i, c in enumerate(self.widths)])

    def attention(self, folded=False, unused=True):
        """Chooses the form of the cross-attentions; unused: also compute the published code's last attention, which changes nothing."""
        for alignment in self.attn_transformer if self.text else ():
            alignment.folded, alignment.unused = folded, unused
            for layer in alignment.layers:
                layer.folded = folded
        return self

    def forward(self, image, text=None, tap=None):
        tap = tap or (lambda name, value: None)
        x, levels = image, []
        for name in self.LEVELS:
            x = getattr(self, name)(x)
            tap(name, x)
            levels.append(x)
        if self.text:
            for i, level in enumerate(levels):
                level = level.expand(text.shape[0], -1, -1, -1, -1)
                levels[i] = self.attn_transformer[i](level, self.txt2vis[i](text))
                tap(f"attn_transformer.{i}", levels[i])
        x = levels.pop()
        for name in ("decoder4", "decoder3", "decoder2", "decoder1"):
            x = getattr(self, name)(x, levels.pop())
            tap(name, x)
        x = self.out(x)
        tap("out", x)
        return x


def from_manifest(manifest, vision_only=False):
    net = manifest["network"]
    text = None if vision_only else net["text"]
    return LLMSeg(net["in_channels"], net["out_channels"], net["feature_size"], text and text["embedding_dim"])


def load_bundle(folder, vision_only=False, weights=None):
    """(manifest, network in evaluation mode with float32 weights). Tensors that a vision-only network does not use are left out."""
    with open(os.path.join(folder, "manifest.json"), encoding="utf-8") as file:
        manifest = json.load(file)
    model = from_manifest(manifest, vision_only)
    tensors = weights or safetensors_io.load(os.path.join(folder, manifest["network"]["weights"]), "float32")
    wanted = model.state_dict()
    model.load_state_dict({name: torch.from_numpy(tensors[name].copy()) for name in wanted})
    return manifest, model.eval()
