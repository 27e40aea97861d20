//! Classes turned by quarters as classes of their own.

use crate::classes::ClassSource;

/// The classes of a source four times over: those of `0..n` as they are, then turned by a quarter,
/// a half and three quarters counterclockwise, each as a class of its own. Images must be square.
///
/// Source: Santoro, Bartunov, Botvinick, Wierstra, Lillicrap, "Meta-Learning with Memory-Augmented
/// Neural Networks" (ICML 2016), section 4.1; Vinyals et al., "Matching Networks" (2016).
#[derive(Clone, Debug)]
pub struct QuarterTurns<S> {
    source: S,
    /// Pixels along a side.
    side: usize,
}

impl<S: ClassSource> QuarterTurns<S> {
    /// The turned classes of `source`.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) when images are not square.
    pub fn new(source: S) -> crate::Result<Self> {
        match source.input_shape().as_slice() {
            &[_, h, w] if h == w => Ok(Self { source, side: h }),
            shape => Err(crate::Error::Config {
                problem: format!("{}: quarter turns need square images, got {shape:?}", source.name()),
            }),
        }
    }

    /// These classes of the source in all four turns.
    pub fn of_all(&self, classes: &[usize]) -> Vec<usize> {
        let count = self.source.classes();
        (0..4).flat_map(|turn| classes.iter().map(move |class| class + turn * count)).collect()
    }
}

impl<S: ClassSource> ClassSource for QuarterTurns<S> {
    fn name(&self) -> String {
        format!("{} in quarter turns", self.source.name())
    }

    fn classes(&self) -> usize {
        4 * self.source.classes()
    }

    fn examples(&self) -> usize {
        self.source.examples()
    }

    fn input_shape(&self) -> Vec<usize> {
        self.source.input_shape()
    }

    fn fill(&self, class: usize, example: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
        let count = self.source.classes().max(1);
        // A class that is not there is refused by the source, under its own number.
        let (turns, own) = if class < self.classes() { (class / count, class % count) } else { (0, class) };
        self.source.fill(own, example, x)?;
        for _ in 0..turns {
            for image in x.chunks_mut(self.side * self.side) {
                turn(image, self.side);
            }
        }
        Ok(())
    }
}

/// Turns a square image by a quarter counterclockwise: four pixels at a time change places.
fn turn(image: &mut [f32], side: usize) {
    for i in 0..side / 2 {
        for j in 0..side.div_ceil(2) {
            let last = side - 1;
            let ring =
                [(i, j), (j, last - i), (last - i, last - j), (last - j, i)].map(|(r, c)| r * side + c);
            let first = image[ring[0]];
            for k in 0..3 {
                image[ring[k]] = image[ring[k + 1]];
            }
            image[ring[3]] = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{QuarterTurns, turn};
    use crate::classes::ClassSource;

    struct Numbers([usize; 3]);

    impl ClassSource for Numbers {
        fn name(&self) -> String {
            "numbers".into()
        }
        fn classes(&self) -> usize {
            5
        }
        fn examples(&self) -> usize {
            2
        }
        fn input_shape(&self) -> Vec<usize> {
            self.0.to_vec()
        }
        fn fill(&self, class: usize, _: usize, x: &mut [f32]) -> msr_episodes::Result<()> {
            for (at, x) in x.iter_mut().enumerate() {
                *x = (100 * class + at) as f32;
            }
            Ok(())
        }
    }

    #[test]
    fn turned_classes_are_classes() -> crate::Result<()> {
        let turned = QuarterTurns::new(Numbers([2, 2, 2]))?;
        assert_eq!((turned.classes(), turned.of_all(&[1, 4])), (20, vec![1, 4, 6, 9, 11, 14, 16, 19]));
        let mut x = [0.0; 8];
        turned.fill(5 + 1, 0, &mut x)?;
        assert_eq!(x, [101., 103., 100., 102., 105., 107., 104., 106.]);
        turned.fill(10 + 1, 0, &mut x)?;
        assert_eq!(x, [103., 102., 101., 100., 107., 106., 105., 104.]);
        assert!(QuarterTurns::new(Numbers([1, 2, 3])).is_err());
        Ok(())
    }

    #[test]
    fn four_quarters_are_a_whole() {
        for side in 1..6 {
            let image: Vec<f32> = (0..side * side).map(|n| n as f32).collect();
            let mut turned = image.clone();
            for _ in 0..4 {
                turn(&mut turned, side);
            }
            assert_eq!(turned, image);
        }
    }
}
