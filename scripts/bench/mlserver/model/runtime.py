"""multilingual-e5-small as a model of MLServer: the same ONNX file, tokenizer and ONNX Runtime as Bedside's."""

import os
from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from tokenizers import Tokenizer

from scripts.embedding.packed import embed, session


class Embedding(MLModel):
    """Texts in, vectors out, as many at once as MLServer's adaptive batching brings."""

    async def load(self) -> bool:
        folder = Path(os.environ["BEDSIDE_BENCH_MODEL"])
        self.session = session(str(folder / "model.onnx"), int(os.environ["BEDSIDE_BENCH_THREADS"]))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(512)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        texts = StringCodec.decode_input(payload.inputs[0])
        encoded = self.tokenizer.encode_batch(["passage: " + text for text in texts])
        vectors = embed(self.session, [e.ids for e in encoded])
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("embedding", vectors)])
