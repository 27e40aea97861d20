//! What continuous integration asks of kernels for GPUs, without a GPU.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::libraries::REALS;
use super::{Host, Mode, run};

/// Meta-steps as `msr-bench serve` takes them, with the most launches of one, products by cuBLAS
/// among them. What lies below may be made the new number.
const BUDGETS: [(&str, &str, u64); 2] = [
    ("MSR-FC, 3 inner steps", r#"{"fc":{"rank":1,"filter_parameters":3,"inner_steps":3}}"#, 23),
    (
        "Conv4, 1 inner step",
        r#"{"conv4":{"size":{"tasks":2,"ways":2,"shots":1,"queries":2,"width":4,"kind":"kronecker","filter_params":4},"inner_steps":1}}"#,
        243,
    ),
];

/// A mistake in a kernel that the checks must find.
struct Fault {
    name: &'static str,
    operation: &'static str,
    from: &'static str,
    to: &'static str,
    mode: Mode,
    /// What of `msr-bench check` runs.
    only: &'static str,
    /// A word of what is said then.
    says: &'static str,
}

const FAULTS: [Fault; 3] = [
    Fault {
        name: "a pack too many",
        operation: "ties",
        from: "i < elements / PACK",
        to: "i <= elements / PACK",
        mode: Mode::Address,
        only: "kernel ties",
        says: "AddressSanitizer: heap-buffer-overflow",
    },
    Fault {
        name: "a barrier that is missing",
        operation: "solve",
        from: "        __syncthreads();\n        // A row for each warp",
        to: "        // A row for each warp",
        mode: Mode::Thread,
        only: "kernel solve_positive",
        says: "ThreadSanitizer: data race",
    },
    Fault {
        name: "a sum that leaves out its last term",
        operation: "reduce",
        from: "for (u32 j = 0; j < terms; j++) sum += x[start[0] + u64(j) * stride];",
        to: "for (u32 j = 0; j + 1 < terms; j++) sum += x[start[0] + u64(j) * stride];",
        mode: Mode::Plain,
        only: "kernel sum",
        says: "relative error",
    },
];

/// Clippy on the whole workspace, as it is built for GPUs.
///
/// # Errors
/// When it complains.
pub fn clippy() -> Result<()> {
    let features = "msr/cuda,msr-bench/cuda,msr-layers/cuda";
    let mut command = Host::new()?.cargo()?;
    run(command.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        features,
        "--",
        "-D",
        "warnings",
    ]))
}

/// Builds `msr-bench` as for a GPU and runs its checks on the processor: kernels at all sizes
/// plainly, some under the sanitizers, each in an order of threads and blocks of its own. Counts
/// the launches of meta-steps, and puts faults into kernels that must be found.
///
/// # Errors
/// When something is not right; the messages say what.
pub fn checks() -> Result<()> {
    let host = Host::new()?;
    let program = host.bench()?;
    without_device(&host, &program)?;
    for mode in [Mode::Plain, Mode::Address, Mode::Thread] {
        host.driver(mode)?;
    }
    // Two at a time: each is one thread for the most part.
    type Run = (Mode, &'static str, &'static str, &'static str);
    const RUNS: [Run; 6] = [
        (Mode::Plain, "meta-step", "1", "0"),
        (Mode::Plain, "kernel", "1,31,32,33,127,128,257", "1"),
        (Mode::Plain, "rule", "1,33,128", "0"),
        (Mode::Plain, "kernel", "33,128", "6"),
        (Mode::Address, "kernel", "1,33", "2"),
        (Mode::Thread, "kernel", "33", "3"),
    ];
    for pair in RUNS.chunks(2) {
        let started = pair.iter().map(|&(mode, only, sizes, seed)| {
            let mut check = host.command(mode, &program)?;
            check.args(["check", "--device", "cuda", "--strict", "--dtypes", "f32,f64"]);
            check.args(["--only", only, "--sizes", sizes]).env("CUDA_HOST_SEED", seed);
            let child = check.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().context("msr-bench")?;
            Ok(((mode, only, sizes), child))
        });
        for ((mode, only, sizes), child) in started.collect::<Result<Vec<_>>>()? {
            let output = child.wait_with_output()?;
            let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            ensure!(output.status.success(), "{mode:?}, {only}, sizes {sizes}: {}{}", said[0], said[1]);
            let last = said[0].lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            say(&format!("{mode:?}, {only}, sizes {sizes}: {last}"));
        }
    }
    for (name, work, most) in BUDGETS {
        budget(&host, &program, name, work, most)?;
    }
    FAULTS.iter().try_for_each(|fault| find(&host, &program, fault))?;
    experiment(&host)
}

/// An experiment from its first step to its table, where the images are that it needs: what is
/// computed beside training steps is on a GPU, too.
fn experiment(host: &Host) -> Result<()> {
    let images = host.root.join("../shared/data/omniglot28");
    if !images.exists() {
        say(&format!("SKIPPED: an experiment of images on a GPU; no {}", images.display()));
        return Ok(());
    }
    let program = host.program("msr")?;
    let out = host.folder.join("table3");
    if out.exists() {
        fs::remove_dir_all(&out)?;
    }
    let mut reproduce = host.command(Mode::Plain, &program)?;
    reproduce.args(["reproduce", "table3", "--device", "cuda", "--definition"]);
    reproduce.arg(host.sources().join("table3.toml")).arg("--data").arg(images).arg("--out").arg(out);
    let output = reproduce.output().context("msr")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "table3 on the driver: {said}");
    let table = String::from_utf8_lossy(&output.stdout);
    for row in ["| 2w1s ", "| left–right flip ", "| block3.conv "] {
        ensure!(
            table.contains(row) || said.contains(row),
            "table3 on the driver has no row `{row}`: {table}"
        );
    }
    say("table3, from the first step to the table");
    Ok(())
}

