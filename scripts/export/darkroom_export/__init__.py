"""Turns published weights into a Darkroom model: ONNX graphs, their assets and a model.json.

`python -m darkroom_export PLAN.json` is what `darkroom models add` runs. Each family is a module with

    def export(source: Path, target: Path, *, precision: str, report: Report, **options) -> dict

which writes graphs and assets under `target` and returns what model.json says about them:
{"variants": [...], "assets": {role: path}, "settings": {...}, "loras": [...]} (the last three may be missing). Paths are
relative to `target`. `options` are what the plan names besides: other sources by their role (a VAE's folder, an adapter's
file), and what the family itself understands. The files' sizes and sha256 are added here.
"""
