"""Texts that a text side with fixed vectors has read, each encoded by itself and once: in memory, and in a folder where one is given."""
import hashlib
import os

import numpy
import torch


class Encoded:
    """encoded(words) -> [P, D] without gradients. folder: shared by all trainings that begin with the same vectors; a file a text, whole or
    not there, so that several may write at once."""

    def __init__(self, text, tokens, folder=None, llm_sha256=""):
        self.text, self.tokens, self.known = text, tokens, {}
        vectors = b"".join(v.detach().numpy().tobytes() for v in (text.contexts, text.segment_token))
        key = hashlib.sha256(llm_sha256.encode() + vectors).hexdigest()[:16]
        self.folder = folder and os.path.join(folder, key)
        if self.folder:
            os.makedirs(self.folder, exist_ok=True)

    def __call__(self, words):
        if words not in self.known:
            self.known[words] = self.from_folder(words) if self.folder else self.encode(words)
        return self.known[words]

    def encode(self, words):
        with torch.no_grad():
            return self.text([self.tokens(words)])[0]

    def from_folder(self, words):
        path = os.path.join(self.folder, hashlib.sha256(words.encode()).hexdigest() + ".npy")
        if not os.path.exists(path):
            part = f"{path}.{os.getpid()}.part"
            with open(part, "wb") as file:
                numpy.save(file, self.encode(words).numpy())
            os.replace(part, path)
        return torch.from_numpy(numpy.load(path))
