//! Elements in a row whose parameters are the same, or follow each other.

use std::ops::Range;

/// The elements of a run, on average, from which following runs is faster than following indices.
const LONG: usize = 8;

/// How the parameter changes from one element of a run to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Same,
    Up,
    Down,
}

impl Step {
    fn change(self) -> i64 {
        match self {
            Self::Same => 0,
            Self::Up => 1,
            Self::Down => -1,
        }
    }
}

/// Elements up to the start of the next run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The first element.
    pub(super) start: usize,
    /// Its parameter.
    pub(super) first: u32,
    pub(super) step: Step,
}

impl Run {
    /// The parameters of elements `elements`, which are in the run, in ascending order.
    #[inline(always)]
    fn parameters(&self, elements: Range<usize>) -> Range<usize> {
        let (first, before) = (self.first as usize, elements.start - self.start);
        match self.step {
            Step::Same => first..first + 1,
            Step::Up => first + before..first + before + elements.len(),
            Step::Down => first + 1 - before - elements.len()..first + 1 - before,
        }
    }
}

/// The runs of these parameters; none when most are short.
pub(super) fn runs(parameter: &[u32]) -> Option<Vec<Run>> {
    let mut found: Vec<Run> = Vec::new();
    let mut start = 0;
    while let Some(&first) = parameter.get(start) {
        if found.len() * LONG > parameter.len() {
            return None;
        }
        let change = |pair: &[u32]| i64::from(pair[1]) - i64::from(pair[0]);
        let mut pairs = parameter[start..].windows(2).map(change).peekable();
        let step = match pairs.peek() {
            Some(1) => Step::Up,
            Some(-1) => Step::Down,
            _ => Step::Same,
        };
        found.push(Run { start, first, step });
        start += 1 + pairs.take_while(|&change| change == step.change()).count();
    }
    Some(found)
}

/// Calls `body` with the pieces of the runs in `elements`, in order: the elements as counted from
/// the first, their parameters in ascending order, and how those change.
#[inline(always)]
pub(super) fn for_each_piece(
    runs: &[Run],
    elements: Range<usize>,
    mut body: impl FnMut(Range<usize>, Range<usize>, Step),
) {
    let mut at = runs.partition_point(|run| run.start <= elements.start).saturating_sub(1);
    let mut start = elements.start;
    while start < elements.end {
        let run = runs[at];
        at += 1;
        let end = runs.get(at).map_or(elements.end, |next| next.start.min(elements.end));
        body(start - elements.start..end - elements.start, run.parameters(start..end), run.step);
        start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, for_each_piece, runs};

    /// The parameters of some elements, from runs.
    fn unrolled(found: &[super::Run], elements: std::ops::Range<usize>) -> Vec<u32> {
        let mut all = vec![u32::MAX; elements.len()];
        for_each_piece(found, elements, |elements, parameters, step| {
            for (i, element) in elements.clone().enumerate() {
                all[element] = match step {
                    Step::Same => parameters.start,
                    Step::Up => parameters.start + i,
                    Step::Down => parameters.end - 1 - i,
                } as u32;
            }
        });
        all
    }

    #[test]
    fn runs_say_the_same_as_indices() {
        let same = vec![7; 40];
        let up: Vec<u32> = (3..50).collect();
        let down: Vec<u32> = (0..30).rev().collect();
        let mixed = [&same[..], &up, &[1], &down, &[u32::MAX - 1, u32::MAX], &same, &[0]].concat();
        let found = runs(&mixed).unwrap();
        assert!(found.len() <= 8, "{found:?}");
        for elements in [0..mixed.len(), 0..1, 39..41, 45..100, 60..60, mixed.len() - 1..mixed.len()] {
            assert_eq!(unrolled(&found, elements.clone()), mixed[elements]);
        }
        // A circulant: two runs a row.
        let circulant: Vec<u32> = (0..400).map(|i| ((i % 20 + 20 - i / 20) % 20) as u32).collect();
        let found = runs(&circulant).unwrap();
        assert!(found.len() <= 40, "{}", found.len());
        assert_eq!(unrolled(&found, 0..400), circulant);
    }

    #[test]
    fn short_runs_are_none() {
        assert_eq!(runs(&(0..100).map(|i| i * 7 % 13).collect::<Vec<u32>>()), None);
        assert_eq!(runs(&[]), Some(Vec::new()));
        assert!(runs(&[5; 9]).is_some());
    }
}
