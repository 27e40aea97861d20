//! Bare arrays: of a checkpoint, or of a file that someone else wrote. What they are, names and
//! flags say.

use anyhow::{Result, bail, ensure};
use msr_files::printable;

use super::Args;
use super::contents::{Contents, is_moment, listed};
use super::subject::{ConvMatrices, Convolution, Kind, Matrix, Subject};

/// The array that was named, or the only one that can be meant.
pub fn subject(args: &Args, bytes: &[u8]) -> Result<Subject> {
    let mut contents = Contents::of(bytes, args.tensor.as_deref())?;
    if !args.weight
        && (args.outputs.is_none() || args.kernel.is_some())
        && let Some(conv) = conv(args, &mut contents)?
    {
        return Ok(Subject::Conv(conv));
    }
    Ok(Subject::Points(matrix(args, &mut contents)?))
}

fn matrix(args: &Args, contents: &mut Contents<'_>) -> Result<Matrix> {
    let name = choose(args, contents)?;
    let shown = printable(&name);
    let is_symmetry = !args.weight && (args.outputs.is_some() || name.ends_with("symmetry"));
    let [tasks, rows, columns] = contents.shape(&name, !is_symmetry)?;
    if !is_symmetry {
        let numbers = contents.numbers(&name)?;
        let is_stack = tasks > 1;
        let values = if is_stack { by_weight(&numbers, tasks) } else { numbers };
        let kind = if is_stack { Kind::Stack } else { Kind::Weight };
        return Ok(Matrix { name, kind, values, outputs: rows, inputs: columns });
    }
    let (outputs, inputs) = match args.outputs {
        Some(m) => {
            ensure!(
                m > 0 && rows.is_multiple_of(m),
                "`{shown}` has {rows} rows, not a multiple of {m} outputs"
            );
            (m, rows / m)
        }
        None => {
            let side = rows.isqrt();
            ensure!(
                side * side == rows,
                "`{shown}` has {rows} rows, and it is not known how many outputs these are; give --outputs, or --kernel \
                 for a convolution"
            );
            (side, side)
        }
    };
    Ok(Matrix { kind: Kind::Symmetry, values: contents.numbers(&name)?, name, outputs, inputs })
}

/// The array to look at.
fn choose(args: &Args, contents: &Contents<'_>) -> Result<String> {
    let (matrices, stacks) = (contents.of_rank(2), contents.of_rank(3));
    let named: Vec<&str> = matrices.iter().copied().filter(|n| n.ends_with("symmetry")).collect();
    Ok(match (&args.tensor, matrices.as_slice(), named.as_slice(), stacks.as_slice()) {
        (Some(name), ..) => name.clone(),
        (None, [only], ..) | (None, _, [only], _) | (None, [], _, [only]) => (*only).to_string(),
        (None, [], _, []) => bail!(
            "there is no matrix in it; its tensors are {} (MAML learns no U, nor does a layer \
             whose pattern is given: look at what an MSR method learned)",
            contents.all()
        ),
        (None, [], _, several) => bail!(
            "there are several arrays of three dimensions; choose one with --tensor: {}",
            listed(several.iter().map(|n| printable(n)))
        ),
        _ => bail!(
            "there are several matrices; choose one with --tensor: {}",
            listed(matrices.iter().map(|n| printable(n)))
        ),
    })
}

/// A weight matrix for each task as a matrix with a row for each weight and a column for each task:
/// what is tied in it is tied in all of them.
fn by_weight(numbers: &[f64], tasks: usize) -> Vec<f64> {
    let weights = numbers.len() / tasks.max(1);
    (0..weights).flat_map(|weight| (0..tasks).map(move |task| numbers[task * weights + weight])).collect()
}

