//! A path in JSON: text where it is text, and what the system keeps of it where it is not.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored {
    Text(String),
    Raw(OsString),
}

/// Writes a path, whatever it is made of.
pub fn serialize<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    let stored = |path: &PathBuf| match path.to_str() {
        Some(text) => Stored::Text(text.into()),
        None => Stored::Raw(path.clone().into()),
    };
    path.as_ref().map(stored).serialize(to)
}

/// Reads what [`serialize`] wrote.
pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PathBuf>, D::Error> {
    let path = |stored| match stored {
        Stored::Text(text) => text.into(),
        Stored::Raw(raw) => raw.into(),
    };
    Ok(Option::<Stored>::deserialize(from)?.map(path))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        path: Option<PathBuf>,
    }

    #[test]
    fn any_path_comes_back() -> serde_json::Result<()> {
        let mut paths = vec![None, Some(PathBuf::from("/data/é"))];
        #[cfg(unix)]
        {
            let raw: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(b"/data/\xff".to_vec());
            paths.push(Some(raw.into()));
        }
        for path in paths {
            let text = serde_json::to_string(&Holder { path: path.clone() })?;
            assert_eq!(serde_json::from_str::<Holder>(&text)?, Holder { path });
        }
        let text = serde_json::to_string(&Holder { path: Some("/data".into()) })?;
        assert_eq!(text, r#"{"path":"/data"}"#, "as runs have stored it");
        Ok(())
    }
}
