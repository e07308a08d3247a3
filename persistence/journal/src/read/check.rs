//! Checking a segment: checksums, order, chain; and judging the place where it stops being whole.

use priv_domain::Position;

use crate::damage::{Damage, Fault};
use crate::error::ReadError;
use crate::format::chain::{ChainHash, Chainer};
use crate::format::group::{HEADER_BYTES, Head, Marker, PAGE_BYTES};
use crate::format::image::Image;
use crate::format::index::segment_start;
use crate::format::record::Raw;
use crate::format::segment::is_zero;
use crate::witness::ChainPoint;

/// What the next record must follow: its position, and the chain before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The position of the next record.
    pub(crate) next: u64,
    /// The chain's hash so far.
    pub(crate) hash: ChainHash,
}

/// A segment's groups, as far as they are whole.
#[derive(Debug)]
pub(crate) struct Walk {
    /// The position and hash that follow the whole groups.
    pub(crate) link: Link,
    /// Offset at which the whole groups end.
    pub(crate) end: u64,
    /// Offset at which the last of them begins.
    pub(crate) last_group: Option<u64>,
    pub(crate) groups: u64,
    pub(crate) records: u64,
    pub(crate) erased: u64,
    /// The fault that ended the walk; `None` if zeros follow, or nothing.
    pub(crate) stopped: Option<Fault>,
}

/// A group that was found whole.
pub(crate) struct WholeGroup<'a> {
    pub(crate) first: u64,
    pub(crate) offset: u64,
    /// All its bytes, with its padding.
    pub(crate) bytes: &'a [u8],
    /// The position of its last record.
    last: u64,
    /// The chain's hash at its end.
    hash: ChainHash,
}

impl WholeGroup<'_> {
    /// Its end, as a place in the chain.
    pub(crate) const fn end(&self) -> ChainPoint {
        ChainPoint { position: Position::new(self.last), hash: self.hash }
    }
}

/// Checks group after group, from the start of a segment until one is not whole, and calls `each`
/// with the whole ones.
pub(crate) fn walk(
    image: &mut dyn Image,
    start: ChainHash,
    first: u64,
    each: &mut dyn FnMut(&WholeGroup<'_>) -> Result<(), ReadError>,
) -> Result<Walk, ReadError> {
    let mut chainer = Chainer::new();
    let mut walk = Walk {
        link: Link { next: first, hash: start },
        end: segment_start(),
        last_group: None,
        groups: 0,
        records: 0,
        erased: 0,
        stopped: None,
    };
    loop {
        let offset = walk.end;
        let fault = |damage| Some(Fault { offset, position: walk.link.next, damage });
        let bytes = image.get(offset, HEADER_BYTES)?;
        let Some(head) = Head::authentic(bytes, &start) else {
            if !is_zero(&bytes[..HEADER_BYTES.min(bytes.len())]) {
                walk.stopped = fault(Damage::GroupHeader);
            }
            return Ok(walk);
        };
        if head.first != walk.link.next {
            walk.stopped = fault(Damage::Order);
            return Ok(walk);
        }
        let bytes = image.get(offset, head.padded())?;
        let Some(bytes) = bytes.get(..head.padded()) else {
            walk.stopped = fault(Damage::Marker);
            return Ok(walk);
        };
        match check_group(bytes, &head, offset, &walk.link, &mut chainer) {
            Ok((hash, erased)) => {
                let next = head.first + u64::from(head.count);
                each(&WholeGroup { first: head.first, offset, bytes, last: next - 1, hash })?;
                walk.link = Link { next, hash };
                walk.end += head.padded() as u64;
                walk.last_group = Some(offset);
                walk.groups += 1;
                walk.records += u64::from(head.count);
                walk.erased += erased;
            }
            Err(fault) => {
                walk.stopped = Some(fault);
                return Ok(walk);
            }
        }
    }
}

/// Checks one group with its padding. Returns the chain's hash at its end, and the number of its
/// records whose personal part was erased.
fn check_group(
    bytes: &[u8],
    head: &Head,
    offset: u64,
    link: &Link,
    chainer: &mut Chainer,
) -> Result<(ChainHash, u64), Fault> {
    chainer.begin(&link.hash);
    let mut at = HEADER_BYTES;
    let mut erased = 0;
    let end = head.first.saturating_add(u64::from(head.count));
    let fault =
        |at: usize, position, damage| Fault { offset: offset + at as u64, position, damage };
    for position in head.first..end {
        let raw = bytes.get(at..head.length).and_then(Raw::at_start);
        let raw = raw
            .filter(|raw| raw.has_good_checksum() && raw.view().is_some())
            .ok_or_else(|| fault(at, position, Damage::Record))?;
        if raw.position() != position {
            return Err(fault(at, position, Damage::Order));
        }
        chainer.record(raw.chained(), raw.personal_hash().as_ref());
        erased += u64::from(raw.is_erased());
        at += raw.len();
    }
    let last = end - 1;
    let marker = bytes.get(at..head.length).and_then(Marker::decode);
    let marker = marker
        .filter(|marker| marker.count == head.count && marker.last == last)
        .ok_or_else(|| fault(at, last, Damage::Marker))?;
    if chainer.end(head.count, last) != marker.hash {
        return Err(fault(at, last, Damage::Chain));
    }
    if !is_zero(&bytes[head.length..]) {
        return Err(fault(head.length, last, Damage::NotZero));
    }
    Ok((marker.hash, erased))
}

/// What was found after the whole groups of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Only zeros, or the end of the file.
    Clean,
    /// One group that a power cut tore; it was never acknowledged.
    Torn {
        /// Bytes up to its last one that is not zero.
        bytes: u64,
        /// The number of its records, if that can still be read.
        records: Option<u32>,
    },
}

