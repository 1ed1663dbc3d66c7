"""The parts of the model: diffusers and transformers classes in the arrangement of SDXL, but small."""

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

CONTEXT = 40  # tokens of a prompt
WIDTHS = (96, 64)  # of the two text encoders
POOLED = 64  # length of the pooled embedding
TIME_IDS = 16  # sinusoids for each of the six sizes
LATENT_STD = 0.5  # of the scaled latents: less than 1, so that the first step is nearly pure noise
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def make_vae() -> AutoencoderKL:
    """No attention: its cost grows with the square of the pixels, and flat drawings need none."""
    return AutoencoderKL(
        block_out_channels=(16, 32, 64, 96),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=160,
        force_upcast=False,
    )


class PreconditionedUNet(UNet2DConditionModel):
    """Answers with the noise, as the pipeline expects; inside, the net predicts what is easier to learn (Karras et al. 2022,
    table 1): the picture where there is mostly noise, the noise where there is little, always of about unit variance."""

    def __init__(self, **config):
        super().__init__(**config)
        ratio = alphas_cumprod()
        self.register_buffer("sigmas", ((1 - ratio) / ratio).sqrt(), persistent=False)

    def forward(self, sample, timestep, encoder_hidden_states, added_cond_kwargs=None, return_dict=True, **others):
        """`sample`: x / sqrt(sigma² + 1), as the scheduler scales it."""
        steps = timestep.reshape(-1).expand(sample.shape[0])
        sigma = self.sigmas[steps.long()].view(-1, 1, 1, 1)
        spread = (sigma**2 + LATENT_STD**2).sqrt()
        x = sample * (sigma**2 + 1).sqrt()
        inner = super().forward(x / spread, steps, encoder_hidden_states, added_cond_kwargs=added_cond_kwargs, return_dict=False)[0]
        noise = x * (sigma / spread**2) - inner.float() * (LATENT_STD / spread)
        return UNet2DConditionOutput(sample=noise) if return_dict else (noise,)


def make_unet() -> PreconditionedUNet:
    return PreconditionedUNet(
        sample_size=20,
        in_channels=4,
        out_channels=4,
        layers_per_block=1,
        block_out_channels=(40, 80, 112),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=1,
        attention_head_dim=(1, 2, 2),  # heads, as in SDXL's own config
        cross_attention_dim=sum(WIDTHS),
        use_linear_projection=True,
        norm_num_groups=8,
        addition_embed_type="text_time",
        addition_time_embed_dim=TIME_IDS,
        projection_class_embeddings_input_dim=6 * TIME_IDS + POOLED,
    )


def make_text_encoder(vocabulary: int, bos: int, eos: int, second: bool) -> CLIPTextModel | CLIPTextModelWithProjection:
    """The pipeline reads the states before the last layer; of the second encoder also the projected state at the end of the text."""
    width = WIDTHS[second]
    config = CLIPTextConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=2 if second else 3,
        num_attention_heads=width // 32,
        max_position_embeddings=CONTEXT,
        projection_dim=POOLED,
        hidden_act="gelu",
        bos_token_id=bos,
        eos_token_id=eos,
        pad_token_id=eos,
    )
    return (CLIPTextModelWithProjection if second else CLIPTextModel)(config)


def plain_attention(unet: UNet2DConditionModel) -> None:
    """Attention as two matrix products: on these small maps its backward pass is faster on a CPU than the fused kernel's."""
    unet.set_attn_processor(AttnProcessor())


def alphas_cumprod() -> torch.Tensor:
    """Share of the picture in the variance at each of the 1000 training steps."""
    steps = SCHEDULE["num_train_timesteps"]
    betas = torch.linspace(SCHEDULE["beta_start"] ** 0.5, SCHEDULE["beta_end"] ** 0.5, steps, dtype=torch.float32) ** 2
    return torch.cumprod(1 - betas, 0)
