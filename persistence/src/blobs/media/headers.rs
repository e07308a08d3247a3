//! Small reads here and there in a file, not more than a fixed number.

use std::io::{self, ErrorKind, Read, Seek, SeekFrom};

/// How many headers are read of one file. A real one shows what it is in a few dozen; a hostile
/// one has millions, each of them a seek.
const MAX_HEADERS: u32 = 2_000;

/// A file whose headers are read.
pub(super) struct Headers<'f, R> {
    file: &'f mut R,
    left: u32,
}

impl<'f, R: Read + Seek> Headers<'f, R> {
    pub(super) fn of(file: &'f mut R) -> Self {
        Self { file, left: MAX_HEADERS }
    }

    /// The bytes at an offset; `None` past the end, or once too many were asked for.
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
