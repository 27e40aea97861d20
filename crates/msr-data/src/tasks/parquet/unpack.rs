//! How pages are compressed. All of these are memory-safe Rust, and none makes more bytes than a
//! page says it has.

use std::io::Read;

use parquet::basic::CompressionCodec;

/// A page has no more bytes than this.
pub(super) const LARGEST: usize = 1 << 28;

/// The bytes of a page, which says that it has `size` of them.
pub(super) fn unpack(codec: CompressionCodec, packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    if size > LARGEST {
        return Err(format!("a page of {size} bytes; at most {LARGEST} are read"));
    }
    let bytes = match codec {
        CompressionCodec::UNCOMPRESSED => packed.to_vec(),
        CompressionCodec::SNAPPY => snappy(packed, size)?,
        CompressionCodec::GZIP => all(flate2::read::MultiGzDecoder::new(packed), size)?,
        CompressionCodec::BROTLI => all(brotli_decompressor::Decompressor::new(packed, 1 << 12), size)?,
        CompressionCodec::ZSTD => zstd(packed, size)?,
        CompressionCodec::LZ4_RAW => lz4(packed, size)?,
        CompressionCodec::LZ4 => hadoop_lz4(packed, size)?,
        CompressionCodec::LZO => {
            return Err(
                "it is compressed with LZO, which is not read; compress it with snappy or zstd".into()
            );
        }
    };
    if bytes.len() == size {
        return Ok(bytes);
    }
    Err(format!("a page unpacks to {} bytes and not to the {size} that it says it has", bytes.len()))
}

/// All bytes, and one more than there should be if there are more.
fn all(reader: impl Read, size: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    reader.take(size as u64 + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn snappy(packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let says = snap::raw::decompress_len(packed).map_err(|e| e.to_string())?;
    // A copy of three bytes stands for 64 at most.
    if says != size || says > packed.len().saturating_mul(64) {
        return Err(format!("a page of {size} bytes that says it has {says}"));
    }
    snap::raw::Decoder::new().decompress_vec(packed).map_err(|e| e.to_string())
}

fn zstd(mut packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    while !packed.is_empty() && bytes.len() <= size {
        let frame = ruzstd::decoding::StreamingDecoder::new(&mut packed).map_err(|e| e.to_string())?;
        bytes.extend(all(frame, size - bytes.len())?);
    }
    Ok(bytes)
}

fn lz4(packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    // A byte of a length stands for 255 at most.
    if size > packed.len().saturating_mul(256) {
        return Err(format!("a page of {size} bytes out of {}", packed.len()));
    }
    lz4_flex::block::decompress(packed, size).map_err(|e| e.to_string())
}

/// LZ4 as older writers have it: blocks behind their sizes, unpacked and packed.
fn hadoop_lz4(mut packed: &[u8], size: usize) -> Result<Vec<u8>, String> {
    let ended = || "a block of LZ4 ends too early".to_string();
    let mut bytes = Vec::new();
    while !packed.is_empty() {
        let ([whole, short], rest) = match packed.split_first_chunk::<8>() {
            Some(([a, b, c, d, e, f, g, h], rest)) => {
                let number = |bytes| u32::from_be_bytes(bytes) as usize;
                ([number([*a, *b, *c, *d]), number([*e, *f, *g, *h])], rest)
            }
            None => return Err(ended()),
        };
        let (block, rest) = rest.split_at_checked(short).ok_or_else(ended)?;
        if bytes.len() + whole > size {
            return Err(ended());
        }
        bytes.extend(lz4(block, whole)?);
        packed = rest;
    }
    Ok(bytes)
}
