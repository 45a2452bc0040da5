# SPDX-License-Identifier: Apache-2.0
"""Programs that nobody changed, with HUBD_DROPIN set: they do what they do, and every request is hubd's."""
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from case import SEED  # noqa: E402
from dropin_case import DropinCase  # noqa: E402

TOKENIZER = json.dumps({
    "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": {"type": "Whitespace"},
    "post_processor": None, "decoder": None, "added_tokens": [
        {"id": 0, "content": "[UNK]", "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}],
    "model": {"type": "WordLevel", "vocab": {"[UNK]": 0, "hello": 1, "world": 2}, "unk_token": "[UNK]"}})
REPOS = [
    {"id": "acme/bert", "commits": [{"files": [
        {"path": "config.json", "text": json.dumps({"model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1,
                                                    "num_attention_heads": 1, "vocab_size": 3})},
        {"path": "tokenizer.json", "text": TOKENIZER},
        {"path": "tokenizer_config.json", "text": json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"})},
        {"path": "model.safetensors", "size": 400_000, "random_seed": 4}]}]},
    {"id": "acme/pipe", "commits": [{"files": [
        {"path": "model_index.json", "text": json.dumps({"_class_name": "DDPMPipeline", "scheduler": ["diffusers", "DDPMScheduler"]})},
        {"path": "scheduler/scheduler_config.json",
         "text": json.dumps({"_class_name": "DDPMScheduler", "num_train_timesteps": 10})}]}]},
    {"id": "Systran/faster-whisper-tiny", "commits": [{"files": [
        {"path": "config.json", "text": "{}"}, {"path": "model.bin", "size": 500_000, "random_seed": 5},
        {"path": "tokenizer.json", "text": TOKENIZER}, {"path": "vocabulary.txt", "text": "a\nb\n"},
        {"path": "README.md", "text": "not wanted"}]}]}]
TRANSFORMERS = """
import json, transformers
config = transformers.AutoConfig.from_pretrained("acme/bert"{pinned})
tokenizer = transformers.AutoTokenizer.from_pretrained("acme/bert"{pinned})
print(json.dumps([transformers.__version__, config.hidden_size, tokenizer("hello world")["input_ids"]]))"""
DIFFUSERS = """
import json
from diffusers.configuration_utils import ConfigMixin
class Scheduler(ConfigMixin):
    config_name = "scheduler_config.json"
print(json.dumps(Scheduler.load_config("acme/pipe", subfolder="scheduler")))"""
HF = """
import sys
from huggingface_hub.cli.hf import main
sys.argv = ["hf", *{arguments}]
main()"""


class Programs(DropinCase):
    def setUp(self):
        super().setUp()
        self.server = self.hub({**SEED, "repos": SEED["repos"] + REPOS}, "--sample", "--cdn-listen", "127.0.0.2:0")
        self.daemon.stop()
        self.daemon = self.hubd(self.server.url, name="own", config="[metadata]\nbranch_max_age_seconds = 600\n")

    def env(self, home: str = "own", **more):
        return super().env(home, **more)

    def run_program(self, interpreter: str, code: str, known: tuple[str, ...] = (), **options):
        """What it printed last; the Hub saw hubd only, and hubd worked."""
        self.server.reset()
        before = int(self.daemon.rpc("Admin", "Status", {})[1].get("requests", 0))
        done = self.program(code, python=self.python(interpreter), **options)
        self.assertEqual({}, self.strangers(known), "the program asked the Hub past hubd")
        self.assertGreater(int(self.daemon.rpc("Admin", "Status", {})[1]["requests"]), before)
        self.assertGreater(self.asked(), 0)
        return done

    def json_of(self, interpreter: str, code: str, **options):
        return json.loads(self.run_program(interpreter, code, **options).stdout.splitlines()[-1])

    def test_counterpart_transformers_5(self):
        version, *found = self.json_of("apps", TRANSFORMERS.format(pinned=""))
        self.assertEqual(["5", 8, [1, 2]], [version[0], *found])

    def test_counterpart_transformers_4(self):
        version, *found = self.json_of("apps4", TRANSFORMERS.format(pinned=""))
        self.assertEqual(["4", 8, [1, 2]], [version[0], *found])

    def test_counterpart_200_warm_loads_cost_nothing(self):
        commit = self.server.call("GET", "/api/models/acme/bert")["sha"]
        for interpreter in ("apps4", "apps"):
            for what, code in (("pinned", TRANSFORMERS.format(pinned=f", revision={commit!r}")),
                               ("branch", TRANSFORMERS.format(pinned=""))):
                with self.subTest(interpreter=interpreter, what=what):
                    # All in one process, which saves 200 imports. The first load may ask: a branch costs one request per
                    # age, a listing one for ever.
                    self.program(code, python=self.python(interpreter))
                    self.server.reset()
                    self.program(f"code = {code!r}\nfor _ in range(200): exec(code)", python=self.python(interpreter))
                    self.assertEqual(0, self.asked(), self.server.call("GET", "/_localhub/requests?limit=5"))

    def test_counterpart_model2vec(self):
        shape, near, far = self.json_of("apps", """
import json
from model2vec import StaticModel
vectors = StaticModel.from_pretrained("hubd/sample-model").encode(["download", "downloads", "mountain river"])
print(json.dumps([list(vectors.shape), float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])]))""")
        self.assertEqual([3, 256], shape)
        self.assertGreater(near, far)

    def test_counterpart_safetensors(self):
        self.assertEqual([50000, 256], self.json_of("apps", """
import json
from huggingface_hub import hf_hub_download
from safetensors import safe_open
with safe_open(hf_hub_download("hubd/sample-model", "model.safetensors"), framework="numpy") as file:
    print(json.dumps(list(file.get_tensor("embeddings").shape)))"""))

    def test_counterpart_tokenizers(self):
        code = "import json, tokenizers; print(json.dumps(tokenizers.Tokenizer.from_pretrained('acme/bert').encode('hello world').ids))"
        self.assertEqual([1, 2], self.json_of("apps", code))

    def test_counterpart_datasets(self):
        rows, first, streamed = self.json_of("apps", """
import json
from datasets import load_dataset
data = load_dataset("hubd/sample-dataset")
stream = load_dataset("hubd/sample-dataset", split="train", streaming=True)
print(json.dumps([{name: part.num_rows for name, part in data.items()}, data["train"][0], next(iter(stream))]))""")
        self.assertEqual({"train": 800, "test": 200}, rows)
        self.assertEqual(first, streamed)

    def test_counterpart_datasets_streaming_stores_nothing(self):
        rows = self.json_of("apps", """
import json
from datasets import load_dataset
print(json.dumps(sum(1 for _ in load_dataset("hubd/sample-dataset", split="train", streaming=True))))""")
        self.assertEqual(800, rows)
        self.assertEqual([], list((self.folder / "own/hf/hub").glob("datasets--*/snapshots/*/data/train.jsonl")))

    def test_counterpart_diffusers(self):
        for interpreter in ("apps", "apps4"):
            with self.subTest(interpreter):
                self.assertEqual(10, self.json_of(interpreter, DIFFUSERS)["num_train_timesteps"])
                self.daemon.ctl("cache", "rm", "model/acme/pipe", "-y", check=True)

    def test_counterpart_faster_whisper(self):
        done = self.run_program("apps4", "from faster_whisper.utils import download_model; print(download_model('tiny'))")
        names = {path.name for path in pathlib.Path(done.stdout.strip()).iterdir()}
        self.assertEqual({"config.json", "model.bin", "tokenizer.json", "vocabulary.txt"}, names)

    def test_counterpart_hf_command(self):
        # At each start the newest `hf` asks for a list that is not part of any call: documented.
        done = self.run_program("hub-2.4.0", HF.format(arguments=["download", "acme/model", "--format", "json"]),
                                known=("agent-harnesses",))
        self.assertIn("/own/hf/hub/models--acme--model/snapshots/", done.stdout)
        info = self.run_program("hub-1.33.0", HF.format(arguments=["models", "info", "acme/many"]))
        self.assertIn("f/899.txt", info.stdout)
        done = self.run_program("hub-0.36.2", HF.format(arguments=["download", "acme/copy", "--quiet"]))
        self.assertTrue((pathlib.Path(done.stdout.strip()) / "same.safetensors").is_file())


if __name__ == "__main__":
    unittest.main()
