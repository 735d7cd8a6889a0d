"""A network and the way in for its text, by config.text. Embeddings are [batch, P, D]."""
import torch
from torch import nn

import llama_torch
import llmseg
from recipe import text_side, words


# Logit of the target before anything is learned: it fills about a fiftieth of a window.
PRIOR = -4.0
# Main directions of the texts' embeddings that text projections begin with: beyond, the trial's directions held under 0.5 % of the variance each.
DIRECTIONS = 16


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
    """net: LLMSeg; text: TextSide, OneHot or None. embed(texts) -> [len(texts), P, D] or None."""

    def __init__(self, config, llm=None, tokens=None):
        super().__init__()
        torch.manual_seed(config.seed)
        llama = llama_torch.Llama(llm) if config.text in ("llm", "frozen") else None
        width = llama.settings.width if llama else 576
        self.net = llmseg.LLMSeg(1, 2, config.features, None if config.text == "none" else width).attention(folded=True)
        expect_little(self.net)
        self.kind, self.tokens, self.text, self.seen = config.text, tokens, None, {}
        if llama:
            start = text_side.starting_vectors(llama, config.prompts, config.length, config.seed)
            self.text = text_side.TextSide(llama, *start, learn=config.text == "llm")
        elif config.text == "onehot":
            self.text = OneHot(config.prompts, width)

    def embed(self, texts):
        if self.kind == "none":
            return None
        if self.kind == "onehot":
            return self.text(torch.stack([torch.from_numpy(text.hot) for text in texts]))
        if self.kind == "llm":
            return self.text([self.tokens(text.words) for text in texts])
        # Nothing of a frozen text side changes: every text is encoded once, and by itself, so that the last bit does not tell when.
        for text in texts:
            if text.words not in self.seen:
                with torch.no_grad():
                    self.seen[text.words] = self.text([self.tokens(text.words)])[0]
        return torch.stack([self.seen[text.words] for text in texts])

    def embed_all(self, texts, batch=8):
        """As embed, without gradients, a few at a time."""
        with torch.no_grad():
            parts = [self.embed(texts[first:first + batch]) for first in range(0, len(texts), batch)]
        return None if self.kind == "none" else torch.cat(parts)

    def start_projections(self, texts):
        """Begins txt2vis where texts differ: a random mixture of their main directions, each as loud as the others, so that each level's tokens have
        the mean 0 and, within a soft prompt, the deviation 1 over `texts`. What a language model says of several referrals is nearly the same
        vector, and the order of the words moves it further than the side does: a random projection begins nearly deaf."""
        if self.kind == "none":
            return
        embedding = self.embed_all(texts)
        inside = (embedding - embedding.mean(0)).flatten(0, 1)
        _, size, directions = torch.linalg.svd(inside, full_matrices=False)
        kept = (size[:DIRECTIONS] > max(1e-3 * float(size[0]), 1e-5 * float(embedding.norm()))).nonzero().flatten()
        if not len(kept):  # all texts are one
            return
        with torch.no_grad():
            for linear in self.net.txt2vis:
                linear.weight.copy_((linear.weight @ directions[kept].T / size[kept]) @ directions[kept])
                linear.weight /= (inside @ linear.weight.T).std().clamp_min(1e-6)
                linear.bias.copy_(-linear.weight @ embedding.mean((0, 1)))

    def learned(self):
        """(the network's parameters, those of the text side). What gets no gradient (the last attention, which is dropped) is left out."""
        net = [p for name, p in self.net.named_parameters() if "final_attn" not in name]
        return net, [p for p in self.text.parameters() if p.requires_grad] if self.text else []
