"""From clinical facts to words and token ids: every prompt of the template, mirrored facts, one-hot facts, `ctvk tokenize`."""
import dataclasses
import itertools
import json
import os
import subprocess

import numpy

from patients import facts as known
from patients.prompts import FIELDS, JOIN, NAMES, TEMPLATE, internal_text
from recipe.config import Refused
from recipe.paraphrase import paraphrase

MIRRORED = {"left": "right", "right": "left"}
# The facts' values in the order of one-hot vectors; behind each fact's values stands "unknown".
VALUES = {"nodes": known.NODES, "stage": known.STAGES, "surgery": known.SURGERIES, "side": known.SIDES}
ONE_HOT = sum(len(values) + 1 for values in VALUES.values())


def all_prompts():
    """Every combination of the template's fields, then the bilateral ones: the same on both sides."""
    combinations = [dict(zip(FIELDS, values)) for values in itertools.product(*FIELDS.values())]
    both = [JOIN.join(TEMPLATE.format(**dict(c, side=side)) for side in ("left", "right")) for c in combinations if c["side"] == "left"]
    return [TEMPLATE.format(**c) for c in combinations] + both


def mirrored(facts):
    """The facts of the mirrored patient."""
    return dataclasses.replace(facts, side=MIRRORED.get(facts.side, facts.side))


def one_hot(facts, drop=()):
    """float32 [ONE_HOT]: each fact's value, or that it is unknown."""
    parts = []
    for name, values in VALUES.items():
        parts += [name not in drop and getattr(facts, name) == value for value in values] + [name in drop]
    return numpy.array(parts, numpy.float32)


class Text:
    """One text of a patient: the words and, where it is known, the same knowledge as one-hot facts."""

    def __init__(self, words, hot=None):
        self.words, self.hot = words, hot


def bank(facts, hospital, seed, count, drop, write_prompt, other=0.0):
    """`count` texts of one patient, the first with every field and as the hospital writes it; from the second on each field is missing by the chance
    `drop`, and a text is in other words by the chance `other`."""
    random, texts = numpy.random.default_rng(seed), []
    for number in range(count):
        missing = tuple(name for name in NAMES if number and random.random() < drop)
        said = paraphrase(facts, random, missing) if number and random.random() < other else write_prompt(facts, hospital, random, missing)
        texts.append(Text(said, one_hot(facts, missing)))
    return texts


class Tokens:
    """Token ids by `ctvk tokenize`, so that training reads words as the library does. Answers are kept."""

    def __init__(self, command, llm):
        self.command, self.llm, self.known = command, llm, {}

    def learn(self, texts):
        """Asks for all new texts at once; training calls this before its first step."""
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if not new:
            return
        lines = "".join(json.dumps({"text": text}) + "\n" for text in new)
        try:
            done = subprocess.run([self.command, "tokenize", "--llm", self.llm, "--jsonl"], input=lines, text=True, capture_output=True)
        except OSError as problem:
            raise Refused(f"{self.command}: {problem.strerror} (build ctvk, or name it with --ctvk)") from None
        if done.returncode:
            raise Refused(f"{self.command} tokenize: {done.stderr.strip()}")
        answers = [json.loads(line)["tokens"] for line in done.stdout.splitlines()]
        if len(answers) != len(new):
            raise Refused(f"{self.command} tokenize: {len(answers)} answers to {len(new)} texts")
        self.known.update(zip(new, answers))

    def __call__(self, text):
        self.learn([text])
        return self.known[text]


def default_llm():
    """Where `./run demo` puts the language model, and ctvk looks for it."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return os.path.join(home, "ctvk", "SmolLM2-135M-Instruct.Q4_1.gguf")
