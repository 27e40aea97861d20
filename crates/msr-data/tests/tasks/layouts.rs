//! Each layout that people have is read, number by number.

use flate2::Compression;
use flate2::write::GzEncoder;
use msr_data::tasks::{TaskData, TaskOptions, TasksFrom, read_tasks, survey};
use parquet::basic::Encoding;
use std::io::Write;
use std::path::PathBuf;

use crate::make::{
    Column, Folder, TWO_TASKS, Writing, counting, doubles, integers, npz, parquet, safetensors, two_tasks,
};

fn read(path: PathBuf) -> TaskData {
    read_tasks(&[path], &TaskOptions::default()).unwrap()
}

fn options(x: &str, y: &str, column: Option<&str>) -> TaskOptions {
    TaskOptions {
        x: Some(x.into()),
        y: Some(y.into()),
        task_column: column.map(String::from),
        ..TaskOptions::default()
    }
}

/// Names, inputs and outputs of all tasks.
fn all(data: &TaskData) -> Vec<(&str, &[f64], &[f64])> {
    data.tasks.iter().map(|task| (task.name.as_str(), &task.x[..], &task.y[..])).collect()
}

#[test]
fn arrays_of_all_tasks() {
    let folder = Folder::new();
    let path = folder.file(
        "t.npz",
        npz(&[("x", counting(&[2, 3, 2, 2])), ("y", counting(&[2, 3])), ("w", counting(&[7]))]),
    );
    let data = read(path.clone());
    let numbers: Vec<f64> = (0..24).map(f64::from).collect();
    let right = [("0", &numbers[..12], &numbers[..3]), ("1", &numbers[12..], &numbers[3..6])];
    assert_eq!(all(&data), right);
    assert_eq!((data.inputs, data.outputs), (4, 1));
    assert_eq!((&data.input_shape[..], &data.output_shape[..]), (&[2, 2][..], &[1][..]));
    assert_eq!(data.input_names, ["x[0,0]", "x[0,1]", "x[1,0]", "x[1,1]"]);
    assert_eq!(
        (data.output_names, data.notes),
        (vec!["y".into()], vec!["arrays that were left out: w".into()])
    );
    let found = survey(&[path], &TaskOptions::default()).unwrap();
    assert_eq!((found.tasks, found.examples, found.numbers, found.is_exact), (Some(2), 6, 30, true));
}

#[test]
fn support_and_query_sets_are_joined() {
    for names in
        [["x_support", "y_support", "x_query", "y_query"], ["support_x", "support_y", "query_x", "query_y"]]
    {
        let folder = Folder::new();
        let [a, b, c, d] = names;
        let path = folder.file(
            "t.npz",
            npz(&[
                (a, doubles(&[2, 1, 1], &[1.0, 2.0])),
                (b, doubles(&[2, 1, 1], &[10.0, 20.0])),
                (c, doubles(&[2, 2, 1], &[3.0, 4.0, 5.0, 6.0])),
                (d, doubles(&[2, 2, 1], &[30.0, 40.0, 50.0, 60.0])),
            ]),
        );
        let right: [(&str, &[f64], &[f64]); 2] =
            [("0", &[1.0, 3.0, 4.0], &[10.0, 30.0, 40.0]), ("1", &[2.0, 5.0, 6.0], &[20.0, 50.0, 60.0])];
        assert_eq!(all(&read(path)), right, "{names:?}");
    }
}

