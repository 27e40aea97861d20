//! Tasks in arrays: all in two, one group of arrays each, or one set of data.

mod layout;

use std::collections::HashMap;
use std::path::Path;

use msr_files::{Array, Arrays, printable};

use self::layout::{Layout, Named, Pairs, Roles};
use super::data::{Raw, TaskRows, entry, entry_names};
use super::error::{Result, TaskError, brief, list};
use super::natural::natural;
use super::options::TaskOptions;
use super::rows::limit;
use super::sniff;

/// A file of arrays, as it lies in memory.
pub(super) struct Opened<'a> {
    path: &'a Path,
    arrays: Arrays<'a>,
    listed: Vec<Array>,
    by_name: HashMap<String, usize>,
    roles: Roles,
}

impl<'a> Opened<'a> {
    pub fn new(path: &'a Path, bytes: &'a [u8], options: &TaskOptions) -> Result<Self> {
        if bytes.is_empty() {
            return Err(TaskError::file(path, "the file is empty; write or download it again"));
        }
        if let Some(problem) = sniff::not_an_archive(path, bytes) {
            return Err(TaskError::file(path, problem));
        }
        if bytes.starts_with(sniff::NUMPY) {
            let problem = "it holds one array, which is not enough; put the inputs and the outputs into one .npz file, with \
                           numpy.savez(\"data.npz\", x=x, y=y)";
            return Err(TaskError::file(path, problem));
        }
        let mut arrays = Arrays::from_bytes(bytes).map_err(TaskError::array(path))?;
        let listed = arrays.list().map_err(TaskError::array(path))?;
        let by_name = listed.iter().enumerate().map(|(at, array)| (array.name.clone(), at)).collect();
        Ok(Self { path, arrays, listed, by_name, roles: Roles::new(options) })
    }

    fn layout(&self, alone: bool) -> Result<Layout> {
        let names: Vec<String> = self.listed.iter().map(|array| array.name.clone()).collect();
        let shapes: Vec<&[usize]> = self.listed.iter().map(|array| array.shape.as_slice()).collect();
        Named { path: self.path, names: &names, shapes: &shapes, roles: &self.roles }.layout(alone)
    }

    fn refuse<T>(&self, problem: impl Into<String>) -> Result<T> {
        Err(TaskError::file(self.path, problem))
    }

    /// The shape of an array, which is one of numbers.
    fn shape(&mut self, name: &str) -> Result<Vec<usize>> {
        let found = self.by_name.get(name).and_then(|&at| self.listed.get(at));
        match found {
            Some(Array { shape, element: Some(_), .. }) => {
                let count = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
                if count.is_none_or(|count| count == 0) && !shape.is_empty() {
                    let problem = format!(
                        "array `{}` is {}, which holds no numbers; leave it out or fill it",
                        brief(name),
                        shown(shape)
                    );
                    return self.refuse(problem);
                }
                Ok(shape.clone())
            }
            // What is wrong with it, reading it says.
            _ => match self.arrays.numbers(name) {
                Err(problem) => Err(TaskError::array(self.path)(problem)),
                Ok(_) => self.refuse(format!("array `{}` cannot be read; write it again", brief(name))),
            },
        }
    }

