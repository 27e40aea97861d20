//! The pages of a column, one after the other.

use parquet::basic::{CompressionCodec, Encoding};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};

use super::thrift::{self, Fields};
use super::unpack::unpack;

/// The pages in the bytes of a column of a row group. The library's own reader of pages allocates
/// what a header claims, and takes slices that may not be there; here all is compared with the
/// bytes that there are.
pub(super) struct Pages {
    bytes: Vec<u8>,
    at: usize,
    codec: CompressionCodec,
    /// So many values may still come.
    left: usize,
    /// Whether the dictionary has come.
    has_dictionary: bool,
}

/// What the header of a page says.
struct Header {
    fields: Fields,
    /// Where the page begins behind it, and where it ends.
    start: usize,
    end: usize,
    size: usize,
}

/// Kinds of pages.
const DATA: i64 = 0;
const DICTIONARY: i64 = 2;
const DATA_V2: i64 = 3;

fn wrong(problem: impl Into<String>) -> ParquetError {
    ParquetError::General(problem.into())
}

impl Pages {
    /// The pages in these bytes, which hold `values` values.
    pub fn new(bytes: Vec<u8>, codec: CompressionCodec, values: usize) -> Self {
        Self { bytes, at: 0, codec, left: values, has_dictionary: false }
    }

    /// The header of the next page that is one of data or a dictionary.
    fn header(&mut self) -> Result<Option<(i64, Header)>> {
        while self.left > 0 {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            if rest.is_empty() {
                return Err(wrong(format!("{} values are missing at the end of a column", self.left)));
            }
            let (fields, length) = thrift::read(rest).ok_or_else(|| wrong("the header of a page is none"))?;
            let sizes = fields.count(2).zip(fields.count(3));
            let (size, packed) = sizes.ok_or_else(|| wrong("a page says no size"))?;
            let start = self.at + length;
            let end = start.checked_add(packed).filter(|&end| end <= self.bytes.len());
            let end = end.ok_or_else(|| wrong("a page is longer than its column"))?;
            match fields.integer(1) {
                Some(kind @ (DATA | DICTIONARY | DATA_V2)) => {
                    return Ok(Some((kind, Header { fields, start, end, size })));
                }
                // Pages of other kinds are passed over.
                Some(_) => self.at = end,
                None => return Err(wrong("a page says no kind")),
            }
        }
        Ok(None)
    }

    fn page(&mut self, kind: i64, header: &Header) -> Result<Page> {
        let packed = self.bytes.get(header.start..header.end).unwrap_or_default();
        if let Some(sum) = header.fields.integer(4) {
            // The checksum has 32 bits, with a sign or without.
            if crc32fast::hash(packed) != sum as u32 {
                return Err(wrong("a page does not match its checksum"));
            }
        }
        let own = match kind {
            DATA => header.fields.fields(5),
            DICTIONARY => header.fields.fields(7),
            _ => header.fields.fields(8),
        };
        let own = own.ok_or_else(|| wrong("a page lacks its own header"))?;
        let values = own.count(1).ok_or_else(|| wrong("a page says no number of values"))?;
        let count = |field| own.count(field).ok_or_else(|| wrong("a page lacks a number"));
        let unpacked = |packed: &[u8], size| unpack(self.codec, packed, size).map_err(wrong);
        let page = match kind {
            DICTIONARY => {
                let bytes = unpacked(packed, header.size)?;
                if values > bytes.len() {
                    return Err(wrong("a dictionary has more values than bytes"));
                }
                Page::DictionaryPage {
                    buf: bytes.into(),
                    num_values: values as u32,
                    encoding: encoding(own, 2)?,
                    is_sorted: own.flag(3).unwrap_or(false),
                }
            }
            DATA => Page::DataPage {
                buf: unpacked(packed, header.size)?.into(),
                num_values: values as u32,
                encoding: encoding(own, 2)?,
                def_level_encoding: encoding(own, 3)?,
                rep_level_encoding: encoding(own, 4)?,
                statistics: None,
            },
            _ => {
                let (of_def, of_rep) = (count(5)?, count(6)?);
                let (nulls, rows) = (count(2)?, count(3)?);
                let both = of_def + of_rep;
                let (levels, rest) = packed
                    .split_at_checked(both)
                    .filter(|_| both <= header.size)
                    .ok_or_else(|| wrong("the levels of a page are longer than it"))?;
                let is_packed = own.flag(7).unwrap_or(true);
                let mut bytes = levels.to_vec();
                match is_packed && header.size > both {
                    true => bytes.extend(unpacked(rest, header.size - both)?),
                    false => bytes.extend(rest),
                }
                if nulls > values {
                    return Err(wrong("a page has more nulls than values"));
                }
                Page::DataPageV2 {
                    buf: bytes.into(),
                    num_values: values as u32,
                    encoding: encoding(own, 4)?,
                    num_nulls: nulls as u32,
                    num_rows: rows as u32,
                    def_levels_byte_len: of_def as u32,
                    rep_levels_byte_len: of_rep as u32,
                    is_compressed: is_packed,
                    statistics: None,
                }
            }
        };
        let is_by_dictionary =
            |encoding: &Encoding| matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE_DICTIONARY);
        match &page {
            Page::DictionaryPage { .. } => self.has_dictionary = true,
            Page::DataPage { encoding, .. } | Page::DataPageV2 { encoding, .. }
                if is_by_dictionary(encoding) && !self.has_dictionary =>
            {
                return Err(wrong("a page refers to a dictionary that is not there"));
            }
            _ => {}
        }
        if kind != DICTIONARY {
            // The library waits for the values of a page, so there are to be some.
            self.left = self.left.checked_sub(values).filter(|_| values > 0).ok_or_else(|| {
                wrong(format!("a page of {values} values where {} are left of the column", self.left))
            })?;
        }
        Ok(page)
    }
}

/// The encoding that a field names.
#[expect(deprecated, reason = "older writers name it for levels, and mostly for those that are not there")]
fn encoding(fields: &Fields, field: i64) -> Result<Encoding> {
    Ok(match fields.integer(field) {
        Some(0) => Encoding::PLAIN,
        Some(2) => Encoding::PLAIN_DICTIONARY,
        Some(3) => Encoding::RLE,
        Some(4) => Encoding::BIT_PACKED,
        Some(5) => Encoding::DELTA_BINARY_PACKED,
        Some(6) => Encoding::DELTA_LENGTH_BYTE_ARRAY,
        Some(7) => Encoding::DELTA_BYTE_ARRAY,
        Some(8) => Encoding::RLE_DICTIONARY,
        Some(9) => Encoding::BYTE_STREAM_SPLIT,
        other => return Err(wrong(format!("an encoding that is not read ({other:?})"))),
    })
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some((kind, header)) = self.header()? else { return Ok(None) };
        let page = self.page(kind, &header)?;
        self.at = header.end;
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        let Some((kind, header)) = self.header()? else { return Ok(None) };
        let own = |part: i64, field| header.fields.fields(part).and_then(|own| own.count(field));
        Ok(Some(match kind {
            DICTIONARY => PageMetadata { num_rows: None, num_levels: None, is_dict: true },
            DATA => PageMetadata { num_rows: None, num_levels: own(5, 1), is_dict: false },
            _ => PageMetadata { num_rows: own(8, 3), num_levels: own(8, 1), is_dict: false },
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.get_next_page().map(drop)
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