#[test]
fn a_group_of_arrays_for_each_task() {
    let x = |count: usize| counting(&[count, 2]);
    let y = |count: usize| counting(&[count]);
    for names in [
        ["task10/x", "task10/y", "task9/x", "task9/y"],
        ["x_10", "y_10", "x_9", "y_9"],
        ["x/10", "y/10", "x/9", "y/9"],
        ["x10", "y10", "x9", "y9"],
        ["10.x", "10.y", "9.x", "9.y"],
    ] {
        let folder = Folder::new();
        let [a, b, c, d] = names;
        let path = folder.file("t.npz", npz(&[(a, x(3)), (b, y(3)), (c, x(2)), (d, y(2))]));
        let data = read(path.clone());
        let sizes: Vec<(usize, usize)> = data.tasks.iter().map(|task| (task.x.len(), task.y.len())).collect();
        assert_eq!(sizes, [(4, 2), (6, 3)], "{names:?}: 9 comes before 10");
        assert!(data.tasks[0].name.ends_with('9') && data.tasks[1].name.ends_with("10"));
        let found = survey(&[path], &TaskOptions::default()).unwrap();
        assert_eq!((found.tasks, found.examples, found.numbers), (Some(2), 5, 15));
    }
    let folder = Folder::new();
    let tensors: [(&str, &[usize], &[f64]); 6] = [
        ("b/x_support", &[1, 1], &[1.0]),
        ("b/y_support", &[1, 1], &[2.0]),
        ("b/x_query", &[1, 1], &[3.0]),
        ("b/y_query", &[1, 1], &[4.0]),
        ("a/x", &[2, 1], &[5.0, 6.0]),
        ("a/y", &[2, 1], &[7.0, 8.0]),
    ];
    let right: [(&str, &[f64], &[f64]); 2] =
        [("a", &[5.0, 6.0], &[7.0, 8.0]), ("b", &[1.0, 3.0], &[2.0, 4.0])];
    assert_eq!(all(&read(folder.file("t.safetensors", safetensors(&tensors)))), right);
}

#[test]
fn one_set_of_arrays_with_the_task_of_each_row() {
    let folder = Folder::new();
    let path = folder.file(
        "t.npz",
        npz(&[
            ("pixels", counting(&[4, 2])),
            ("angle", counting(&[4])),
            ("who", integers(&[4], &[10, 2, 10, 2])),
        ]),
    );
    let mut asked = options("pixels", "angle", Some("who"));
    asked.input_shape = Some(vec![1, 2]);
    let data = read_tasks(&[path], &asked).unwrap();
    let right: [(&str, &[f64], &[f64]); 2] =
        [("2", &[2.0, 3.0, 6.0, 7.0], &[1.0, 3.0]), ("10", &[0.0, 1.0, 4.0, 5.0], &[0.0, 2.0])];
    assert_eq!((all(&data), &data.input_shape[..]), (right.to_vec(), &[1, 2][..]));
}

/// What `two_tasks` is.
fn is_two_tasks(data: &TaskData, said: &str) {
    let right: [(&str, &[f64], &[f64]); 2] = [
        ("a", &[1.0, -1.0, 3.0, -3.0, 5.0, -5.0], &[0.5, 2.5, 4.5]),
        ("b", &[2.0, -2.0, 4.0, -4.0], &[1.5, 3.5]),
    ];
    assert_eq!(all(data), right, "{said}");
    assert_eq!(
        (&data.input_names[..], &data.output_names[..]),
        (&["x0".to_string(), "x1".into()][..], &["y".to_string()][..])
    );
}

#[test]
fn tables_in_text() {
    let folder = Folder::new();
    let texts = [
        ("plain.csv", TWO_TASKS.to_string()),
        ("windows.csv", format!("\u{feff}{}", TWO_TASKS.replace('\n', "\r\n"))),
        ("semicolons.csv", TWO_TASKS.replace(',', ";")),
        ("tabs.tsv", TWO_TASKS.replace(',', "\t")),
        ("tabs.csv", TWO_TASKS.replace(',', "\t")),
        ("quoted.csv", TWO_TASKS.replace("\na", "\n\"a\"").replace("x0", "\"x0\"")),
        ("blank-lines.csv", TWO_TASKS.replace('\n', "\n\n")),
        ("no-line-break-at-the-end.csv", TWO_TASKS.trim_end().to_string()),
        ("blanks-around.csv", TWO_TASKS.replace(',', " , ")),
        ("old-mac.csv", TWO_TASKS.replace('\n', "\r")),
    ];
    for (name, text) in &texts {
        is_two_tasks(&read(folder.file(name, text)), name);
    }
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(TWO_TASKS.as_bytes()).unwrap();
    is_two_tasks(&read(folder.file("packed.csv.gz", packed.finish().unwrap())), "packed");
    let found = survey(&[folder.file("s.csv", TWO_TASKS)], &TaskOptions::default()).unwrap();
    assert_eq!((found.tasks, found.examples, found.inputs, found.numbers), (None, 5, 2, 15));
}

