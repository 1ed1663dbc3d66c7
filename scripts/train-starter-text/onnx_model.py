"""Answers by the exported graph under ONNX Runtime, as the pipeline asks them."""
import json
import time

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

TEMPLATE = "<s>[INST] {} [/INST]"


class OnnxModel:
    def __init__(self, folder, threads=1):
        manifest = json.loads((folder / "model.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(folder / manifest["variants"][0]["graphs"]["generate"]), options,
            providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(str(folder / manifest["assets"]["tokenizer"]))
        self.cache, self.ends = manifest["settings"]["cache"], manifest["settings"]["eos_token_ids"]
        self.context = manifest["settings"]["context_length"]

    def answer(self, prompt, temperature=1.0, top_p=1e-6, seed=0, max_tokens=200):
        """-> (text, whether it came to an end, tokens a second). The defaults take the likeliest token each time."""
        ids = self.tokenizer.encode(TEMPLATE.format(prompt), add_special_tokens=False).ids
        uniforms = np.random.default_rng(seed).random(min(max_tokens, self.context - len(ids)), np.float32)
        feeds = {
            "input_ids": np.array([ids]), "uniforms": uniforms, "temperature": np.array(temperature, np.float32),
                "top_p": np.array(top_p, np.float32),
            "eos_token_ids": np.array(self.ends),
        }
        for layer in range(self.cache["layers"]):
            for kind in ("key", "value"):
                feeds[f"past_key_values.{layer}.{kind}"] = np.zeros((1, self.cache["kv_heads"], 0, self.cache["head_size"]), np.float32)
        begun = time.perf_counter()
        tokens = self.session.run(["tokens"], feeds)[0].tolist()
        spent = time.perf_counter() - begun
        return self.tokenizer.decode(tokens, skip_special_tokens=True), tokens[-1] in self.ends, len(tokens) / spent
