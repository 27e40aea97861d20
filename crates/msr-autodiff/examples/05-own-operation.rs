//! A differentiable operation of your own, from outside the crate.
//!
//! The Swish function, `y = x σ(x)` with the sigmoid `σ(x) = 1 / (1 + e⁻ˣ)`, is not among the
//! operations of this crate. Two things make it one: its values, computed by any means, and a
//! [`Rule`] that says how a gradient passes through it.
//!
//! `cargo run --package msr-autodiff --example 05-own-operation`
#![allow(clippy::print_stdout, reason = "an example shows what it found")]

use candle_core::{Device, Tensor};
use msr_autodiff::{Backward, Graph, Node, Result, Rule, grad, hvp};

/// The rule of `y = x σ(x)`. It holds no tensors: what it needs of the forward pass it asks for.
struct Swish;

impl Rule for Swish {
    fn name(&self) -> &'static str {
        "swish"
    }

    /// For the gradient g of what follows with respect to y, the gradient with respect to x is
    /// `g y′(x)`, `y′ = σ + x σ (1 − σ) = σ + y (1 − σ)`.
    ///
    /// It is written in operations on nodes, never on bare tensors. That is the whole secret of
    /// higher orders: the gradient is a graph like any other, and can be differentiated again.
    fn vjp(&self, at: &Backward<'_>) -> Result<Vec<Option<Node>>> {
        let (x, y) = (at.input(0), at.output(0));
        let sigmoid = x.sigmoid()?;
        let slope = sigmoid.add(&y.mul(&sigmoid.affine(-1.0, 1.0)?)?)?;
        // One entry for each input; this operation has one.
        Ok(vec![Some(at.grad()?.mul(&slope)?)])
    }
}

/// The operation: the values by candle, the gradient by the rule.
fn swish(x: &Node) -> Result<Node> {
    let sigmoid = (x.value().neg()?.exp()? + 1.0)?.recip()?;
    let value = (x.value() * sigmoid)?;
    Ok(Node::apply_one(Swish, &[x], value))
}

/// A function with one number as its value, so that it has a gradient: `f(x) = Σ swish(x)²`.
fn f(x: &Node) -> Result<Node> {
    swish(x)?.power(2.0)?.sum_all()
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let at = [-1.5, -0.2, 0.4, 2.0];
    let leaf = |x: &[f64]| -> Result<Node> { Ok(Node::leaf(&Tensor::new(x, &Device::Cpu)?)) };
    let x = leaf(&at)?;

    // First order. `Graph::Keep` records how the gradient is computed, which the next order needs.
    let first = grad(&f(&x)?, &[&x], Graph::Keep)?.remove(0);
    // Second order: the gradient of the sum of the gradient. f is a sum over elements, so that its
    // Hessian is diagonal and this is the second derivative of each element.
    let second = grad(&first.sum_all()?, &[&x], Graph::Drop)?.remove(0);
    // The same as a product of the Hessian and a vector of ones, without the two steps by hand.
    let product = hvp(&f(&x)?, &[&x], &[&x.ones_like()?], Graph::Drop)?.remove(0);

    // A rule is easy to get wrong and easy to check: move one element a little to each side, and
    // compare slopes. The error of such a difference is of the order of the step squared.
    let step = 1e-4;
    let moved = |i: usize, by: f64| -> Result<Node> {
        let mut numbers = at;
        numbers[i] += by;
        leaf(&numbers)
    };
    let numbers = |node: &Node| node.value().to_vec1::<f64>();
    let (first, second, product) = (numbers(&first)?, numbers(&second)?, numbers(&product)?);
    println!("     x        f′   by difference        f″   by difference");
    for i in 0..at.len() {
        let (above, below) = (moved(i, step)?, moved(i, -step)?);
        let slope = (f(&above)?.scalar()? - f(&below)?.scalar()?) / (2.0 * step);
        // The second derivative is the slope of the first.
        let gradient = |x: &Node| -> Result<f64> {
            let gradient = grad(&f(x)?, &[x], Graph::Drop)?.remove(0);
            gradient.narrow(0, i, 1)?.scalar()
        };
        let curvature = (gradient(&above)? - gradient(&below)?) / (2.0 * step);
        println!("{:6.2} {:9.6} {slope:15.6} {:9.6} {curvature:15.6}", at[i], first[i], second[i]);
        assert!((first[i] - slope).abs() < 1e-6, "the rule's first order");
        assert!((second[i] - curvature).abs() < 1e-6, "the rule's second order");
        assert!((second[i] - product[i]).abs() < 1e-12, "both ways to the Hessian agree");
    }
    Ok(())
}
