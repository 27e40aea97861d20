//! Files in the formats of others, written by hand so that they can say what no writer would.

/// An `.npy` file of version 1 with this header; of version 2, when it is long.
pub fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    match u16::try_from(header.len()) {
        Ok(length) => {
            bytes.extend([1, 0]);
            bytes.extend(length.to_le_bytes());
        }
        Err(_) => {
            bytes.extend([2, 0]);
            bytes.extend((header.len() as u32).to_le_bytes());
        }
    }
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

/// A safetensors file with this header.
pub fn safetensors(header: &str, data: &[u8]) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), data].concat()
}

/// A zip archive of members: name, the number of the method that it is said to be compressed with,
/// and bytes, which are stored as they are.
pub fn zip(members: &[(&str, u16, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (name, method, data) in members {
        let start = bytes.len() as u32;
        // Version, flags, method, time, date, checksum, both sizes, the lengths of name and extras.
        let mut common = Vec::new();
        common.extend([20u16, 0, *method, 0, 0x21].iter().flat_map(|v| v.to_le_bytes()));
        common
            .extend([crc32(data), data.len() as u32, data.len() as u32].iter().flat_map(|v| v.to_le_bytes()));
        common.extend([name.len() as u16, 0].iter().flat_map(|v| v.to_le_bytes()));
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(*data);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        // The length of the comment, disk, attributes.
        directory.extend([0; 10]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (count, start, size) = (members.len() as u16, bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(size.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0; 2]);
    bytes
}

/// The checksum of zip archives.
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, &byte: &u8| {
        (0..8).fold(crc ^ u32::from(byte), |c, _| (c >> 1) ^ if c & 1 == 1 { 0xedb8_8320 } else { 0 })
    };
    !data.iter().fold(u32::MAX, step)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checksum_is_that_of_zip() {
        assert_eq!(super::crc32(b"123456789"), 0xcbf4_3926);
    }
}
