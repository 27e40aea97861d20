"""Golden values of permutation groups, computed with sympy, for the tests of this crate.

Points are 0, 1, ..., degree - 1 and a permutation is the list of its images. Writes `groups.json` next to this file, the
same bytes every time; every random choice comes from a generator seeded with the name of its group.

Orders, stabilisers, membership, commutativity and the orders of elements are sympy's. Pair orbits are a union-find here.
Everything is checked before it is written: known orders are written down beside each group, orbits against a union-find,
stabilisers against the orbit-stabiliser theorem, and groups of at most 200 elements against a plain enumeration. Any
difference stops the program and nothing is written.

Run: pip install sympy==1.14.0 && python make.py
"""

import collections
import json
import math
import pathlib
import random

import sympy
from sympy.combinatorics import Permutation, PermutationGroup

SEED = 20261123
SMALL = 200  # groups of at most this order are enumerated
LARGEST_PAIRS = 64  # pair orbits up to this degree


def check(condition, message):
    """An assertion that `python -O` keeps."""
    if not condition:
        raise SystemExit(f"make.py: {message}")


# Permutations as image lists.


def compose(g, h):
    """x -> g(h(x))."""
    return [g[y] for y in h]


def inverse(g):
    result = [0] * len(g)
    for x, y in enumerate(g):
        result[y] = x
    return result


def cycles(degree, *moved, first=0):
    """The product of disjoint cycles; `first` is what the written cycles call point 0."""
    image = list(range(degree))
    for cycle in moved:
        for x, y in zip(cycle, cycle[1:] + cycle[:1]):
            check(image[x - first] == x - first, "cycles are not disjoint")
            image[x - first] = y - first
    return image


def on_points(points, move):
    """The permutation that `move` makes of the list `points`."""
    index = {point: i for i, point in enumerate(points)}
    return [index[move(point)] for point in points]


# Families. Each returns (degree, generators).


def trivial(n):
    return n, []


def cyclic(n):
    return n, [[(x + 1) % n for x in range(n)]]


def dihedral(n):
    return n, [[(x + 1) % n for x in range(n)], [-x % n for x in range(n)]]


def symmetric(n):
    return n, [cycles(n, [0, 1]), cycles(n, list(range(n)))]


def alternating(n):
    return n, [cycles(n, [0, 1, 2])] + [cycles(n, list(range(1 - n % 2, n)))] * (n > 3)


def quaternion():
    """Left multiplication by i and j on 1, -1, i, -i, j, -j, k, -k."""
    units = {("i", "j"): (1, "k"), ("j", "k"): (1, "i"), ("k", "i"): (1, "j")}
    units |= {(b, a): (-1, c) for (a, b), (_, c) in units.items()}
    units |= {(a, a): (-1, "1") for a in "ijk"}
    units |= {(a, "1"): (1, a) for a in "ijk"}
    points = [(sign, unit) for unit in "1ijk" for sign in (1, -1)]

    def left(a):
        def move(point):
            sign, unit = units[a, point[1]]
            return sign * point[0], unit

        return on_points(points, move)

    return 8, [left("i"), left("j")]


def direct_product(a, b):
    """On the disjoint union: the points of `a`, then those of `b`."""
    (n, left), (m, right) = a, b
    return n + m, [g + list(range(n, n + m)) for g in left] + [list(range(n)) + [n + y for y in g] for g in right]