#[test]
fn parquet_files() {
    let folder = Folder::new();
    let plain = Writing::default();
    let writings = [
        ("plain", plain),
        ("groups", Writing { group: 2, ..plain }),
        ("no dictionary", Writing { dictionary: false, ..plain }),
        ("second version", Writing { second_version: true, ..plain }),
        ("all of it", Writing { group: 3, dictionary: false, second_version: true, ..plain }),
    ];
    for (name, writing) in writings {
        is_two_tasks(&read(folder.file(&format!("{name}.parquet"), parquet(&two_tasks(), writing))), name);
    }
    let columns = [
        ("task", Column::I64(vec![1_000_000_000_000_000_001, 7, 1_000_000_000_000_000_001, 7])),
        ("x0", Column::Bool(vec![true, false, true, true])),
        ("x1", Column::I64(vec![1, 2, 3, -4])),
        ("y0", Column::Maybe(vec![Some(0.25), Some(1.0), Some(2.0), Some(3.0)])),
    ];
    for second_version in [false, true] {
        for encoding in [None, Some(Encoding::BYTE_STREAM_SPLIT), Some(Encoding::DELTA_BINARY_PACKED)] {
            let mut columns = columns.to_vec();
            if encoding == Some(Encoding::DELTA_BINARY_PACKED) {
                columns[3].1 = Column::I32(vec![4, 16, 32, 48]);
            }
            let writing = Writing { dictionary: false, second_version, encoding, ..plain };
            let data = read(folder.file("typed.parquet", parquet(&columns, writing)));
            let scale = if encoding == Some(Encoding::DELTA_BINARY_PACKED) { 16.0 } else { 1.0 };
            let right: [(&str, &[f64], &[f64]); 2] = [
                ("7", &[0.0, 2.0, 1.0, -4.0], &[scale, 3.0 * scale]),
                ("1000000000000000001", &[1.0, 1.0, 1.0, 3.0], &[0.25 * scale, 2.0 * scale]),
            ];
            assert_eq!(all(&data), right, "{writing:?}");
        }
    }
    let found = survey(&[folder.file("s.parquet", parquet(&two_tasks(), plain))], &TaskOptions::default());
    let found = found.unwrap();
    assert_eq!((found.examples, found.numbers, found.is_exact), (5, 15, true));
}

#[test]
fn folders_and_several_files() {
    let folder = Folder::new();
    folder.file("d/run10.csv", "x0,x1,y\n1,2,3\n4,5,6\n");
    folder.file("d/run9.csv", "y,x1,x0,comment\n30,20,10,a\n60,50,40,\"b\nc\"\n90,80,70,d\n");
    folder.file("d/.hidden", "no table");
    folder.file("d/notes/more.txt", "no table");
    let data = read(folder.path().join("d"));
    let right: [(&str, &[f64], &[f64]); 2] = [
        ("run9", &[10.0, 20.0, 40.0, 50.0, 70.0, 80.0], &[30.0, 60.0, 90.0]),
        ("run10", &[1.0, 2.0, 4.0, 5.0], &[3.0, 6.0]),
    ];
    assert_eq!(all(&data), right);
    assert_eq!(data.notes[1..], ["folders in the folder that were left out: notes"]);
    // The same rows with the task in a column: whatever file they are in.
    let (a, b) = (folder.file("a.csv", TWO_TASKS), folder.file("b.csv", "x0,x1,y,task\n9,-9,8.5,b\n"));
    let data = read_tasks(&[a, b], &options("x*", "y", Some("task"))).unwrap();
    assert_eq!(data.tasks[1].x, [2.0, -2.0, 4.0, -4.0, 9.0, -9.0]);
    folder.file("n/t1.npz", npz(&[("x", counting(&[2, 3])), ("y", counting(&[2]))]));
    folder.file("n/t2.npz", npz(&[("x", counting(&[4, 3])), ("y", counting(&[4]))]));
    let data = read(folder.path().join("n"));
    assert_eq!((data.tasks[0].name.as_str(), data.tasks[1].y.len(), data.inputs), ("t1", 4, 3));
    folder.file("p/a.parquet", parquet(&two_tasks(), Writing::default()));
    folder.file("p/b.parquet", parquet(&two_tasks(), Writing::default()));
    let data = read(folder.path().join("p"));
    assert_eq!(data.tasks.iter().map(|task| task.y.len()).collect::<Vec<_>>(), [5, 5]);
}

