"""The group that ties the weights of a linear layer, for escnn and for emlp: @TITLE@, @ORDER@.

y = W x with @OUTPUTS@ and @INPUTS@; W has @PARAMETERS@. The generators, as cycles of
e_0, e_1, ... (a minus before a point says that the step that leads to it changes the sign):

@SHOWN@

@ABOUT_BIAS@

    from this_file import escnn_layer, escnn_representations, emlp_representations
    group, rho_out, rho_in = escnn_representations()    # representations of a group of escnn
    layer = escnn_layer()                               # an escnn.nn.Linear between them
    group, rho_out, rho_in = emlp_representations()     # the same for emlp
    basis = (rho_in >> rho_out).equivariant_basis()     # (@M@ * @N@, @K@)

Needs numpy, and escnn (1.0) or emlp (1.0), whichever is used. escnn has cyclic and dihedral groups; any
other group of up to MOST_ELEMENTS elements is built here from its elements, with the irreducible
representations that occur in rho_out and rho_in, unless one of these is of quaternionic type. emlp takes
generators, so that the group may be as large as it likes. Run as a program, the file tests itself with
those of the two that are installed. It must not be called escnn.py or emlp.py, as they are.
"""

import numpy as np

M, N = @M@, @N@
INPUT_SHAPE = @INPUT_SHAPE@
OUTPUT_SHAPE = @OUTPUT_SHAPE@
MOST_ELEMENTS = 2000

# A line for each output, a number for each input: c + 1 where the weight is free parameter c,
# -(c + 1) where it is minus that, 0 where it is zero.
TIES = """
@TIES@"""

# Of each generator, where it moves the outputs and the inputs: number y + 1 (or -(y + 1)) at place x
# says that e_x goes to e_y (or to -e_y).
GENERATORS = [
@GENERATORS@]

# What escnn calls the group, its number, and what escnn's generators do; None where it is another group.
NAMED = @NAMED@


def _matrix(images):
    """The matrix P of a signed permutation: P e_x = e_y or -e_y."""
    images = np.array([int(word) for word in images.split()])
    matrix = np.zeros((len(images), len(images)))
    matrix[np.abs(images) - 1, np.arange(len(images))] = np.sign(images)
    return matrix


def _both(generator):
    """The matrix on the outputs followed by the inputs."""
    matrix = np.zeros((M + N, M + N))
    matrix[:M, :M], matrix[M:, M:] = _matrix(generator[0]), _matrix(generator[1])
    return matrix


def tied_basis():
    """An orthonormal basis (K, M, N) of the weights, from TIES."""
    ties = np.array([int(word) for word in TIES.split()]).reshape(M, N)
    basis = np.stack([np.sign(ties) * (np.abs(ties) == c + 1) for c in range(@K@)]) if @K@ else np.zeros((0, M, N))
    return basis / np.sqrt(np.sum(basis**2, axis=(1, 2), keepdims=True))


# escnn


def escnn_representations():
    """The group, and its representations on outputs and inputs."""
    from escnn import group as groups

    if NAMED is None:
        return _built()
    kind, number, images = NAMED
    matrices = [_both(pair) for pair in images]
    group = groups.cyclic_group(number) if kind == "cyclic" else groups.dihedral_group(number)
    # Of C_n the element 1; of D_n (flip, turns).
    starts = [group.element(1 % number)] if kind == "cyclic" else [group.element((0, 1 % number)), group.element((1, 0))]
    of = {group.identity: np.eye(M + N)}
    added = [group.identity]
    while added:
        g = added.pop()
        for start, matrix in zip(starts, matrices):
            if start @ g not in of:
                of[start @ g] = matrix @ of[g]
                added.append(start @ g)
    build = groups.representation.build_from_discrete_group_representation
    rho_out = build({g: matrix[:M, :M] for g, matrix in of.items()}, "outputs", group, [])
    rho_in = build({g: matrix[M:, M:] for g, matrix in of.items()}, "inputs", group, [])
    return group, rho_out, rho_in


def escnn_layer(bias=@HAS_BIAS@):
    """An equivariant linear map from inputs to outputs, with its own parameters."""
    from escnn import gspaces, nn

    group, rho_out, rho_in = escnn_representations()
    space = gspaces.no_base_space(group)
    return nn.Linear(nn.FieldType(space, [rho_in]), nn.FieldType(space, [rho_out]), bias=bias)


def escnn_basis():
    """The weights (K, M, N) that escnn's parameters stand for."""
    import torch

    layer = escnn_layer(bias=False)
    basis = np.zeros((layer.weights.numel(), M, N))
    with torch.no_grad():
        for number in range(len(basis)):
            layer.weights.zero_()
            layer.weights[number] = 1.0
            basis[number] = layer.expand_parameters()[0].numpy()
    return basis