def wreath_product(base, top):
    """Imprimitive: point block * base degree + x; `base` acts inside each block, `top` on the blocks."""
    (n, inner), (blocks, outer) = base, top
    gens = []
    for block in range(blocks):
        start = block * n
        gens += [[*range(start), *(start + y for y in g), *range(start + n, blocks * n)] for g in inner]
    return blocks * n, gens + [[g[p // n] * n + p % n for p in range(blocks * n)] for g in outer]


def frobenius(p, factor):
    """x -> x + 1 and x -> factor x modulo p."""
    return p, [[(x + 1) % p for x in range(p)], [factor * x % p for x in range(p)]]


def square_grid(n):
    """The quarter turn and the left-right flip of the cells r * n + c."""
    cells = [(r, c) for r in range(n) for c in range(n)]
    return n * n, [
        on_points(cells, lambda p: (p[1], n - 1 - p[0])),
        on_points(cells, lambda p: (p[0], n - 1 - p[1])),
    ]


def hypercube(n):
    """On bit masks: flip bit 0, swap bits 0 and 1, send bit i to bit i + 1 (mod n)."""

    def bits(where):
        return [sum((v >> i & 1) << where[i] for i in range(n)) for v in range(2**n)]

    swap = bits([1, 0, *range(2, n)])
    shift = bits([(i + 1) % n for i in range(n)])
    return 2**n, [[v ^ 1 for v in range(2**n)], swap, shift]


def icosahedron():
    """Rotations on the vertices (0, s, t phi), then (s, t phi, 0), then (t phi, 0, s), each with
    (s, t) = (1, 1), (1, -1), (-1, 1), (-1, -1): a fifth of a turn about vertex 0, a third about (1, 1, 1), half about z."""
    phi = (1 + math.sqrt(5)) / 2
    vertices = []
    for turn in range(3):
        for s in (1, -1):
            for t in (1, -1):
                v = (0.0, float(s), t * phi)
                vertices.append(v[turn:] + v[:turn])

    def rotation(axis, angle):
        """Rodrigues: cos I + sin [axis]x + (1 - cos) axis axis^T."""
        length = math.sqrt(sum(a * a for a in axis))
        x, y, z = (a / length for a in axis)
        c, s = math.cos(angle), math.sin(angle)
        d = 1 - c
        return [
            [c + d * x * x, d * x * y - s * z, d * x * z + s * y],
            [d * y * x + s * z, c + d * y * y, d * y * z - s * x],
            [d * z * x - s * y, d * z * y + s * x, c + d * z * z],
        ]

    def permutation(matrix):
        image = []
        for v in vertices:
            w = [sum(m * a for m, a in zip(row, v)) for row in matrix]
            near = [i for i, u in enumerate(vertices) if math.dist(u, w) < 1e-9]
            check(len(near) == 1, "a rotation does not map vertices to vertices")
            image += near
        return image

    axes = [(vertices[0], 5), ((1, 1, 1), 3), ((0, 0, 1), 2)]
    return 12, [permutation(rotation(axis, 2 * math.pi / n)) for axis, n in axes]


def torus_translations(rows, columns):
    """Points r * columns + c; one row down, one column right."""
    cells = [(r, c) for r in range(rows) for c in range(columns)]
    return len(cells), [
        on_points(cells, lambda p: ((p[0] + 1) % rows, p[1])),
        on_points(cells, lambda p: (p[0], (p[1] + 1) % columns)),
    ]


def torus_rotations(n):
    """The translations of the n x n torus and its quarter turn (r, c) -> (c, -r) about cell (0, 0)."""
    degree, gens = torus_translations(n, n)
    cells = [(r, c) for r in range(n) for c in range(n)]
    return degree, gens + [on_points(cells, lambda p: (p[1], -p[0] % n))]


def rubik_stickers():
    """(place of the small cube, outward normal) of the 48 stickers: faces U, L, F, R, B, D, each read row by row as in the
    usual unfolded cross (L F R B in a row, U above F, D below F). x points to R, y to F, z to U."""
    faces = [  # normal, to the right, downwards, as seen from outside
        ((0, 0, 1), (1, 0, 0), (0, 1, 0)),
        ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
        ((0, 1, 0), (1, 0, 0), (0, 0, -1)),
        ((1, 0, 0), (0, -1, 0), (0, 0, -1)),
        ((0, -1, 0), (-1, 0, 0), (0, 0, -1)),
        ((0, 0, -1), (1, 0, 0), (0, -1, 0)),
    ]
    stickers = []
    for normal, right, down in faces:
        for r in (-1, 0, 1):
            for c in (-1, 0, 1):
                if (r, c) != (0, 0):
                    place = tuple(n + c * a + r * b for n, a, b in zip(normal, right, down))
                    stickers.append((place, normal))
    return stickers


def rubik():
    """Clockwise quarter turns (seen from outside) of U, L, F, R, B, D; a sticker's image is where it goes."""

    def dot(a, b):
        return sum(x * y for x, y in zip(a, b))

    def turned(v, n):
        """v after a clockwise quarter turn about n. The frame (x right, y to the viewer, z up) is left-handed, so in
        coordinates this is the part along n plus n x v, which would be counterclockwise in a right-handed one."""
        cross = (n[1] * v[2] - n[2] * v[1], n[2] * v[0] - n[0] * v[2], n[0] * v[1] - n[1] * v[0])
        return tuple(dot(n, v) * a + b for a, b in zip(n, cross))

    stickers = rubik_stickers()
    gens = []
    for face in range(6):
        normal = stickers[8 * face][1]

        def move(sticker, normal=normal):
            place, outward = sticker
            return (turned(place, normal), turned(outward, normal)) if dot(place, normal) == 1 else sticker

        gens.append(on_points(stickers, move))
    # The same numbering, from 1, as the well-known example in the documentation of GAP.
    literature = [
        [[1, 3, 8, 6], [2, 5, 7, 4], [9, 33, 25, 17], [10, 34, 26, 18], [11, 35, 27, 19]],
        [[9, 11, 16, 14], [10, 13, 15, 12], [1, 17, 41, 40], [4, 20, 44, 37], [6, 22, 46, 35]],
        [[17, 19, 24, 22], [18, 21, 23, 20], [6, 25, 43, 16], [7, 28, 42, 13], [8, 30, 41, 11]],
        [[25, 27, 32, 30], [26, 29, 31, 28], [3, 38, 43, 19], [5, 36, 45, 21], [8, 33, 48, 24]],
        [[33, 35, 40, 38], [34, 37, 39, 36], [3, 9, 46, 32], [2, 12, 47, 29], [1, 14, 48, 27]],
        [[41, 43, 48, 46], [42, 45, 47, 44], [14, 22, 30, 38], [15, 23, 31, 39], [16, 24, 32, 40]],
    ]
    for face, moved in enumerate(literature):
        check(gens[face] == cycles(48, *moved, first=1), f"rubik: face {face} turns another way than in the literature")
    return 48, gens


def rubik_impossible():
    """What cannot be reached by turning: one flipped edge, one twisted corner, two swapped edges."""
    stickers = rubik_stickers()

    def of_piece(place):
        return [i for i, (at, _) in enumerate(stickers) if at == place]

    edge, other, corner = of_piece((1, 1, 0)), of_piece((-1, 1, 0)), of_piece((1, 1, 1))
    check((len(edge), len(other), len(corner)) == (2, 2, 3), "rubik: pieces")
    return [cycles(48, edge), cycles(48, corner), cycles(48, [edge[0], other[0]], [edge[1], other[1]])]


def mathieu11():
    return 11, [cycles(11, list(range(1, 12)), first=1), cycles(11, [3, 7, 11, 8], [4, 10, 5, 6], first=1)]


def mathieu12():
    gens = [g + [11] for g in mathieu11()[1]]
    return 12, gens + [cycles(12, [1, 12], [2, 11], [3, 6], [4, 8], [5, 9], [7, 10], first=1)]


def mathieu24():
    five = [[3, 17, 10, 7, 9], [4, 13, 14, 19, 5], [8, 18, 11, 12, 23], [15, 20, 22, 21, 16]]
    two = [[1, 24], [2, 23], [3, 12], [4, 16], [5, 18], [6, 10], [7, 20], [8, 14], [9, 21], [11, 17], [13, 22], [15, 19]]
    return 24, [cycles(24, list(range(1, 24)), first=1), cycles(24, *five, first=1), cycles(24, *two, first=1)]


def psl27():
    """x + 1, 2 x and -1 / x on the projective line over the field of 7 elements; point 7 is infinity."""
    flip = [7] + [-pow(x, -1, 7) % 7 for x in range(1, 7)] + [0]
    return 8, [[(x + 1) % 7 for x in range(7)] + [7], [2 * x % 7 for x in range(7)] + [7], flip]


def random_group(name, degree, lengths):
    """One generator per entry of `lengths`: disjoint cycles of these lengths on random points."""
    rng = random.Random(f"{SEED} {name} generators")
    gens = []
    for generator in lengths:
        points = list(range(degree))
        rng.shuffle(points)
        moved = []
        for length in generator:
            moved.append(points[:length])
            del points[:length]
        gens.append(cycles(degree, *moved))
    return degree, gens


def intransitive():
    """S4 on the points 1, 4, 6, 9 and at the same time on their three splittings into two pairs, which are the points 2, 5,
    10. The points 0, 3, 7, 8, 11 stay. Order 24, not the 144 of the product of the actions on the two orbits."""
    four, three = [1, 4, 6, 9], [2, 5, 10]
    splittings = [frozenset({frozenset({0, i}), frozenset({1, 2, 3} - {i})}) for i in (1, 2, 3)]
    gens = []
    for g in symmetric(4)[1]:
        image = list(range(12))
        for x in range(4):
            image[four[x]] = four[g[x]]
        for i, split in enumerate(splittings):
            moved = frozenset(frozenset(g[x] for x in pair) for pair in split)
            image[three[i]] = three[splittings.index(moved)]
        gens.append(image)
    return 12, gens


# Lengths of the cycles of every generator of the random groups.
RANDOM_CYCLES = [
    [(2, 2), (3,)],
    [(2, 2, 2), (2, 2)],
    [(3,), (2, 2), (3, 3)],
    [(4, 2), (3, 2)],
]


# (name, whether the name is a family, group, known order or None)
def groups():
    def family(name, group, order):
        return name, True, group, order

    yield family("trivial(5)", trivial(5), 1)
    for n in (1, 2, 3, 5, 8, 12, 32):
        yield family(f"cyclic({n})", cyclic(n), n)
    for n in (3, 4, 5, 8, 9, 16):
        yield family(f"dihedral({n})", dihedral(n), 2 * n)
    orders = {2: 2, 3: 6, 4: 24, 5: 120, 8: 40320, 12: 479001600, 30: 265252859812191058636308480000000}
    for n, order in orders.items():
        yield family(f"symmetric({n})", symmetric(n), order)
    for n, order in {3: 3, 4: 12, 5: 60, 6: 360, 8: 20160}.items():
        yield family(f"alternating({n})", alternating(n), order)
    yield family("quaternion()", quaternion(), 8)
    yield family("direct_product(cyclic(3),cyclic(4))", direct_product(cyclic(3), cyclic(4)), 12)
    yield family("direct_product(symmetric(3),dihedral(4))", direct_product(symmetric(3), dihedral(4)), 48)
    yield family("wreath_product(cyclic(2),symmetric(3))", wreath_product(cyclic(2), symmetric(3)), 48)
    yield family("wreath_product(symmetric(3),cyclic(4))", wreath_product(symmetric(3), cyclic(4)), 5184)
    yield family("semidirect(7,3)", frobenius(7, 2), 21)
    yield family("semidirect(13,4)", frobenius(13, 5), 52)
    yield family("square_grid(3)", square_grid(3), 8)
    yield family("square_grid(4)", square_grid(4), 8)
    yield family("hypercube(3)", hypercube(3), 48)
    yield family("hypercube(4)", hypercube(4), 384)
    yield family("icosahedron()", icosahedron(), 60)
    yield family("torus_translations(4,5)", torus_translations(4, 5), 20)
    yield family("torus_rotations(5)", torus_rotations(5), 100)
    yield family("rubik()", rubik(), 43252003274489856000)
    yield "M11", False, mathieu11(), 7920
    yield "M12", False, mathieu12(), 95040
    yield "M24", False, mathieu24(), 244823040
    yield "PSL(2,7)", False, psl27(), 168
    for i, lengths in enumerate(RANDOM_CYCLES, 1):
        name = f"random {i}"
        yield name, False, random_group(name, 10, lengths), None
    yield "intransitive", False, intransitive(), 24


# What is recorded.


def orbit_partition(n, maps):
    """The classes of 0..n under x ~ map(x), by union-find."""
    parent = list(range(n))

    def find(x):
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for image in maps:
        for x, y in enumerate(image):
            parent[find(x)] = find(y)
    classes = collections.defaultdict(list)
    for x in range(n):
        classes[find(x)].append(x)
    return sorted(classes.values())


def pair_orbits(n, gens):
    return len(orbit_partition(n * n, [[g[p // n] * n + g[p % n] for p in range(n * n)] for g in gens]))


def enumerate_group(n, gens):
    identity = tuple(range(n))
    seen, queue = {identity}, [identity]
    for g in queue:
        for h in gens:
            product = tuple(compose(h, g))
            if product not in seen:
                seen.add(product)
                queue.append(product)
    return seen


def random_element(rng, n, gens):
    """Product replacement with an accumulator."""
    slots = (gens or [list(range(n))]) * 10
    product = list(range(n))
    for _ in range(300):
        i, j = rng.sample(range(len(slots)), 2)
        factor = inverse(slots[j]) if rng.random() < 0.5 else slots[j]
        slots[i] = compose(slots[i], factor) if rng.random() < 0.5 else compose(factor, slots[i])
        product = compose(product, slots[i])
    return product


def non_members(rng, name, n, gens, contains, wanted):
    """Near misses on purpose: random permutations, and random members times a random 2-cycle or 3-cycle. A shuffled sticker
    set of the cube would be far too easy to reject, so there it is a random member times an impossible change."""
    if name == "rubik()":
        found = [compose(random_element(rng, n, gens), change) for change in rubik_impossible()]
        check(not any(contains(g) for g in found), "rubik(): an impossible cube is possible")
        return found
    found = []
    kind = 0
    while len(found) < wanted:
        if kind % 3 == 0:
            g = rng.sample(range(n), n)
        else:
            length = min(n, 1 + kind % 3)
            g = compose(random_element(rng, n, gens), cycles(n, rng.sample(range(n), length)))
        kind += 1
        check(kind < 10000, f"{name}: no non-members found")
        if g not in found and not contains(g):
            found.append(g)
    return found


def record(name, is_family, group, known):
    n, gens = group
    for g in gens:
        check(sorted(g) == list(range(n)), f"{name}: {g} is not a permutation")
    identity = Permutation(list(range(n)))
    oracle = PermutationGroup([Permutation(g) for g in gens] or [identity])
    check(oracle.degree == n, f"{name}: degree {oracle.degree}, not {n}")

    order = int(oracle.order())
    check(known is None or order == known, f"{name}: sympy says order {order}, known is {known}")

    orbits = [sorted(map(int, orbit)) for orbit in oracle.orbits()]
    orbits = sorted(orbits + [[x] for x in range(n) if not any(x in orbit for orbit in orbits)])
    check(orbits == orbit_partition(n, gens), f"{name}: sympy's orbits are not those of the union-find")

    stabilizers = {}
    for point in sorted({0, n // 2, n - 1}):
        stabilizer = int(oracle.stabilizer(point).order())
        length = next(len(orbit) for orbit in orbits if point in orbit)
        check(stabilizer * length == order, f"{name}: the stabiliser of {point} and its orbit do not fit the order")
        stabilizers[str(point)] = str(stabilizer)

    def contains(g):
        return oracle.contains(Permutation(g))

    rng = random.Random(f"{SEED} {name} elements")
    members = [random_element(rng, n, gens) for _ in range(3)]
    check(all(contains(g) for g in members), f"{name}: sympy rejects a product of generators")
    outside = non_members(rng, name, n, gens, contains, min(3, math.factorial(n) - order))
    pairs = pair_orbits(n, gens) if n <= LARGEST_PAIRS else None

    result = {
        "name": name,
        "family": name if is_family else None,
        "degree": n,
        "generators": gens,
        "order": str(order),
        "orbits": orbits,
        "stabilizer_orders": stabilizers,
        "abelian": bool(oracle.is_abelian),
        "transitive": len(orbits) == 1,  # sympy calls the group on one point intransitive
        "members": members,
        "non_members": outside,
    }
    if pairs is not None:
        result["pair_orbits"] = pairs
    if order <= SMALL:
        elements = enumerate_group(n, gens)
        theirs = {tuple(g.array_form) for g in oracle.generate()}
        check(elements == theirs, f"{name}: sympy lists other elements than a plain enumeration")
        check(len(elements) == order, f"{name}: {len(elements)} elements, order {order}")
        check(not any(tuple(g) in elements for g in outside), f"{name}: a non-member is an element")
        fixed = sum(sum(x == y for x, y in enumerate(g)) ** 2 for g in elements)
        check(fixed == pairs * order, f"{name}: pair orbits do not fit the fixed points of the elements")
        counts = collections.Counter(int(Permutation(list(g)).order()) for g in elements)
        result["element_orders"] = {str(k): counts[k] for k in sorted(counts)}
    return result


def render(version, records):
    """JSON with one field a line and one permutation a line."""
    lines = [f'{{"sympy": {json.dumps(version)}, "groups": [']
    for i, entry in enumerate(records):
        fields = []
        for key, value in entry.items():
            if key in ("generators", "members", "non_members") and value:
                rows = ",\n".join("    " + json.dumps(row, separators=(",", ":")) for row in value)
                fields.append(f'  "{key}": [\n{rows}]')
            else:
                fields.append(f'  "{key}": {json.dumps(value, separators=(",", ":"))}')
        lines.append(" {\n" + ",\n".join(fields) + "\n }" + ("," if i + 1 < len(records) else ""))
    return "\n".join(lines) + "\n]}\n"


def main():
    records = [record(*group) for group in groups()]
    names = [entry["name"] for entry in records]
    check(len(set(names)) == len(names), "two groups have the same name")
    document = {"sympy": sympy.__version__, "groups": records}
    text = render(sympy.__version__, records)
    check(json.loads(text) == document, "the rendered text is not the document")
    path = pathlib.Path(__file__).with_name("groups.json")
    path.write_text(text, encoding="utf-8", newline="\n")
    print(f"{path.name}: {len(records)} groups, {len(text)} bytes, sympy {sympy.__version__}")


if __name__ == "__main__":
    main()