/// What lies beside the files of a folder is left out, and said to be.
#[test]
fn a_readme_beside_tables_is_left_out() {
    let two = |folder: &Folder, ending: &str, separator: &str| {
        for name in ["a", "b"] {
            let text = format!("x0{separator}y\n1{separator}2\n3{separator}4\n");
            folder.file(&format!("d/{name}.{ending}"), text);
        }
    };
    for (ending, separator, others) in [
        ("csv", ",", &["readme.txt", "README.md", "plot.png"][..]),
        ("csv", ",", &["c.npz"]),
        ("txt", ";", &["README.md"]),
    ] {
        let folder = Folder::new();
        two(&folder, ending, separator);
        others.iter().for_each(|name| drop(folder.file(&format!("d/{name}"), "")));
        let data = read(folder.path().join("d"));
        assert_eq!(data.tasks.len(), 2, "{others:?}");
        let mut sorted = others.to_vec();
        sorted.sort_unstable();
        assert_eq!(data.notes, [format!("files of other kinds that were left out: {}", sorted.join(", "))]);
    }
}

/// What each column is used for.
#[test]
fn columns_have_their_uses() {
    let folder = Folder::new();
    let path = folder.file("t.csv", "run,when,a,b,c\n1,9,1,2,3\n1,9,3,4,5\n2,9,5,6,7\n2,9,7,8,9\n");
    let data = read_tasks(&[path], &options("a,b", "c", Some("run"))).unwrap();
    assert_eq!((data.task_column.as_deref(), &data.left_out[..]), (Some("run"), &["when".to_string()][..]));
    assert_eq!((data.has_names, &data.input_names[..]), (true, &["a".to_string(), "b".into()][..]));
    let path = folder
        .file("t.npz", npz(&[("x", counting(&[2, 2, 1])), ("y", counting(&[2, 2])), ("w", counting(&[1]))]));
    let data = read(path);
    assert_eq!((data.task_column, data.left_out, data.has_names), (None, vec!["w".into()], false));
}

