//! The values of candle's own gradient tests (candle-core 0.11.1, tests/grad_tests.rs), and
//! candle's gradients of random operands where it has them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::approx_constant,
    reason = "tests; values as rounded there"
)]

use candle_core::{DType, Device, Tensor, Var};
use msr_autodiff::{Convolution, Graph, Node, Result, Window, grad, where_cond};
use msr_testkit::{assert_close, normal};

fn leaf(values: &[f32]) -> Node {
    Node::leaf(&Tensor::from_slice(values, values.len(), &Device::Cpu).unwrap())
}

fn numbers(node: &Node) -> Vec<f64> {
    node.value().to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// The gradient of the sum of `y`.
fn slope(y: &Node, x: &Node) -> Vec<f64> {
    numbers(&grad(&y.sum_all().unwrap(), &[x], Graph::Drop).unwrap()[0])
}

fn assert_numbers(name: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{name}");
    for (found_one, expected_one) in found.iter().zip(expected) {
        assert!((found_one - expected_one).abs() <= tolerance, "{name}: {found:?}, not {expected:?}");
    }
}

/// Values and gradients of functions of one number.
#[test]
fn functions_of_one_number() {
    type Case = (&'static str, fn(&Node) -> Result<Node>, [f64; 4], [f64; 4], f64);
    let four = leaf(&[3., 1., 4., 0.15]);
    let cases: &[Case] = &[
        (
            "ln x + 1",
            |x| x.log()?.affine(1., 1.),
            [2.0986, 1., 2.3863, -0.8971],
            [0.3333, 1., 0.25, 6.6667],
            1e-4,
        ),
        ("exp", Node::exp, [20.0855, 2.7183, 54.5982, 1.1618], [20.0855, 2.7183, 54.5982, 1.1618], 1e-4),
        (
            "exp²",
            |x| x.exp()?.power(2.),
            [403.429, 7.389, 2980.958, 1.35],
            [806.86, 14.78, 5961.92, 2.7],
            6e-3,
        ),
        ("sin", Node::sin, [0.1411, 0.8415, -0.7568, 0.1494], [-0.99, 0.5403, -0.6536, 0.9888], 1e-4),
        ("cos", Node::cos, [-0.99, 0.5403, -0.6536, 0.9888], [-0.1411, -0.8415, 0.7568, -0.1494], 1e-4),
        ("square", |x| x.power(2.), [9., 1., 16., 0.0225], [6., 2., 8., 0.3], 1e-6),
        ("√x²", |x| x.power(2.)?.sqrt(), [3., 1., 4., 0.15], [1., 1., 1., 1.], 1e-6),
        ("neg", Node::neg, [-3., -1., -4., -0.15], [-1.; 4], 1e-7),
        ("affine", |x| x.affine(0.2, 1.), [1.6, 1.2, 1.8, 1.03], [0.2; 4], 1e-6),
        (
            "1 / x",
            Node::reciprocal,
            [0.3333, 1., 0.25, 6.6667],
            [-0.11111111, -1., -0.0625, -44.444443],
            1e-4,
        ),
        ("power", |x| x.power(2.5), [15.59, 1., 32., 0.01], [12.99, 2.5, 20., 0.15], 6e-3),
        ("tanh", Node::tanh, [1., 0.76, 1., 0.15], [0.01, 0.42, 0., 0.98], 6e-3),
        ("gelu", Node::gelu, [2.9964, 0.8412, 3.9999, 0.0839], [1.0116, 1.0830, 1.0003, 0.6188], 1e-4),
        ("erf", Node::erf, [1., 0.8427, 1., 0.168], [0.0001, 0.4151, 0., 1.1033], 1e-4),
        (
            "gelu_erf",
            Node::gelu_erf,
            [2.9960, 0.8413, 3.9999, 0.0839],
            [1.0119, 1.0833, 1.0005, 0.6188],
            1e-4,
        ),
        ("silu", Node::silu, [2.8577, 0.7311, 3.9281, 0.0806], [1.0881, 0.9277, 1.0527, 0.5747], 1e-4),
    ];
    for (name, f, value, gradient, tolerance) in cases {
        let y = f(&four).unwrap();
        assert_numbers(name, &numbers(&y), value, *tolerance);
        assert_numbers(&format!("{name}′"), &slope(&y, &four), gradient, *tolerance);
    }
    let x = leaf(&[-1., 0., -2., 3.]);
    let y = x.elu(2.).unwrap();
    assert_numbers("elu", &numbers(&y), &[-1.2642, 0., -1.7293, 3.], 1e-4);
    assert_numbers("elu′", &slope(&y, &x), &[0.7358, 2., 0.2707, 1.], 1e-4);
    let x = leaf(&[3., 1., 4.]);
    let y = x.mul(&x).unwrap().add(&x.affine(5., 4.).unwrap()).unwrap();
    assert_numbers("x² + 5x + 4", &numbers(&y), &[28., 10., 40.], 0.);
    assert_numbers("2x + 5", &slope(&y, &x), &[11., 7., 13.], 0.);
    let y = x.power(2.).unwrap().sum_keepdim(&[0]).unwrap().affine(2., 0.).unwrap();
    assert_numbers("2 Σ x²", &numbers(&y), &[52.], 0.);
    assert_numbers("4x", &slope(&y, &x), &[12., 4., 16.], 0.);
}

#[test]
fn functions_of_two_numbers() -> Result<()> {
    let x = leaf(&[3., 1., -4., -1.]);
    let small = x.affine(0.1, 0.)?;
    let y = x.maximum(&small)?;
    assert_numbers("leaky relu", &numbers(&y), &[3., 1., -0.4, -0.1], 1e-6);
    assert_numbers("leaky relu′", &slope(&y, &x), &[1., 1., 0.1, 0.1], 1e-6);
    let y = x.minimum(&small)?;
    assert_numbers("minimum", &numbers(&y), &[0.3, 0.1, -4., -1.], 1e-6);
    assert_numbers("minimum′", &slope(&y, &x), &[0.1, 0.1, 1., 1.], 1e-6);
    let y = x.minimum(&x)?;
    assert_numbers("minimum of one", &numbers(&y), &[3., 1., -4., -1.], 0.);
    assert_numbers("minimum of one′", &slope(&y, &x), &[1.; 4], 0.);
    let (x, half) = (leaf(&[3., 1., 4., 0.15]), leaf(&[0.5]));
    let y = x.div(&half)?;
    assert_numbers("x / ½", &numbers(&y), &[6., 2., 8., 0.3], 1e-6);
    assert_numbers("x / ½, gradient", &slope(&y, &x), &[2.; 4], 0.);
    let (x, y) = (leaf(&[3., 1., -4., -1., 5., 9.]), leaf(&[2., 7., 1.]));
    let squares = x.reshape(&[2, 3])?.slice_scatter(&y.reshape(&[1, 3])?, 0, 1)?.power(2.)?;
    assert_numbers("slice_scatter", &numbers(&squares), &[9., 1., 16., 4., 49., 1.], 0.);
    assert_numbers("what is left", &slope(&squares, &x), &[6., 2., -8., 0., 0., 0.], 0.);
    assert_numbers("what is put", &slope(&squares, &y), &[4., 14., 2.], 0.);
    Ok(())
}

#[test]
fn products_and_copies() -> Result<()> {
    let range = |shape: &[usize]| -> Result<Node> {
        let count = shape.iter().product::<usize>();
        Ok(Node::leaf(&Tensor::arange(0f32, count as f32, &Device::Cpu)?.reshape(shape)?))
    };
    let (x, y) = (range(&[2, 2, 3])?, range(&[2, 3, 2])?);
    let product = x.matmul(&y)?;
    let rows = [1., 5., 9., 1., 5., 9., 13., 17., 21., 13., 17., 21.];
    assert_numbers("left", &slope(&product, &x), &rows, 0.);
    let columns = [3., 3., 5., 5., 7., 7., 15., 15., 17., 17., 19., 19.];
    assert_numbers("right", &slope(&product, &y), &columns, 0.);
    for (a, b, out) in [
        (&[2, 0][..], &[0, 3][..], &[2, 3][..]),
        (&[0, 2], &[2, 3], &[0, 3]),
        (&[2, 3], &[3, 0], &[2, 0]),
        (&[0, 2, 3], &[0, 3, 4], &[0, 2, 4]),
        (&[2, 3, 0], &[2, 0, 4], &[2, 3, 4]),
    ] {
        let (a, b) = (range(a)?, range(b)?);
        let product = a.matmul(&b)?;
        assert_eq!((product.dims(), numbers(&product).iter().sum::<f64>()), (out, 0.0));
        assert_eq!(slope(&product, &a), vec![0.0; a.elem_count()]);
        assert_eq!(slope(&product, &b), vec![0.0; b.elem_count()]);
    }
    let x = range(&[1, 1, 4, 6])?;
    let copies = x.reshape(&[1, 1, 1, 4, 6])?.broadcast_to(&[1, 1, 3, 4, 6])?;
    let triple: Vec<f64> = (0..24).map(|i| 3. * f64::from(i)).collect();
    assert_numbers("expand", &slope(&copies.power(2.)?.affine(0.5, 0.)?, &x), &triple, 0.);
    let x = Node::leaf(&Tensor::ones((2, 2), DType::F64, &Device::Cpu)?);
    let weights = Node::constant(&Tensor::new(&[[1f64, 2.], [3., 4.]], &Device::Cpu)?);
    let flipped = x.matmul(&weights)?.flip(&[1])?;
    assert_numbers("flip", &numbers(&flipped), &[6., 4., 6., 4.], 0.);
    assert_numbers("flip′", &slope(&flipped, &x), &[3., 7., 3., 7.], 0.);
    let mut x = 0f32;
    for _ in 0..100 {
        let at = Node::leaf(&Tensor::new(x, &Device::Cpu)?);
        let off = at.affine(1., -4.2)?;
        x -= 0.1 * slope(&off.mul(&off)?, &at)[0] as f32;
    }
    assert!((x - 4.199999).abs() < 2e-6, "{x}");
    Ok(())
}

#[test]
fn indices_and_upsampling() -> Result<()> {
    let w = leaf(&[1., 2., 3., 4., 5., 6., 7., 8., 9.]).reshape(&[3, 3])?;
    let index = Tensor::new(&[[0u32, 1], [2, 1]], &Device::Cpu)?.narrow(1, 0, 1)?.squeeze(1)?;
    assert!(!index.is_contiguous());
    let rows = w.index_select(&index, 0)?;
    assert_numbers("index_select", &slope(&rows, &w), &[1., 1., 1., 0., 0., 0., 1., 1., 1.], 0.);
    // Weighted by 1, 2, 3, …: the gradient is the sum of the weights of an element's copies.
    let check = |shape: &[usize], to: &[usize], expected: &[f64]| -> Result<()> {
        let x = Node::leaf(&Tensor::zeros(shape, DType::F32, &Device::Cpu)?);
        let y = x.upsample_nearest(to)?;
        let weights = Tensor::arange(1f32, y.elem_count() as f32 + 1., &Device::Cpu)?.reshape(y.dims())?;
        assert_numbers(&format!("{to:?}"), &slope(&y.mul(&Node::constant(&weights))?, &x), expected, 0.);
        Ok(())
    };
    check(&[1, 3, 3], &[12], &[10., 26., 42., 58., 74., 90., 106., 122., 138.])?;
    check(&[1, 1, 3, 3], &[6, 6], &[18., 26., 34., 66., 74., 82., 114., 122., 130.])?;
    check(&[1, 1, 2, 2], &[6, 6], &[72., 99., 234., 261.])?;
    check(&[1, 2, 2, 2], &[4, 4], &[14., 22., 46., 54., 78., 86., 110., 118.])?;
    check(&[2, 1, 2, 2], &[4, 4], &[14., 22., 46., 54., 78., 86., 110., 118.])
}

/// The gradient of `Σ w ∘ f` by candle and by nodes, for random w.
fn compare(
    name: &str,
    shapes: &[&[usize]],
    ours: impl Fn(&[Node]) -> Result<Node>,
    theirs: impl Fn(&[Tensor]) -> candle_core::Result<Tensor>,
) {
    let inputs: Vec<Tensor> =
        shapes.iter().enumerate().map(|(i, shape)| normal(i as u64 + 1, *shape, DType::F64)).collect();
    let vars: Vec<Var> = inputs.iter().map(|x| Var::from_tensor(x).unwrap()).collect();
    let y = theirs(&vars.iter().map(|v| v.as_tensor().clone()).collect::<Vec<_>>()).unwrap();
    let weights = normal(9, y.dims(), DType::F64);
    let store = (&y * &weights).unwrap().sum_all().unwrap().backward().unwrap();
    let leaves: Vec<Node> = inputs.iter().map(Node::leaf).collect();
    let ours = ours(&leaves).unwrap();
    assert_close(name, ours.value(), &y, 1e-12);
    let weighted = ours.mul(&Node::constant(&weights)).unwrap().sum_all().unwrap();
    let found = grad(&weighted, &leaves.iter().collect::<Vec<_>>(), Graph::Drop).unwrap();
    for (i, (found, var)) in found.iter().zip(&vars).enumerate() {
        let expected = store.get(var).unwrap();
        assert_close(&format!("{name}, gradient {i}"), found.value(), expected, 1e-12);
    }
}

#[test]
fn what_candle_gives() {
    let index = Tensor::new(&[[1u32, 4, 0], [4, 3, 2]], &Device::Cpu).unwrap();
    let condition = Tensor::new(&[[1u8, 0, 1, 1, 0], [0, 0, 1, 0, 1]], &Device::Cpu).unwrap();
    let places = Tensor::new(&[2u32, 0, 2, 1], &Device::Cpu).unwrap();
    let square: &[&[usize]] = &[&[2, 5]];
    let two: &[&[usize]] = &[&[2, 5], &[2, 5]];
    compare("abs", square, |x| x[0].abs(), |x| x[0].abs());
    compare("clamp", square, |x| x[0].clamp(-0.5, 0.5), |x| x[0].clamp(-0.5, 0.5));
    compare("silu", square, |x| x[0].silu(), |x| x[0].silu());
    compare("elu", square, |x| x[0].elu(0.7), |x| x[0].elu(0.7));
    compare("erf", square, |x| x[0].erf(), |x| x[0].erf());
    compare("pow", two, |x| x[0].exp()?.pow(&x[1]), |x| x[0].exp()?.pow(&x[1]));
    compare("maximum", two, |x| x[0].maximum(&x[1]), |x| x[0].maximum(&x[1]));
    compare(
        "where_cond",
        two,
        |x| where_cond(&condition, &x[0], &x[1]),
        |x| condition.where_cond(&x[0], &x[1]),
    );
    compare("max", square, |x| x[0].max(1), |x| x[0].max(1));
    compare("min", square, |x| x[0].min_keepdim(0), |x| x[0].min_keepdim(0));
    compare("var", square, |x| x[0].var(&[1]), |x| x[0].var(1));
    compare("log_sum_exp", square, |x| x[0].log_sum_exp(&[0, 1]), |x| x[0].log_sum_exp((0, 1)));
    compare("cumsum", square, |x| x[0].cumsum(1), |x| x[0].cumsum(1));
    compare("roll", square, |x| x[0].roll(3, 1), |x| x[0].roll(3, 1));
    compare("repeat", square, |x| x[0].repeat(&[2, 1, 3]), |x| x[0].repeat((2, 1, 3)));
    compare("pad_with_same", square, |x| x[0].pad_with_same(1, 2, 1), |x| x[0].pad_with_same(1, 2, 1));
    compare("gather", square, |x| x[0].gather(&index, 1), |x| x[0].gather(&index, 1));
    compare("index_select", &[&[3, 2]], |x| x[0].index_select(&places, 0), |x| x[0].index_select(&places, 0));
    compare(
        "index_add",
        &[&[3, 2], &[4, 2]],
        |x| x[0].index_add(&places, &x[1], 0),
        |x| x[0].index_add(&places, &x[1], 0),
    );
    let image: &[&[usize]] = &[&[1, 2, 4, 6]];
    compare("avg_pool", image, |x| x[0].avg_pool(Window::square(2, 2, 0)), |x| x[0].avg_pool2d(2));
    compare("upsample", image, |x| x[0].upsample_nearest(&[8, 12]), |x| x[0].upsample_nearest2d(8, 12));
}

/// candle's values of what it gives no gradient, or a wrong one: scattering (the gradients of the
/// two operands it scatters into are exchanged), windows that unfold (their gradient has another
/// shape).
#[test]
fn what_candle_computes() -> Result<()> {
    let index = Tensor::new(&[[1u32, 4, 0], [4, 4, 2]], &Device::Cpu)?;
    let (x, source) = (normal(1, (2, 5), DType::F64), normal(2, (2, 3), DType::F64));
    let (a, b) = (Node::leaf(&x), Node::leaf(&source));
    let same = |name: &str, ours: Node, theirs: Tensor| assert_close(name, ours.value(), &theirs, 1e-13);
    let part = index.narrow(0, 1, 1)?.contiguous()?;
    same("gather, a part", a.gather(&part, 1)?, x.gather(&part, 1)?);
    same("scatter", a.scatter(&index, &b, 1)?, x.scatter(&index, &source, 1)?);
    same("scatter_add", a.scatter_add(&index, &b, 1)?, x.scatter_add(&index, &source, 1)?);
    same("unfold", a.unfold(1, 3, 2)?, x.unfold(1, 3, 2)?.contiguous()?);
    for (ours, theirs) in a.chunk(3, 1)?.into_iter().zip(x.chunk(3, 1)?) {
        same("chunk", ours, theirs.contiguous()?);
    }
    // Put there twice, the last one stays, and it alone gets the gradient.
    let put = a.scatter(&index, &b, 1)?;
    assert_eq!(slope(&put, &b), [1., 1., 1., 0., 1., 1.]);
    assert_eq!(slope(&put, &a), [0., 0., 1., 1., 0., 1., 1., 0., 1., 0.]);
    assert_eq!(slope(&a.scatter_add(&index, &b, 1)?, &a), [1.; 10]);
    Ok(())
}

/// Lines one at a time, and square images: of others, candle 0.11.1 computes wrong transposes on
/// the processor, or none.
#[test]
fn convolutions() {
    let how = |stride: usize, padding: usize, dilation: usize, groups: usize| Convolution {
        stride: (stride, stride),
        padding: (padding, padding),
        dilation: (dilation, dilation),
        groups,
    };
    for (stride, padding, dilation, groups) in
        [(1, 0, 1, 1), (2, 1, 1, 1), (1, 2, 2, 2), (2, 0, 2, 1), (3, 1, 1, 2)]
    {
        let how = how(stride, padding, dilation, groups);
        let name = format!("{how:?}");
        compare(
            &format!("conv2d, {name}"),
            &[&[2, 4, 7, 7], &[6, 4 / groups, 3, 3]],
            |x| x[0].convolve(&x[1], how),
            |x| x[0].conv2d(&x[1], padding, stride, dilation, groups),
        );
        compare(
            &format!("conv1d, {name}"),
            &[&[1, 4, 9], &[6, 4 / groups, 3]],
            |x| x[0].convolve(&x[1], how),
            |x| x[0].conv1d(&x[1], padding, stride, dilation, groups),
        );
        let extra = stride - 1;
        if groups == 1 {
            compare(
                &format!("conv_transpose2d, {name}"),
                &[&[2, 4, 5, 3], &[4, 3, 3, 3]],
                |x| x[0].convolve_transposed(&x[1], how, (extra, extra)),
                |x| x[0].conv_transpose2d(&x[1], padding, extra, stride, dilation),
            );
        }
        // candle has the values alone.
        let (x, kernel) = (normal(1, (1, 4, 6), DType::F64), normal(2, (4, 3, 3), DType::F64));
        let ours = Node::leaf(&x).convolve_transposed(&Node::leaf(&kernel), how, (0, extra)).unwrap();
        let theirs = x.conv_transpose1d(&kernel, padding, extra, stride, dilation, groups).unwrap();
        assert_close(&format!("conv_transpose1d, {name}"), ours.value(), &theirs, 1e-12);
    }
}
