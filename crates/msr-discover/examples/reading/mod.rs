//! Tasks out of the arrays of an `.npz` file, `x (tasks, examples, inputs)` and `y (tasks,
//! examples, outputs)`.

use msr_discover::Tasks;

pub(crate) fn read(path: &str) -> Result<Tasks, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(path)?;
    let mut arrays = msr_files::Arrays::from_bytes(&bytes)?;
    let listed = arrays.list()?;
    let shape = |name: &str| {
        let found = listed.iter().find(|array| array.name == name).map(|array| &array.shape[..]);
        found.ok_or_else(|| format!("{path}: there is no array {name}"))
    };
    let (&[count, s, n], &[_, _, m]) = (shape("x")?, shape("y")?) else {
        return Err(format!("{path}: x and y should have three dimensions").into());
    };
    let (x, y) = (arrays.numbers("x")?, arrays.numbers("y")?);
    let mut tasks = Tasks::new(n, m)?;
    for (x, y) in x.chunks_exact(s * n).zip(y.chunks_exact(s * m)).take(count) {
        tasks.add(x, y)?;
    }
    Ok(tasks)
}
