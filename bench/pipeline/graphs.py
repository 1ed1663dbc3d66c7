"""Runs the calls that bench/pipeline.ts recorded under Python's ONNX Runtime: graphs.py FOLDER THREADS ROUNDS -> median ms of all calls."""
import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

folder, threads, rounds = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
TYPES = {"float32": np.float32, "float16": np.float16, "int64": np.int64, "int32": np.int32, "uint8": np.uint8, "bool": np.bool_}
options = ort.SessionOptions()
options.intra_op_num_threads, options.inter_op_num_threads, options.log_severity_level = threads, 1, 3
options.add_session_config_entry("session.intra_op.allow_spinning", "0")
calls = json.loads((folder / "calls.json").read_text())
sessions = {graph: ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"]) for graph in {call["graph"] for call in calls}}
inputs = [
    {i["name"]: np.frombuffer((folder / i["file"]).read_bytes(), TYPES[i["type"]]).reshape(i["dims"]) for i in call["inputs"]}
    for call in calls
]
times = []
for _ in range(rounds + 1):  # the first is the warm-up
    spent = 0.0
    for call, given in zip(calls, inputs):
        begun = time.perf_counter()
        sessions[call["graph"]].run(None, given)
        spent += time.perf_counter() - begun
    times.append(spent * 1000)
print(sorted(times[1:])[rounds // 2])
