"""What the published checkpoint holds, by name: sizes, the network's tensors, the language model's embedding of <SEG>."""
import re

import numpy

ANCHOR = "encoder1.layer.conv1.conv.weight"
TOWER = re.compile(r"text_encoder\.transformer\.(?:model\.)?(.+)")
EMBEDDINGS = ("embed_tokens.weight", "text_encoder.token_embedding.weight")


class Refused(Exception):
    pass


def strip_prefix(tensors):
    """Names without what wrappers put before them ("module.", "backbone."): whatever stands before the first layer's name."""
    prefixes = [name[:-len(ANCHOR)] for name in tensors if name.endswith(ANCHOR)]
    if len(prefixes) != 1:
        raise Refused(f"{ANCHOR}: {'missing' if not prefixes else 'there ' + str(len(prefixes)) + ' times'} (is this an LLMSeg checkpoint?)")
    prefix = prefixes[0]
    return {name[len(prefix):] if name.startswith(prefix) else name: tensor for name, tensor in tensors.items()}, prefix


def sizes_of(tensors):
    """(in_channels, out_channels, feature_size, text width or None), from the tensors' shapes."""
    def extent(name, axis, axes):
        shape = tensors[name].shape if name in tensors else None
        if shape is None or len(shape) != axes:
            raise Refused(f"{name}: {'missing' if shape is None else f'has the shape {list(shape)}, not {axes} axes'}")
        return shape[axis]

    text = None
    if any(name.startswith(("txt2vis.", "attn_transformer.")) or name == "contexts" for name in tensors):
        text = extent("txt2vis.0.weight", 1, 2)
    features = extent(ANCHOR, 0, 5)
    if features % 16 or not 16 <= features <= 512:
        raise Refused(f"{ANCHOR}: {features} features (ctvk runs multiples of 16 up to 512)")
    return extent(ANCHOR, 1, 5), extent("out.transp_conv.conv.weight", 1, 5), features, text


def check_shapes(tensors, wanted):
    """Every missing and every misshapen tensor, in one message."""
    missing = [name for name in wanted if name not in tensors]
    wrong = [f"{name} {list(tensors[name].shape)} (not {list(shape)})" for name, shape in wanted.items()
             if name in tensors and tuple(tensors[name].shape) != tuple(shape)]
    told = [f"{len(names)} {word}: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''}"
            for word, names in (("missing", missing), ("misshapen", wrong)) if names]
    if told:
        raise Refused("; ".join(told))


def load(tensors, name, dtype):
    """The array as dtype; NaN, infinity and what float16 cannot hold are refused."""
    array = tensors[name].load()
    if array.dtype.kind != "f":
        raise Refused(f"{name}: holds {array.dtype}, not floating point (a quantised checkpoint cannot be converted)")
    if not numpy.isfinite(array).all():
        raise Refused(f"{name}: holds NaN or infinity")
    with numpy.errstate(over="ignore"):
        result = array.astype(dtype)
    if not numpy.isfinite(result).all():
        raise Refused(f"{name}: {abs(array).max():.3g} is too large for {dtype} (use --dtype float32)")
    return result


class Tower:
    """The checkpoint's language model: names without their prefix."""

    def __init__(self, tensors):
        self.tensors = {match[1]: tensor for match, tensor in ((TOWER.fullmatch(name), t) for name, t in tensors.items()) if match}
        table = [self.tensors.get(EMBEDDINGS[0]), tensors.get(EMBEDDINGS[1])]
        self.table = next((t for t in table if t is not None), None)
        self.layers = len({match[1] for match in (re.match(r"layers\.(\d+)\.", name) for name in self.tensors) if match})

    def segment_row(self, asked, vocabulary):
        """The row of <SEG> in the embedding table. The published code adds <SEG> to the tokenizer as its last token and then makes the table one
        row longer than the tokenizer: <SEG> is the last row but one. A table of just one row more than the GGUF's vocabulary has it last."""
        rows = self.table.shape[0]
        if asked is not None:
            row = asked if asked >= 0 else rows + asked
        elif vocabulary and rows <= vocabulary:
            raise Refused(f"the embedding table has {rows} rows and the GGUF's vocabulary {vocabulary} tokens: <SEG> has no row (give --segment-row)")
        else:
            row = rows - 1 if vocabulary and rows == vocabulary + 1 else rows - 2
        if not 0 <= row < rows:
            raise Refused(f"--segment-row {asked}: the embedding table has {rows} rows")
        return row


def segment_token(tensors, tower, width, asked, vocabulary):
    """(vector [width], where it came from)"""
    if "segment_token" in tensors:
        check_shapes(tensors, {"segment_token": (width,)})
        return load(tensors, "segment_token", "float32"), "tensor segment_token"
    if tower.table is None:
        raise Refused(f"the embedding of <SEG> is missing: no text_encoder.transformer.{EMBEDDINGS[0]} (and no tensor segment_token)")
    if len(tower.table.shape) != 2 or tower.table.shape[1] != width:
        raise Refused(f"text_encoder.transformer.{EMBEDDINGS[0]}: has the shape {list(tower.table.shape)}, not rows of {width}")
    row = tower.segment_row(asked, vocabulary)
    vector = tower.table.load()[row].astype("float32")
    if not numpy.isfinite(vector).all() or not vector.any():
        raise Refused(f"row {row} of the embedding table is no embedding (zero, NaN or infinite; give --segment-row)")
    return vector, f"row {row} of {tower.table.shape[0]} of the embedding table"
