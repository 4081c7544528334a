"""A folder with weights as safetensors, config.json and the tokenizer's files: what training leaves, or Hugging Face's."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from ..bootstrap.current import digest_of, origin
from ..bootstrap.files import sha256
from .architecture import GEMMA3, ModelConfig, SourceError
from .decoder import BY_TYPE, CONFIG, Settings, read_config
from .tensorfile import Shards, Tensors

WEIGHTS, CARD, GENERATION = "weights.safetensors", "card.md", "generation_config.json"
HUGGING_FACE = ("model.safetensors", "model.safetensors.index.json")
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
RECURRENT = {"bedside-rnn": "rnn", "bedside-lstm": "lstm", "bedside-gru": "gru"}
LICENSE, LANGUAGES = "apache-2.0", ("en", "zh")
GATES = {"rnn": 1, "lstm": 4, "gru": 3}


@dataclass(frozen=True)
class RecurrentConfig:
    """Hyper-parameters of a recurrent model."""

    kind: str  # rnn, lstm or gru
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    max_position_embeddings: int
    rms_norm_eps: float
    bos_token_id: int
    eos_token_ids: tuple[int, ...]
    license: str
    languages: tuple[str, ...]


class Checkpoint:
    """An opened folder. Raises SourceError, naming the file and the setting or tensor, where something is amiss."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.settings = Settings(text_part(_read_json(folder / CONFIG)))
        self.model_type = self.settings.get("model_type")
        if self.model_type not in (*RECURRENT, *BY_TYPE):
            known = ", ".join((*RECURRENT, *BY_TYPE))
            raise SourceError(f"{CONFIG}: model_type is {self.model_type!r}; {known} can be exported")
        if self.model_type in BY_TYPE:
            self.settings = self.settings.over(BY_TYPE[self.model_type].defaults)
        found = (folder / name for name in (WEIGHTS, *HUGGING_FACE) if (folder / name).is_file())
        self.weights = next(found, folder / WEIGHTS)
        self.tensors = Shards(self.weights) if self.weights.suffix == ".json" else Tensors(self.weights)
        if not (folder / TOKENIZER_FILES[0]).is_file():
            raise SourceError(f"{folder / TOKENIZER_FILES[0]}: no such file; copy the tokenizer beside the weights")
        self.config = self._recurrent() if self.model_type in RECURRENT else self._decoder()

    def _tokens(self, key: str) -> tuple[int, ...]:
        """One token id or a list of them; where the configuration has none, what tokenizer_config.json names."""
        value = self.settings.get(key + "_token_id")
        if value is None:
            value = self._named(key)
        if value is None and key == "bos":
            return self._tokens("eos")  # Qwen's texts begin with no such token
        more = self._generation().get(key + "_token_id") if key == "eos" else None
        ids = [i for v in (value, more) if v is not None for i in (v if isinstance(v, list) else [v])]
        if not ids or any(not isinstance(i, int) or not 0 <= i < self.settings.size("vocab_size") for i in ids):
            raise SourceError(f"{CONFIG}: {key}_token_id must name tokens of the vocabulary, it is {value!r}")
        return tuple(dict.fromkeys(ids))

    def _generation(self) -> dict:
        """What chats stop with may stand there alone."""
        path = self.folder / GENERATION
        return _read_json(path) if path.is_file() else {}

    def _named(self, key: str) -> int | None:
        path = self.folder / TOKENIZER_FILES[1]
        name = _read_json(path).get(key + "_token") if path.is_file() else None
        if isinstance(name, dict):  # a token with its attributes
            name = name.get("content")
        return None if name is None else Tokenizer.from_file(str(self.folder / TOKENIZER_FILES[0])).token_to_id(name)

    def _recurrent(self) -> RecurrentConfig:
        if self.settings.get("tie_word_embeddings", True) is not True:
            raise SourceError(f"{CONFIG}: tie_word_embeddings must be true: recurrent models have no head of their own")
        return RecurrentConfig(
            kind=RECURRENT[self.model_type], vocab_size=self.settings.size("vocab_size"),
            hidden_size=self.settings.size("hidden_size"),
            num_hidden_layers=self.settings.size("num_hidden_layers"),
            max_position_embeddings=self.settings.size("max_position_embeddings"),
            rms_norm_eps=self.settings.number("rms_norm_eps", 1e-5), bos_token_id=self._tokens("bos")[0],
            eos_token_ids=self._tokens("eos"), license=str(self.settings.get("license", LICENSE)),
            languages=tuple(self.settings.get("languages", LANGUAGES)),
        )

    def _decoder(self) -> ModelConfig:
        about = {"license": str(self.settings.get("license", self._trained("unknown", LICENSE))),
                 "languages": tuple(self.settings.get("languages", self._trained(("en",), LANGUAGES)))}
        return read_config(self.settings, self._tokens, "lm_head.weight" not in self.tensors, about)

    def _trained(self, other, own):
        """`own` where this project's training left the folder."""
        return own if self.weights.name == WEIGHTS else other

    def files(self) -> list[Path]:
        """The files that are there beside the weights."""
        return [p for p in (self.folder / name for name in (CONFIG, CARD, GENERATION, *TOKENIZER_FILES)) if p.is_file()]

    def origin(self, heldout: Path) -> dict:
        """The manifest's `source`."""
        paths = [self.weights, *(self.tensors.paths if isinstance(self.tensors, Shards) else [])]
        sums = [sha256(path) for path in paths]
        whole = sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()
        return origin(self.weights.name, whole, heldout) | {"beside_sha256": digest_of(self.files())}

    def write_tokenizer(self, out: Path) -> None:
        copy_tokenizer(self.folder, out)

    def card(self) -> str:
        """What training has to say for the model card; "" where it says nothing."""
        path = self.folder / CARD
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def copy_tokenizer(folder: Path, out: Path) -> None:
    """Copy the tokenizer's files as they are."""
    for name in TOKENIZER_FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, out / name)


def text_part(raw: dict) -> dict:
    """Of a model that sees images too, what makes its texts."""
    if raw.get("model_type") != "gemma3" or not isinstance(raw.get("text_config"), dict):
        return raw
    return raw["text_config"] | {k: raw[k] for k in ("bos_token_id", "eos_token_id") if k in raw} | {
        "model_type": GEMMA3.model_type}


def _read_json(path: Path) -> dict:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise SourceError(f"{path}: cannot be read: {err.strerror}") from err
    except ValueError as err:
        raise SourceError(f"{path}: not JSON: {err}") from err
    if not isinstance(value, dict):
        raise SourceError(f"{path}: not a JSON object")
    return value
