//! `msr discover`: which symmetry tasks share.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use msr_discover::{DiscoverConfig, Symmetry, Tasks, Verdict, VerdictKind, discover};
use msr_experiments::console::Console;
use msr_files::Arrays;
use serde_json::{Value, json};

/// What the exit codes are.
pub const EXIT_CODES: &str = "\
Exit codes: 0 a symmetry was found (with --check: the data can be read); 3 there is none; 4 these data do not tell; 2 the data or
the command line cannot be used; 1 something else failed.";

/// No symmetry.
const NONE: u8 = 3;
/// Undecided.
const UNDECIDED: u8 = 4;
/// Bad input.
const BAD: u8 = 2;

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Tasks in an .npz or .safetensors file: arrays x (tasks, examples, ...) and y (tasks,
    /// examples, ...), what follows of any shape, or none. Tasks are to be independent, and to
    /// share no examples.
    file: PathBuf,
    /// The array of the inputs.
    #[arg(long, default_value = "x")]
    x: String,
    /// The array of the outputs.
    #[arg(long, default_value = "y")]
    y: String,
    /// Look for components that change their signs, too, as those of vectors do under a turn or a
    /// mirror.
    #[arg(long)]
    signed: bool,
    /// How much of the variation of the weights may break a symmetry, as a share.
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    tolerance: f64,
    /// Which tasks find and which confirm, and everything else that is drawn.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Only say how the data were understood.
    #[arg(long)]
    check: bool,
    /// Print what is found as JSON on stdout, and everything else on stderr.
    #[arg(long)]
    json: bool,
}

/// Reads the tasks and prints the verdict; the exit code says which it is.
pub fn run(args: &Args) -> Result<ExitCode> {
    let verdict = match found(args) {
        Ok(Some(verdict)) => verdict,
        Ok(None) => return Ok(ExitCode::SUCCESS),
        // What is no fault of the data.
        Err(problem)
            if problem.downcast_ref().is_some_and(|e| matches!(e, msr_discover::Error::Groups(_))) =>
        {
            return Err(problem);
        }
        Err(problem) => {
            msr_report::complain(&format!("error: {problem:#}"));
            return Ok(ExitCode::from(BAD));
        }
    };
    Ok(match verdict.kind {
        VerdictKind::None => ExitCode::from(NONE),
        VerdictKind::Undecided { .. } => ExitCode::from(UNDECIDED),
        _ => ExitCode::SUCCESS,
    })
}

/// The verdict, printed; none when it was not asked for.
fn found(args: &Args) -> Result<Option<Verdict>> {
    let config = DiscoverConfig {
        signed: args.signed,
        tolerance: args.tolerance,
        seed: args.seed,
        ..DiscoverConfig::default()
    };
    ensure!(
        config.tolerance > 0.0 && config.tolerance < 1.0,
        "--tolerance is a share above 0 and below 1, not {}",
        config.tolerance
    );
    // What keeps a file from being read names it.
    let bytes = msr_files::read(&args.file)?;
    let tasks = read(&bytes, &args.x, &args.y).with_context(|| args.file.display().to_string())?;
    tasks.check().with_context(|| args.file.display().to_string())?;
    let console = Console::new(args.json);
    console.say(&understood(&tasks));
    if args.check {
        return Ok(None);
    }
    let verdict = discover(&tasks, &config).with_context(|| args.file.display().to_string())?;
    console.say(&sentence(&verdict.to_string()));
    if let Some(symmetry) = verdict.symmetry() {
        for (on_outputs, on_inputs) in symmetry.generators.iter().take(GENERATORS) {
            console.say(&format!("  generator: outputs {on_outputs}\n             inputs  {on_inputs}"));
        }
        if let Some(more) = symmetry.generators.len().checked_sub(GENERATORS + 1) {
            console.say(&format!("  and {} more generators", more + 1));
        }
    }
    if args.json {
        console.json(&in_json(&verdict, &tasks))?;
    }
    Ok(Some(verdict))
}

