//! Commands of this workspace: `cargo xtask ci | tidy`, and those of `msr` and `msr-bench`, which
//! are built and run.

mod ci;
mod cuda_host;
mod documentation;
mod forward;
mod package;
mod tidy;
mod workspace;

use std::ffi::{OsStr, OsString};
use std::io::{stderr, stdout};
use std::process::ExitCode;

use anyhow::{Result, bail};

use forward::Forward;
use workspace::tell;

const HELP: &str = "\
Reproduce the experiments of MSR, measure its speed, and check the code

Usage: cargo xtask [--features LIST] <COMMAND>

Commands:
  reproduce    Run an experiment of the paper and compare with reference values
  discover     Find out which symmetry tasks share, or that they have none
  export       Write a layer tied by a group that was found for other tools
  inspect      Read the symmetry group out of a symmetry matrix or a weight matrix
  data         Read images of classes, and keep them in the file that experiments read
  completions  Print what makes a shell complete the commands of msr
  bench        Measure speed, as ratios within one run; check kernels and rules on a device
  ci           Everything that continuous integration checks, cheapest first
  tidy         Check the house rules on the source files
  cuda-host    Run msr-bench, built for a GPU, on a driver that is the processor

Options:
      --features LIST  Build msr or msr-bench with these features, such as cuda
  -v, --verbose        Say more on stderr; twice for debugging
  -h, --help           Print help; `cargo xtask COMMAND --help` prints that of a command
  -V, --version        Print version
";

/// What the words after `cargo xtask` ask for.
#[derive(Debug, PartialEq)]
enum Request {
    Help,
    Version,
    /// There is no command, or none of that name.
    NoCommand(Option<OsString>),
    Ci,
    Tidy,
    CudaHost(Vec<OsString>),
    /// A program, with what stands before its command, its own name as a command where that is
    /// one, and the words that it gets.
    Program(Forward, &'static str, Option<&'static str>, Vec<OsString>),
}

