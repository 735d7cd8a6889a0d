"""A tiny language model as a GGUF file: SentencePiece vocabulary, random float32 weights. Standard library only."""
import array
import random
import struct

U32, I32, F32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
WIDTH, LAYERS, HEADS, INNER = 16, 2, 2, 32
# Pieces with scores: longer ones first in line, as SentencePiece has it.
PIECES = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)] + [
    "\u2581", "l", "e", "f", "t", "r", "i", "g", "h", "s", "d", "N", "0", "1", ",", "\u2581s", "le", "ft", "left", "\u2581left", "ri", "gh", "ght",
    "right", "\u2581right", "id", "side", "\u2581side", "\u2581N"]


def text(value):
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def value(kind, what):
    if kind == STRING:
        return text(what)
    if kind == ARRAY:
        element, items = what
        return struct.pack("<IQ", element, len(items)) + b"".join(value(element, item) for item in items)
    return struct.pack({U32: "<I", I32: "<i", F32: "<f", BOOL: "<?"}[kind], what)


def metadata(width=WIDTH, layers=LAYERS):
    return {
        "general.architecture": (STRING, "llama"),
        "general.name": (STRING, "tiny"),
        "llama.block_count": (U32, layers),
        "llama.context_length": (U32, 512),
        "llama.embedding_length": (U32, width),
        "llama.feed_forward_length": (U32, INNER),
        "llama.attention.head_count": (U32, HEADS),
        "llama.attention.layer_norm_rms_epsilon": (F32, 1e-5),
        "tokenizer.ggml.model": (STRING, "llama"),
        "tokenizer.ggml.tokens": (ARRAY, (STRING, PIECES)),
        "tokenizer.ggml.scores": (ARRAY, (F32, [float(len(piece)) if i > 258 else 0.0 for i, piece in enumerate(PIECES)])),
        "tokenizer.ggml.token_type": (ARRAY, (I32, [2, 3, 3] + [6] * 256 + [1] * (len(PIECES) - 259))),
        "tokenizer.ggml.bos_token_id": (U32, 1),
        "tokenizer.ggml.add_space_prefix": (BOOL, True),
    }


def shapes(width=WIDTH, layers=LAYERS):
    """Fastest extent first, as the file has them."""
    all_shapes = {"token_embd.weight": (width, len(PIECES)), "output_norm.weight": (width,)}
    for i in range(layers):
        for name, shape in (("attn_norm", (width,)), ("attn_q", (width, width)), ("attn_k", (width, width)), ("attn_v", (width, width)),
                            ("attn_output", (width, width)), ("ffn_norm", (width,)), ("ffn_gate", (width, INNER)), ("ffn_up", (width, INNER)),
                            ("ffn_down", (INNER, width))):
            all_shapes[f"blk.{i}.{name}.weight"] = shape
    return all_shapes


def build(keys=None, tensor_shapes=None, seed=3):
    """The bytes of a file."""
    keys = metadata() if keys is None else keys
    tensor_shapes = shapes() if tensor_shapes is None else tensor_shapes
    generator = random.Random(seed)
    infos, body = b"", b""
    for name, shape in tensor_shapes.items():
        count = 1
        for extent in shape:
            count *= extent
        infos += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape) + struct.pack("<IQ", 0, len(body))
        body += array.array("f", (generator.gauss(0, 1) / shape[0] ** 0.5 + (1 if len(shape) == 1 else 0) for _ in range(count))).tobytes()
        body += b"\0" * (-len(body) % 32)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensor_shapes), len(keys))
    head += b"".join(text(key) + struct.pack("<I", kind) + value(kind, what) for key, (kind, what) in keys.items()) + infos
    return head + b"\0" * (-len(head) % 32) + body
