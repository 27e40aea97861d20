//! Convolutions and their transposes over images and lines, as columns and matrix products, which
//! are closed under differentiation.

use msr_kernels::Window;

use crate::error::{Error, Result};
use crate::node::Node;

/// How a kernel moves over images: everything but its size, as (height, width) in pixels. Of lines,
/// which have no height, the widths count.
///
/// # Example
/// ```
/// use msr_autodiff::Convolution;
///
/// let halved = Convolution { stride: (2, 2), padding: (1, 1), ..Convolution::default() };
/// assert_eq!((halved.dilation, halved.groups), ((1, 1), 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Convolution {
    /// The distance between neighbouring positions of the kernel.
    pub stride: (usize, usize),
    /// Zeros added on each side of the image.
    pub padding: (usize, usize),
    /// The distance between neighbouring taps of the kernel.
    pub dilation: (usize, usize),
    /// The number of groups of channels that know nothing of each other.
    pub groups: usize,
}

impl Default for Convolution {
    /// Stride and dilation one, no padding, one group.
    fn default() -> Self {
        Self { stride: (1, 1), padding: (0, 0), dilation: (1, 1), groups: 1 }
    }
}

impl Convolution {
    /// The same along lines: nothing happens in the direction of height.
    fn along_lines(self) -> Self {
        let Self { stride, padding, dilation, groups } = self;
        Self { stride: (1, stride.1), padding: (0, padding.1), dilation: (1, dilation.1), groups }
    }

    /// The window that the taps of a kernel span.
    fn window(&self, op: &'static str, (kh, kw): (usize, usize)) -> Result<Window> {
        let span = |k: usize, d: usize| k.checked_sub(1)?.checked_mul(d)?.checked_add(1).filter(|_| d > 0);
        match (span(kh, self.dilation.0), span(kw, self.dilation.1)) {
            (Some(h), Some(w)) => Ok(Window { kernel: (h, w), stride: self.stride, padding: self.padding }),
            _ => {
                let problem = format!("a kernel of {kh} × {kw} taps with dilation {:?}", self.dilation);
                Err(Error::shape(op, problem))
            }
        }
    }

    /// The places of the taps in their window, in row-major order.
    fn taps(&self, (kh, kw): (usize, usize), window: Window) -> impl Iterator<Item = usize> + use<> {
        let ((dh, dw), width) = (self.dilation, window.kernel.1);
        (0..kh * kw).map(move |tap| tap / kw * dh * width + tap % kw * dw)
    }
}

/// Channels of images and kernel, after the checks.
struct Sizes {
    n: usize,
    channels: usize,
    image: (usize, usize),
    /// The channels of the kernel: its first and its second dimension.
    first: usize,
    second: usize,
    kernel: (usize, usize),
}

fn sizes(op: &'static str, x: &Node, kernel: &Node, groups: usize) -> Result<Sizes> {
    let (&[n, channels, h, w], &[first, second, kh, kw]) = (x.dims(), kernel.dims()) else {
        return Err(Error::shape(
            op,
            format!(
                "{:?} and kernel {:?}: both need four dimensions, or both three",
                x.dims(),
                kernel.dims()
            ),
        ));
    };
    let divides = groups > 0 && first.is_multiple_of(groups) && channels.is_multiple_of(groups);
    if !divides || x.elem_count() == 0 || kernel.elem_count() == 0 {
        let problem = format!("{:?} and kernel {:?} in {groups} groups", x.dims(), kernel.dims());
        return Err(Error::shape(op, problem));
    }
    Ok(Sizes { n, channels, image: (h, w), first, second, kernel: (kh, kw) })
}

