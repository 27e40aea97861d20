//! The layer that is exported.

use msr_groups::{Permutation, PermutationGroup, SignedPattern, SignedPermutation};
use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::error::{Error, Result};

/// What the initial values are drawn from.
const SEED: u64 = 0;

/// What files say of a group that was found in products of inputs.
const OF_PRODUCTS: &str = "Note: the symmetry was found in the products of inputs. This is the linear layer of the\n\
                           same group, on the inputs alone; it has no products.";

/// A linear layer `y = W x + b` whose weights a group ties: `ρ_Y(g) W = W ρ_X(g)` and, where
/// [`TiedLayer::ties_bias`] says so, `ρ_Y(g) b = b` for all its elements.
#[derive(Clone, Debug)]
pub struct TiedLayer {
    /// The number of outputs, m.
    pub outputs: usize,
    /// The number of inputs, n.
    pub inputs: usize,
    /// The tied weights: those of W are `pattern.expand(v)` for the free parameters v.
    pub pattern: SignedPattern,
    /// Generators of the group, as pairs of signed permutations of outputs and inputs. Each keeps
    /// the pattern.
    pub generators: Vec<(SignedPermutation, SignedPermutation)>,
    /// What the group is called.
    pub name: Option<String>,
    /// How many maps of weights the group makes: its order, where `(−1, −1)` counts for nothing.
    pub order: Option<BigUint>,
    /// Whether the group ties the bias, too. `(σ, τ)` and `(−σ, −τ)` do the same to a linear map,
    /// so that where signs were looked for it is unknown which of them acts on outputs. Then a bias
    /// that is wanted all the same has a parameter for each output.
    pub ties_bias: bool,
    /// Whether the group was found in maps that are linear in the inputs and their products, which
    /// this layer does not have. Files say so.
    pub is_of_products: bool,
    /// The free parameters of W, where they are known.
    pub values: Option<Vec<f64>>,
    /// The free parameters of b ([`TiedLayer::bias_pattern`]), where they are known.
    pub bias_values: Option<Vec<f64>>,
    /// The layout of an input, whose entries number n.
    pub input_shape: Vec<usize>,
    /// The layout of an output, whose entries number m.
    pub output_shape: Vec<usize>,
}