/// So many generators are printed.
const GENERATORS: usize = 6;

/// The same with a capital letter.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

/// How the data were understood.
fn understood(tasks: &Tasks) -> String {
    let sizes: Vec<usize> = (0..tasks.count()).filter_map(|task| tasks.examples(task)).collect();
    let (least, most) = (sizes.iter().min().unwrap_or(&0), sizes.iter().max().unwrap_or(&0));
    let examples = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    format!(
        "{} tasks of {examples} examples each, {} inputs and {} outputs",
        tasks.count(),
        tasks.inputs(),
        tasks.outputs()
    )
}

/// The arrays of a file, as tasks.
fn read(bytes: &[u8], x: &str, y: &str) -> Result<Tasks> {
    let mut arrays = Arrays::from_bytes(bytes)?;
    let listed = arrays.list()?;
    let shape = |name: &str| {
        let found = listed.iter().find(|array| array.name == name);
        let names = || listed.iter().map(|array| array.name.as_str()).collect::<Vec<_>>().join(", ");
        let found = found.with_context(|| format!("there is no array `{name}`; there are {}", names()))?;
        Ok::<_, anyhow::Error>(found.shape.clone())
    };
    let (of_x, of_y) = (shape(x)?, shape(y)?);
    for (name, shape) in [(x, &of_x), (y, &of_y)] {
        if shape.len() < 2 {
            bail!("{name} is {shape:?}; it should be (tasks, examples, ...)");
        }
        ensure!(shape.iter().all(|&size| size > 0), "{name} is {shape:?}, which holds no numbers");
    }
    ensure!(
        of_x[..2] == of_y[..2],
        "{x} is {of_x:?} and {y} is {of_y:?}; they should have the same tasks and examples"
    );
    let count = |shape: &[usize]| shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    let sizes = count(&of_x).and(count(&of_y)).and(count(&of_x[2..]).zip(count(&of_y[2..])));
    let (inputs, outputs) =
        sizes.with_context(|| format!("{x} is {of_x:?} and {y} is {of_y:?}; no file holds so much"))?;
    let (all_x, all_y) = (arrays.numbers(x)?, arrays.numbers(y)?);
    let mut tasks = Tasks::new(inputs, outputs)?;
    let examples = of_x[1];
    for (x, y) in all_x.chunks_exact(examples * inputs).zip(all_y.chunks_exact(examples * outputs)) {
        tasks.add(x, y)?;
    }
    Ok(tasks)
}

fn in_json(verdict: &Verdict, tasks: &Tasks) -> Value {
    let of = |symmetry: &Symmetry| {
        let generators: Vec<Value> = symmetry
            .generators
            .iter()
            .map(|(y, x)| json!({ "outputs": y.to_string(), "inputs": x.to_string() }))
            .collect();
        json!({
            "name": symmetry.name,
            "order": symmetry.order.to_string(),
            "generators": generators,
            "free_parameters": symmetry.pattern.free_parameters(),
            "asymmetry": { "value": symmetry.asymmetry.value, "upper": symmetry.asymmetry.upper },
            "confirmed_on": symmetry.confirmed_on,
        })
    };
    let (kind, more) = match &verdict.kind {
        VerdictKind::Found(_) => ("found", None),
        VerdictKind::AtLeast(_) => ("at least", None),
        VerdictKind::None => ("none", None),
        VerdictKind::Undecided { more_tasks, .. } => ("undecided", *more_tasks),
        _ => ("unknown", None),
    };
    json!({
        "verdict": kind,
        "said": verdict.to_string(),
        "symmetry": verdict.symmetry().map(of),
        "more_tasks": more,
        "tolerance": verdict.config.tolerance,
        "signed": verdict.config.signed,
        "seed": verdict.config.seed,
        "tasks": tasks.count(),
        "inputs": tasks.inputs(),
        "outputs": tasks.outputs(),
        "patterns_tested": verdict.tested.len(),
    })
}
