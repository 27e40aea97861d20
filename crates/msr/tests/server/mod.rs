//! A server on this machine that answers as a test wants, and what it serves.

use std::io::{Cursor, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

/// What was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// How many requests came before.
    pub number: usize,
    pub path: String,
    /// Where the bytes begin that are wanted.
    pub from: Option<usize>,
    pub if_range: Option<String>,
}

/// Serves the archives until the test ends.
pub struct Server {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Answers each request with the bytes that `answer` makes of it and of the file that it asks
    /// for, and closes the connection.
    pub fn start(answer: impl Fn(&Asked, &[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/python/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let all = asked.clone();
        let files = archives();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = read(&mut stream);
                {
                    let mut all = all.lock().unwrap();
                    request.number = all.len();
                    all.push(request.clone());
                }
                let file = &files[usize::from(request.path.ends_with("images_evaluation.zip"))];
                // Who interrupted the download is gone.
                let _ = stream.write_all(&answer(&request, file));
            }
        });
        Self { address, asked }
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &mut TcpStream) -> Asked {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_string()).next()
    };
    let from = header("range").map(|range| range["bytes=".len()..].trim_end_matches('-').parse().unwrap());
    let path = head.split(' ').nth(1).unwrap_or_default().to_string();
    Asked { number: 0, path, from, if_range: header("if-range") }
}

/// The file with this tag, from where it was asked for if the tag is the one that was known; cut
/// after some bytes.
pub fn sent(asked: &Asked, file: &[u8], tag: &str, most: usize) -> Vec<u8> {
    let is_known = asked.if_range.as_deref() == Some(&format!("\"{tag}\""));
    let from = asked.from.filter(|_| is_known);
    let (total, rest) = (file.len(), &file[from.unwrap_or(0).min(file.len())..]);
    let status = match from {
        Some(from) if from >= total => {
            return format!("HTTP/1.1 416 No\r\nContent-Range: bytes */{total}\r\nContent-Length: 0\r\n\r\n")
                .into();
        }
        Some(from) => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{total}", total - 1),
        None => "200 OK".into(),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"{tag}\"\r\nConnection: close\r\n\r\n",
        rest.len()
    );
    [head.as_bytes(), &rest[..most.min(rest.len())]].concat()
}

/// An answer without a file.
pub fn refused(status: u16, reason: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} {reason}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").into()
}

/// A grey image of one shade.
pub fn png(side: u32, shade: u8) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&vec![shade; (side * side) as usize]).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Small archives like the official two: two characters of two drawings in each.
pub fn archives() -> [Vec<u8>; 2] {
    [("images_background", "Greek", 10), ("images_evaluation", "Keble", 200)].map(
        |(part, alphabet, shade)| {
            let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
            let options: zip::write::FileOptions<'_, '_, ()> =
                zip::write::FileOptions::default().last_modified_time(zip::DateTime::default());
            for (number, name) in
                ["character01/1", "character01/2", "character02/1", "character02/2"].iter().enumerate()
            {
                zip.start_file(format!("{part}/{alphabet}/{name}.png"), options).unwrap();
                zip.write_all(&png(35, shade + number as u8)).unwrap();
            }
            zip.finish().unwrap().into_inner()
        },
    )
}

pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