impl TiedLayer {
    /// The layer whose weights are those that these pairs of signed permutations of outputs and
    /// inputs leave as they are, with vectors as inputs and outputs, no name and no values.
    ///
    /// `(σ, τ)` and `(−σ, −τ)` tie the same weights, but not the same biases. Of the two, the one
    /// is kept that turns fewer signs of outputs, and among equals fewer of inputs; `(−1, −1)`
    /// itself, which ties nothing, is left out. Where signs are turned the bias is not tied
    /// ([`TiedLayer::ties_bias`]); who knows how outputs are moved may set that.
    ///
    /// The order is computed unless that takes too long.
    ///
    /// # Errors
    /// [`Error::Layer`] without outputs or inputs; [`Error::Groups`] when a pair does not permute
    /// as many points, or there are more than 2²⁷ weights.
    ///
    /// # Example
    /// Quarter turns of a vector:
    /// ```
    /// use msr_groups::SignedPermutation;
    /// use msr_symmetry::export::TiedLayer;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let turn = SignedPermutation::parse("(-0 1)", 2)?;
    /// let layer = TiedLayer::from_generators(2, 2, vec![(turn.clone(), turn)])?;
    /// assert_eq!(layer.pattern.expand(&[3.0, 5.0])?, [3.0, 5.0, -5.0, 3.0]);
    /// // Two quarter turns are (−1, −1): they make the same map of the weights as none.
    /// assert_eq!(layer.order, Some(2u32.into()));
    /// // Whether outputs are turned by it or by its negative, their map does not say.
    /// assert_eq!((layer.ties_bias, layer.bias_pattern()?.free_parameters()), (false, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_generators(
        outputs: usize,
        inputs: usize,
        generators: Vec<(SignedPermutation, SignedPermutation)>,
    ) -> Result<Self> {
        let pattern = SignedPattern::from_pairs(outputs, inputs, &generators)?;
        let mut layer = Self::from_pattern(pattern, generators)?;
        layer.order = match layer.group() {
            Ok(group) => Some(layer.maps(&group)?),
            Err(Error::Groups(msr_groups::Error::TooMuchWork { .. })) => None,
            Err(other) => return Err(other),
        };
        Ok(layer)
    }

    /// The same for a pattern that may tie more than the group does, with an order that is not
    /// computed.
    ///
    /// # Errors
    /// [`Error::Layer`] without outputs or inputs, and when a generator does not keep the pattern.
    pub fn from_pattern(
        pattern: SignedPattern,
        generators: Vec<(SignedPermutation, SignedPermutation)>,
    ) -> Result<Self> {
        let (outputs, inputs) = (pattern.outputs(), pattern.inputs());
        let generators = generators.into_iter().map(fewest_minuses);
        let mut layer = Self {
            outputs,
            inputs,
            pattern,
            generators: generators.filter(|(y, x)| !(y.is_identity() && x.is_identity())).collect(),
            name: None,
            order: None,
            ties_bias: true,
            is_of_products: false,
            values: None,
            bias_values: None,
            input_shape: vec![inputs],
            output_shape: vec![outputs],
        };
        layer.ties_bias = !layer.is_signed();
        layer.check()?;
        Ok(layer)
    }

    /// The same layer with the values that are nearest to weights (m × n, row by row) and biases
    /// (m): of each free parameter, the mean over its weights, with their signs.
    ///
    /// # Errors
    /// [`Error::Layer`] when there are not as many numbers, or one is not finite.
    pub fn with_weights(mut self, weights: &[f64], bias: Option<&[f64]>) -> Result<Self> {
        self.values = Some(means(&self.pattern, weights)?);
        self.bias_values = bias.map(|bias| means(&self.bias_pattern()?, bias)).transpose()?;
        self.check()?;
        Ok(self)
    }

    /// Refuses a layer whose parts contradict each other.
    ///
    /// # Errors
    /// [`Error::Layer`], which says what does not fit.
    pub fn check(&self) -> Result<()> {
        let Self { outputs: m, inputs: n, pattern, .. } = self;
        if *m == 0 || *n == 0 {
            return Err(Error::layer(format!("a layer of {m} outputs and {n} inputs has no weights")));
        }
        if (pattern.outputs(), pattern.inputs()) != (*m, *n) {
            let (y, x) = (pattern.outputs(), pattern.inputs());
            return Err(Error::layer(format!("the pattern of a {m} × {n} layer is {y} × {x}")));
        }
        for (what, shape, count) in [("inputs", &self.input_shape, *n), ("outputs", &self.output_shape, *m)] {
            if shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size)) != Some(count) {
                return Err(Error::layer(format!("{what} of shape {shape:?} are not {count} numbers")));
            }
        }
        for (number, (y, x)) in self.generators.iter().enumerate() {
            if !pattern.is_kept_by(y, x) {
                return Err(Error::layer(format!(
                    "generator {number} does not keep the tied weights; give the generators of the group that ties them"
                )));
            }
        }
        let free = [(&self.values, pattern.free_parameters(), "weights")];
        let of_bias = self.bias_values.as_ref().map(|_| self.bias_pattern()).transpose()?;
        let bias = of_bias.map(|pattern| (&self.bias_values, pattern.free_parameters(), "biases"));
        for (values, count, what) in free.into_iter().chain(bias) {
            let Some(values) = values else { continue };
            if values.len() != count || values.iter().any(|value| !value.is_finite()) {
                let got = values.len();
                return Err(Error::layer(format!(
                    "{what} with {count} free parameters need as many finite values, not {got}"
                )));
            }
        }
        Ok(())
    }

    /// The biases that the group leaves as they are, as an m × 1 pattern: equal on the orbits of
    /// the outputs, up to signs, and zero on those on which a sign is turned. All of them, where it
    /// does not tie the bias.
    ///
    /// # Errors
    /// [`Error::Groups`] when a generator permutes another number of outputs.
    pub fn bias_pattern(&self) -> Result<SignedPattern> {
        let still = SignedPermutation::identity(1)?;
        let tying = self.generators.iter().filter(|_| self.ties_bias);
        let moves: Vec<_> = tying.map(|(y, _)| (y.clone(), still.clone())).collect();
        Ok(SignedPattern::from_pairs(self.outputs, 1, &moves)?)
    }

    /// Whether files have a bias without being asked: one that is tied, or that is known.
    pub(super) fn has_bias(&self) -> bool {
        self.ties_bias || self.bias_values.is_some()
    }

    /// Whether a generator turns a sign.
    pub fn is_signed(&self) -> bool {
        self.generators.iter().any(|(y, x)| y.flips().contains(&true) || x.flips().contains(&true))
    }

    /// The group as one of permutations: of the outputs followed by the inputs, or, where signs are
    /// turned, of `+e_0, −e_0, +e_1, …` of both ([`SignedPermutation::doubled`]).
    ///
    /// # Errors
    /// [`Error::Groups`] when it takes too long to compute its order, or acts on too many points.
    pub fn group(&self) -> Result<PermutationGroup> {
        let is_signed = self.is_signed();
        let whole = |(y, x): &(SignedPermutation, SignedPermutation)| {
            let both = y.beside(x)?;
            Ok(if is_signed { both.doubled() } else { both.points().clone() })
        };
        let generators: Vec<_> = self.generators.iter().map(whole).collect::<Result<_>>()?;
        let points = (self.outputs + self.inputs) * if is_signed { 2 } else { 1 };
        Ok(PermutationGroup::new(self.name.as_deref().unwrap_or("the group"), points, generators)?)
    }

    /// The number of maps of weights that [`TiedLayer::group`] makes: its order, halved where it
    /// contains the exchange of all pairs of points, which is `(−1, −1)`.
    fn maps(&self, group: &PermutationGroup) -> Result<BigUint> {
        let exchanged: Vec<usize> = (0..group.degree()).map(|point| point ^ 1).collect();
        let is_twice = self.is_signed() && group.contains(&Permutation::from_images(&exchanged)?)?;
        Ok(if is_twice { group.order() / 2u32 } else { group.order() })
    }

    /// Of each free parameter, how many weights an output that it is for has that are not zero:
    /// with weights of variance one over this, outputs have the variance of independent inputs.
    /// Where the outputs of a parameter differ in it, their mean over its weights.
    pub fn fan_in(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.pattern.free_parameters()];
        for y in 0..self.outputs {
            let row = || (0..self.inputs).filter_map(|x| self.pattern.entry(y, x));
            let count = row().count() as f64;
            row().for_each(|(class, _)| sums[class] += count);
        }
        sums.iter().zip(self.pattern.sizes()).map(|(sum, &size)| sum / f64::from(size)).collect()
    }

    /// The values, or, where they are not known, independent ones for which outputs have the
    /// variance of inputs; the same at every call.
    pub(super) fn values_or_initial(&self) -> Vec<f64> {
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut draw = |fan: f64| {
            let number: f64 = StandardNormal.sample(&mut rng);
            number / fan.sqrt()
        };
        self.values.clone().unwrap_or_else(|| self.fan_in().into_iter().map(&mut draw).collect())
    }

    /// Refuses an order that is not that of the generators' group, which is returned with it.
    pub(super) fn checked_group(&self) -> Result<(PermutationGroup, BigUint)> {
        let group = self.group()?;
        let made = self.maps(&group)?;
        match &self.order {
            Some(said) if *said != made => Err(Error::Order { made, said: said.clone() }),
            _ => Ok((group, made)),
        }
    }

    /// What a reader of a file should know of where the group was found, in lines of comments.
    pub(super) fn of_products(&self) -> Option<&'static str> {
        self.is_of_products.then_some(OF_PRODUCTS)
    }

    /// What the group is called, fit to stand in a comment or a text of any language.
    pub(super) fn title(&self) -> String {
        const MOST: usize = 200;
        let name = self.name.as_deref().unwrap_or("a group without a name here");
        let shown = msr_files::printable(name).replace('"', "'").replace('\\', "/");
        shown.chars().take(MOST).collect()
    }
}

