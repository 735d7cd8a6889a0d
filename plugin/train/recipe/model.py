"""A network and the way in for its text, by config.text. Embeddings are [batch, P, D]."""
import torch
from torch import nn

import llama_torch
import llmseg
import safetensors_io
from recipe import text_side, words
from recipe.encoded import Encoded


# Logit of the target before anything is learned: it fills about a fiftieth of a window.
PRIOR = -4.0
# Seed of soft prompts that stay at random: the same for all trainings, so that they share what is encoded.
RANDOM_PROMPTS = 0


def expect_little(net):
    """Begins with the target rare. No layer has a bias: what every voxel has in common is the mean 0.4 of leaky_relu of a normed channel, so the
    last layer's weights take the prior. Without it the first hundreds of steps teach only that most of a window is background."""
    weight = net.out.transp_conv.conv.weight
    with torch.no_grad():
        shift = PRIOR / (0.4 * weight.shape[0]) / 2
        weight[:, 0] -= shift
        weight[:, 1] += shift


class OneHot(nn.Module):
    """Facts in place of a language model: one linear layer to embeddings of the same shape."""

    def __init__(self, prompts, width):
        super().__init__()
        self.prompts, self.linear = prompts, nn.Linear(words.ONE_HOT, prompts * width)

    def forward(self, hot):
        return self.linear(hot).unflatten(1, (self.prompts, -1))


class Model(nn.Module):
    """net: LLMSeg; text: TextSide, OneHot or None. embed(texts) -> [len(texts), P, D] or None.

    tuning: soft prompts learn, every text is encoded anew; while it is off they are what they began as, and a text is encoded once. store: a
    folder for what is encoded then.
    """

    def __init__(self, config, llm=None, tokens=None, store=None):
        super().__init__()
        torch.manual_seed(config.seed)
        llama = llama_torch.Llama(llm) if config.text in ("llm", "frozen") else None
        width = llama.settings.width if llama else 576
        self.net = llmseg.LLMSeg(1, 2, config.features, None if config.text == "none" else width).attention(folded=True)
        expect_little(self.net)
        self.ridge = config.ridge
        self.kind, self.tokens, self.text, self.encoded, self.tuning = config.text, tokens, None, None, config.text == "llm"
        if llama:
            start = text_side.vectors_of_words(llama, tokens, config.prompts, config.length) if config.text == "llm" else \
                text_side.starting_vectors(llama, config.prompts, config.length, RANDOM_PROMPTS)
            self.text = text_side.TextSide(llama, *start, learn=config.text == "llm")
            self.encoded = Encoded(self.text, tokens, store, safetensors_io.sha256(llm))
        elif config.text == "onehot":
            self.text = OneHot(config.prompts, width)

    def embed(self, texts):
        if self.kind == "none":
            return None
        if self.kind == "onehot":
            return self.text(torch.stack([torch.from_numpy(text.hot) for text in texts]))
        if self.tuning:
            return self.text([self.tokens(text.words) for text in texts])
        return torch.stack([self.encoded(text.words) for text in texts])

    def embed_all(self, texts, batch=8):
        """As embed, without gradients, a few at a time."""
        with torch.no_grad():
            parts = [self.embed(texts[first:first + batch]) for first in range(0, len(texts), batch)]
        return None if self.kind == "none" else torch.cat(parts)

    def start_projections(self, texts):
        """Begins txt2vis with what texts say: a ridge regression from embeddings to the facts that the writer of `texts` knew, mixed at random so
        that each level's tokens have the mean 0 and, within a soft prompt, the deviation 1. Embeddings of two referrals are nearly the same
        vector, and the order of the words moves it further than the side does: a random projection begins nearly deaf."""
        if self.kind == "none":
            return
        embedding = self.embed_all(texts).double()
        facts = torch.stack([torch.from_numpy(text.hot) for text in texts]).double()
        x = (embedding - embedding.mean(0)).flatten(0, 1)
        y = (facts - facts.mean(0)).repeat_interleave(embedding.shape[1], dim=0)
        square = x.T @ x
        if float(y.square().sum()) == 0 or float(square.trace()) < 1e-10 * float(embedding.square().sum()):  # all texts are one
            return
        ridge = self.ridge * square.trace() / len(x) * torch.eye(len(square), dtype=square.dtype)
        regression = torch.linalg.solve(square + ridge, x.T @ y)
        with torch.no_grad():
            for linear in self.net.txt2vis:
                weight = linear.weight[:, :facts.shape[1]].double() @ regression.T
                weight /= (x @ weight.T).std().clamp_min(1e-6)
                linear.weight.copy_(weight)
                linear.bias.copy_(-weight @ embedding.mean((0, 1)))

    def learned(self):
        """(the network's parameters, those of its text projections, those of the text side), as far as they are to be learned. What gets no gradient
        (the last attention, which is dropped) is left out."""
        net = {name: p for name, p in self.net.named_parameters() if "final_attn" not in name and p.requires_grad}
        projections = [p for name, p in net.items() if name.startswith("txt2vis.")]
        rest = [p for name, p in net.items() if not name.startswith("txt2vis.")]
        return rest, projections, [p for p in self.text.parameters() if p.requires_grad] if self.text else []