    /// The tasks in a file: of all tasks when it is `alone`, and else of one, which is called so.
    pub fn read(mut self, alone: Option<&str>, options: &TaskOptions) -> Result<Raw> {
        let layout = self.layout(alone.is_none())?;
        let is_one_set = options.divides().is_some() || options.column().is_some();
        let mut raw = Raw {
            tasks: Vec::new(),
            inputs: 0,
            outputs: 0,
            input_names: Vec::new(),
            output_names: Vec::new(),
            has_names: false,
            task_column: options.column().map(String::from),
            left_out: Vec::new(),
            input_shape: Vec::new(),
            output_shape: Vec::new(),
            labels: None,
            notes: Vec::new(),
        };
        let mut used = vec![];
        match layout {
            Layout::Groups(groups) => {
                if is_one_set {
                    return self.refuse(
                        "its arrays are tasks already, a group each; leave out --tasks-from and --task-column",
                    );
                }
                self.check_room(groups.iter().flat_map(|(_, pairs)| pairs), options)?;
                for (task, pairs) in groups {
                    for (x, y) in &pairs {
                        self.fit(&mut raw, x, y, 1)?;
                    }
                    let (x, y) = self.joined(&pairs)?;
                    raw.tasks.push(TaskRows { name: task, x, y });
                    used.extend(pairs);
                }
            }
            Layout::Together(pairs) => {
                let leading = if is_one_set || alone.is_some() { 1 } else { 2 };
                let mut tasks = None;
                self.check_room(&pairs, options)?;
                for (x, y) in &pairs {
                    let count = self.fit(&mut raw, x, y, leading)?;
                    if *tasks.get_or_insert(count) != count && leading == 2 {
                        let problem = format!(
                            "array `{}` has {count} tasks, others have more or fewer; all have the same",
                            brief(x)
                        );
                        return self.refuse(problem + "; write the arrays again");
                    }
                }
                if leading == 1 {
                    let (x, y) = self.joined(&pairs)?;
                    let name = alone.unwrap_or_default().to_string();
                    raw.tasks = match options.column() {
                        Some(column) => self.by_column(&raw, column, x, y)?,
                        None => vec![TaskRows { name, x, y }],
                    };
                } else {
                    raw.tasks = self.tasks(&raw, &pairs, tasks.unwrap_or_default())?;
                }
                used.extend(pairs);
            }
        }
        let column = options.column();
        let is_used = |name: &str| used.iter().any(|(x, y)| x == name || y == name) || column == Some(name);
        let others: Vec<&str> =
            self.listed.iter().map(|array| array.name.as_str()).filter(|name| !is_used(name)).collect();
        if !others.is_empty() {
            raw.left_out = others.into_iter().map(String::from).collect();
            raw.notes.push(format!(
                "arrays that were left out: {}",
                list(raw.left_out.iter().map(String::as_str))
            ));
        }
        Ok(raw)
    }