/// Of each free parameter, the mean over its weights, with their signs.
fn means(pattern: &SignedPattern, weights: &[f64]) -> Result<Vec<f64>> {
    let (m, n) = (pattern.outputs(), pattern.inputs());
    if weights.len() != m * n {
        return Err(Error::layer(format!("{} numbers are no {m} × {n} weights", weights.len())));
    }
    let mut means = vec![0.0; pattern.free_parameters()];
    for (at, weight) in weights.iter().enumerate() {
        if let Some((class, is_negative)) = pattern.entry(at / n, at % n) {
            means[class] += if is_negative { -weight } else { *weight };
        }
    }
    means.iter_mut().zip(pattern.sizes()).for_each(|(mean, &size)| *mean /= f64::from(size));
    Ok(means)
}

/// Of `(σ, τ)` and `(−σ, −τ)`, the one with fewer minuses.
fn fewest_minuses(pair: (SignedPermutation, SignedPermutation)) -> (SignedPermutation, SignedPermutation) {
    let minuses = |g: &SignedPermutation| g.flips().iter().filter(|&&flip| flip).count();
    let turned = (pair.0.negated(), pair.1.negated());
    let cost = |(y, x): &(SignedPermutation, SignedPermutation)| (minuses(y), minuses(x));
    if cost(&turned) < cost(&pair) { turned } else { pair }
}
