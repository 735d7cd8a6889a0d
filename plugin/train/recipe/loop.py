"""The training loop: one step's arithmetic, the learning rate, checkpoints, the log.

A stop costs the steps since the last checkpoint and nothing else: what a step sees is drawn by (seed, step), so that a checkpoint is weights,
optimiser and step, and a training that was stopped and taken up again ends with the bits of one that was not (tests/train/test_loop.py).
"""
import json
import math
import os
import time

import torch
from torch.nn import functional

from recipe.config import Refused, settle

CHECKPOINT, LOG = "checkpoint.pt", "log.jsonl"


def loss_of(logits, target):
    """(cross-entropy + 1 - soft Dice of the foreground, soft Dice), by patient. logits [1, 2, ...], target bool [1, ...]. The constant lets an
    empty target, which a window beside the target has, be right."""
    target = target.float()
    margin = logits[:, 1] - logits[:, 0]
    entropy = functional.binary_cross_entropy_with_logits(margin, target)
    p = torch.sigmoid(margin)
    dice = (2 * (p * target).sum() + 50) / (p.sum() + target.sum() + 50)
    return entropy + 1 - dice, float(dice)


def rate_at(step, config):
    """Share of the full learning rate: a linear start, then a cosine down to 0."""
    warm = max(1, round(config.warm_up * config.steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, config.steps - warm)))


def first_tuned(config):
    """The step from which on soft prompts learn."""
    return round(config.tune_from * config.steps)


def text_rate_at(step, config):
    """As rate_at, for the text side: one-hot facts learn with the network, soft prompts from their first step on a cosine down to 0."""
    if config.text != "llm":
        return rate_at(step, config)
    first = first_tuned(config)
    return 0.5 * (1 + math.cos(math.pi * (step - first) / max(1, config.steps - first))) if step >= first else 0.0


def optimiser_of(model, config):
    net, projections, text = model.learned()
    groups = [{"params": net, "full": config.rate}, {"params": projections, "full": config.projection_rate},
              # Decay would pull soft prompts towards the zero vector, which means nothing to a language model.
              {"params": text, "full": config.text_rate, "weight_decay": 0.0, "text": True}]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=config.rate, weight_decay=config.decay)


def step_of(model, optimiser, batch, config, share, text_share=None):
    """One step at these shares of the full rates (the text side's: the same unless given). The text side runs once for the batch; each patient's gradient reaches its embedding first, all of them the language model
    together: the same numbers as one big graph, at the memory of one patient. -> (mean loss, mean soft Dice)"""
    for group in optimiser.param_groups:
        group["lr"] = group["full"] * (text_share if group.get("text") and text_share is not None else share)
    optimiser.zero_grad(set_to_none=True)
    embedding = model.embed([text for _, _, text in batch])
    leaf = None if embedding is None else embedding.detach().requires_grad_(embedding.requires_grad)
    losses, dices = [], []
    for place, (image, target, _) in enumerate(batch):
        logits = model.net(image, None if leaf is None else leaf[place:place + 1])
        loss, dice = loss_of(logits, target)
        (loss / len(batch)).backward()
        losses.append(float(loss))
        dices.append(dice)
    if leaf is not None and leaf.requires_grad:
        embedding.backward(leaf.grad)
    learned = [p for group in optimiser.param_groups for p in group["params"]]
    norm = float(torch.nn.utils.clip_grad_norm_(learned, config.clip))
    if not math.isfinite(norm):
        raise Refused("the gradient is not finite; lower the rate and train anew in a new folder")
    optimiser.step()
    return sum(losses) / len(losses), sum(dices) / len(dices)


def save_checkpoint(folder, model, optimiser, step):
    path = os.path.join(folder, CHECKPOINT)
    torch.save({"model": model.state_dict(), "optimiser": optimiser.state_dict(), "step": step}, path + ".part")
    os.replace(path + ".part", path)


def load_checkpoint(folder, model, optimiser=None):
    """The step that comes next; 0: there is no checkpoint."""
    path = os.path.join(folder, CHECKPOINT)
    if not os.path.exists(path):
        return 0
    state = torch.load(path, map_location="cpu")
    model.load_state_dict(state["model"])
    if optimiser:
        optimiser.load_state_dict(state["optimiser"])
    return state["step"]


def cut_log(folder, step):
    """Drops what a stopped run logged behind its last checkpoint, and a line that was torn by the stop."""
    path, kept = os.path.join(folder, LOG), []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n") and json.loads(line)["step"] <= step:
                    kept.append(line)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.writelines(kept)
    os.replace(path + ".part", path)


def clock(seconds):
    return f"{int(seconds // 3600)}:{int(seconds // 60) % 60:02}:{int(seconds) % 60:02}"


class Progress:
    """Means over the steps since the last line, to the log and to `say`, with the time left at the pace of this run."""

    def __init__(self, folder, config, first, say):
        self.file = open(os.path.join(folder, LOG), "a", encoding="utf-8")
        self.config, self.first, self.say, self.began = config, first, say, time.monotonic()
        self.values = []

    def add(self, step, loss, dice, every):
        """step: how many are done."""
        self.values.append((loss, dice))
        if step % every and step != self.config.steps:
            return
        loss, dice = (sum(v[i] for v in self.values) / len(self.values) for i in (0, 1))
        each = (time.monotonic() - self.began) / (step - self.first)
        self.put({"step": step, "loss": round(loss, 6), "dice": round(dice, 6), "rate": self.config.rate * rate_at(step - 1, self.config),
                  "seconds_per_step": round(each, 4)})
        self.say(f"step {step} of {self.config.steps}: loss {loss:.3f}, soft Dice {dice:.3f}, {each:.2f} s a step, "
                 f"{clock(each * (self.config.steps - step))} left")
        self.values = []

    def put(self, entry):
        self.file.write(json.dumps(entry) + "\n")
        self.file.flush()


def train(folder, config, model, cases, say=print, every=50, checkpoint_minutes=5.0, validate=None, validate_every=0, stop_after=None):
    """Trains to config.steps in `folder`, taking up a checkpoint that is there. validate(model) -> dict for the log, each `validate_every`
    steps. stop_after: end, with a checkpoint, after so many steps of this call. -> True when all steps are done."""
    settle(folder, config)
    optimiser = optimiser_of(model, config)
    first = load_checkpoint(folder, model, optimiser)
    if not first:
        model.tuning = False
        model.start_projections(cases.all_texts())
    cut_log(folder, first)
    if first:
        say(f"taken up at step {first}")
    progress, saved = Progress(folder, config, first, say), time.monotonic()
    last = config.steps if stop_after is None else min(config.steps, first + stop_after)
    model.train()
    try:
        for step in range(first, last):
            model.tuning = config.text == "llm" and step >= first_tuned(config)
            loss, dice = step_of(model, optimiser, cases.batch(step), config, rate_at(step, config), text_rate_at(step, config))
            progress.add(step + 1, loss, dice, every)
            if validate and validate_every and (step + 1) % validate_every == 0:
                progress.put({"step": step + 1, **validate(model)})
            if time.monotonic() - saved > 60 * checkpoint_minutes or step + 1 == last:
                save_checkpoint(folder, model, optimiser, step + 1)
                saved = time.monotonic()
    finally:
        progress.file.close()
    model.tuning = config.text == "llm"
    return last == config.steps