impl Node {
    /// The convolution (more exactly, cross-correlation) of images with a kernel, as in every deep
    /// learning library: `y[o, p] = Σ_{i, t} kernel[o, i, t] x[i, s p + d t − padding]` with stride
    /// s and dilation d.
    ///
    /// # Shapes
    /// images: `x (n, ci, h, w)`, `kernel (co, ci / groups, kh, kw) -> (n, co, oh, ow)`;
    /// lines: `x (n, ci, l)`, `kernel (co, ci / groups, k) -> (n, co, ol)`, with
    /// `o = ⌊(size + 2 · padding − d (k − 1) − 1) / s⌋ + 1`
    ///
    /// # Errors
    /// When the shapes do not fit, groups do not divide channels, or the kernel is larger than the
    /// padded image.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Convolution, Node};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[[[1f64, 2., 4., 8.]]], &Device::Cpu)?);
    /// let difference = Node::constant(&Tensor::new(&[[[-1f64, 1.]]], &Device::Cpu)?);
    /// let y = x.convolve(&difference, Convolution::default())?;
    /// assert_eq!(y.value().to_vec3::<f64>()?, [[[1., 2., 4.]]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn convolve(&self, kernel: &Node, how: Convolution) -> Result<Node> {
        if let (&[n, c, l], &[o, i, k]) = (self.dims(), kernel.dims()) {
            let (x, kernel) = (self.reshape(&[n, c, 1, l])?, kernel.reshape(&[o, i, 1, k])?);
            return x.convolve(&kernel, how.along_lines())?.without_height();
        }
        let at = sizes("convolve", self, kernel, how.groups)?;
        if at.second * how.groups != at.channels {
            let problem =
                format!("{} channels, but the kernel takes {}", at.channels, at.second * how.groups);
            return Err(Error::shape("convolve", problem));
        }
        let window = how.window("convolve", at.kernel)?;
        let (oh, ow) = window.output(at.image)?;
        let (taps, spanned) = (at.kernel.0 * at.kernel.1, window.kernel.0 * window.kernel.1);
        let mut columns = self.im2col(window)?;
        if taps < spanned {
            columns = columns.reshape(&[at.n * at.channels, spanned, oh * ow])?;
            columns = columns.slices(how.taps(at.kernel, window), 1)?;
        }
        let groups = how.groups;
        let columns = columns.reshape(&[at.n, groups, at.second * taps, oh * ow])?;
        let weight = kernel.reshape(&[groups, at.first / groups, at.second * taps])?;
        weight.matmul(&columns)?.reshape(&[at.n, at.first, oh, ow])
    }

    /// The transposed convolution: what [`Node::convolve`] does to gradients, as a layer of its
    /// own. Each pixel adds the kernel, times its value, to the output. `output_padding` adds rows
    /// and columns below and to the right, which tells sizes apart that a stride maps to the same
    /// size.
    ///
    /// # Shapes
    /// images: `x (n, ci, h, w)`, `kernel (ci, co / groups, kh, kw) -> (n, co, oh, ow)`;
    /// lines: `x (n, ci, l)`, `kernel (ci, co / groups, k) -> (n, co, ol)`, with
    /// `o = (size − 1) s − 2 · padding + d (k − 1) + 1 + output_padding`
    ///
    /// # Errors
    /// When the shapes do not fit, groups do not divide channels, nothing is left of the output, or
    /// the output padding is not smaller than the stride.
    ///
    /// # Example
    /// ```
    /// use candle_core::{Device, Tensor};
    /// use msr_autodiff::{Convolution, Node};
    ///
    /// # fn main() -> Result<(), msr_autodiff::Error> {
    /// let x = Node::leaf(&Tensor::new(&[[[1f64, 2.]]], &Device::Cpu)?);
    /// let kernel = Node::constant(&Tensor::new(&[[[1f64, 10., 100.]]], &Device::Cpu)?);
    /// let how = Convolution { stride: (1, 2), ..Convolution::default() };
    /// let y = x.convolve_transposed(&kernel, how, (0, 1))?;
    /// assert_eq!(y.value().to_vec3::<f64>()?, [[[1., 10., 102., 20., 200., 0.]]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn convolve_transposed(
        &self,
        kernel: &Node,
        how: Convolution,
        output_padding: (usize, usize),
    ) -> Result<Node> {
        let op = "convolve_transposed";
        if let (&[n, c, l], &[i, o, k]) = (self.dims(), kernel.dims()) {
            let (x, kernel) = (self.reshape(&[n, c, 1, l])?, kernel.reshape(&[i, o, 1, k])?);
            let lines = x.convolve_transposed(&kernel, how.along_lines(), (0, output_padding.1))?;
            return lines.without_height();
        }
        let at = sizes(op, self, kernel, how.groups)?;
        if at.first != at.channels {
            let problem = format!("{} channels, but the kernel takes {}", at.channels, at.first);
            return Err(Error::shape(op, problem));
        }
        let window = how.window(op, at.kernel)?;
        let along = |size: usize, s: usize, padding: usize, k: usize, extra: usize| {
            let whole = (size - 1).checked_mul(s)?.checked_add(k)?.checked_add(extra)?;
            whole.checked_sub(padding.checked_mul(2)?).filter(|&left| left > 0 && extra < s)
        };
        let ((h, w), extra) = (at.image, output_padding);
        let size = (
            along(h, window.stride.0, window.padding.0, window.kernel.0, extra.0),
            along(w, window.stride.1, window.padding.1, window.kernel.1, extra.1),
        );
        let (Some(oh), Some(ow)) = size else {
            let problem = format!("{h} × {w} pixels under {window:?} with output padding {extra:?}");
            return Err(Error::shape(op, problem));
        };
        let (taps, spanned) = (at.kernel.0 * at.kernel.1, window.kernel.0 * window.kernel.1);
        let groups = how.groups;
        let weight = kernel.reshape(&[groups, at.first / groups, at.second * taps])?.t()?;
        let x = self.reshape(&[at.n, groups, at.channels / groups, h * w])?;
        let mut columns = weight.matmul(&x)?;
        let channels = groups * at.second;
        if taps < spanned {
            let places: Vec<u32> = how.taps(at.kernel, window).map(|place| place as u32).collect();
            let places = candle_core::Tensor::new(places, self.device())?;
            columns = columns.reshape(&[at.n * channels, taps, h * w])?.put_slices(&places, 1, spanned)?;
        }
        columns.reshape(&[at.n, channels * spanned, h * w])?.col2im(window, (oh, ow))
    }

    /// Images of height one as lines.
    fn without_height(&self) -> Result<Node> {
        let d = self.dims();
        self.reshape(&[d[0], d[1], d[3]])
    }
}