#[test]
fn labels_become_outputs() {
    let folder = Folder::new();
    let text = "who,a,b,kind\n1,1,2,cat\n1,3,4,dog\n2,5,6,ape\n2,7,8,cat\n";
    let asked = options("a,b", "kind", Some("who"));
    let data = read_tasks(&[folder.file("t.csv", text)], &asked).unwrap();
    assert_eq!(data.classes, Some(vec!["ape".into(), "cat".into(), "dog".into()]));
    assert_eq!(data.output_names, ["kind=ape", "kind=cat", "kind=dog"]);
    let right: [(&str, &[f64], &[f64]); 2] = [
        ("1", &[1.0, 2.0, 3.0, 4.0], &[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]),
        ("2", &[5.0, 6.0, 7.0, 8.0], &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
    ];
    assert_eq!((all(&data), &data.output_shape[..]), (right.to_vec(), &[3][..]));
    // Numbers are labels when that is asked for, and in the order of numbers.
    let y = integers(&[2, 3], &[10, 9, 9, 10, 10, 9]);
    let path = folder.file("t.npz", npz(&[("x", counting(&[2, 3, 1])), ("y", y)]));
    let data = read_tasks(&[path], &TaskOptions { classes: true, ..TaskOptions::default() }).unwrap();
    assert_eq!(data.classes, Some(vec!["9".into(), "10".into()]));
    assert_eq!(data.tasks[0].y, [0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
}

/// One set of rows, of which each has numbers of its own.
fn one_set(rows: usize) -> String {
    let row = |at: usize| format!("{at},{},{},k{}\n", 1000 + at, 2000 + at, at % 3);
    format!("x0,y_a,y_b,kind\n{}", (0..rows).map(row).collect::<String>())
}

#[test]
fn rows_are_divided_between_outputs() {
    let folder = Folder::new();
    let path = folder.file("t.csv", one_set(11));
    let divided = |seed| {
        let asked = TaskOptions { tasks_from: Some(TasksFrom::Outputs), seed, ..TaskOptions::default() };
        read_tasks(std::slice::from_ref(&path), &asked).unwrap()
    };
    let data = divided(5);
    let mut rows: Vec<f64> = data.tasks.iter().flat_map(|task| task.x.clone()).collect();
    rows.sort_by(f64::total_cmp);
    assert_eq!(rows, (0..11).map(f64::from).collect::<Vec<_>>(), "each row is in one task");
    for (task, (name, base, count)) in data.tasks.iter().zip([("y_a", 1000.0, 6), ("y_b", 2000.0, 5)]) {
        assert_eq!((task.name.as_str(), task.x.len()), (name, count));
        assert!(task.x.iter().zip(&task.y).all(|(x, y)| base + x == *y));
    }
    let division = data.divided.clone().unwrap();
    assert_eq!((division.rows, division.tasks, division.seed, data.outputs), (11, 2, 5, 1));
    assert!(
        data.notes
            .iter()
            .any(|note| note.contains("the 11 rows of one set of data were divided between 2 tasks"))
    );
    assert_eq!(data, divided(5));
    assert_ne!(data.tasks, divided(6).tasks);
}

#[test]
fn each_label_against_the_others() {
    let folder = Folder::new();
    let path = folder.file("t.csv", one_set(90));
    let asked =
        TaskOptions { y: Some("kind".into()), tasks_from: Some(TasksFrom::Labels), ..TaskOptions::default() };
    let data = read_tasks(&[path], &asked).unwrap();
    assert_eq!(data.tasks.iter().map(|task| task.name.as_str()).collect::<Vec<_>>(), ["k0", "k1", "k2"]);
    let mut rows = Vec::new();
    for (class, task) in data.tasks.iter().enumerate() {
        assert_eq!((task.x.len(), task.y.iter().sum::<f64>()), (30, 10.0), "a third of each is its own");
        for (x, y) in task.x.iter().zip(&task.y) {
            assert_eq!(*y == 1.0, *x as usize % 3 == class);
        }
        rows.extend(task.x.iter().map(|x| *x as usize));
    }
    rows.sort_unstable();
    assert_eq!(rows, (0..90).collect::<Vec<_>>());
    assert_eq!((data.outputs, data.classes.map(|classes| classes.len())), (1, Some(3)));
    // The same from arrays.
    let path =
        folder.file("t.npz", npz(&[("x", counting(&[6, 2])), ("y", integers(&[6], &[0, 1, 0, 1, 0, 1]))]));
    let asked = TaskOptions { tasks_from: Some(TasksFrom::Labels), ..TaskOptions::default() };
    let data = read_tasks(&[path], &asked).unwrap();
    assert_eq!(data.tasks.iter().map(|task| task.y.len()).collect::<Vec<_>>(), [3, 3]);
}

#[test]
fn columns_that_are_named_otherwise() {
    let folder = Folder::new();
    let text = "p1,p0,p10,p2,left,right,who\n1,0,10,2,5,6,z\n11,10,20,12,7,8,z\n";
    let path = folder.file("t.csv", text);
    for x in ["p0..p2,p10", "p*", "*"] {
        let asked = options(x, "left,right", Some("who"));
        let data = read_tasks(std::slice::from_ref(&path), &asked).unwrap();
        assert_eq!(data.tasks[0].x, [0.0, 1.0, 2.0, 10.0, 10.0, 11.0, 12.0, 20.0], "{x}");
        assert_eq!(data.tasks[0].y, [5.0, 6.0, 7.0, 8.0]);
    }
}
