"""A tiny Whisper with random weights that reads bytes, and the file of another engine."""

import json
import struct
from pathlib import Path

import torch
from torch import Tensor

SPECIAL = ("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|transcribe|>")
NO_TIMES = "<|notimestamps|>"
SECONDS = 2


def write_whisper_base(folder: Path, *, many_languages: bool = False) -> Path:
    """Write a Whisper of 16 numbers that hears two seconds."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import WhisperConfig, WhisperForConditionalGeneration

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = (*SPECIAL, NO_TIMES)
    vocabulary = {piece: number for number, piece in enumerate((*letters, *special))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special))
    folder.mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": SPECIAL[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    torch.manual_seed(2)
    start = vocabulary["<|startoftranscript|>"]
    config = WhisperConfig(
        # How many tokens there are says how many languages are known.
        vocab_size=51_865 if many_languages else len(vocabulary),
        d_model=16,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_source_positions=SECONDS * 50,
        max_target_positions=32,
        decoder_start_token_id=start,
        bos_token_id=start - 1,
        eos_token_id=start - 1,
        pad_token_id=start - 1,
        suppress_tokens=[vocabulary["z"]],
        begin_suppress_tokens=[vocabulary["Ġ"], start - 1],
        init_std=0.2,
    )
    network = WhisperForConditionalGeneration(config)
    tensors = {name: part for name, part in network.state_dict().items() if "proj_out" not in name}
    from safetensors.torch import save_file

    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    return folder


def write_ctranslate2(path: Path, weights: dict[str, Tensor]) -> None:
    """Write the weights of a Whisper as CTranslate2 does, in half numbers."""
    found = _OtherNames(weights).found
    with path.open("wb") as file:
        file.write(struct.pack("<I", 6) + _text("WhisperSpec") + struct.pack("<II", 3, len(found)))
        for name, tensor in found.items():
            content = tensor.numpy().tobytes()
            kind = 2 if tensor.dtype == torch.int16 else 4
            file.write(_text(name) + struct.pack("<B", tensor.dim()))
            file.write(struct.pack(f"<{tensor.dim()}I", *tensor.shape))
            file.write(struct.pack("<BI", kind, len(content)) + content)
        file.write(struct.pack("<I", 0))


def _text(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


class _OtherNames:
    """The tensors of a Whisper as CTranslate2 calls and joins them."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.half = {name.removeprefix("model."): part.half() for name, part in weights.items()}
        self.found = {"decoder/num_heads": torch.tensor(2, dtype=torch.int16)}
        for side in ("encoder", "decoder"):
            places = self.half[f"{side}.embed_positions.weight"]
            self.found[f"{side}/position_encodings/encodings"] = places
            self.norm(f"{side}.layer_norm", f"{side}/layer_norm")
            for number in range(2):
                self.block(f"{side}.layers.{number}", f"{side}/layer_{number}")
        for number in range(2):
            self.heard(f"decoder.layers.{number}", f"decoder/layer_{number}/attention")
        for name in ("conv1", "conv2"):
            self.linear(f"encoder.{name}", f"encoder/{name}")
        self.found["decoder/embeddings/weight"] = self.half["decoder.embed_tokens.weight"]

    def norm(self, name: str, other: str) -> None:
        for kind, called in (("weight", "gamma"), ("bias", "beta")):
            self.found[f"{other}/{called}"] = self.half[f"{name}.{kind}"]

    def linear(self, name: str, other: str) -> None:
        for kind in ("weight", "bias"):
            self.found[f"{other}/{kind}"] = self.half[f"{name}.{kind}"]

    def joined(self, name: str, letters: str, other: str) -> None:
        none = torch.zeros_like(self.half[f"{name}.q_proj.bias"])
        for kind in ("weight", "bias"):
            parts = [self.half.get(f"{name}.{one}_proj.{kind}", none) for one in letters]
            self.found[f"{other}/{kind}"] = torch.cat(parts)

    def block(self, name: str, other: str) -> None:
        for place in (0, 1):
            self.linear(f"{name}.fc{place + 1}", f"{other}/ffn/linear_{place}")
        self.norm(f"{name}.final_layer_norm", f"{other}/ffn/layer_norm")
        self.joined(f"{name}.self_attn", "qkv", f"{other}/self_attention/linear_0")
        self.linear(f"{name}.self_attn.out_proj", f"{other}/self_attention/linear_1")
        self.norm(f"{name}.self_attn_layer_norm", f"{other}/self_attention/layer_norm")

    def heard(self, name: str, other: str) -> None:
        self.linear(f"{name}.encoder_attn.q_proj", f"{other}/linear_0")
        self.joined(f"{name}.encoder_attn", "kv", f"{other}/linear_1")
        self.linear(f"{name}.encoder_attn.out_proj", f"{other}/linear_2")
        self.norm(f"{name}.encoder_attn_layer_norm", f"{other}/layer_norm")