    fn check_room<'p>(
        &mut self,
        pairs: impl IntoIterator<Item = &'p (String, String)>,
        options: &TaskOptions,
    ) -> Result<()> {
        let mut numbers = 0u128;
        for (x, y) in pairs {
            for name in [x, y] {
                numbers += self.shape(name)?.iter().map(|&size| size as u128).product::<u128>();
            }
        }
        limit(self.path, numbers, options.most_numbers)
    }

    /// Compares the shapes of a pair with each other and with those before; the first size.
    fn fit(&mut self, raw: &mut Raw, x: &str, y: &str, leading: usize) -> Result<usize> {
        let (of_x, of_y) = (self.shape(x)?, self.shape(y)?);
        let expected = if leading == 2 { "(tasks, examples, …)" } else { "(examples, …)" };
        for (name, shape) in [(x, &of_x), (y, &of_y)] {
            if shape.len() < leading {
                let mut advice = String::new();
                if leading == 2 {
                    advice = "; if this is one set of data, say how it becomes tasks (--tasks-from, --task-column)".into();
                }
                return self.refuse(format!(
                    "array `{}` is {}; it should be {expected}{advice}",
                    brief(name),
                    shown(shape)
                ));
            }
        }
        let ((start, input), (other, output)) = (of_x.split_at(leading), of_y.split_at(leading));
        if start != other {
            let what = if leading == 2 { "tasks and examples" } else { "examples" };
            return self.refuse(format!(
                "array `{}` is {} and `{}` is {}; they should have the same {what}, {expected}",
                brief(x),
                shown(&of_x),
                brief(y),
                shown(&of_y)
            ));
        }
        if raw.inputs == 0 {
            (raw.inputs, raw.outputs) = (input.iter().product(), output.iter().product());
            (raw.input_names, raw.output_names) =
                (entry_names(&self.roles.x, input), entry_names(&self.roles.y, output));
            let at_least_one = |shape: &[usize]| if shape.is_empty() { vec![1] } else { shape.to_vec() };
            (raw.input_shape, raw.output_shape) = (at_least_one(input), at_least_one(output));
        }
        for (name, own, before) in [(x, input, &raw.input_shape), (y, output, &raw.output_shape)] {
            if own != before.as_slice() && !(own.is_empty() && before.as_slice() == [1]) {
                return self.refuse(format!(
                    "array `{}` has examples of {}, others have {}; all tasks need the same inputs and outputs",
                    brief(name),
                    shown(own),
                    shown(before)
                ));
            }
        }
        Ok(start.first().copied().unwrap_or_default())
    }

    fn numbers(&mut self, name: &str) -> Result<Vec<f64>> {
        let numbers = self.arrays.numbers(name).map_err(TaskError::array(self.path))?;
        if let Some(at) = numbers.iter().position(|number| !number.is_finite()) {
            let shape = self.shape(name)?;
            let index = entry(&shape, at);
            let found = numbers.get(at).copied().unwrap_or_default();
            return self.refuse(format!(
                "array `{}`: the entry {index} is {found}, and all have to be finite numbers; repair it or leave \
                 the example out",
                brief(name)
            ));
        }
        Ok(numbers)
    }

    /// Arrays `(examples, …)`, one behind the other.
    fn joined(&mut self, pairs: &Pairs) -> Result<(Vec<f64>, Vec<f64>)> {
        let (mut x, mut y) = (Vec::new(), Vec::new());
        for (of_x, of_y) in pairs {
            x.extend(self.numbers(of_x)?);
            y.extend(self.numbers(of_y)?);
        }
        Ok((x, y))
    }

    /// Arrays `(tasks, examples, …)`, of which each task gets its part of all.
    fn tasks(&mut self, raw: &Raw, pairs: &Pairs, count: usize) -> Result<Vec<TaskRows>> {
        let task = |at: usize| TaskRows { name: at.to_string(), x: Vec::new(), y: Vec::new() };
        let mut tasks: Vec<TaskRows> = (0..count).map(task).collect();
        for (x, y) in pairs {
            let examples = self.shape(x)?.get(1).copied().unwrap_or_default();
            let (all_x, all_y) = (self.numbers(x)?, self.numbers(y)?);
            let (of_x, of_y) = (all_x.chunks(examples * raw.inputs), all_y.chunks(examples * raw.outputs));
            for (task, (x, y)) in tasks.iter_mut().zip(of_x.zip(of_y)) {
                task.x.extend(x);
                task.y.extend(y);
            }
        }
        Ok(tasks)
    }

    /// Rows, by the number that another array has for each.
    fn by_column(&mut self, raw: &Raw, column: &str, x: Vec<f64>, y: Vec<f64>) -> Result<Vec<TaskRows>> {
        if column == self.roles.x || column == self.roles.y {
            let problem = format!(
                "`{}` is inputs or outputs, and --task-column, too; name another array",
                brief(column)
            );
            return self.refuse(problem);
        }
        let rows = x.len() / raw.inputs.max(1);
        let shape = self.shape(column)?;
        if shape.iter().product::<usize>() != rows || shape.is_empty() {
            return self.refuse(format!(
                "array `{}` is {}, and there are {rows} rows; it should name the task of each",
                brief(column),
                shown(&shape)
            ));
        }
        let keys = self.numbers(column)?;
        let mut tasks: Vec<TaskRows> = Vec::new();
        let mut by_key: HashMap<String, usize> = HashMap::new();
        for ((key, x), y) in keys.iter().zip(x.chunks(raw.inputs)).zip(y.chunks(raw.outputs)) {
            let at = *by_key.entry(format!("{key}")).or_insert_with_key(|name| {
                tasks.push(TaskRows { name: name.clone(), x: Vec::new(), y: Vec::new() });
                tasks.len() - 1
            });
            if let Some(task) = tasks.get_mut(at) {
                task.x.extend(x);
                task.y.extend(y);
            }
        }
        tasks.sort_by(|a, b| natural(&a.name, &b.name));
        Ok(tasks)
    }

    /// Tasks, examples of the first, inputs, outputs and numbers, from the headers alone.
    pub fn survey(mut self, alone: bool, options: &TaskOptions) -> Result<super::survey::Sizes> {
        let is_one_set = options.divides().is_some() || options.column().is_some();
        let (groups, is_together) = match self.layout(alone)? {
            Layout::Groups(groups) => (groups, false),
            Layout::Together(pairs) => (vec![(String::new(), pairs)], alone && !is_one_set),
        };
        let mut sizes = super::survey::Sizes { is_exact: true, ..Default::default() };
        let leading = if is_together { 2 } else { 1 };
        for (_, pairs) in &groups {
            for (x, y) in pairs {
                let (x, y) = (self.shape(x)?, self.shape(y)?);
                let count =
                    |shape: &[usize]| shape.iter().map(|&size| size as u64).fold(1, u64::saturating_mul);
                let (start, inputs) = x.split_at(leading.min(x.len()));
                sizes.examples = sizes.examples.saturating_add(count(start));
                sizes.tasks = Some(if is_together {
                    count(start.get(..1).unwrap_or_default())
                } else {
                    groups.len() as u64
                });
                (sizes.inputs, sizes.outputs) = (count(inputs), count(y.get(leading..).unwrap_or_default()));
            }
        }
        if is_one_set {
            sizes.tasks = None;
        }
        Ok(sizes)
    }
}

fn shown(shape: &[usize]) -> String {
    const MOST: usize = 8;
    let sizes: Vec<String> = shape.iter().take(MOST).map(ToString::to_string).collect();
    let more = if shape.len() > MOST { ", …" } else { "" };
    printable(&format!("({}{more})", sizes.join(", "))).into_owned()
}