/// The program says that there is no device, where a driver says so.
fn without_device(host: &Host, program: &Path) -> Result<()> {
    let mut check = Command::new(program);
    check.args(["check", "--device", "cuda"]).env("LD_LIBRARY_PATH", host.link_folder()?);
    let output = check.output().context("msr-bench")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let expected = "CUDA device 0 cannot be used";
    ensure!(!output.status.success() && said.contains(expected), "without a device, msr-bench says: {said}");
    say(&format!("without a device: {}", said.trim().lines().next().unwrap_or_default()));
    Ok(())
}

/// Compares the launches, uploads and downloads of a recorded step with what they may be.
fn budget(host: &Host, program: &Path, name: &str, work: &str, most: u64) -> Result<()> {
    // After the first step, and one that is not timed, so many.
    let counted = |steps: &str| -> Result<Vec<(String, u64)>> {
        let folder = host.driver(Mode::Plain)?;
        let report = folder.join("report.txt");
        let mut serve = host.command(Mode::Plain, program)?;
        serve.args(["serve", "--work", work, "--device", "cuda"]).env("CUDA_HOST_REPORT", &report);
        let mut child = serve.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().context("msr-bench")?;
        if let Some(mut stdin) = child.stdin.take() {
            std::io::Write::write_all(&mut stdin, steps.as_bytes())?;
        }
        ensure!(child.wait()?.success(), "the step {work} failed");
        let text = fs::read_to_string(&report).with_context(|| format!("{}", report.display()))?;
        let totals = text.lines().filter_map(|line| line.split_once(' '));
        Ok(totals.filter_map(|(name, number)| Some((name.to_string(), number.parse().ok()?))).collect())
    };
    let (before, after) = (counted("1\n")?, counted("2\n")?);
    let of = |name: &str| -> Result<u64> {
        let find =
            |all: &[(String, u64)]| all.iter().find(|(found, _)| found == name).map(|(_, number)| *number);
        let (before, after) =
            find(&before).zip(find(&after)).with_context(|| format!("no {name} in the report"))?;
        Ok(after - before)
    };
    ensure!(of("replays")? == 1, "{name}: a step is not one replay of a recorded one");
    let launches = of("replayed_launches")? + of("replayed_products")?;
    let (again, uploads, downloads) = (of("launches")? + of("products")?, of("uploads")?, of("downloads")?);
    say(&format!(
        "{name}: {launches} launches in one graph, {uploads} uploads, {downloads} downloads a step"
    ));
    ensure!(again == 0, "{name}: {again} launches beside the recorded ones");
    ensure!(launches <= most, "{name}: {launches} launches, and no more than {most} are allowed");
    ensure!(
        (uploads, downloads) == (0, 1),
        "{name}: {uploads} uploads and {downloads} downloads, not 0 and 1"
    );
    Ok(())
}

/// Puts a fault into a kernel, and fails when no check finds it.
fn find(host: &Host, program: &Path, fault: &Fault) -> Result<()> {
    let folder = host.folder.join("fault");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let right = host.kernels().join(fault.operation).join("kernel.cu");
    let text = fs::read_to_string(&right).with_context(|| format!("{}", right.display()))?;
    ensure!(text.contains(fault.from), "{}: no `{}` to put a fault into", right.display(), fault.from);
    let wrong = folder.join("kernel.cu");
    fs::write(&wrong, text.replacen(fault.from, fault.to, 1))?;
    let mut objects = host.objects(fault.mode, &host.driver(fault.mode)?)?;
    for real in REALS {
        let name = format!("{}_{}.o", fault.operation, real.1);
        let object = folder.join(&name);
        host.compile(fault.mode, &wrong, &object, Some(real))?;
        let place = objects.iter_mut().find(|path| path.ends_with(&name));
        *place.with_context(|| format!("no {name} in the driver"))? = object;
    }
    host.driver_of(fault.mode, &objects, &folder)?;
    let mut check: Command = host.command(fault.mode, program)?;
    check.args([
        "check", "--device", "cuda", "--dtypes", "f32,f64", "--only", fault.only, "--sizes", "33,128",
    ]);
    let output = check.env("LD_LIBRARY_PATH", &folder).output().context("msr-bench")?;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    let found = said.lines().find(|line| line.contains(fault.says));
    let Some(found) = found.filter(|_| !output.status.success()) else {
        bail!("{} in {} was not found: {said}", fault.name, fault.operation);
    };
    say(&format!("{} in {}: {}", fault.name, fault.operation, found.trim()));
    Ok(())
}

fn say(line: &str) {
    crate::workspace::tell(std::io::stdout(), &format!("{line}\n"));
}
