"""Fine-tuning: soft prompts and alignment (or the whole net) on some patients of a site, stopped where held-out patients stop gaining."""
import copy
import dataclasses
import math

import numpy
import torch

from recipe import data, loop, score


@dataclasses.dataclass
class Settings:
    steps: int = 300
    batch: int = 2
    rate: float = 3e-4
    # What the parent reads, a handful of texts must not undo: at ten times these rates every further text that is misread costs more than is gained.
    projection_rate: float = 3e-6
    text_rate: float = 1e-4
    whole: bool = False  # the U-Net too
    check_every: int = 25
    patience: int = 4  # checks without gain
    seed: int = 1


def choose(model, whole):
    """Marks what is learned: the text's way into the picture, or everything."""
    for name, parameter in model.net.named_parameters():
        parameter.requires_grad_(("final_attn" not in name) and (whole or name.startswith(("txt2vis.", "attn_transformer."))))


def held_dice(model, cases, texts, layout):
    """Mean Dice on the network's grid, each patient with the own text."""
    embeddings = model.embed_all(texts)
    model.eval()
    found = []
    for place, case in enumerate(cases):
        logits = score.logits_of(model.net, case.image, None if embeddings is None else embeddings[place:place + 1], layout)[0]
        found.append(score.dice_of(logits[1] > logits[0], case.label))
    model.train()
    return float(numpy.mean(found))


def split(count, held, seed):
    """(training places, held-out places) of `count` patients, at least one each."""
    order = [int(i) for i in numpy.random.default_rng([seed, 31]).permutation(count)]
    held = min(max(1, held), count - 1)
    return sorted(order[held:]), sorted(order[:held])


def adapt(model, train, held, settings, config, say=print):
    """Trains `model` in place and leaves the weights of the best check, the parent's included: on the held-out patients it never loses.

    train, held: (cases, their texts); config: grid and augmentation. -> [{"step", "held_dice"}]
    """
    choose(model, settings.whole)
    # Words that a person wrote cannot be mirrored.
    config = dataclasses.replace(config, mirror=0.0, batch=settings.batch, seed=settings.seed, steps=settings.steps, rate=settings.rate,
                                 text_rate=settings.text_rate, projection_rate=settings.projection_rate)
    optimiser = loop.optimiser_of(model, config)
    cases = data.Cases(train[0], config, [[t] for t in train[1]], None)
    best, layout = held_dice(model, *held, config.grid.manifest()), config.grid.manifest()
    history, kept, since = [{"step": 0, "held_dice": best}], copy.deepcopy(model.state_dict()), 0
    say(f"before: Dice {best:.4f} on {len(held[0])} held-out patients, {len(train[0])} to learn from")
    for step in range(settings.steps):
        loss, _ = loop.step_of(model, optimiser, cases.batch(step), config, loop.rate_at(step, config))
        if (step + 1) % settings.check_every and step + 1 != settings.steps:
            continue
        now = held_dice(model, *held, layout)
        history.append({"step": step + 1, "held_dice": now})
        say(f"step {step + 1} of {settings.steps}: loss {loss:.3f}, Dice {now:.4f}")
        since = since + 1
        if now > best and math.isfinite(now):
            best, since, kept = now, 0, copy.deepcopy(model.state_dict())
        if since >= settings.patience:
            say(f"no gain since step {step + 1 - since * settings.check_every}: stopped")
            break
    model.load_state_dict(kept)
    return history
