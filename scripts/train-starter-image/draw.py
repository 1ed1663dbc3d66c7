"""Draws a `Scene`. The same scene always gives the same picture."""

import sys

import numpy as np
from PIL import Image

from canvas import Canvas
from land import HORIZON, draw_land
from palette import LIGHTS, restyle
from scene import Scene
from sky import draw_sky
from things import draw_thing


def draw(scene: Scene) -> np.ndarray:
    """uint8 [height, width, 3]"""
    rng = np.random.default_rng(scene.seed)
    light = LIGHTS[scene.time]
    c = Canvas(*scene.size)
    sun_x = draw_sky(c, light, scene.time, scene.cloudy, HORIZON[scene.land], rng)
    draw_land(c, scene.land, light, rng, sun_x)
    for thing in scene.things:
        draw_thing(c, thing, light, rng)
    picture = np.asarray(c.finish(), np.float32)
    return np.clip(restyle(picture, scene.style), 0, 255).round().astype(np.uint8)


if __name__ == "__main__":  # python draw.py sheet.png: twenty-four random scenes to look at
    from captions import caption
    from scene import SIZES, sample_scene

    rng = np.random.default_rng(5)
    sheet = Image.new("RGB", (6 * 164, 4 * 164))
    for i in range(24):
        scene = sample_scene(rng, SIZES[0])
        print(caption(scene, rng))
        sheet.paste(Image.fromarray(draw(scene)), (i % 6 * 164, i // 6 * 164))
    sheet.save(sys.argv[1])