def _elements():
    """All elements as images of the outputs followed by the inputs, and the generators among them."""
    images = lambda text, shift: [int(w) + shift * np.sign(int(w)) for w in text.split()]
    starts = [tuple(map(int, images(y, 0) + images(x, M))) for y, x in GENERATORS]
    identity = tuple(range(1, M + N + 1))
    found, added = {identity: 0}, [identity]
    while added:
        g = added.pop()
        for start in starts:
            h = _product(start, g)
            if h not in found:
                if len(found) >= MOST_ELEMENTS:
                    raise ValueError(
                        f"the group has more than {MOST_ELEMENTS} elements, too many to build it for escnn; use "
                        "emlp_representations(), which needs generators alone"
                    )
                found[h] = len(found)
                added.append(h)
    return list(found), starts


def _product(g, h):
    """g h, as maps of signed points."""
    return tuple(g[y - 1] if y > 0 else -g[-y - 1] for y in h)


def _as_matrix(g):
    return _both((" ".join(map(str, g[:M])), " ".join(str(y - M if y > 0 else y + M) for y in g[M:])))


def _built():
    """A group that escnn does not have, from its elements."""
    from escnn import group as groups

    elements, starts = _elements()
    number = {g: at for at, g in enumerate(elements)}
    table = np.array([[number[_product(g, h)] for h in elements] for g in elements])
    matrices = np.stack([_as_matrix(g) for g in elements])
    parts = _irreducible(matrices)

    class BuiltGroup(groups.Group):
        """A finite group whose elements are numbers, with their table of products."""

        PARAM, PARAMETRIZATIONS = "number", ["number"]
        identity = property(lambda self: self._elements[0])
        elements = property(lambda self: self._elements)
        generators = property(lambda self: [self._elements[number[g]] for g in starts])
        trivial_representation = property(lambda self: self._irreps[(0,)])
        subgroup_trivial_id = property(lambda self: "trivial")
        subgroup_self_id = property(lambda self: "whole")
        _keys = property(lambda self: {})

        def __init__(self):
            super().__init__("@TITLE@", continuous=False, abelian=bool((table == table.T).all()))
            self._elements = [self.element(at) for at in range(len(table))]
            for at, (kind, part) in enumerate(parts):
                of = {g: part[number] for number, g in enumerate(self._elements)}
                self._irreps[(at,)] = groups.IrreducibleRepresentation(
                    self, (at,), f"irrep_{at}", of, part.shape[1], kind, [], character={g: np.trace(r) for g, r in of.items()}
                )
            self.representations.update({irrep.name: irrep for irrep in self.irreps()})

        def irrep(self, at):
            return self._irreps[(at,)]

        def sample(self):
            return self._elements[np.random.randint(len(table))]

        def testing_elements(self):
            return iter(self._elements)

        def __eq__(self, other):
            return self is other

        def __hash__(self):
            return id(self)

        def _combine(self, e1, e2, param=PARAM, param1=None, param2=None):
            return int(table[e1, e2])

        def _inverse(self, element, param=PARAM):
            return int(np.flatnonzero(table[element] == 0)[0])

        def _is_element(self, element, param=PARAM, verbose=False):
            return isinstance(element, int) and 0 <= element < len(table)

        def _equal(self, e1, e2, param=PARAM, param1=None, param2=None):
            return e1 == e2

        def _hash_element(self, element, param=PARAM):
            return hash(element)

        def _repr_element(self, element, param=PARAM):
            return f"g{element}"

        def _change_param(self, element, p_from, p_to):
            return element

        def _subgroup(self, id):
            raise NotImplementedError("subgroups of a group that was built from its elements")

        # Of products of parts, what linear maps need: where the trivial one is in them.
        def _tensor_product_irreps(self, m, n):
            m, n = self.get_irrep_id(m), self.get_irrep_id(n)
            return [((0,), self.irrep(*m).sum_of_squares_constituents)] if m == n else []

        def _clebsh_gordan_coeff(self, m, n, j):
            if self.get_irrep_id(j) != (0,) or self.get_irrep_id(m) != self.get_irrep_id(n):
                raise NotImplementedError("products of parts of a group that was built from its elements")
            return self.irrep(*self.get_irrep_id(m)).endomorphism_basis().transpose(1, 2, 0)[..., None]

        def _restrict_irrep(self, irrep, id):
            raise NotImplementedError("subgroups of a group that was built from its elements")

        @classmethod
        def _generator(cls, **keys):
            return cls()

    group = BuiltGroup()
    build = groups.representation.build_from_discrete_group_representation
    as_elements = lambda part: dict(zip(group.elements, part))
    rho_out = build(as_elements(matrices[:, :M, :M]), "outputs", group, [])
    rho_in = build(as_elements(matrices[:, M:, M:]), "inputs", group, [])
    return group, rho_out, rho_in


