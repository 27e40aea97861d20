//! Each oddity is found, and good data have none.

use super::{Concern, quality, robust, short};
use crate::tasks::{TaskData, TaskRows};

/// Numbers between −1 and 1 without an order.
fn numbers(count: usize) -> impl FnMut() -> f64 {
    let mut state = count as u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 30) - 1.0
    }
}

/// Twenty tasks of eight examples of three inputs and two outputs.
fn data() -> TaskData {
    let mut next = numbers(5);
    let names = |letter: &str, count: usize| (0..count).map(|i| format!("{letter}{i}")).collect();
    let tasks = (0..20).map(|task| TaskRows {
        name: format!("t{task}"),
        x: (0..24).map(|_| next()).collect(),
        y: (0..16).map(|_| next()).collect(),
    });
    TaskData {
        tasks: tasks.collect(),
        inputs: 3,
        outputs: 2,
        input_names: names("x", 3),
        output_names: names("y", 2),
        has_names: true,
        task_column: None,
        left_out: Vec::new(),
        input_shape: vec![3],
        output_shape: vec![2],
        classes: None,
        divided: None,
        notes: Vec::new(),
    }
}

/// What makes good data odd: an example's inputs, its outputs, and the number of its task.
type Change = fn(&mut [f64], &mut [f64], usize);

fn changed(change: Change) -> Vec<String> {
    let mut data = data();
    for (at, task) in data.tasks.iter_mut().enumerate() {
        for (x, y) in task.x.chunks_exact_mut(3).zip(task.y.chunks_exact_mut(2)) {
            change(x, y, at);
        }
    }
    quality(&data).iter().map(Concern::to_string).collect()
}

#[test]
fn each_oddity_is_said_and_nothing_else() {
    let cases: [(Change, &[&str]); 9] = [
        (|_, _, _| {}, &[]),
        (|x, _, _| x[1] = 3.5, &["the input `x1` never changes within a task"]),
        // Another constant in each task is as good as one.
        (|x, _, task| x[1] = task as f64, &["the input `x1` never changes within a task"]),
        (|_, y, _| y.fill(1.0), &["the outputs y0, y1 never change within a task"]),
        (|x, _, _| x[2] = x[0], &["the inputs `x0` and `x2` are the same but for a factor"]),
        (|x, _, task| x[2] = 5.0 - 2.0 * x[0] + task as f64, &["the inputs `x0` and `x2` are the same"]),
        (|x, _, _| x[0] *= 50.0, &["the spreads of the inputs differ ", " times, from 0.5"]),
        (|_, y, _| y[1] *= 0.01, &["the spreads of the outputs differ ", "(`y0`)"]),
        (
            |x, _, task| {
                if task == 7 && x[0] > 0.0 {
                    x[1] = 1e6;
                }
            },
            &["the input `x1` is 1000000 in task `t7`, "],
        ),
    ];
    for (number, (change, words)) in cases.into_iter().enumerate() {
        let found = changed(change);
        assert_eq!(found.len(), usize::from(!words.is_empty()), "{number}: {found:?}");
        assert!(words.iter().all(|word| found[0].contains(word)), "{number}: {found:?}");
        assert!(found.iter().all(|line| !line.contains('\n')));
    }
}

/// The words on repeated examples, when some rows are those of others.
fn repeated(change: impl Fn(&mut TaskData)) -> Option<String> {
    let mut data = data();
    change(&mut data);
    let found = quality(&data);
    let of = |concern: &&Concern| matches!(concern, Concern::Repeated { .. });
    found.iter().find(of).map(Concern::to_string)
}

/// Of 160 examples, 8 in each task.
#[test]
fn examples_that_repeat_are_counted() {
    assert_eq!(repeated(|_| {}), None);
    let copied = repeated(|data| {
        for task in (0..20).step_by(2) {
            data.tasks[task + 1] = TaskRows { name: format!("copy {task}"), ..data.tasks[task].clone() };
        }
    });
    let words = "160 of 160 examples occur twice or more, 160 of them in several tasks: tasks that share";
    assert!(copied.as_ref().is_some_and(|said| said.starts_with(words)), "{copied:?}");
    let within = repeated(|data| {
        for task in &mut data.tasks {
            task.x.copy_within(0..3, 3);
            task.y.copy_within(0..2, 2);
        }
    });
    let words = "40 of 160 examples occur twice or more, within a task: what is used twice";
    assert!(within.as_ref().is_some_and(|said| said.starts_with(words)), "{within:?}");
    // One pair is no more than what rounding does, and the same inputs with other outputs are two
    // measurements.
    let once = |data: &mut TaskData| {
        data.tasks[0].x.copy_within(0..3, 3);
        data.tasks[0].y.copy_within(0..2, 2);
    };
    assert_eq!(repeated(once), None);
    assert_eq!(repeated(|data| data.tasks.iter_mut().for_each(|task| task.x.copy_within(0..12, 12))), None);
}

#[test]
fn examples_of_which_few_are_possible_repeat_by_themselves() {
    let repeat = |data: &mut TaskData, values: &[f64]| {
        for task in &mut data.tasks {
            task.x = (0..24).map(|at| values[at / 3 % 2 * (at % 3) % values.len()]).collect();
            task.y = (0..16).map(|at| (at / 2 % 2) as f64).collect();
        }
    };
    assert_eq!(repeated(|data| repeat(data, &[0.0, 1.0, 0.0])), None);
    assert_eq!(repeated(|data| repeat(data, &[0.25, 0.5, 0.75])), None);
}

#[test]
fn a_few_values_do_not_move_what_is_robust() {
    let mut values: Vec<f64> = (0..101).map(f64::from).collect();
    values.extend([1e9, -1e9]);
    let (middle, scale) = robust(&values);
    assert!((middle - 50.0).abs() < 1.0 && (scale - 37.8).abs() < 1.5, "{middle} {scale}");
    // Mostly zero, as pixels are: no scale, and nothing is far.
    let mut sparse = vec![0.0; 99];
    sparse.push(7.0);
    assert_eq!(robust(&sparse), (0.0, 0.0));
    assert_eq!([0.0, 1e9, 12.34, 0.5678, 123456.0].map(short), ["0", "1.0e9", "12", "0.57", "123456"]);
}
