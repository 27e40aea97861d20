"""A linear layer whose weights are tied by a group: @TITLE@, @ORDER@.

y = W x + b with @OUTPUTS@ and @INPUTS@. The weights are those that the group leaves as they are,
P_out W = W P_in for the matrices of each of its elements: @PARAMETERS@ in place of @M@ * @N@,
and @BIASES@ for a bias.
@ABOUT_BIAS@

The generators, as cycles of e_0, e_1, ... (a minus before a point says that the step that leads to it
changes the sign):

@SHOWN@

    from this_file import TiedLinear
    layer = TiedLinear()                # or bias=@OTHER_BIAS@
    y = layer(x)                        # x (..., @N@) or (..., *INPUT_SHAPE)

Needs torch alone. Run as a program, it tests itself.
"""

import torch
from torch import nn

INPUT_SHAPE = @INPUT_SHAPE@
OUTPUT_SHAPE = @OUTPUT_SHAPE@

# A line for each output, a number for each input: c + 1 where the weight is free parameter c,
# -(c + 1) where it is minus that, 0 where it is zero.
TIES = """
@TIES@"""
# The same of the bias, a number for each output; whether the group ties it, or each output has its own.
BIAS_IS_TIED = @HAS_BIAS@
BIAS_TIES = "@BIAS_TIES@"

# Of each generator, where it moves the outputs and the inputs: number y + 1 (or -(y + 1)) at place x
# says that e_x goes to e_y (or to -e_y).
GENERATORS = [
@GENERATORS@]

# The free parameters, where they are known.
VALUES = @VALUES@
BIAS_VALUES = @BIAS_VALUES@


def _integers(text):
    return torch.tensor([int(word) for word in text.split()], dtype=torch.int64)


def _act(images, x):
    """P x along the last dimension: entry x goes to place images[x]."""
    moved = torch.empty_like(x)
    moved[..., images.abs() - 1] = x * images.sign().to(x.dtype)
    return moved


class TiedLinear(nn.Module):
    """y = W x + b with W, and b where BIAS_IS_TIED, tied by the group that the file describes.

    Parameters: `free` (@K@), the free parameters of W; `free_bias` (@BIASES@), those of b. One that is tied
    is equal on the orbits of the outputs, up to signs, and zero on those on which a sign is turned.

    Inputs are (..., @N@), or (..., *INPUT_SHAPE), for which outputs are (..., *OUTPUT_SHAPE).
    """

    def __init__(self, bias=@HAS_BIAS@, device=None, dtype=None):
        super().__init__()
        ties, bias_ties = _integers(TIES).view(@M@, @N@), _integers(BIAS_TIES)
        dtype = torch.get_default_dtype() if dtype is None else dtype
        # Place 0 stands for zero.
        buffers = {"index": ties.abs(), "sign": ties.sign().to(dtype)}
        if bias:
            buffers |= {"bias_index": bias_ties.abs(), "bias_sign": bias_ties.sign().to(dtype)}
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer.to(device), persistent=False)
        # Of each free parameter, how many weights that are not zero its outputs have.
        count = (ties != 0).sum(1, keepdim=True).expand_as(ties)[ties != 0].double()
        of, ones = ties.abs()[ties != 0] - 1, torch.ones_like(count)
        zeros = torch.zeros(@K@, dtype=torch.float64)
        fan_in = zeros.index_add(0, of, count) / zeros.index_add(0, of, ones)
        self.register_buffer("fan_in", fan_in.to(device, dtype), persistent=False)
        self.free = nn.Parameter(torch.empty(@K@, device=device, dtype=dtype))
        self.free_bias = nn.Parameter(torch.empty(@BIASES@, device=device, dtype=dtype)) if bias else None
        self.reset_parameters()
        with torch.no_grad():
            if VALUES is not None:
                self.free.copy_(torch.tensor(VALUES, dtype=torch.float64))
            if bias and BIAS_VALUES is not None:
                self.free_bias.copy_(torch.tensor(BIAS_VALUES, dtype=torch.float64))

    @torch.no_grad()
    def reset_parameters(self):
        """Draws parameters for which outputs have the variance of independent inputs; biases are zero."""
        self.free.copy_(torch.randn_like(self.free) / self.fan_in.sqrt())
        if self.free_bias is not None:
            self.free_bias.zero_()

    @property
    def weight(self):
        """W (@M@, @N@)."""
        return nn.functional.pad(self.free, (1, 0))[self.index] * self.sign

    @property
    def bias(self):
        """b (@M@), or None."""
        if self.free_bias is None:
            return None
        return nn.functional.pad(self.free_bias, (1, 0))[self.bias_index] * self.bias_sign

    def forward(self, x):
        shape, rank = tuple(x.shape), x.dim() - len(INPUT_SHAPE)
        if rank >= 0 and shape[rank:] == INPUT_SHAPE:
            before, after = shape[:rank], OUTPUT_SHAPE
        elif shape[-1:] == (@N@,):
            before, after = shape[:-1], (@M@,)
        else:
            raise ValueError(f"inputs are (..., @N@) or (..., *{INPUT_SHAPE}), not {shape}")
        y = nn.functional.linear(x.reshape(*before, @N@), self.weight, self.bias)
        return y.reshape(*before, *after)

    @torch.no_grad()
    def check_equivariance(self, examples=16):
        """The largest |f(P_in x) - P_out f(x)| over the generators, as a share of the largest |f(x)|; f is the
        layer, without its bias where that is not tied."""
        x = torch.randn(examples, @N@, dtype=self.free.dtype, device=self.free.device)
        bias = self.bias if BIAS_IS_TIED else None
        flat = lambda x: nn.functional.linear(x, self.weight, bias)
        y, worst = flat(x), 0.0
        for outputs, inputs in GENERATORS:
            outputs, inputs = (_integers(text).to(x.device) for text in (outputs, inputs))
            difference = (flat(_act(inputs, x)) - _act(outputs, y)).abs().max().item()
            worst = max(worst, difference / max(y.abs().max().item(), 1e-30))
        return worst

    def extra_repr(self):
        return f"in_features=@N@, out_features=@M@, free_parameters=@K@, bias={self.free_bias is not None}"


def _test():
    torch.manual_seed(0)
    layer = TiedLinear(bias=True, dtype=torch.float64)
    with torch.no_grad():
        if BIAS_VALUES is None:
            layer.free_bias.normal_()
    error = layer.check_equivariance()
    assert error < 1e-12, f"f(P_in x) and P_out f(x) differ by {error}"
    x = torch.randn(2, 3, *INPUT_SHAPE, dtype=torch.float64)
    y = layer(x)
    assert y.shape == (2, 3, *OUTPUT_SHAPE)
    assert torch.equal(layer(x.reshape(2, 3, @N@)).reshape(y.shape), y)
    y.square().sum().backward()
    assert layer.free.grad.shape == (@K@,) and layer.free_bias.grad.shape == (@BIASES@,)
    if @K@:
        # Over many draws: where the ties are orbits, outputs that are not always zero have variance one.
        share = nn.functional.pad(1 / layer.fan_in, (1, 0))[layer.index] * layer.sign.square()
        draws = [layer.reset_parameters() or layer.weight.detach().square().sum(1) for _ in range(2000)]
        assert torch.allclose(torch.stack(draws).mean(0), share.sum(1), atol=0.25)
    print(f"{layer}\nequivariant up to {error:.1e}")


if __name__ == "__main__":
    _test()
