//! Files for these tests, as people write them.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use msr_testkit::zip;
use parquet::basic::Encoding;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

/// A folder that is gone with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A file in it, in folders of its own if the name has some.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn path(&self) -> PathBuf {
        self.0.path().into()
    }
}

/// An array of doubles.
pub fn doubles(shape: &[usize], numbers: &[f64]) -> Vec<u8> {
    assert_eq!(shape.iter().product::<usize>(), numbers.len());
    array("<f8", shape, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

/// An array of 64-bit integers.
pub fn integers(shape: &[usize], numbers: &[i64]) -> Vec<u8> {
    array("<i8", shape, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

/// An array of anything.
pub fn array(descr: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    [msr_files::npy_header(descr, shape), bytes.to_vec()].concat()
}

pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let names: Vec<String> = arrays.iter().map(|(name, _)| format!("{name}.npy")).collect();
    let members: Vec<(&str, u16, &[u8])> =
        names.iter().zip(arrays).map(|(name, (_, bytes))| (name.as_str(), 0, &bytes[..])).collect();
    zip(&members)
}

/// Numbers 0, 1, 2, … as an array of this shape.
pub fn counting(shape: &[usize]) -> Vec<u8> {
    doubles(shape, &(0..shape.iter().product()).map(|at: usize| at as f64).collect::<Vec<_>>())
}

/// A safetensors file of doubles.
pub fn safetensors(arrays: &[(&str, &[usize], &[f64])]) -> Vec<u8> {
    let (mut entries, mut data) = (Vec::new(), Vec::new());
    for (name, shape, numbers) in arrays {
        let start = data.len();
        data.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        let end = data.len();
        entries
            .push(format!(r#""{name}":{{"dtype":"F64","shape":{shape:?},"data_offsets":[{start},{end}]}}"#));
    }
    msr_testkit::safetensors(&format!("{{{}}}", entries.join(",")), &data)
}

/// The values of a column.
#[derive(Clone, Debug)]
pub enum Column {
    F64(Vec<f64>),
    F32(Vec<f32>),
    I64(Vec<i64>),
    I32(Vec<i32>),
    Bool(Vec<bool>),
    Text(Vec<&'static str>),
    /// With nulls.
    Maybe(Vec<Option<f64>>),
}

impl Column {
    fn kind(&self) -> &'static str {
        match self {
            Self::F64(_) => "required double",
            Self::F32(_) => "required float",
            Self::I64(_) => "required int64",
            Self::I32(_) => "required int32",
            Self::Bool(_) => "required boolean",
            Self::Text(_) => "required binary",
            Self::Maybe(_) => "optional double",
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::F64(v) => v.len(),
            Self::F32(v) => v.len(),
            Self::I64(v) => v.len(),
            Self::I32(v) => v.len(),
            Self::Bool(v) => v.len(),
            Self::Text(v) => v.len(),
            Self::Maybe(v) => v.len(),
        }
    }
}

/// How a Parquet file is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    pub group: usize,
    pub dictionary: bool,
    pub second_version: bool,
    pub encoding: Option<Encoding>,
}

impl Default for Writing {
    fn default() -> Self {
        Self { group: 1_000, dictionary: true, second_version: false, encoding: None }
    }
}

pub fn parquet(columns: &[(&str, Column)], writing: Writing) -> Vec<u8> {
    let field = |(name, column): &(&str, Column)| {
        let meant = if matches!(column, Column::Text(_)) { " (UTF8)" } else { "" };
        format!("{} {name}{meant};", column.kind())
    };
    let schema = format!("message rows {{ {} }}", columns.iter().map(field).collect::<String>());
    let version =
        if writing.second_version { WriterVersion::PARQUET_2_0 } else { WriterVersion::PARQUET_1_0 };
    let mut properties =
        WriterProperties::builder().set_writer_version(version).set_dictionary_enabled(writing.dictionary);
    for (name, column) in columns {
        if let (Some(encoding), false) = (writing.encoding, matches!(column, Column::Bool(_))) {
            properties = properties.set_column_encoding(ColumnPath::from(*name), encoding);
        }
    }
    let schema = Arc::new(parse_message_type(&schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties.build())).unwrap();
    let rows = columns[0].1.len();
    for from in (0..rows).step_by(writing.group) {
        let part = from..rows.min(from + writing.group);
        let mut group = writer.next_row_group().unwrap();
        for (_, column) in columns {
            let mut out = group.next_column().unwrap().unwrap();
            macro_rules! write {
                ($kind:ty, $values:expr, $levels:expr) => {
                    out.typed::<$kind>().write_batch($values, $levels, None).unwrap()
                };
            }
            match column {
                Column::F64(v) => write!(DoubleType, &v[part.clone()], None),
                Column::F32(v) => write!(FloatType, &v[part.clone()], None),
                Column::I64(v) => write!(Int64Type, &v[part.clone()], None),
                Column::I32(v) => write!(Int32Type, &v[part.clone()], None),
                Column::Bool(v) => write!(BoolType, &v[part.clone()], None),
                Column::Text(v) => {
                    let texts: Vec<ByteArray> = v[part.clone()].iter().map(|&text| text.into()).collect();
                    write!(ByteArrayType, &texts, None)
                }
                Column::Maybe(v) => {
                    let values: Vec<f64> = v[part.clone()].iter().flatten().copied().collect();
                    let levels: Vec<i16> = v[part.clone()].iter().map(|v| i16::from(v.is_some())).collect();
                    write!(DoubleType, &values, Some(&levels))
                }
            };
            out.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.into_inner().unwrap()
}

/// A table of two tasks, a and b, as columns `task`, `x0`, `x1` and `y`.
pub fn two_tasks() -> Vec<(&'static str, Column)> {
    vec![
        ("task", Column::Text(vec!["a", "b", "a", "b", "a"])),
        ("x0", Column::F64(vec![1.0, 2.0, 3.0, 4.0, 5.0])),
        ("x1", Column::I32(vec![-1, -2, -3, -4, -5])),
        ("y", Column::F32(vec![0.5, 1.5, 2.5, 3.5, 4.5])),
    ]
}

/// The same as text.
pub const TWO_TASKS: &str = "task,x0,x1,y\na,1,-1,0.5\nb,2,-2,1.5\na,3,-3,2.5\nb,4,-4,3.5\na,5,-5,4.5\n";
