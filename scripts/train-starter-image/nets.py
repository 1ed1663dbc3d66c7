"""The parts of the model: diffusers and transformers classes in the arrangement of SDXL, but small."""

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionOutput
from diffusers.models.upsampling import Upsample2D
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

CONTEXT = 40  # tokens of a prompt
WIDTHS = (96, 64)  # of the two text encoders
POOLED = 64  # length of the pooled embedding
TIME_IDS = 16  # sinusoids for each of the six sizes
LATENT_CHANNELS = 8  # twice SDXL's: four kept shapes or colours in a short training, not both
LATENT_STD = 0.5  # of the scaled latents: less than 1, so that the first step is nearly pure noise
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def _start_plain(net: AutoencoderKL | UNet2DConditionModel) -> None:
    """Lets training begin at a net that only averages and repeats: what blocks add to their input starts at zero, and what
    joins them passes channels through. From random weights the autoencoder took three times as long to find the colours."""
    for module in net.modules():
        if isinstance(module, ResnetBlock2D):
            torch.nn.init.zeros_(module.conv2.weight)
            torch.nn.init.zeros_(module.conv2.bias)
            if module.conv_shortcut is not None:
                torch.nn.init.zeros_(module.conv_shortcut.bias)
                torch.nn.init.orthogonal_(module.conv_shortcut.weight)
        elif isinstance(module, Transformer2DModel):
            torch.nn.init.zeros_(module.proj_out.weight)
            torch.nn.init.zeros_(module.proj_out.bias)
        elif isinstance(module, Downsample2D | Upsample2D):
            torch.nn.init.zeros_(module.conv.weight)
            torch.nn.init.zeros_(module.conv.bias)
            taps, same = module.conv.weight.data, torch.eye(module.channels)
            if isinstance(module, Upsample2D):
                taps[:, :, 1, 1] = same
            else:  # the mean of a cell's four pixels; padding, where there is any, puts a row and a column before them
                first = module.padding
                taps[:, :, first : first + 2, first : first + 2] = same[..., None, None] / 4


def make_vae() -> AutoencoderKL:
    """No attention: its cost grows with the square of the pixels, and flat drawings need none."""
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 64, 96),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        mid_block_add_attention=False,
        sample_size=160,
        force_upcast=False,
    )
    _start_plain(vae)
    return vae


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
    unet = PreconditionedUNet(
        sample_size=20,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
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
    _start_plain(unet)
    torch.nn.init.zeros_(unet.conv_out.weight)
    return unet


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
