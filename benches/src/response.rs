//! Reads just enough of an HTTP/1.1 answer: the status, and where the body ends.

use std::borrow::Cow;
use std::ops::Range;

/// An answer that has arrived whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The HTTP status code.
    pub(crate) status: u16,
    /// The offset at which the next answer would begin.
    pub(crate) end: usize,
    body: Range<usize>,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Answer {
    /// The body, without the framing of chunks.
    pub(crate) fn body<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let raw = &bytes[self.body.clone()];
        match self.framing {
            Framing::Length(_) => Cow::Borrowed(raw),
            Framing::Chunked => Cow::Owned(unchunk(raw)),
        }
    }
}

/// The answer at the start of `bytes`; `None` while some of it is still to come.
///
/// # Errors
/// Says what is not HTTP/1.1.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Answer>, &'static str> {
    let Some(head) = find(bytes, b"\r\n\r\n") else { return Ok(None) };
    let mut lines = bytes[..head].split(|&byte| byte == b'\n');
    let status = status(lines.next().unwrap_or_default())?;
    let start = head + 4;
    match framing(lines)? {
        Framing::Length(length) => {
            let end = start.saturating_add(length);
            let framing = Framing::Length(length);
            Ok((bytes.len() >= end).then_some(Answer { status, end, body: start..end, framing }))
        }
        Framing::Chunked => Ok(end_of_chunks(bytes, start)?.map(|end| Answer {
            status,
            end,
            body: start..end,
            framing: Framing::Chunked,
        })),
    }
}

fn status(line: &[u8]) -> Result<u16, &'static str> {
    let code = line.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
    code.and_then(decimal)
        .and_then(|code| u16::try_from(code).ok())
        .ok_or("its first line is not HTTP/1.1 with a status")
}

fn framing<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Result<Framing, &'static str> {
    for header in headers {
        // Most headers are neither; one look at the first letter spares the comparison.
        let value = match header.first() {
            Some(b'c' | b'C') => named(header, b"content-length:"),
            Some(b't' | b'T') if named(header, b"transfer-encoding:").is_some() => {
                return Ok(Framing::Chunked);
            }
            Some(_) | None => None,
        };
        if let Some(value) = value {
            let length = decimal(value.trim_ascii()).ok_or("Content-Length is not a number")?;
            return Ok(Framing::Length(length));
        }
    }
    Err("it has neither Content-Length nor chunks")
}

fn named<'a>(header: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = header.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

fn decimal(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// One chunk's data and where the next chunk begins; `None` while it is not whole.
fn chunk(bytes: &[u8], at: usize) -> Result<Option<(Range<usize>, usize)>, &'static str> {
    let Some(line) = find(&bytes[at..], b"\r\n") else { return Ok(None) };
    let digits = bytes[at..at + line].split(|&byte| byte == b';').next().unwrap_or_default();
    let size = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| usize::from_str_radix(digits.trim(), 16).ok())
        .ok_or("a chunk has no size")?;
    let data = at + line + 2..(at + line + 2).saturating_add(size);
    let next = data.end.saturating_add(2);
    Ok((bytes.len() >= next).then_some((data, next)))
}

fn end_of_chunks(bytes: &[u8], mut at: usize) -> Result<Option<usize>, &'static str> {
    while let Some((data, next)) = chunk(bytes, at)? {
        if data.is_empty() {
            return Ok(Some(next));
        }
        at = next;
    }
    Ok(None)
}

fn unchunk(raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Ok(Some((data, next))) = chunk(raw, at) {
        body.extend_from_slice(&raw[data]);
        at = next;
        if at >= raw.len() {
            break;
        }
    }
    body
}

/// The offset of the first `needle`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITH_LENGTH: &[u8] =
        b"HTTP/1.1 201 Created\r\nx-request-id: 7\r\nContent-LENGTH: 5\r\n\r\nhello";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\n\r\n";

    #[test]
    fn an_answer_is_whole_only_with_its_last_byte() {
        for whole in [WITH_LENGTH, CHUNKED] {
            for cut in 0..whole.len() {
                assert_eq!(parse(&whole[..cut]), Ok(None), "{cut}");
            }
            let answer = parse(whole).expect("readable").expect("whole");
            assert_eq!(answer.end, whole.len());
            assert_eq!(answer.body(whole).as_ref(), b"hello");
        }
    }

    #[test]
    fn the_status_is_read() {
        assert_eq!(parse(WITH_LENGTH).expect("readable").expect("whole").status, 201);
        assert_eq!(parse(CHUNKED).expect("readable").expect("whole").status, 200);
    }

    #[test]
    fn what_comes_after_an_answer_is_left_alone() {
        let two = [WITH_LENGTH, CHUNKED].concat();
        let first = parse(&two).expect("readable").expect("whole");
        assert_eq!(first.end, WITH_LENGTH.len());
        assert_eq!(parse(&two[first.end..]).expect("readable").expect("whole").status, 200);
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for bytes in [
            b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n".as_slice(),
            b"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        ] {
            assert!(parse(bytes).is_err(), "{}", String::from_utf8_lossy(bytes));
        }
    }
}
