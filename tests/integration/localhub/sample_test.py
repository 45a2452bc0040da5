# SPDX-License-Identifier: Apache-2.0
"""The bundled sample is real: model2vec embeds with it, tokenizers, safetensors and datasets open it."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import COUNTERPARTS, HANG, ProofCase, clean_env  # noqa: E402

MODEL = """
import json, sys, numpy
from model2vec import StaticModel
from safetensors import safe_open
from huggingface_hub import hf_hub_download
from tokenizers import Tokenizer
model = StaticModel.from_pretrained("hubd/sample-model")
vectors = model.encode(["download", "downloads", "mountain river", "Unseen wörds, tokenized!"])
tokenizer = Tokenizer.from_file(hf_hub_download("hubd/sample-model", "tokenizer.json", revision="v1"))
shapes = {}
for revision in ("v1", "main"):
    with safe_open(hf_hub_download("hubd/sample-model", "model.safetensors", revision=revision), framework="numpy") as file:
        shapes[revision] = list(file.get_tensor("embeddings").shape)
print(json.dumps({"shape": list(vectors.shape), "norms": [float(numpy.linalg.norm(v)) for v in vectors],
    "near": float(vectors[0] @ vectors[1]), "far": float(vectors[0] @ vectors[2]), "tensors": shapes,
    "tokens": tokenizer.encode("The daemon downloads a zqx").tokens, "torch": "torch" in sys.modules}))
"""

DATASET = """
import json
from datasets import load_dataset
data = load_dataset("hubd/sample-dataset")
streamed = next(iter(load_dataset("hubd/sample-dataset", split="train", streaming=True)))
print(json.dumps({"rows": {k: v.num_rows for k, v in data.items()}, "first": data["train"][0], "streamed": streamed}))
"""


class Sample(ProofCase):
    def run_app(self, code, hub):
        python = COUNTERPARTS / "apps/bin/python"
        if not python.exists():
            if os.environ.get("CI") == "true":
                self.fail("counterpart apps (model2vec, datasets) is not installed")
            self.skipTest("counterpart apps (model2vec, datasets) is not installed")
        result = subprocess.run([str(python), "-c", code], env=clean_env(self.folder / "home", HF_ENDPOINT=hub.url),
                                capture_output=True, text=True, timeout=HANG * 3)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        return json.loads(result.stdout.splitlines()[-1])

    def test_model(self):
        got = self.run_app(MODEL, self.hub(None, "--sample"))
        self.assertEqual([4, 256], got["shape"])
        for norm in got["norms"]:
            self.assertAlmostEqual(1, norm, 4)
        self.assertGreater(got["near"], 0.6)
        self.assertLess(got["far"], 0.3)
        self.assertEqual({"v1": [49500, 256], "main": [50000, 256]}, got["tensors"])
        self.assertEqual(["the", "daemon", "download", "##s", "a", "z", "##q", "##x"], got["tokens"])
        self.assertFalse(got["torch"])

    def test_dataset(self):
        got = self.run_app(DATASET, self.hub(None, "--sample"))
        self.assertEqual({"train": 800, "test": 200}, got["rows"])
        self.assertEqual(got["first"], got["streamed"])
        self.assertEqual({"id", "text", "label"}, set(got["first"]))

    def test_every_run_makes_the_same_bytes(self):
        commits = []
        for _ in range(2):
            hub = self.hub(None, "--sample")
            commits.append([hub.call("GET", path)["sha"] for path in ("/api/models/hubd/sample-model", "/api/datasets/hubd/sample-dataset")])
        self.assertEqual(commits[0], commits[1])
        # Pinned: another machine or compiler must make them too.
        self.assertEqual(PINNED, commits[0])


PINNED = ["e1e8f70bad6ca2ae91c9196f04e69fc01e9b5062", "3e18f4442a2da47e06e70a4d4aef7f6cb88efc97"]

if __name__ == "__main__":
    unittest.main()
