//! The bilevel meta-learner: inner loop, outer loop, baselines, checkpoints, evaluation.
