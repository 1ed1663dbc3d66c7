"""`settings` of an sdxl model.json: what the pipeline reads besides the graphs."""

from typing import Any

from .manifest import ExportError

#: `style` of a job -> how the prompt is written for it, and what is added to the negative prompt.
STYLES: dict[str, dict[str, str]] = {
    "realistic": {"prompt": "{prompt}, realistic photograph, natural light, sharp focus", "negative_prompt": ""},
    "cinematic": {"prompt": "cinematic still of {prompt}, film grain, dramatic light, shallow depth of field", "negative_prompt": "cartoon, drawing"},
    "anime": {"prompt": "anime artwork of {prompt}, clean lines, vibrant colours", "negative_prompt": "photograph, realism"},
    "digital-art": {"prompt": "digital art of {prompt}, detailed, concept art", "negative_prompt": "photograph, realism"},
    "oil-painting": {"prompt": "oil painting of {prompt}, visible brush strokes, canvas", "negative_prompt": "photograph, sharp focus"},
    "watercolor": {"prompt": "watercolor painting of {prompt}, soft washes, paper texture", "negative_prompt": "photograph, sharp focus"},
    "sketch": {"prompt": "pencil sketch of {prompt}, black and white, hatching", "negative_prompt": "photograph, colour"},
    "3d-model": {"prompt": "3d render of {prompt}, physically based materials, studio light", "negative_prompt": "photograph, sketch"},
    "pixel-art": {"prompt": "pixel art of {prompt}, low resolution, blocky", "negative_prompt": "photograph, blurry, smooth"},
    "none": {"prompt": "{prompt}", "negative_prompt": ""},
}

_SCHEDULER_FIELDS = (
    "num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "timestep_spacing", "steps_offset", "prediction_type",
)

#: What the pipeline's scheduler computes; another value would give other pictures without a word.
_SCHEDULER_VALUES = {"beta_schedule": "scaled_linear", "timestep_spacing": "leading", "prediction_type": "epsilon"}


def _scheduler(config: dict[str, Any]) -> dict[str, Any]:
    for field, value in _SCHEDULER_VALUES.items():
        if config[field] != value:
            raise ExportError(f"the scheduler's {field} is {config[field]}; Darkroom's pipeline knows {value} only")
    return {field: config[field] for field in _SCHEDULER_FIELDS}


def _tokens(tokenizer: Any) -> dict[str, int]:
    return {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id, "length": tokenizer.model_max_length}


def sdxl_settings(components: dict[str, Any]) -> dict[str, Any]:
    vae, unet = components["vae"].config, components["unet"].config
    size_multiple = 2 ** (len(vae.block_out_channels) - 1)
    side = (unet.sample_size or 128) * size_multiple
    return {
        "scheduler": _scheduler(components["scheduler"].config),
        "vae": {"scaling_factor": vae.scaling_factor, "latent_channels": vae.latent_channels},
        "tokens": {"tokenizer": _tokens(components["tokenizer"]), "tokenizer_2": _tokens(components["tokenizer_2"])},
        "zeros_without_negative_prompt": components.get("force_zeros_for_empty_prompt", True),
        "size_multiple": size_multiple,
        "native_area": side * side,
        "defaults": {"steps": 30, "cfg": 7.5, "strength": 0.8, "width": side, "height": side, "frames": 4},
        "frame_distance": 0.1,
        "styles": STYLES,
    }
