//! Reads the rows of the file and makes an event of each.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use flate2::bufread::MultiGzDecoder;
use serde_json::json;

use super::{ReplayError, file_error};

const COLUMNS: [&str; 4] = ["timestamp", "user", "event", "url"];
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A row of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Row {
    /// The event of a good row.
    Event(Event),
    /// A row that makes no event.
    Bad {
        /// Line of the file on which it begins.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// An event, ready to be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Line of the file on which its row begins.
    pub(super) line: u64,
    /// The user's id.
    pub(super) user: String,
    /// The event in the service's own format.
    pub(super) json: String,
}

/// The rows of a file, in order.
pub(super) struct Rows {
    file: PathBuf,
    reader: csv::Reader<Box<dyn Read>>,
    columns: [usize; 4],
    /// The number of the last row that was read, counted from 1.
    number: u64,
    record: ByteRecord,
}

impl Rows {
    /// Opens a file, which may be gzipped: its first bytes tell.
    pub(super) fn open(file: &Path) -> Result<Self, ReplayError> {
        let failed = |error: csv::Error| file_error(file, error);
        let mut bytes = BufReader::new(File::open(file).map_err(|error| failed(error.into()))?);
        let start = bytes.fill_buf().map_err(|error| failed(error.into()))?;
        let text: Box<dyn Read> = if start.starts_with(&GZIP_MAGIC) {
            Box::new(MultiGzDecoder::new(bytes))
        } else {
            Box::new(bytes)
        };
        let mut reader = csv::Reader::from_reader(text);
        let header = reader.byte_headers().map_err(failed)?;
        let mut columns = [0; 4];
        for (place, column) in columns.iter_mut().zip(COLUMNS) {
            *place = header
                .iter()
                .position(|name| name == column.as_bytes())
                .ok_or_else(|| ReplayError::NoColumn { file: file.to_owned(), column })?;
        }
        Ok(Self { file: file.to_owned(), reader, columns, number: 0, record: ByteRecord::new() })
    }

    fn row(&self) -> Row {
        let line = self.record.position().map_or(0, csv::Position::line);
        let field = |index: usize| {
            let bytes = self.record.get(self.columns[index]).unwrap_or_default();
            std::str::from_utf8(bytes).map_err(|_| format!("{} is not UTF-8", COLUMNS[index]))
        };
        let fields = || Ok([field(0)?, field(1)?, field(2)?, field(3)?]);
        let made = fields().and_then(|fields| event(line, self.number, fields));
        made.map_or_else(|reason| Row::Bad { line, reason }, Row::Event)
    }
}

impl Iterator for Rows {
    type Item = Result<Row, ReplayError>;

    /// Fails only if the rest of the file can't be read; a row of the wrong shape is a
    /// [`Row::Bad`].
    fn next(&mut self) -> Option<Self::Item> {
        let read = self.reader.read_byte_record(&mut self.record);
        self.number += 1;
        match read {
            Ok(true) => Some(Ok(self.row())),
            Ok(false) => None,
            Err(error) => Some(match shape_error(&error) {
                Some(bad) => Ok(bad),
                None => Err(file_error(&self.file, error)),
            }),
        }
    }
}

/// The bad row, if it only has too many or too few fields: then the reader can continue after it.
fn shape_error(error: &csv::Error) -> Option<Row> {
    let csv::ErrorKind::UnequalLengths { pos, expected_len, len } = error.kind() else {
        return None;
    };
    let line = pos.as_ref().map_or(0, csv::Position::line);
    Some(Row::Bad { line, reason: format!("{len} fields where {expected_len} belong") })
}

fn event(line: u64, number: u64, fields: [&str; 4]) -> Result<Event, String> {
    let [timestamp, user, name, url] = fields;
    let needed = COLUMNS.iter().zip(fields).take(3);
    if let Some((column, _)) = needed.into_iter().find(|(_, value)| value.is_empty()) {
        return Err(format!("{column} is empty"));
    }
    let mut event = json!({
        "event_id": event_id(number, fields),
        "event_type": "track",
        "event_name": name,
        "user_id": user,
        "timestamp": timestamp,
        "consent_given": true,
    });
    if !url.is_empty() {
        event["page_url"] = url.into();
    }
    Ok(Event { line, user: user.to_owned(), json: event.to_string() })
}

/// The id of a row's event. It depends on the row's number and content only, not on the file's
/// name, and stays the same when rows are appended to the file; two rows with the same content have
/// different ids.
fn event_id(number: u64, fields: [&str; 4]) -> String {
    format!("replay-{number}-{:032x}", hash(fields))
}

/// FNV-1a of 128 bits over the texts, each ended by a byte that no text contains. The standard
/// library's hasher won't do: it may change with any release, and then the ids would change.
pub(super) fn hash<const N: usize>(texts: [&str; N]) -> u128 {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    bytes.fold(BASIS, |hash, byte| (hash ^ u128::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;
    use serde_json::Value;

    use super::*;

    const FILE: &[u8] = b"timestamp,user,event,url\n\
        2026-01-01T08:00:00+03:00,u_1,file_edited,https://example.org/a\n\
        2026-01-01T08:00:00+03:00,u_1,file_edited,https://example.org/a\n\
        2026-01-01T08:00:01+03:00,u_2,file_added,\n";

    fn rows_of(bytes: &[u8]) -> Vec<Row> {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(bytes).expect("the disk has room");
        let rows = Rows::open(file.path()).expect("it has the columns");
        rows.map(|row| row.expect("it can be read")).collect()
    }

    fn json_of(row: &Row) -> Value {
        match row {
            Row::Event(event) => serde_json::from_str(&event.json).expect("it is JSON"),
            Row::Bad { line, reason } => panic!("line {line}: {reason}"),
        }
    }

    fn id_of(row: &Row) -> String {
        json_of(row)["event_id"].as_str().expect("it is text").to_owned()
    }

    #[test]
    fn a_row_becomes_a_track_event() {
        let rows = rows_of(FILE);
        let mut event = json_of(&rows[0]);
        let id = event.as_object_mut().and_then(|event| event.remove("event_id"));
        assert!(id.is_some_and(|id| id.is_string()));
        assert_eq!(
            event,
            json!({
                "event_type": "track",
                "event_name": "file_edited",
                "user_id": "u_1",
                "page_url": "https://example.org/a",
                "timestamp": "2026-01-01T08:00:00+03:00",
                "consent_given": true,
            })
        );
        assert_eq!(json_of(&rows[2]).get("page_url"), None);
    }

    #[test]
    fn two_rows_that_say_the_same_are_two_events() {
        let rows = rows_of(FILE);
        assert_ne!(id_of(&rows[0]), id_of(&rows[1]));
    }

    #[test]
    fn the_same_file_gives_the_same_ids_gzipped_or_longer() {
        let ids: Vec<String> = rows_of(FILE).iter().map(id_of).collect();
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(FILE).expect("memory takes all");
        let gzipped = rows_of(&gzip.finish().expect("memory takes all"));
        assert_eq!(gzipped.iter().map(id_of).collect::<Vec<_>>(), ids);
        let longer = rows_of(&[FILE, b"2026-01-02T00:00:00Z,u_3,file_added,\n"].concat());
        assert_eq!(longer[..3].iter().map(id_of).collect::<Vec<_>>(), ids);
    }

    #[test]
    fn ids_never_change() {
        // A file that is sent again after a year must give its old ids. The basis is FNV's
        // published one; the id was computed by an implementation in another language.
        assert_eq!(hash([]), 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d);
        assert_eq!(
            event_id(7, ["2026-01-01T00:00:00Z", "u_1", "seen", "https://example.org/"]),
            "replay-7-20adcc6ba0b5cd40deb875aba244b01b"
        );
    }

    #[test]
    fn where_one_field_ends_and_the_next_begins_matters() {
        assert_ne!(hash(["ab", "c"]), hash(["a", "bc"]));
    }

    #[test]
    fn bad_rows_are_named_by_line_and_the_rest_goes_on() {
        let rows = rows_of(
            b"url,event,user,timestamp,extra\n\
              a,seen,,2026-01-01T00:00:00Z,\n\
              too,short\n\
              \"two\nlines\",seen,u_1,2026-01-01T00:00:00Z,\n\
              a,\xff,u_1,2026-01-01T00:00:00Z,\n\
              a,seen,u_1,2026-01-01T00:00:00Z,\n",
        );
        let bad = |line, reason: &str| Row::Bad { line, reason: reason.into() };
        assert_eq!(rows[0], bad(2, "user is empty"));
        assert_eq!(rows[1], bad(3, "2 fields where 5 belong"));
        assert_eq!(json_of(&rows[2])["page_url"], "two\nlines");
        assert_eq!(rows[3], bad(6, "event is not UTF-8"));
        assert_eq!(json_of(&rows[4])["event_name"], "seen");
    }

    #[test]
    fn a_file_without_a_needed_column_is_refused() {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(b"timestamp,user,url\n").expect("the disk has room");
        let refused = Rows::open(file.path()).err().expect("it has no events");
        assert!(matches!(refused, ReplayError::NoColumn { column: "event", .. }), "{refused}");
    }

    #[test]
    fn a_file_that_is_cut_is_an_error_and_not_its_end() {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(FILE).expect("memory takes all");
        let whole = gzip.finish().expect("memory takes all");
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(&whole[..whole.len() - 6]).expect("the disk has room");
        let failed =
            Rows::open(file.path()).and_then(|mut rows| rows.try_for_each(|r| r.map(drop)));
        assert!(matches!(failed, Err(ReplayError::File { .. })));
    }
}