/// What of a file is a convolution's symmetry: Kronecker factors where it has them and no other
/// tensor is named, or `symmetry` when the shape of its filters is given. `None` when it is
/// neither.
fn conv(args: &Args, contents: &mut Contents<'_>) -> Result<Option<Convolution>> {
    let (tensor, kernel) = (args.tensor.as_deref(), args.kernel);
    let ending =
        |end: &str| contents.names().filter(|n| n.ends_with(end)).map(String::from).collect::<Vec<_>>();
    let (names, full) = (ending("symmetry_out"), ending("symmetry"));
    // Adam's moments of a factor are no factor.
    let asked =
        tensor.is_none_or(|t| !is_moment(t) && (t.ends_with("symmetry_out") || t.ends_with("symmetry_taps")));
    let chosen = names.iter().find(|n| tensor.is_none_or(|t| prefix(n) == prefix(t)));
    if let (true, Some(name)) = (asked, chosen) {
        let others = full.iter().filter(|_| kernel.is_some());
        let several: Vec<&String> = names.iter().chain(others).collect();
        ensure!(tensor.is_some() || several.len() == 1, "{}", choose_among(&several));
        return Ok(Some(kronecker(args, contents, name)?));
    }
    let Some(kernel) = kernel else { return Ok(None) };
    let name = match tensor {
        Some(name) => name.to_string(),
        None => match full.as_slice() {
            [] => bail!("there is no symmetry matrix in it; name one with --tensor"),
            [name] => (*name).clone(),
            several => bail!("{}", choose_among(&several.iter().collect::<Vec<_>>())),
        },
    };
    let shown = printable(&name);
    let [_, rows, columns] = contents.shape(&name, false)?;
    let taps = kernel.saturating_mul(kernel);
    ensure!(
        taps > 0 && rows.is_multiple_of(taps),
        "`{shown}` has {rows} rows, not a multiple of {kernel} × {kernel} taps"
    );
    let filters = rows / taps;
    let channels = args.outputs.unwrap_or(filters);
    ensure!(
        channels > 0 && filters.is_multiple_of(channels),
        "`{shown}` has {filters} filters of {kernel} × {kernel} taps, not a multiple of {channels} output channels"
    );
    Ok(Some(Convolution {
        symmetry: ConvMatrices::Full { symmetry: contents.numbers(&name)?, columns },
        names: vec![name],
        channels,
        in_channels: filters / channels,
        kernel,
    }))
}

/// The convolution whose factor over output channels has this name.
fn kronecker(args: &Args, contents: &mut Contents<'_>, name: &str) -> Result<Convolution> {
    let taps = format!("{}symmetry_taps", prefix(name));
    let a = factor(contents, name)?;
    let c = factor(contents, &taps)?;
    let (channels, size) = (a.len().isqrt(), c.len().isqrt());
    let across = size.isqrt();
    let (shown, shown_taps) = (printable(name), printable(&taps));
    ensure!(across * across == size, "`{shown_taps}` is no factor over the taps of a square filter");
    ensure!(
        args.kernel.is_none_or(|k| k == across),
        "`{shown_taps}` is a factor over {across} × {across} taps; leave out --kernel"
    );
    ensure!(
        args.outputs.is_none_or(|c| c == channels),
        "`{shown}` is a factor over {channels} output channels; leave out --outputs"
    );
    Ok(Convolution {
        symmetry: ConvMatrices::Kronecker { channels: a, taps: c },
        channels,
        in_channels: 1,
        kernel: across,
        names: vec![name.to_string(), taps],
    })
}

fn choose_among(names: &[&String]) -> String {
    let names = listed(names.iter().map(|n| printable(n)));
    format!("there are several convolutions in it; choose one with --tensor: {names}")
}

/// What comes before the name of a factor.
fn prefix(name: &str) -> &str {
    name.strip_suffix("symmetry_out").or(name.strip_suffix("symmetry_taps")).unwrap_or(name)
}

/// A factor that is stored as what it has beyond the identity.
fn factor(contents: &mut Contents<'_>, name: &str) -> Result<Vec<f64>> {
    let [_, rows, columns] = contents.shape(name, false)?;
    let shown = printable(name);
    ensure!(rows == columns, "`{shown}` is {rows} × {columns}; a Kronecker factor is square");
    let mut numbers = contents.numbers(name)?;
    (0..rows).for_each(|i| numbers[i * (rows + 1)] += 1.0);
    Ok(numbers)
}
