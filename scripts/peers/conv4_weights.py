"""The weights of the convolutions of a Conv4: plain, by Kronecker factors, or by a full symmetry matrix."""


def blocks(outer):
    """The number of blocks."""
    return sum(name.endswith(".norm.weight") for name in outer)


def weight(block, shared, adapted, eye, einsum):
    """vec(W) = U v of one block, (outputs, inputs, 3, 3); `eye` and `einsum` are the framework's."""
    conv = f"block{block}.conv."
    if conv + "weight" in adapted:
        return adapted[conv + "weight"]
    v = adapted[conv + "filter"]
    if conv + "symmetry" in shared:
        outputs = len(adapted[f"block{block}.norm.weight"])
        return einsum("ij,j->i", shared[conv + "symmetry"], v).reshape(outputs, -1, 3, 3)
    a, b, c = ((eye(len(d)) + d) for d in (shared[conv + "symmetry_" + of] for of in ("out", "in", "taps")))
    w = einsum("sr,abr->abs", c, v)
    w = einsum("jb,abs->ajs", b, w)
    return einsum("ia,ajs->ijs", a, w).reshape(len(a), len(b), 3, 3)
