//! Opening a journal: finding its segments, checking that they are whole, and finding the place to
//! continue.

use std::io;
use std::path::Path;
use std::sync::Arc;

use priv_domain::Position;

use crate::disk::{Disk, DiskFile};
use crate::error::{OpenError, ReadError};
use crate::format::bytes::as_index;
use crate::format::chain::ChainHash;
use crate::format::group::PAGE_BYTES;
use crate::format::index::{Index, segment_start};
use crate::format::record::Raw;
use crate::format::segment::{Form, Found, Header, Listing, path_of, spare_path_of};
use crate::options::{Options, VerifyOnOpen};
use crate::read::catalog::{Entry, Opened};
use crate::read::check::{Link, Tail};
use crate::read::verify::{
    Depth, LastFile, LastSegment, after_closed, check_closed, check_follows,
};
use crate::witness::Testimony;
use crate::write::sequencer::{before, begin, make_durable};

/// A journal that is ready to be appended to.
pub(crate) struct Recovered {
    pub(crate) entries: Vec<Entry>,
    pub(crate) active: Arc<Opened>,
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) start: ChainHash,
    pub(crate) offset: u64,
    pub(crate) room: u64,
    pub(crate) link: Link,
}

/// Begins a journal in the folder, or recovers the one that is there.
pub(crate) fn recover(
    disk: &dyn Disk,
    dir: &Path,
    options: &Options,
) -> Result<Recovered, OpenError> {
    let io = |doing| move |source| OpenError::Io { doing, path: dir.into(), source };
    disk.create_dir(dir).map_err(io("make the folder"))?;
    let listing = Listing::of(disk, dir).map_err(io("list"))?;
    for leftover in &listing.leftovers {
        disk.remove(leftover).map_err(|source| OpenError::Io {
            doing: "remove the leftover",
            path: leftover.clone(),
            source,
        })?;
    }
    // Also makes durable what a killed process may have renamed or removed without a sync.
    disk.sync_dir(dir).map_err(io("sync"))?;
    match listing.segments.split_last() {
        None => {
            Testimony::new(dir, &options.witnesses).check(
                disk,
                Position::ZERO,
                &[],
                std::iter::empty(),
            )?;
            create(disk, dir, options).map_err(io("begin a journal in"))
        }
        Some((last, closed)) => read(disk, dir, options, closed, *last),
    }
}

fn create(disk: &dyn Disk, dir: &Path, options: &Options) -> io::Result<Recovered> {
    let header = Header { first: 1, start: ChainHash::genesis() };
    let (spare, path) = (spare_path_of(dir, 0), path_of(dir, 1, Form::Raw));
    let file = disk.create(&spare, options.segment_bytes)?;
    begin(disk, &spare, &*file, &path, &header)?;
    Ok(Recovered {
        entries: vec![entry(&header, Form::Raw, options.segment_bytes)],
        active: Arc::new(Opened::active(1, path, Arc::clone(&file))),
        file,
        start: header.start,
        offset: segment_start(),
        room: options.room_of_segment(),
        link: Link { next: 1, hash: header.start },
    })
}

fn read(
    disk: &dyn Disk,
    dir: &Path,
    options: &Options,
    closed: &[Found],
    last: Found,
) -> Result<Recovered, OpenError> {
    let depth = match options.verify_on_open {
        VerifyOnOpen::Full => Depth::Full,
        VerifyOnOpen::Ends => Depth::Ends,
    };
    let found = closed;
    let closed = check_closed(disk, dir, closed, depth)?;
    let mut testimony = Testimony::new(dir, &options.witnesses);
    let mut index = Index::default();
    let last = LastSegment::check(&LastFile::open(disk, dir, last)?, &mut |group| {
        testimony.see(group);
        let mut at = crate::format::group::HEADER_BYTES;
        let mut position = group.first;
        while let Some(raw) = Raw::at_start(&group.bytes[at..]) {
            index.note(position, group.offset + at as u64);
            position += 1;
            at += raw.len();
        }
        Ok(())
    })?;
    check_follows(dir, after_closed(&closed, &last.header), &last.header, &last.path)?;
    let headers = closed.iter().map(|segment| segment.header).chain([last.header]);
    // Before the tail is cut: what is left of it may be all that is left of what was lost.
    testimony.check(disk, before(last.walk.link.next), found, headers)?;
    cut_tail(&last)?;
    if let Some(group) = last.walk.last_group {
        make_durable(&*last.file, &last.path, group, last.walk.end)?;
    }
    index.set_end(last.walk.end);

    let mut entries: Vec<Entry> =
        closed.iter().map(|segment| entry(&segment.header, segment.form, segment.bytes)).collect();
    entries.push(entry(&last.header, Form::Raw, last.bytes));
    let pages = last.bytes / PAGE_BYTES as u64 * PAGE_BYTES as u64;
    Ok(Recovered {
        entries,
        active: Arc::new(Opened::raw(last.header.first, last.path, Arc::clone(&last.file), index)),
        file: last.file,
        start: last.header.start,
        offset: last.walk.end,
        room: pages.saturating_sub(last.walk.end),
        link: last.walk.link,
    })
}

/// Overwrites an unfinished group with zeros, durably, before anything else is written there:
/// otherwise its remains could later be taken for damage.
fn cut_tail(last: &LastSegment) -> Result<(), ReadError> {
    let Tail::Torn { bytes, records } = last.tail else { return Ok(()) };
    tracing::warn!(
        file = %last.path.display(),
        offset = last.walk.end,
        position = last.walk.link.next,
        bytes,
        records,
        "cut an unfinished group off the end of the journal; its records were never acknowledged",
    );
    let io = |source| ReadError::Io { file: last.path.clone(), source };
    let zeros = vec![0; 1 << 20];
    let mut done = 0;
    while done < bytes {
        let now = (bytes - done).min(zeros.len() as u64);
        let chunk = &zeros[..as_index(now)];
        last.file.write_all_at(chunk, last.walk.end + done).map_err(io)?;
        done += now;
    }
    last.file.sync_data().map_err(io)
}

fn entry(header: &Header, form: Form, bytes: u64) -> Entry {
    Entry { first: header.first, start: header.start, form, bytes }
}