fn main() -> ExitCode {
    match parse(std::env::args_os().skip(1).collect()).and_then(run) {
        Ok(code) => code,
        Err(error) => {
            tell(stderr(), &format!("error: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

fn run(request: Request) -> Result<ExitCode> {
    match request {
        Request::Help => tell(stdout(), HELP),
        Request::Version => tell(stdout(), &format!("xtask {}\n", env!("CARGO_PKG_VERSION"))),
        Request::NoCommand(named) => {
            if let Some(named) = named {
                tell(stderr(), &format!("error: there is no command `{}`\n\n", named.display()));
            }
            tell(stderr(), HELP);
            return Ok(ExitCode::from(2));
        }
        Request::Ci => ci::run()?,
        Request::Tidy => tidy::run()?,
        Request::CudaHost(words) => cuda_host::bench(&words)?,
        Request::Program(forward, program, command, words) => return forward.run(program, command, &words),
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the words after `cargo xtask`. Those after the command of a program are its own, whatever
/// they are.
fn parse(words: Vec<OsString>) -> Result<Request> {
    let mut forward = Forward::default();
    let mut words = words.into_iter();
    let command = loop {
        let Some(word) = words.next() else { return Ok(Request::NoCommand(None)) };
        match word.to_str() {
            Some("--features") => match words.next() {
                Some(features) => forward.features = Some(features),
                None => bail!("--features needs a list, such as cuda"),
            },
            Some("-h" | "--help") => return Ok(Request::Help),
            Some("-V" | "--version") => return Ok(Request::Version),
            Some(flag) if is_verbose(flag) => forward.flags.push(word),
            _ => break word,
        }
    };
    let mut rest: Vec<OsString> = words.collect();
    if command != "help" {
        return request(forward, command, rest);
    }
    if rest.is_empty() {
        return Ok(Request::Help);
    }
    let about = rest.remove(0);
    rest.push("--help".into());
    request(forward, about, rest)
}

fn request(forward: Forward, command: OsString, mut rest: Vec<OsString>) -> Result<Request> {
    match (command.to_str(), &rest[..]) {
        (Some("ci"), []) => Ok(Request::Ci),
        (Some("tidy"), []) => Ok(Request::Tidy),
        (Some("ci" | "tidy"), [flag]) if flag == OsStr::new("--help") || flag == OsStr::new("-h") => {
            Ok(Request::Help)
        }
        (Some(name @ ("ci" | "tidy")), [word, ..]) => {
            bail!("`cargo xtask {name}` takes no `{}`", word.display())
        }
        (Some("cuda-host"), _) => Ok(Request::CudaHost(rest)),
        (Some("bench"), _) => Ok(Request::Program(forward, "msr-bench", Some("bench"), rest)),
        (Some("reproduce" | "discover" | "inspect" | "export" | "data" | "completions"), _) => {
            rest.insert(0, command);
            Ok(Request::Program(forward, "msr", None, rest))
        }
        _ => Ok(Request::NoCommand(Some(command))),
    }
}

/// `-v`, `-vv` and so on, as the programs count it.
fn is_verbose(flag: &str) -> bool {
    flag == "--verbose"
        || flag
            .strip_prefix('-')
            .is_some_and(|letters| !letters.is_empty() && letters.bytes().all(|b| b == b'v'))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::io::{Error, ErrorKind, Write};

    use super::{Forward, Request, parse, tell};

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    fn program(features: Option<&str>, flags: &str, name: &'static str, rest: &str) -> Request {
        let forward = Forward { features: features.map(OsString::from), flags: words(flags) };
        Request::Program(forward, name, (name == "msr-bench").then_some("bench"), words(rest))
    }

    #[test]
    fn the_words_are_understood() {
        for (line, expected) in [
            ("", Request::NoCommand(None)),
            ("-h", Request::Help),
            ("--help", Request::Help),
            ("help", Request::Help),
            ("help ci", Request::Help),
            ("ci --help", Request::Help),
            ("tidy -h", Request::Help),
            ("-V", Request::Version),
            ("--version", Request::Version),
            ("ci", Request::Ci),
            ("tidy", Request::Tidy),
            ("cii", Request::NoCommand(Some("cii".into()))),
            ("-", Request::NoCommand(Some("-".into()))),
            ("-vx", Request::NoCommand(Some("-vx".into()))),
            ("reproduce table1 --quick", program(None, "", "msr", "reproduce table1 --quick")),
            ("inspect -vvv --features", program(None, "", "msr", "inspect -vvv --features")),
            ("data omniglot --size 28", program(None, "", "msr", "data omniglot --size 28")),
            ("-vvv completions bash", program(None, "-vvv", "msr", "completions bash")),
            ("-v --verbose -vvvv bench fc", program(None, "-v --verbose -vvvv", "msr-bench", "fc")),
            ("--features cuda -v bench fc", program(Some("cuda"), "-v", "msr-bench", "fc")),
            ("--features cuda help reproduce table1", {
                program(Some("cuda"), "", "msr", "reproduce table1 --help")
            }),
            ("help bench", program(None, "", "msr-bench", "--help")),
        ] {
            assert_eq!(parse(words(line)).unwrap_or(Request::NoCommand(None)), expected, "{line}");
        }
        for (line, reason) in [
            ("--features", "--features needs a list"),
            ("ci --quick", "`cargo xtask ci` takes no `--quick`"),
            ("tidy now --help", "`cargo xtask tidy` takes no `now`"),
        ] {
            let error = parse(words(line)).err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with(reason), "{line}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_word_that_is_no_text_reaches_the_program() {
        use std::os::unix::ffi::OsStringExt;
        let odd = OsString::from_vec(b"/tmp/\xff".to_vec());
        let parsed = parse(vec!["inspect".into(), odd.clone()]);
        let expected = Request::Program(Forward::default(), "msr", None, vec!["inspect".into(), odd.clone()]);
        assert_eq!(parsed.ok(), Some(expected));
        assert_eq!(parse(vec![odd.clone()]).ok(), Some(Request::NoCommand(Some(odd))));
    }

    #[test]
    fn a_reader_that_went_away_is_no_error() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(Error::from(ErrorKind::BrokenPipe))
            }

            fn flush(&mut self) -> std::io::Result<()> {
                Err(Error::from(ErrorKind::BrokenPipe))
            }
        }
        tell(Closed, "to nobody");
    }
}
