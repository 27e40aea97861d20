//! Synthetic meta-learning problems, episodes and the .npz files of the MSR authors.