/// Tells a torn group from damage. Only one group is ever between its write and its sync, so after
/// a power cut at most the group at the end is torn, and nothing lies after it. If something does,
/// the group had been synced and was damaged later.
pub(crate) fn judge_tail(
    image: &mut dyn Image,
    walk: &Walk,
    start: &ChainHash,
) -> Result<Result<Tail, Fault>, ReadError> {
    let Some(last) = last_not_zero(image, walk.end)? else { return Ok(Ok(Tail::Clean)) };
    let damage = walk.stopped.map_or(Damage::GroupHeader, |fault| fault.damage);
    let fault = walk.stopped.unwrap_or(Fault {
        offset: walk.end,
        position: walk.link.next,
        damage: Damage::GroupHeader,
    });
    let can_be_torn = matches!(damage, Damage::GroupHeader | Damage::Record | Damage::Marker);
    let head = Head::authentic(image.get(walk.end, HEADER_BYTES)?, start);
    let more_than_one_group = match &head {
        Some(head) => last >= walk.end + head.padded() as u64,
        None => has_group_after(image, walk.end, last, start)?,
    };
    if !can_be_torn || more_than_one_group {
        return Ok(Err(fault));
    }
    let records = head.map(|head| head.count);
    Ok(Ok(Tail::Torn { bytes: last + 1 - walk.end, records }))
}

/// Checks that only zeros follow the groups of a closed segment.
pub(crate) fn check_rest(
    image: &mut dyn Image,
    walk: &Walk,
    start: &ChainHash,
) -> Result<Option<Fault>, ReadError> {
    if walk.stopped.is_some() {
        return Ok(walk.stopped);
    }
    let Some(last) = last_not_zero(image, walk.end)? else { return Ok(None) };
    let fault = |offset, damage| Fault { offset, position: walk.link.next, damage };
    Ok(Some(if has_group_after(image, walk.end, last, start)? {
        fault(walk.end, Damage::GroupHeader)
    } else {
        fault(last, Damage::NotZero)
    }))
}

fn last_not_zero(image: &mut dyn Image, from: u64) -> Result<Option<u64>, ReadError> {
    let mut last = None;
    let mut offset = from;
    loop {
        let bytes = image.get(offset, 16 * PAGE_BYTES)?;
        if bytes.is_empty() {
            return Ok(last);
        }
        if !is_zero(bytes) {
            let at = bytes.iter().rposition(|byte| *byte != 0).unwrap_or_default();
            last = Some(offset + at as u64);
        }
        offset += bytes.len() as u64;
    }
}

/// Whether a later page begins with the header of a group of this segment.
fn has_group_after(
    image: &mut dyn Image,
    from: u64,
    last: u64,
    start: &ChainHash,
) -> Result<bool, ReadError> {
    let pages = (from..=last).step_by(PAGE_BYTES).skip(1);
    for offset in pages {
        if Head::authentic(image.get(offset, HEADER_BYTES)?, start).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
