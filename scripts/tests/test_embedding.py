"""The exporter on a tiny random encoder, against plain numpy; the set-up's part in it."""

import base64
import json
import struct

import numpy as np
import onnxruntime as ort
import pytest

from scripts.bootstrap import embedding as setup
from scripts.bootstrap.files import SetupError
from scripts.bootstrap.layout import Layout
from scripts.embedding.evaluate import QualityError, compare
from scripts.embedding.graph import WEIGHT_PEAK, Encoder32, EncoderW8A8, build, per_channel
from scripts.embedding.packed import embed, feeds
from scripts.embedding.source import Source, SourceError
from scripts.tests import tiny_encoder as tiny

rng = np.random.default_rng(7)
TEXTS = [rng.integers(0, tiny.VOCAB, n).tolist() for n in (1, 2, 7, 16, 24, 24, 3)]


@pytest.fixture(scope="module")
def weights():
    return tiny.weights()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("tiny") / "tiny.bin"
    tiny.write(path)
    return Source(path)


@pytest.fixture(scope="module")
def models(tmp_path_factory, source):
    out = {}
    for kind in (Encoder32, EncoderW8A8):
        folder = tmp_path_factory.mktemp(kind.name)
        with open(folder / "data", "wb") as data:
            model = build(source, kind, data, "data")
        (folder / "model.onnx").write_bytes(model.SerializeToString())
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        out[kind.name] = ort.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    return out


def test_source_reads_what_was_written(source, weights):
    assert (source.config.hidden_size, source.config.head_dim, source.config.layer_norm_eps) == (64, 16, 1e-12)
    for name, want in weights.items():
        np.testing.assert_array_equal(source.tensor(name, *want.shape), want, err_msg=name)


def test_source_says_what_is_missing(source):
    with pytest.raises(SourceError, match=r"l9\.q\.w: tensor missing"):
        source.tensor("l9.q.w", 64, 64)
    with pytest.raises(SourceError, match=r"l0\.q\.w: holds 4096 values"):
        source.tensor("l0.q.w", 64, 32)
    with pytest.raises(SourceError, match=r"emb\.pos: not a matrix in blocks"):
        source.blocks("emb.pos", tiny.PLACES, 64)


@pytest.mark.parametrize(("keep", "patch"), [
    (0, b""), (3, b""), (40, b""), (70, b""), (200, b""), (None, b"E5S2"), (None, b"E5S1" + struct.pack("<I", 2)),
    (None, b"E5S1" + struct.pack("<Ii", 1, -64)),
])
def test_source_refuses_damaged_files(tmp_path, keep, patch):
    tiny.write(tmp_path / "whole")
    data = (tmp_path / "whole").read_bytes()
    (tmp_path / "damaged").write_bytes(patch + data[len(patch):keep])
    with pytest.raises((SourceError, ValueError)):
        Source(tmp_path / "damaged")


def test_source_refuses_tensors_beyond_the_end(tmp_path):
    tiny.write(tmp_path / "whole")
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"l1\.oln\.b: lies beyond the end"):
        Source(tmp_path / "cut").tensor("l1.oln.b", 64)


def test_weights_leave_room_for_the_sum_of_two_products():
    q, scale = per_channel(rng.standard_normal((40, 64)).astype(np.float32))
    assert q.shape == (64, 40) and np.abs(q).max() == WEIGHT_PEAK
    assert 255 * 2 * int(np.abs(q).max()) < 2**15
    assert scale.shape == (40,)


def test_float32_is_the_definition(models, weights):
    got = embed(models["fp32"], TEXTS)
    for vector, tokens in zip(got, TEXTS):
        np.testing.assert_allclose(vector, tiny.reference(weights, tokens), atol=2e-6)


def test_eight_bits_are_close(models, weights):
    got = embed(models["w8a8"], TEXTS)
    for vector, tokens in zip(got, TEXTS):
        assert vector @ tiny.reference(weights, tokens) > 0.999


@pytest.mark.parametrize("precision", ["fp32", "w8a8"])
def test_padding_changes_nothing_but_the_last_bits(models, precision):
    for tokens in TEXTS[:4]:
        np.testing.assert_allclose(embed(models[precision], [tokens], 24), embed(models[precision], [tokens]), atol=1e-6)


def test_company_changes_nothing_at_all(models):
    alone = [embed(models["w8a8"], [tokens], 24)[0] for tokens in TEXTS]
    order = rng.permutation(len(TEXTS))
    together = embed(models["w8a8"], [TEXTS[i] for i in order], 24)
    for i, vector in zip(order, together):
        np.testing.assert_array_equal(vector, alone[i])


def test_feeds_are_held_to_the_contract():
    plan = feeds([[5, 6], [7]], 3)
    assert plan["pad_index"].tolist() == [[0, 1, 1], [2, 2, 2]]
    assert plan["unpad_index"].tolist() == [0, 1, 3]
    assert plan["position_ids"].tolist() == [0, 1, 0]
    for texts, width in (([[1], []], 0), ([[1, 2]], 1)):
        with pytest.raises(ValueError, match="tokens"):
            feeds(texts, width)


def test_a_model_that_strays_is_not_written(tmp_path, source, weights):
    with open(tmp_path / "data", "wb") as data:
        model = build(source, EncoderW8A8, data, "data")
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    vectors = [tiny.reference(weights, tokens).astype("<f4").tobytes() for tokens in TEXTS]
    rows = [{"tokens": t, "vector": base64.b64encode(v).decode()} for t, v in zip(TEXTS, vectors)]
    recorded = tmp_path / "recorded.json"
    recorded.write_text(json.dumps({"made_with": "numpy", "texts": rows}))
    quality = compare(str(tmp_path / "model.onnx"), recorded, 0.99)
    assert 0.99 <= quality["cosine_min"] <= quality["cosine_mean"] <= 1 and quality["texts"] == len(TEXTS)
    with pytest.raises(QualityError, match="at least 0.99999999"):
        compare(str(tmp_path / "model.onnx"), recorded, 0.99999999)


def test_setup_fetches_nothing_offline(tmp_path):
    with pytest.raises(SetupError, match="--offline"):
        setup.fetch(Layout(tmp_path), offline=True)
    assert not (tmp_path / "downloads").exists()


def test_origin_changes_with_what_the_result_depends_on(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("2")
    first = setup.origin("w", "0", "1", tmp_path / "a")
    assert first == setup.origin("w", "0", "1", tmp_path / "a")
    assert first["exporter_sha256"] != setup.origin("w", "0", "1", tmp_path / "b")["exporter_sha256"]
