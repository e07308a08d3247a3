//! Small reads at any offset of a file, limited in number.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// Headers that are read of one file at most. A real file shows its type in a few dozen; a hostile
/// one has millions, each of them a seek.
const MAX_HEADERS: u32 = 2_000;

/// A file whose headers are being read, and how many more may be.
pub(super) struct Headers<'f, R> {
    file: &'f mut R,
    left: u32,
}

impl<'f, R: Read + Seek> Headers<'f, R> {
    pub(super) fn of(file: &'f mut R) -> Self {
        Self { file, left: MAX_HEADERS }
    }

    /// The bytes at an offset; `None` past the end, or once the limit of reads is reached.
    pub(super) fn read<const N: usize>(&mut self, offset: u64) -> io::Result<Option<[u8; N]>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bytes = [0; N];
        self.file.seek(SeekFrom::Start(offset))?;
        match self.file.read_exact(&mut bytes) {
            Ok(()) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }
}
