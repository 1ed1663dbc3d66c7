"""The edit programme: names, order and canonical strengths. Everything else reads them from here."""
from grammar.colours import NAMES as COLOURS, PALETTE, SOURCE_NAMES as SOURCES

KINDS = ["brightness", "contrast", "temperature", "saturation", "tint", "fade", "invert", "recolour", "blur", "sharpen", "sketch", "pixelate", "posterize", "cartoon", "vignette", "grain"]
LOOKS = ["sepia", "vintage", "night", "golden_hour"]  # parameter sets over KINDS
HEADS = KINDS + LOOKS
DIRECTIONAL = KINDS[:4]
DEGREES = ["plain", "slight", "strong"]
REGIONS = ["all", "subject", "background", "sky"]
WORDS, BYTES = 48, 16
DEGREE_SCALE = {"plain": 1.0, "slight": 0.5, "strong": 1.6}
PALETTE_RGB = [[c / 255 for c in PALETTE[name][0]] for name in COLOURS]

# Canonical strengths, 0 to 1 after the degree; "down" uses the second number.
STRENGTH = {
    "brightness": (0.50, -0.55), "contrast": (0.62, -0.55), "temperature": (0.55, -0.55), "saturation": (0.62, -0.55), "tint": (0.55,), "fade": (0.50,), "invert": (1.0,), "recolour": (1.0,),
    "blur": (0.42,), "sharpen": (0.50,), "sketch": (1.0,), "pixelate": (0.50,), "posterize": (0.62,), "cartoon": (1.0,), "vignette": (0.55,), "grain": (0.50,),
}
# Looks as (kind, signed strength); their tints have fixed colours.
LOOK_PARTS = {
    "sepia": [("saturation", -1.0), ("tint", 0.62), ("fade", 0.12)],
    "vintage": [("fade", 0.42), ("saturation", -0.30), ("temperature", 0.38), ("vignette", 0.35), ("grain", 0.30)],
    "night": [("brightness", -0.80), ("temperature", -0.45), ("saturation", -0.45), ("tint", 0.50), ("contrast", 0.12)],
    "golden_hour": [("temperature", 0.60), ("tint", 0.28), ("saturation", 0.22), ("brightness", 0.06), ("contrast", 0.12)],
}
LOOK_TINT = {"sepia": (0.60, 0.42, 0.22), "night": (0.10, 0.18, 0.52), "golden_hour": (1.0, 0.60, 0.16), "vintage": (0.7, 0.55, 0.3)}