def _irreducible(matrices):
    """Of orthogonal matrices (|G|, d, d) the irreducible parts that occur, each with its type, one of each
    kind: a symmetric matrix at random that commutes with all has them as eigenspaces. The trivial one first.
    """
    size, dimension = matrices.shape[:2]
    commuting = lambda a: np.einsum("gij,jk,glk->il", matrices, a, matrices, optimize=True) / size
    random = np.random.default_rng(0)
    draw = random.standard_normal((dimension, dimension))
    values, vectors = np.linalg.eigh(commuting(draw + draw.T))
    ends = np.flatnonzero(np.diff(values) > 1e-6) + 1
    found = [("R", np.ones((size, 1, 1)))]
    for vectors in np.split(vectors, ends, axis=1):
        part = np.einsum("ia,gij,jb->gab", vectors, matrices, vectors, optimize=True)
        character = np.trace(part, axis1=1, axis2=2)
        if any(np.mean(character * np.trace(other, axis1=1, axis2=2)) > 0.5 for _, other in found):
            continue
        # The dimension of what commutes with a part: 1, 2 or 4.
        kind = {1: "R", 2: "C", 4: "H"}.get(round(float(np.mean(character**2))))
        if kind == "C":
            # Half of a basis, and what a quarter turn that commutes with all makes of it.
            draw = random.standard_normal((part.shape[1],) * 2)
            turn = np.einsum("gij,jk,glk->il", part, draw - draw.T, part, optimize=True) / size
            turn *= np.sqrt(part.shape[1]) / np.linalg.norm(turn)
            half = np.zeros((part.shape[1], 0))
            while 2 * half.shape[1] < part.shape[1]:
                taken = np.hstack([half, turn @ half])
                next = random.standard_normal(part.shape[1])
                next -= taken @ (taken.T @ next)
                half = np.hstack([half, (next / np.linalg.norm(next))[:, None]])
            basis = np.hstack([half, turn @ half])
            part = np.einsum("ia,gij,jb->gab", basis, part, basis, optimize=True)
        elif kind != "R":
            raise ValueError(
                "an irreducible part of this group is of quaternionic type, which is not built here for escnn; use "
                "emlp_representations(), which needs generators alone"
            )
        found.append((kind, part))
    return found


# emlp


def emlp_representations():
    """The group, and its representations on outputs and inputs."""
    from emlp.groups import Group
    from emlp.reps import Rep

    class TyingGroup(Group):
        """The group, acting on the outputs followed by the inputs."""

        def __init__(self):
            self.d = M + N
            generators = [_both(pair) for pair in GENERATORS]
            self.discrete_generators = np.stack(generators) if generators else np.zeros((0, self.d, self.d))
            super().__init__()

    class Part(Rep):
        """What the group does to some of the points that it acts on."""

        def __init__(self, name, start, end, G=None):
            self.name, self.start, self.end, self.G = name, start, end, G
            self.is_permutation = False

        def __call__(self, G):
            return Part(self.name, self.start, self.end, G)

        def __str__(self):
            return self.name

        def __hash__(self):
            return hash((self.name, self.start, self.end))

        def size(self):
            return self.end - self.start

        def rho(self, matrix):
            return matrix[self.start : self.end, self.start : self.end]

        @property
        def T(self):
            # Orthogonal.
            return self

    group = TyingGroup()
    return group, Part("outputs", 0, M)(group), Part("inputs", M, M + N)(group)


def emlp_basis():
    """The weights (K, M, N) that emlp finds."""
    _, rho_out, rho_in = emlp_representations()
    return np.asarray((rho_in >> rho_out).equivariant_basis()).T.reshape(-1, M, N)


def _test():
    expected = tied_basis().reshape(@K@, -1)
    for pair in GENERATORS:
        p_out, p_in = _matrix(pair[0]), _matrix(pair[1])
        assert np.array_equal(p_out @ tied_basis(), tied_basis() @ p_in)
    for tool, basis in [("escnn", escnn_basis), ("emlp", emlp_basis)]:
        try:
            found = basis().reshape(-1, M * N).astype(np.float64)
        except ImportError as missing:
            print(f"{tool}: not tested ({missing})")
            continue
        except ValueError as problem:
            print(f"{tool}: {problem}")
            continue
        assert len(found) == @K@, f"{tool} finds {len(found)} free parameters, not @K@"
        apart = np.abs(found - found @ expected.T @ expected).max() if len(found) else 0.0
        rank = np.linalg.matrix_rank(found, tol=1e-4) if len(found) else 0
        assert rank == @K@ and apart < 1e-4, f"{tool}: rank {rank}, apart by {apart}"
        print(f"{tool}: the same @PARAMETERS@, up to {apart:.1e}")


if __name__ == "__main__":
    _test()
